"""Why a training run of ours parts from PyTorch's; the program beside this file starts it with -trace.

    python trace.py FOLDER

FOLDER/case.json is that of driver.py. FOLDER/weights.f32, grads.f32 and states.f32 are our
weights before the first and after each update, the gradients of each update, and the state
before each. FOLDER/trace.json gets

    loss, tensors   for each update: how far our loss and the gradient of each tensor are from
                    those of PyTorch in float64 at our weights and our state, and how far those of
                    PyTorch in float32 are; gradients relative to the largest of the tensor
    apart           how far the weights of whole runs are apart, as driver.py says
    losses          of whole runs: PyTorch in float32 and float64, and both from weights of which
                    each is moved by one unit of float32 up or down, by lot
"""

import json
import os
import sys

import numpy as np
import torch
from torch.nn import functional as F

from driver import Model, apart, clip, fed, flat, optimizer, start

CONTROLS = 6


def spans(case):
    at = 0
    for w in case["weights"]:
        yield w["name"], at, at + len(w["values"])
        at += len(w["values"])


def gradient(case, net, u, weights, state, dtype):
    """Loss and gradients of one update at the given weights."""
    w = case["windows"][u % len(case["windows"])]
    shape = (case["steps"], case["rows"])
    with torch.no_grad():
        at = 0
        for p in net.parameters():
            p.copy_(torch.from_numpy(weights[at : at + p.numel()].copy()).view(p.shape))
            at += p.numel()
    net.zero_grad()
    h = torch.from_numpy(state.copy()).view(case["layers"], case["rows"], case["hidden"]).to(dtype)
    y, _ = net(torch.tensor(w["ids"]).view(shape), h)
    loss = F.cross_entropy(y.flatten(0, 1), torch.tensor(w["targets"]).view(-1), ignore_index=-100)
    loss.backward()
    clip(list(net.parameters()), case["clip"])
    return loss.item(), np.concatenate([p.grad.numpy().reshape(-1).astype(np.float64) for p in net.parameters()])


def run(case, dtype, seed, keep):
    """A whole run, from weights that are moved by lot unless seed is 0."""
    net = start(case, dtype, False)
    if seed:
        lot = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for p in net.parameters():
                w = p.float()
                inf = torch.full_like(w, float("inf"))
                up = torch.rand(w.shape, generator=lot) < 0.5
                p.copy_(torch.where(up, torch.nextafter(w, inf), torch.nextafter(w, -inf)))
    params = list(net.parameters())
    o = optimizer(case, params)
    losses, weights, state = [], [flat(net)] if keep else [], None
    for u in range(case["updates"]):
        w = case["windows"][u % len(case["windows"])]
        shape = (case["steps"], case["rows"])
        state = None if w["reset"] or state is None else state.detach()
        o.zero_grad()
        y, state = net(torch.tensor(w["ids"]).view(shape), state)
        loss = F.cross_entropy(y.flatten(0, 1), torch.tensor(w["targets"]).view(-1), ignore_index=-100)
        loss.backward()
        clip(params, case["clip"])
        o.step()
        losses.append(loss.item())
        if keep:
            weights.append(flat(net))
    return losses, weights


def main(folder):
    torch.set_num_threads(1)
    read = lambda name: np.fromfile(os.path.join(folder, name), dtype="<f4")
    case = json.load(open(os.path.join(folder, "case.json")))
    size = sum(len(w["values"]) for w in case["weights"])
    w, g = read("weights.f32").reshape(-1, size), read("grads.f32").reshape(-1, size)
    s = read("states.f32").reshape(case["updates"], -1)
    losses = json.load(open(os.path.join(folder, "losses.json")))

    result = {"torch": torch.__version__, "loss": [], "tensors": {name: [] for name, _, _ in spans(case)}}
    wide, narrow = Model(case).double(), Model(case)
    for u in range(case["updates"]):
        l64, g64 = gradient(case, wide, u, w[u].astype(np.float64), s[u], torch.float64)
        l32, g32 = gradient(case, narrow, u, w[u], s[u], torch.float32)
        result["loss"].append([abs(losses[u] - l64), abs(l32 - l64)])
        for name, lo, hi in spans(case):
            most = np.abs(g64[lo:hi]).max()
            d, e = np.abs(g[u, lo:hi] - g64[lo:hi]), np.abs(g32[lo:hi] - g64[lo:hi])
            result["tensors"][name].append([float(d.max() / most), float(e.max() / most)])

    result["losses"], kept = {}, {}
    for name, dtype in ("float32", torch.float32), ("float64", torch.float64):
        for seed in range(1 + CONTROLS):
            key = name if seed == 0 else f"{name} moved {seed}"
            result["losses"][key], kept[key] = run(case, dtype, seed, seed < 2)
    ours = w.astype(np.float64)
    result["apart"] = {
        "ours, float64": apart(case, ours, kept["float64"]),
        "ours, float32": apart(case, ours, kept["float32"]),
        "float32, float64": apart(case, kept["float32"], kept["float64"]),
        "float64 moved, float64": apart(case, kept["float64 moved 1"], kept["float64"]),
        "ours, float64 fed with our gradients": apart(case, ours, fed(case, g)),
    }
    # The gradient of the first update, where ours and float64 are furthest apart after it.
    _, name, at = result["apart"]["ours, float64"][1]
    lo = next(lo for n, lo, _ in spans(case) if n == name) + at
    _, g64 = gradient(case, wide, 0, w[0].astype(np.float64), s[0], torch.float64)
    _, g32 = gradient(case, narrow, 0, w[0], s[0], torch.float32)
    result["first"] = {"tensor": name, "at": at, "ours": float(g[0][lo]), "float64": float(g64[lo]), "float32": float(g32[lo]),
                       "largest": float(max(np.abs(g64[a:b]).max() for n, a, b in spans(case) if n == name))}
    json.dump(result, open(os.path.join(folder, "trace.json"), "w"))


if __name__ == "__main__":
    main(sys.argv[1])
