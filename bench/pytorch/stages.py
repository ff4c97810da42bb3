"""Writes the numbers that PyTorch gives for the stages of package nn, as a golden file of its
tests; see goldens.py.

    venv/bin/python bench/pytorch/stages.py        (from the root of the repository)
"""

import torch
from torch import nn
from torch.nn import functional as F

from goldens import Draw, flat, write

STEPS, BATCH = 5, 3


def existing(lengths, x):
    """Which pairs (t, b) exist, as [T][B][1]."""
    return (torch.arange(STEPS)[:, None] < torch.tensor(lengths)[None, :])[..., None].to(x.dtype)


class Mean(nn.Module):
    def forward(self, x):
        return x.cumsum(0) / torch.arange(1, len(x) + 1, dtype=x.dtype)[:, None, None]


class Max(nn.Module):
    def forward(self, x):
        return x.cummax(0).values


class Attention(nn.Sequential):
    def forward(self, x):
        z = super().forward(x)
        return torch.stack([(torch.softmax(z[: t + 1], 0) * x[: t + 1]).sum(0) for t in range(len(x))])


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class Reverse(nn.Module):
    """An LSTM that reads each row from its end."""

    def __init__(self, lengths, *sizes):
        super().__init__()
        self.net, self.lengths = nn.LSTM(*sizes), lengths

    def forward(self, x):
        rows = []
        for b, n in enumerate(self.lengths):
            y = self.net(x[:n, b : b + 1].flip(0))[0].flip(0)
            rows.append(F.pad(y, (0, 0, 0, 0, 0, len(x) - n)))
        return torch.cat(rows, 1)


class First(nn.Module):
    """The outputs of an LSTM without its state."""

    def __init__(self, *sizes):
        super().__init__()
        self.net = nn.LSTM(*sizes)

    def forward(self, x):
        return self.net(x)[0]


class Parallel(nn.ModuleList):
    def forward(self, x):
        return torch.cat([f(x) for f in self], -1)


ENCODER = [5, 2, 4]

CASES = {
    "LayerNorm": lambda: [nn.LayerNorm(7)],
    "LayerNorm without bias": lambda: [nn.LayerNorm(6, eps=0.5, bias=False)],
    "ReLU": lambda: [nn.Linear(4, 6), nn.ReLU()],
    "Tanh": lambda: [nn.Linear(4, 6), nn.Tanh()],
    "Sigmoid": lambda: [nn.Linear(4, 6), nn.Sigmoid()],
    "Softsign": lambda: [nn.Linear(4, 6), nn.Softsign()],
    "Softplus": lambda: [nn.Linear(4, 6), nn.Softplus()],
    "LeakyReLU": lambda: [nn.Linear(4, 6), nn.LeakyReLU()],
    "ELU": lambda: [nn.Linear(4, 6), nn.ELU()],
    "HardSigmoid": lambda: [nn.Linear(4, 6), nn.Hardsigmoid()],
    "PoolMean": lambda: [nn.Linear(4, 6), Mean()],
    "PoolMax": lambda: [nn.Linear(4, 6), Max()],
    "Residual": lambda: [nn.Linear(4, 6), Residual(nn.LayerNorm(6), nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 6))],
    "encoder": lambda: [nn.Embedding(9, 4, padding_idx=0), Parallel([First(4, 3), Reverse(ENCODER, 4, 2)]), nn.LayerNorm(5),
                        Residual(First(5, 5)), Max(), nn.Linear(5, 2)],
    "GELU": lambda: [nn.Linear(4, 6), nn.GELU()],
    "GELUTanh": lambda: [nn.Linear(4, 6), nn.GELU(approximate="tanh")],
    "AttentionPool": lambda: [nn.Linear(4, 6), Attention(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 1, bias=False))],
}


def run(name, dtype):
    torch.manual_seed(1)
    draw = Draw(list(CASES).index(name))
    net = nn.Sequential(*CASES[name]())
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(draw(*p.shape))
    case = {"name": name, "weights": {our_name(n): flat(p) for n, p in net.named_parameters()}}
    first = next(net.parameters())
    net = net.to(dtype)
    if isinstance(net[0], nn.Embedding):
        ids = draw.ints(first.shape[0], STEPS, BATCH)
        ids[0, 0] = 0
        case["ids"], case["lengths"] = ids.flatten().tolist(), ENCODER
        x, exist = ids, existing(ENCODER, first.to(dtype))
    else:
        x = draw(STEPS, BATCH, first.shape[-1])
        case["x"], exist = flat(x), 1
        x = x.to(dtype).requires_grad_()
    y = net(x) * exist
    dy = draw(*y.shape)
    case["dy"] = flat(dy)
    y.backward(dy.to(dtype))
    want = {"y": flat(y), "grads": {our_name(n): flat(p.grad) for n, p in net.named_parameters()}}
    if "x" in case:
        want["dx"] = flat(x.grad)
    case["want"] = want
    return case


def our_name(name):
    return name.replace(".net.", ".")


if __name__ == "__main__":
    write("nn/testdata/pytorch_stages.json", {"steps": STEPS, "batch": BATCH, "made_by": "bench/pytorch/stages.py"}, list(CASES), run)
