"""PyTorch on the CPU: layers, and whole updates of a language model.

The fastest of what it offers without another compiler: fused optimizers, gradients
that are set rather than added to, norms by lists of tensors.
"""

import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from protocol import Unsupported, serve  # noqa: E402

LAYERS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}


def layer(cell, form, s):
    T = 1 if form == "step" else s.number("T")
    B, I, H = s.number("B"), s.number("I"), s.number("H")
    net = LAYERS[cell](I, H)
    x = torch.rand(T, B, I) - 0.5
    if form == "train":
        x.requires_grad_()
        dy = (torch.rand(T, B, H) - 0.5) * 1e-3
        params = list(net.parameters())

        def call():
            x.grad = None
            for p in params:
                p.grad = None
            y, _ = net(x)
            y.backward(dy)

        return call
    net.eval()
    state = None

    def call():
        nonlocal state
        with torch.inference_mode():
            _, state = net(x, state)

    return call


class Model(torch.nn.Module):
    def __init__(self, E, H, L, V):
        super().__init__()
        self.emb = torch.nn.Embedding(V, E)
        self.rnn = torch.nn.LSTM(E, H, L)
        self.out = torch.nn.Linear(H, V)

    def forward(self, ids, state):
        y, state = self.rnn(self.emb(ids), state)
        return self.out(y), state


def model(op, s):
    T, B, E, H, L, V = (s.number(n) for n in ("T", "B", "E", "H", "L", "V"))
    net = Model(E, H, L, V)
    params = list(net.parameters())
    if op == "lm-adam":
        optimizer, limit = torch.optim.Adam(params, lr=1e-3, fused=True), 1.0
    elif op == "lm-sgd":
        optimizer, limit = torch.optim.SGD(params, lr=1.0, fused=True), 5.0
    else:
        raise Unsupported(f"no operation {op}")
    ids = torch.randint(V, (T + 1, B))
    x, target = ids[:-1].contiguous(), ids[1:].reshape(-1)
    state = None

    def call():
        nonlocal state
        optimizer.zero_grad(set_to_none=True)
        y, state = net(x, state)
        state = tuple(v.detach() for v in state)
        loss = torch.nn.functional.cross_entropy(y.view(-1, V), target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, limit, foreach=True)
        optimizer.step()
        loss.item()  # every loop looks at its loss

    return call


def setup(s):
    torch.set_num_threads(s.number("threads"))
    op = s["op"]
    cell, _, form = op.partition("-")
    if cell == "lm":
        return model(op, s)
    if cell not in LAYERS or form not in ("train", "infer", "step"):
        raise Unsupported(f"no operation {op}")
    return layer(cell, form, s)


if __name__ == "__main__":
    torch.manual_seed(1)
    torch.set_num_interop_threads(1)
    serve(f"{torch.__version__}, {torch.backends.cpu.get_cpu_capability()}", setup)
