"""Writes the numbers that PyTorch gives for small models, as golden files of the Go tests.

    python3 -m venv venv && venv/bin/pip install torch
    venv/bin/python bench/pytorch/goldens.py        (from the root of the repository)

Weights and inputs are drawn from a seed, rounded to float32 and written into the files with
everything PyTorch computes from them. PyTorch computes in float64, so that the files hold the
right numbers to the digits they show and the whole tolerance of the Go tests is ours; the same
program then runs in float32, and the largest distance between the two is written into the
files, to show that PyTorch as people use it lies within that tolerance too.

Tensors are flat lists in row-major order, time-major; their shapes follow from the sizes.
"""

import json
import os

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


class Draw:
    """Uniform float32 numbers from a seed, the same in every run."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *shape, scale=1.0):
        return (torch.rand(shape, generator=self.generator) * 2 - 1) * scale

    def ints(self, high, *shape):
        return torch.randint(high, shape, generator=self.generator)


def flat(t):
    """A tensor as a flat list; nine digits tell any two float32 apart."""
    return [float("%.9g" % v) for v in t.detach().double().flatten().tolist()]


def largest_difference(a, b):
    """The largest difference of two nested results, relative to the largest element of each list."""
    if isinstance(a, dict):
        return max((largest_difference(a[k], b[k]) for k in a), default=0.0)
    if isinstance(a, list) and a and isinstance(a[0], (dict, list)):
        return max(largest_difference(p, q) for p, q in zip(a, b))
    if isinstance(a, list):
        scale = max((abs(v) for v in a), default=0.0)
        return max((abs(p - q) for p, q in zip(a, b)), default=0.0) / scale if scale else 0.0
    return abs(a - b) / abs(a) if a else 0.0


def write(path, head, cases, run):
    out, worst = [], 0.0
    for case in cases:
        exact, single = run(case, torch.float64), run(case, torch.float32)
        worst = max(worst, largest_difference(exact["want"], single["want"]))
        out.append(exact)
    head = dict(head, made_by=head.get("made_by", "bench/pytorch/goldens.py"), torch=torch.__version__.split("+")[0], float32_differs_by=float("%.2g" % worst))
    path = os.path.join(ROOT, path)
    with open(path, "w") as f:
        f.write(json.dumps(head)[:-1] + ', "cases": [\n')
        f.write(",\n".join(json.dumps(c, separators=(",", ":")) for c in out))
        f.write("\n]}\n")
    print(path, os.path.getsize(path), "bytes; float32 differs by", worst)


# ---- nn.LSTM, nn.GRU, nn.RNN

STACKS = [
    dict(name="one layer", input=3, hidden=5, layers=1, steps=4, batch=2),
    dict(name="one unit", input=1, hidden=1, layers=1, steps=3, batch=1),
    dict(name="one step", input=4, hidden=3, layers=1, steps=1, batch=3),
    dict(name="two layers", input=2, hidden=4, layers=2, steps=5, batch=2),
    dict(name="three layers", input=3, hidden=3, layers=3, steps=4, batch=2),
    dict(name="bidirectional", input=3, hidden=4, layers=1, steps=4, batch=2, bidirectional=True),
    dict(name="bidirectional, two layers", input=2, hidden=3, layers=2, steps=4, batch=2, bidirectional=True),
    dict(name="no bias", input=3, hidden=4, layers=2, steps=3, batch=2, bias=False),
    dict(name="no bias, bidirectional, two layers", input=2, hidden=3, layers=2, steps=3, batch=2, bias=False, bidirectional=True),
    dict(name="packed, unsorted lengths", input=3, hidden=4, layers=1, steps=5, batch=4, lengths=[2, 5, 1, 3]),
    dict(name="packed, two layers", input=2, hidden=4, layers=2, steps=5, batch=3, lengths=[3, 1, 5]),
    dict(name="packed, bidirectional, three layers", input=2, hidden=2, layers=3, steps=4, batch=3, lengths=[1, 4, 3], bidirectional=True),
    dict(name="zero initial state", input=3, hidden=4, layers=1, steps=3, batch=2, zero_state=True),
    dict(name="reverse", input=3, hidden=4, layers=1, steps=4, batch=2, reverse=True),
    dict(name="wider than a vector", input=7, hidden=17, layers=1, steps=3, batch=3),
    dict(name="long", input=2, hidden=4, layers=1, steps=24, batch=2),
]
# Those of nn.RNN alternate between its two activations, and some run with both.
RNNS = [dict(s, nonlinearity=("tanh", "relu")[i % 2]) for i, s in enumerate(STACKS)] + [
    dict(STACKS[i], name=STACKS[i]["name"] + ", relu", nonlinearity="relu") for i in (0, 6, 10, 14)
]


def runner(make, cases):
    """A function that runs one case of nn.LSTM, nn.GRU or nn.RNN."""

    def run(case, dtype):
        draw = Draw(1 + cases.index(case))
        hidden, layers, steps, batch = case["hidden"], case["layers"], case["steps"], case["batch"]
        both, bias = case.get("bidirectional", False), case.get("bias", True)
        lengths, reverse = case.get("lengths"), case.get("reverse", False)
        directions = 2 if both else 1
        options = {k: case[k] for k in ("nonlinearity",) if k in case}
        tensors = ("h", "c") if make is nn.LSTM else ("h",)

        net = make(case["input"], hidden, layers, bias=bias, bidirectional=both, dtype=dtype, **options)
        params = dict(net.named_parameters())
        with torch.no_grad():
            for p in params.values():
                p.copy_(draw(*p.shape, scale=hidden**-0.5))
        if reverse:  # PyTorch has it only by turning x round; we name it as what it is
            params = {name + "_reverse": p for name, p in params.items()}
        weights = {name: flat(p) for name, p in params.items()}

        def leaf(t):
            return t.to(dtype).requires_grad_()

        x = leaf(draw(steps, batch, case["input"]))
        dy = draw(steps, batch, directions * hidden).to(dtype)
        state = [draw(layers * directions, batch, hidden) for _ in tensors]
        if case.get("zero_state"):
            state = [torch.zeros_like(s) for s in state]
        state = [leaf(s) for s in state]
        dlast = [draw(layers * directions, batch, hidden).to(dtype) for _ in tensors]
        first = tuple(state) if len(state) > 1 else state[0]

        if lengths:
            packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
            y, last = net(packed, first)
            y, _ = pad_packed_sequence(y, total_length=steps)
        elif reverse:
            y, last = net(x.flip(0), first)
            y = y.flip(0)
        else:
            y, last = net(x, first)
        last = last if len(state) > 1 else (last,)
        loss = (y * dy).sum()
        for s, d in zip(last, dlast):
            loss = loss + (s * d).sum()
        loss.backward()

        out = dict(case, weights=weights, x=flat(x))
        out.update({t + "0": flat(s) for t, s in zip(tensors, state)})
        out.update(dy=flat(dy))
        out.update({"d" + t + "n": flat(d) for t, d in zip(tensors, dlast)})
        out["want"] = dict(y=flat(y))
        out["want"].update({t + "n": flat(s) for t, s in zip(tensors, last)})
        out["want"].update(dx=flat(x.grad))
        out["want"].update({"d" + t + "0": flat(s.grad) for t, s in zip(tensors, state)})
        out["want"].update(grads={name: flat(p.grad) for name, p in params.items()})
        return out

    return run


# ---- Embedding -> LSTM -> Linear -> CrossEntropyLoss -> clip_grad_norm_ -> a step, three times

IGNORED = -100
MODEL = dict(symbols=11, width=4, hidden=6, layers=2, steps=5, batch=3)
OPTIMIZERS = [
    dict(name="adam", kind="Adam", lr=0.01, clip=0.4),
    dict(name="adam, own betas, coupled decay, not clipped", kind="Adam", lr=0.003, betas=[0.8, 0.95], eps=1e-6, weight_decay=0.05, clip=1e6),
    dict(name="adamw", kind="AdamW", lr=0.01, weight_decay=0.1, clip=0.4),
    dict(name="sgd, momentum", kind="SGD", lr=0.1, momentum=0.9, clip=0.4),
    dict(name="sgd, momentum, dampening, decay", kind="SGD", lr=0.1, momentum=0.8, dampening=0.3, weight_decay=0.01, clip=0.4),
    dict(name="sgd, nesterov", kind="SGD", lr=0.1, momentum=0.9, nesterov=True, clip=0.4),
    dict(name="sgd", kind="SGD", lr=0.5, clip=1e6),
]


class LanguageModel(nn.Module):
    def __init__(self, symbols, width, hidden, layers, dtype):
        super().__init__()
        self.embedding = nn.Embedding(symbols, width, dtype=dtype)
        self.lstm = nn.LSTM(width, hidden, layers, dtype=dtype)
        self.linear = nn.Linear(hidden, symbols, dtype=dtype)

    def forward(self, ids):
        y, _ = self.lstm(self.embedding(ids))
        return self.linear(y)


def run_model(case, dtype):
    draw = Draw(100)
    net = LanguageModel(MODEL["symbols"], MODEL["width"], MODEL["hidden"], MODEL["layers"], dtype)
    params = dict(net.named_parameters())
    with torch.no_grad():
        for name, p in params.items():
            p.copy_(draw(*p.shape, scale=1.0 if "lstm" not in name else MODEL["hidden"] ** -0.5))
    first = case is OPTIMIZERS[0]  # all start from the same weights; the first case holds them
    weights = {name: flat(p) for name, p in params.items()} if first else {}

    options = {k: v for k, v in case.items() if k not in ("name", "kind", "clip")}
    if "betas" in options:
        options["betas"] = tuple(options["betas"])
    optimizer = getattr(torch.optim, case["kind"])(net.parameters(), **options)
    loss_function = nn.CrossEntropyLoss(ignore_index=IGNORED)

    batches, want = [], dict(loss=[], norm=[])
    for step in range(3):
        ids = draw.ints(MODEL["symbols"], MODEL["steps"], MODEL["batch"])
        targets = draw.ints(MODEL["symbols"], MODEL["steps"], MODEL["batch"])
        targets[step, 0] = targets[4, 2] = IGNORED
        batches.append(dict(ids=ids.flatten().tolist(), targets=targets.flatten().tolist()))

        optimizer.zero_grad()
        loss = loss_function(net(ids).flatten(0, 1), targets.flatten())
        loss.backward()
        if step == 0 and first:
            want["grads"] = {name: flat(p.grad) for name, p in params.items()}
        norm = nn.utils.clip_grad_norm_(net.parameters(), case["clip"])
        if step == 0 and first:
            want["clipped"] = {name: flat(p.grad) for name, p in params.items()}
        optimizer.step()
        want["loss"].append(float("%.9g" % loss.item()))
        want["norm"].append(float("%.9g" % norm.item()))
        if step == 0:
            want["after1"] = {name: flat(p) for name, p in params.items()}
    want["after3"] = {name: flat(p) for name, p in params.items()}
    return dict(case, weights=weights, batches=batches if first else [], want=want)


def main():
    torch.set_num_threads(1)
    write("lstm/testdata/pytorch_lstm.json", {}, STACKS, runner(nn.LSTM, STACKS))
    write("gru/testdata/pytorch_gru.json", {}, STACKS, runner(nn.GRU, STACKS))
    write("rnn/testdata/pytorch_rnn.json", {}, RNNS, runner(nn.RNN, RNNS))
    write("bptt/testdata/pytorch_model.json", dict(MODEL, ignored=IGNORED), OPTIMIZERS, run_model)


if __name__ == "__main__":
    main()
