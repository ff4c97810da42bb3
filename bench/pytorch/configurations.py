"""Writes what PyTorch computes for random configurations of nn.LSTM, nn.GRU and nn.RNN, as golden files.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 numpy==2.4.6
    venv/bin/python bench/pytorch/configurations.py        (from the root of the repository)

Outputs, final states, and the gradients of all parameters, the input and the initial states of a
random linear function of outputs and final states. PyTorch computes in float64, so that the whole
tolerance of the Go tests is ours; float32_differs_by in the files says how far PyTorch in float32 is.

A configuration is then computed twice more in float64 with all numbers that go in moved by up to two
units in the last place of a float32. Where that moves a result by more than LIMIT, terms cancel or a
sum lies at a ReLU's kink, and the numbers say nothing about float32 libraries: the seed is passed
over, and counted in the file. How weights and inputs are drawn and results summarised is said in
bench/compact.py.
"""

import os
import sys

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import compact

LIMIT = 2e-5
SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 16, 17, 19, 20]


def draw(kind, seed):
    """One configuration; what is not said in it is off."""
    c = compact.Choose(f"{kind}/{seed}")
    case = dict(seed=seed, input=c.of(SIZES), hidden=c.of(SIZES), layers=c.of([1, 1, 1, 2, 2, 3, 4]),
                steps=1 + c.below(12), batch=1 + c.below(6), scale=c.number(0.5, 2))
    if c.chance(45):
        case["bidirectional"] = True
    if c.chance(25):
        case["nobias"] = True
    if c.chance(25):
        case["zero_state"] = True
    if c.chance(45):
        case["lengths"] = [1 + c.below(case["steps"]) for _ in range(case["batch"])]
    if kind == "rnn":
        case["nonlinearity"] = c.of(["tanh", "relu"])
    if kind == "lstm" and case["hidden"] > 1 and c.chance(50):
        case["projection"] = 1 + c.below(case["hidden"] - 1)
    # PyTorch's own first weights are those of 1; 2 drives gates into their flat parts.
    case["scale"] = round(case["scale"] * case["hidden"] ** -0.5, 3)
    return case


def run(kind, case, dtype, moved=None):
    """Everything that comes out, by name, gradients of parameters in their order."""

    def uniform(name, *shape, scale=1.0):
        label = f"{case['seed']}/{name}"
        v = torch.from_numpy(compact.uniform(label, shape, scale)).to(dtype)
        if moved is not None:
            v = v * (1 + 2**-22 * torch.from_numpy(compact.uniform(f"{label}/{moved}", shape)).to(dtype))
        return v

    T, B, hidden = case["steps"], case["batch"], case["hidden"]
    both = case.get("bidirectional", False)
    options = {"nonlinearity": case["nonlinearity"]} if kind == "rnn" else {}
    if "projection" in case:
        options["proj_size"] = case["projection"]
    net = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[kind](
        case["input"], hidden, case["layers"], bias=not case.get("nobias", False), bidirectional=both, dtype=dtype, **options)
    with torch.no_grad():
        for name, p in net.named_parameters():
            p.copy_(uniform(name, *p.shape, scale=case["scale"]))

    directions = 2 if both else 1
    width = case.get("projection", hidden)
    x = uniform("x", T, B, case["input"]).requires_grad_()
    dy = uniform("dy", T, B, directions * width)
    widths = {"h": width, "c": hidden} if kind == "lstm" else {"h": width}
    state, dlast = [], []
    for name, n in widths.items():
        s = uniform(name + "0", case["layers"] * directions, B, n)
        state.append((s * 0 if case.get("zero_state") else s).requires_grad_())
        dlast.append(uniform("d" + name + "n", case["layers"] * directions, B, n))

    def forward(*first):
        if "lengths" not in case:
            return net(x, *first)
        packed = pack_padded_sequence(x, torch.tensor(case["lengths"]), enforce_sorted=False)
        y, last = net(packed, *first)
        y, _ = pad_packed_sequence(y, total_length=T)
        return y, last

    y, last = forward(tuple(state) if kind == "lstm" else state[0])
    if case.get("zero_state"):
        assert torch.equal(forward()[0], y), "no state is not a state of zeros"
    last = last if kind == "lstm" else (last,)
    ((y * dy).sum() + sum((s * d).sum() for s, d in zip(last, dlast))).backward()

    out = dict(y=y, dx=x.grad)
    for name, s, s0 in zip(widths, last, state):
        out[name + "n"], out["d" + name + "0"] = s, s0.grad
    out.update({name: p.grad for name, p in net.named_parameters()})
    return {name: t.detach().double().numpy() for name, t in out.items()}


def quirks():
    """PyTorch refuses rows of no steps and sequences of no steps."""
    refused = 0
    for f in (lambda: pack_padded_sequence(torch.zeros(2, 2, 1), torch.tensor([2, 0]), enforce_sorted=False), lambda: nn.LSTM(1, 1)(torch.zeros(0, 2, 1))):
        try:
            f()
        except RuntimeError:
            refused += 1
    assert refused == 2


def configurations(kind, count):
    cases, seed, worst, passed_over = [], 0, 0.0, 0
    while len(cases) < count:
        seed += 1
        case = draw(kind, seed)
        exact = run(kind, case, torch.float64)
        apart = lambda other: max(compact.apart(other[name], t) for name, t in exact.items())
        if max(apart(run(kind, case, torch.float64, moved)) for moved in range(2)) > LIMIT:
            passed_over += 1
            continue
        worst = max(worst, apart(run(kind, case, torch.float32)))
        summaries = {name: compact.summary(f"{case['seed']}/{name}", t, 3 if "_l" in name else 8) for name, t in exact.items()}
        case["want"] = {name: s for name, s in summaries.items() if "_l" not in name}
        case["grads"] = [s for name, s in summaries.items() if "_l" in name]
        cases.append(case)
    head = dict(made_by="bench/pytorch/configurations.py", torch=torch.__version__.split("+")[0], numpy=compact.np.__version__,
                float32_differs_by=float("%.2g" % worst), passed_over=passed_over)
    compact.write(f"{kind}/testdata/pytorch_configurations.json", head, cases)


if __name__ == "__main__":
    torch.set_num_threads(1)
    quirks()
    configurations("lstm", 200)
    configurations("gru", 120)
    configurations("rnn", 120)
