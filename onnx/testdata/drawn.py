"""Writes models that are drawn, part by part, by both exporters of PyTorch, with what ONNX Runtime makes of them.

    python drawn.py FOLDER SEED COUNT [SHARE OF THE NEW EXPORTER]

pytorch.py has models of fixed shapes with drawn options; here the shape of the network is drawn, too: what stands before
the layers, how many of them there are, which states they begin with, what is taken of their outputs, and what follows.
"""
import json
import logging
import random
import sys
import warnings

import numpy as np
import onnx
import torch
from torch import nn

from cases import Cases
from pytorch import slim

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

ACTIVATIONS = [nn.Tanh, nn.ReLU, nn.Sigmoid, nn.GELU, nn.Softplus, nn.Softsign, lambda: nn.LeakyReLU(0.1), lambda: nn.ELU(0.7), nn.Hardsigmoid, nn.Identity]


NEW = float(sys.argv[4]) if len(sys.argv) > 4 else 0.15  # the share of the new exporter, which is slow


class Drawn(nn.Module):
    """A network of drawn parts."""

    def __init__(self, r, new):
        super().__init__()
        self.batch_first, self.ids = r.random() < 0.6, r.random() < 0.35
        self.width = r.randint(2, 8)
        self.config = c = {"batch_first": self.batch_first, "ids": self.ids, "width": self.width, "layers": []}
        width = self.width
        before = []
        if self.ids:
            width = r.randint(2, 7)
            before.append(nn.Embedding(13, width, padding_idx=r.choice([None, 0])))
        for _ in range(r.randint(0, 2)):
            before.append(self.part(r, width))
            width = before[-1].out_features if isinstance(before[-1], nn.Linear) else width
        self.before = nn.Sequential(*before)
        self.layers, self.starts, self.between = nn.ModuleList(), nn.ParameterList(), nn.ModuleList()
        self.start = "inputs" if isinstance(self, Given) else r.choice(["none", "none", "learned", "zeros"])
        for i in range(r.choice([1, 1, 1, 2, 2, 3])):
            kind = r.choice(["LSTM", "GRU"] if new else ["LSTM", "GRU", "RNN"])
            o = {"hidden_size": r.randint(2, 7), "num_layers": r.choice([1, 1, 2, 3]), "bidirectional": r.random() < 0.4, "bias": r.random() < 0.8, "batch_first": self.batch_first}
            if o["num_layers"] > 1:
                o["dropout"] = r.choice([0.0, 0.3])
            if kind == "RNN":
                o["nonlinearity"] = r.choice(["tanh", "relu"])
            self.layers.append(getattr(nn, kind)(width, **o))
            c["layers"].append([kind, width, o])
            if self.start == "learned":
                n = o["num_layers"] * (1 + o["bidirectional"])
                self.starts.append(nn.Parameter(torch.randn(n, 1, o["hidden_size"])))
            width = o["hidden_size"] * (1 + o["bidirectional"])
            self.between.append(self.part(r, width, same=True) if r.random() < 0.4 else nn.Identity())
        self.residual = r.choice(["none", "none", "sum", "gate", "highway", "dense", "difference"])
        self.inside, self.other = nn.Linear(width, width), nn.Linear(width, width)
        last = self.layers[-1]
        choices = ["all", "all", "last", "state", "first", "mean", "max", "last few", "first few", "attention", "attention", "attention of rows"]
        if last.bidirectional:
            choices += ["ends", "both states", "halves", "both states"]
        self.end = c["end"] = r.choice(choices)
        c["start"], c["residual"] = self.start, self.residual
        self.score = nn.Sequential(*[self.part(r, width, same=True) for _ in range(r.randint(0, 2))], nn.Linear(width, 1, bias=r.random() < 0.7))
        c["score"] = str(self.score)
        half = last.hidden_size
        width = {"state": half, "halves": half, "both states": 2 * half}.get(self.end, width)
        after = []
        for _ in range(r.randint(0, 3)):
            after.append(self.part(r, width))
            width = after[-1].out_features if isinstance(after[-1], nn.Linear) else width
        after += r.choice([[], [], [nn.Softmax(-1)], [nn.LogSoftmax(-1)]])
        self.after = nn.Sequential(*after)
        self.states = c["states"] = r.random() < 0.3
        c["before"], c["after"], c["between"] = str(self.before), str(self.after), str(self.between)

    @staticmethod
    def part(r, width, same=False):
        n = r.randint(0, 9)
        if n < 3:
            return nn.Linear(width, width if same else r.randint(2, 7), bias=r.random() < 0.8)
        if n < 5:
            m = nn.LayerNorm(width)
            nn.init.normal_(m.weight)
            nn.init.normal_(m.bias)
            return m
        return nn.Dropout(0.3) if n == 5 else r.choice(ACTIVATIONS)()

    def forward(self, x):
        return self.compute(x, [])

    def compute(self, x, states):
        y = self.before(x)
        rows, finals = y.shape[0 if self.batch_first else 1], []
        for i, layer in enumerate(self.layers):
            pair = isinstance(layer, nn.LSTM)
            s = None
            if self.start == "inputs":
                s = (states.pop(0), states.pop(0)) if pair else states.pop(0)
            elif self.start == "learned":
                h = self.starts[i].expand(-1, rows, -1).contiguous()
                s = (h, h) if pair else h
            elif self.start == "zeros":
                h = torch.zeros(layer.num_layers * (1 + layer.bidirectional), rows, layer.hidden_size)
                s = (h, h) if pair else h
            y, s = layer(y, s)
            finals += list(s) if pair else [s]
            y = self.between[i](y)
        z = torch.sigmoid(self.inside(y))
        y = {
            "none": lambda: y, "sum": lambda: y + self.inside(y), "gate": lambda: y * z, "highway": lambda: z * self.other(y) + (1 - z) * y,
            "dense": lambda: torch.relu(y + z) + self.other(y + z) + z, "difference": lambda: self.other(y) - z,
        }[self.residual]()
        t, layer = 1 if self.batch_first else 0, self.layers[-1]
        at = (lambda k: y[:, k]) if self.batch_first else (lambda k: y[k])
        rows_first = y if self.batch_first else y.transpose(0, 1)
        n, h = layer.hidden_size, finals[-2] if isinstance(layer, nn.LSTM) else finals[-1]
        out = {
            "all": lambda: y, "last": lambda: at(-1), "first": lambda: at(0), "mean": lambda: y.mean(t), "max": lambda: y.max(t)[0],
            "state": lambda: h[-1],
            "both states": lambda: torch.cat((h[-2], h[-1]), 1), "ends": lambda: torch.cat((at(-1)[..., :n], at(0)[..., n:]), -1),
            "halves": lambda: y[..., :n] + y[..., n:], "last few": lambda: at(slice(-2, None)),
            "first few": lambda: at(slice(0, 2)), "attention": lambda: (torch.softmax(self.score(y), t) * y).sum(t),
            "attention of rows": lambda: torch.bmm(torch.softmax(self.score(rows_first).squeeze(-1), 1).unsqueeze(1), rows_first).squeeze(1),
        }[self.end]()
        out = self.after(out)
        return (out, *finals) if self.states else out

    def inputs(self, steps, rows, rng):
        shape = (rows, steps) if self.batch_first else (steps, rows)
        if self.ids:
            x = torch.tensor(rng.integers(0, 13, shape))
        else:
            x = torch.tensor(rng.standard_normal((*shape, self.width)), dtype=torch.float32)
        list = [x]
        if self.start == "inputs":
            for layer in self.layers:
                for _ in range(2 if isinstance(layer, nn.LSTM) else 1):
                    n = layer.num_layers * (1 + layer.bidirectional)
                    list.append(torch.tensor(rng.standard_normal((n, rows, layer.hidden_size)), dtype=torch.float32))
        return list


class Given(Drawn):
    """One whose states are inputs. The new exporter wants arguments of a known number otherwise."""

    def forward(self, x, *states):
        return self.compute(x, list(states))


def write(cases, name, seed):
    r, rng = random.Random(seed), np.random.default_rng(seed)
    torch.manual_seed(seed)
    new = r.random() < NEW
    model = (Given if r.random() < 0.2 else Drawn)(r, new).eval()
    steps, rows = r.randint(2, 6), r.randint(2, 4)
    inputs = model.inputs(steps, rows, rng)
    dynamic = r.choice(["none", "batch", "both", "both"])
    names = ["x"] + [f"s{i}" for i in range(len(inputs) - 1)]
    axes = [{0: "batch", 1: "time"} if model.batch_first else {0: "time", 1: "batch"}] + [{1: "batch"}] * (len(inputs) - 1)
    if dynamic == "batch":
        axes = [{k: v for k, v in a.items() if v == "batch"} for a in axes]
    opset = r.choice([18, 20, 21, 22]) if new else r.choice([9, 11, 12, 13, 14, 15, 16, 17, 18, 20])
    text = json.dumps({**model.config, "new": new, "opset": opset, "dynamic": dynamic, "steps": steps, "rows": rows})
    path = cases.path(name)
    try:
        if new:
            dims = {"time": torch.export.Dim("time", min=2, max=4096), "batch": torch.export.Dim("batch", min=2, max=4096)}
            shapes = [{k: dims[v] for k, v in a.items()} for a in axes]
            torch.onnx.export(model, tuple(inputs), path, dynamo=True, dynamic_shapes=((shapes[0], tuple(shapes[1:])) if isinstance(model, Given) else tuple(shapes)) if dynamic != "none" else None,
                              input_names=names, external_data=False, verbose=False, opset_version=opset)
        else:
            torch.onnx.export(model, tuple(inputs), path, dynamo=False, opset_version=opset, input_names=names,
                              dynamic_axes=dict(zip(names, axes)) if dynamic != "none" else None)
    except Exception as e:  # noqa: BLE001  what an exporter cannot write
        print(name, "not exported:", type(e).__name__, str(e).splitlines()[0][:160], text, file=sys.stderr)
        return
    slim(path)
    # An exporter may take a size that should be open as one that it knows.
    dims = onnx.load(path).graph.input[0].type.tensor_type.shape.dim
    fixed = [d.dim_value for d in dims[:2]]
    if not model.batch_first:
        fixed.reverse()
    rows, steps = fixed[0] or rows + 1, fixed[1] or steps + r.randint(0, 3)
    inputs = model.inputs(steps, rows, rng)
    with torch.no_grad():
        want = model(*inputs)
    cases.add(name, [np.asarray(i) for i in inputs])
    with open(path.removesuffix(".onnx") + ".json", "w") as f:
        f.write(text)


def main():
    folder, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    cases = Cases(folder)
    for i in range(count):
        try:
            write(cases, f"drawn{i}", seed + i)
        except Exception as e:  # noqa: BLE001
            print(f"drawn{i}", "fails:", type(e).__name__, str(e)[:300], file=sys.stderr)
        if i % 10 == 9:
            cases.write("so far")
    cases.write(f"PyTorch {torch.__version__}, onnx {onnx.__version__}, seed {seed}; written by testdata/drawn.py")


if __name__ == "__main__":
    main()
