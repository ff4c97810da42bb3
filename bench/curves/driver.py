"""The side of PyTorch in a comparison of training runs; the program beside this file starts it.

    python driver.py FOLDER

FOLDER/case.json says what is trained: the same weights, windows, order and optimizer as ours.
The run is made in float32, in float32 from weights that are moved by one unit in the last
place, in float64, and in float64 from weights that are moved by 2^-24 of their size, the
rounding of a float32. FOLDER/weights.f32 and grads.f32, if they are there, are our weights before the first
and after each update, and the gradients that our optimizer was given. FOLDER/result.json gets
the losses of all runs, how far the weights of two runs are apart after each update, and how far ours
are from those of PyTorch's optimizer in float64 when it is given our gradients.
"""

import json
import os
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Model(nn.Module):
    """Embedding, layers, readout, with the names of our chain."""

    def __init__(self, case):
        super().__init__()
        kind = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[case["cell"]]
        self.add_module("0", nn.Embedding(case["vocabulary"], case["embed"]))
        self.add_module("1", kind(case["embed"], case["hidden"], case["layers"]))
        self.add_module("2", nn.Linear(case["hidden"], case["vocabulary"]))

    def forward(self, ids, state):
        parts = dict(self.named_children())
        y, state = parts["1"](parts["0"](ids), state)
        return parts["2"](y), state


def moved(w, dtype):
    """Each number by one unit of float32, up and down by turns."""
    if dtype == torch.float32:
        up = torch.nextafter(w, torch.full_like(w, float("inf")))
        down = torch.nextafter(w, torch.full_like(w, float("-inf")))
    else:
        up, down = w * (1 + 2.0**-24), w * (1 - 2.0**-24)
    even = (torch.arange(w.numel()) % 2 == 0).view(w.shape)
    return torch.where(even, up, down)


def optimizer(case, params):
    o = dict(case["options"])
    if "betas" in o:
        o["betas"] = tuple(o["betas"])
    return getattr(torch.optim, case["kind"])(params, **o)


def clip(params, most):
    """By the norm over all, without the 1e-6 that clip_grad_norm_ adds to it: ours has none."""
    norm = torch.sqrt(sum(p.grad.double().square().sum() for p in params)).item()
    if most and norm > most:
        for p in params:
            p.grad.mul_(most / norm)


def flat(net):
    return np.concatenate([p.detach().numpy().reshape(-1).astype(np.float64) for p in net.parameters()])


def start(case, dtype, shifted):
    net = Model(case)
    names = [n for n, _ in net.named_parameters()]
    assert names == [w["name"] for w in case["weights"]], names
    net = net.to(dtype)
    with torch.no_grad():
        for p, w in zip(net.parameters(), case["weights"]):
            v = torch.tensor(w["values"], dtype=torch.float32).view(p.shape).to(dtype)
            p.copy_(moved(v, dtype) if shifted else v)
    return net


def run(case, dtype, shifted, keep):
    net = start(case, dtype, shifted)
    params = list(net.parameters())
    o = optimizer(case, params)
    losses, weights, state = [], [flat(net)] if keep else [], None
    first = None
    for u in range(case["updates"]):
        w = case["windows"][u % len(case["windows"])]
        shape = (case["steps"], case["rows"])
        ids, targets = torch.tensor(w["ids"]).view(shape), torch.tensor(w["targets"]).view(-1)
        if w["reset"]:
            state = None
        elif state is not None:
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        o.zero_grad()
        y, state = net(ids, state)
        loss = F.cross_entropy(y.flatten(0, 1), targets, ignore_index=-100)
        loss.backward()
        clip(params, case["clip"])
        if u == 0:
            first = np.concatenate([p.grad.numpy().reshape(-1).astype(np.float64) for p in params])
        o.step()
        losses.append(loss.item())
        if keep:
            weights.append(flat(net))
    return losses, weights, first


def fed(case, grads):
    """The weights of the optimizer in float64, given our gradients."""
    net = start(case, torch.float64, False)
    o = optimizer(case, net.parameters())
    weights = [flat(net)]
    for g in grads.astype(np.float64):
        at = 0
        for p in net.parameters():
            p.grad = torch.from_numpy(g[at : at + p.numel()].copy()).view(p.shape)
            at += p.numel()
        o.step()
        weights.append(flat(net))
    return weights


def apart(case, a, b):
    """The largest difference after each update, relative to the largest number of its tensor."""
    spans, at = [], 0
    for w in case["weights"]:
        spans.append((w["name"], at, at + len(w["values"])))
        at += len(w["values"])
    result = []
    for x, y in zip(a, b):
        worst = (0.0, "", 0)
        for name, lo, hi in spans:
            d = np.abs(x[lo:hi] - y[lo:hi]) / np.abs(y[lo:hi]).max()
            worst = max(worst, (float(d.max()), name, int(d.argmax())))
        result.append(worst)
    return result


def main(folder):
    torch.set_num_threads(1)
    case = json.load(open(os.path.join(folder, "case.json")))
    ours = os.path.join(folder, "weights.f32")
    keep = os.path.exists(ours)
    runs = {}
    for name, dtype, shifted in [("float32", torch.float32, False), ("float32 moved", torch.float32, True),
                                 ("float64", torch.float64, False), ("float64 moved", torch.float64, True)]:
        if keep or name != "float64 moved":  # of losses no one asks for it
            runs[name] = run(case, dtype, shifted, keep)
    result = {"torch": torch.__version__, "losses": {k: v[0] for k, v in runs.items()}}
    if keep:
        size = sum(len(w["values"]) for w in case["weights"])
        w = np.fromfile(ours, dtype="<f4").reshape(-1, size).astype(np.float64)
        g = np.fromfile(os.path.join(folder, "grads.f32"), dtype="<f4").reshape(-1, size)
        oracle = fed(case, g)
        result["apart"] = {
            "ours, float64": apart(case, w, runs["float64"][1]),
            "ours, float32": apart(case, w, runs["float32"][1]),
            "float32, float64": apart(case, runs["float32"][1], runs["float64"][1]),
            "float32 moved, float32": apart(case, runs["float32 moved"][1], runs["float32"][1]),
            "float64 moved, float64": apart(case, runs["float64 moved"][1], runs["float64"][1]),
            "ours, float64 fed with our gradients": apart(case, w, oracle),
        }
        # The gradient where float32 and float64 are furthest apart after the first update.
        _, name, at = result["apart"]["float32, float64"][1]
        lo = 0
        for t in case["weights"]:
            if t["name"] == name:
                break
            lo += len(t["values"])
        there = {"tensor": name, "at": at, "ours": float(g[0][lo + at])}
        for k, v in runs.items():
            there[k] = float(v[2][lo + at])
        there["largest"] = float(np.abs(runs["float64"][2][lo : lo + len(t["values"])]).max())
        result["first"] = there
    json.dump(result, open(os.path.join(folder, "result.json"), "w"))


if __name__ == "__main__":
    main(sys.argv[1])
