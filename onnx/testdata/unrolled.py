"""Writes small models whose layers are their steps, one after another, with what ONNX Runtime makes of them.

    python unrolled.py FOLDER SEED [small]

They are RNNs by PyTorch's new exporter, cells in loops by both of its exporters, and, where Keras is installed, models
of Keras with PyTorch as its backend. With "small" it writes those whose files are committed in testdata/unrolled.
"""
import importlib.util
import os
import random
import sys
import warnings

os.environ["KERAS_BACKEND"] = "torch"

import logging

import numpy as np
import onnx
import torch
from torch import nn

from cases import Cases
from pytorch import slim

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


class Layer(nn.Module):
    """A torch.nn.RNN, all steps or the last."""

    def __init__(self, last, **options):
        super().__init__()
        self.rnn = nn.RNN(5, 4, batch_first=True, **options)
        self.out = nn.Linear(8 if options.get("bidirectional") else 4, 2)
        self.last = last

    def forward(self, x):
        y, _ = self.rnn(x)
        return self.out(y[:, -1] if self.last else y)


class Loop(nn.Module):
    """Cells in a loop over time, one or two of them."""

    def __init__(self, kind, two, last, start, **options):
        super().__init__()
        cell = getattr(nn, kind + "Cell")
        self.cells = nn.ModuleList([cell(5, 4, **options)] + ([cell(4, 3, **options)] if two else []))
        self.out = nn.Linear(3 if two else 4, 2)
        self.last, self.pair = last, kind == "LSTM"
        self.start = nn.Parameter(torch.randn(4)) if start else None

    def forward(self, x):
        states = []
        for c in self.cells:
            h = torch.zeros(x.shape[0], c.hidden_size)
            if self.start is not None and c is self.cells[0]:
                h = self.start.expand(x.shape[0], 4)
            states.append((h, torch.zeros(x.shape[0], c.hidden_size)))
        ys = []
        for t in range(x.shape[1]):
            y = x[:, t]
            for i, c in enumerate(self.cells):
                states[i] = c(y, states[i]) if self.pair else (c(y, states[i][0]), None)
                y = states[i][0]
            ys.append(y)
        return self.out(ys[-1] if self.last else torch.stack(ys, 1))


class Tutorial(nn.Module):
    """A cell as in PyTorch's tutorials: one matrix of the input and the state side by side."""

    def __init__(self):
        super().__init__()
        self.i2h, self.h2o = nn.Linear(9, 4), nn.Linear(4, 2)

    def forward(self, x):
        h = torch.zeros(x.shape[0], 4)
        for t in range(x.shape[1]):
            h = torch.tanh(self.i2h(torch.cat((x[:, t], h), 1)))
        return torch.log_softmax(self.h2o(h), 1)


def export(cases, name, model, rng, dynamo, opset, dynamic):
    model.eval()
    steps, batch = int(rng.integers(2, 5)), int(rng.integers(2, 4))
    x = torch.tensor(rng.standard_normal((batch, steps, 5)), dtype=torch.float32)
    path = cases.path(name)
    if dynamo:
        shapes = ({0: torch.export.Dim("batch", min=2, max=4096)},) if dynamic else None
        torch.onnx.export(model, (x,), path, dynamo=True, dynamic_shapes=shapes, input_names=["x"], external_data=False, verbose=False, opset_version=opset)
    else:
        torch.onnx.export(model, (x,), path, dynamo=False, opset_version=opset, input_names=["x"], dynamic_axes={"x": {0: "batch"}} if dynamic else None)
    slim(path)
    if dynamic:
        x = torch.tensor(rng.standard_normal((batch + 1, steps, 5)), dtype=torch.float32)
    cases.add(name, [x.numpy()])


def keras_models(cases, rng, choose, small):
    # Keras asks whether there is a package tensorflow, as which it would take the folder of that name beside this file.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != here]
    import keras
    from keras import layers

    for kind in ["LSTM", "GRU", "SimpleRNN"]:
        layer = getattr(layers, kind)
        for name in ["last", "all", "both", "two"]:
            # Keras writes no file that ONNX Runtime takes of a SimpleRNN that reads from the end.
            if kind == "SimpleRNN" and name == "both" or small and (name, kind) not in [("both", "LSTM"), ("two", "GRU"), ("all", "SimpleRNN")]:
                continue
            x = keras.Input((int(rng.integers(2, 5)), 5), name="x")
            y = x
            if name == "both":
                y = layers.Bidirectional(layer(4, return_sequences=True))(y)
            elif name == "two":
                y = layer(3)(layer(4, return_sequences=True)(y))
            else:
                y = layer(4, return_sequences=name == "all")(y)
            model = keras.Model(x, layers.Dense(2)(y))
            for w in model.weights:
                w.assign(rng.standard_normal(w.shape))
            data = rng.standard_normal((3, *x.shape[1:])).astype(np.float32)
            model(data)
            path = cases.path(f"keras_{name}_{kind.lower()}")
            model.export(path, format="onnx", verbose=False)
            slim(path)
            cases.add(f"keras_{name}_{kind.lower()}", [data])
    return f"Keras {keras.__version__}, "


def main():
    folder, seed, small = sys.argv[1], int(sys.argv[2]), len(sys.argv) > 3
    rng, choose = np.random.default_rng(seed), random.Random(seed)
    torch.manual_seed(seed)
    cases, about = Cases(folder), ""
    models = [
        ("rnn", lambda: Layer(False)), ("rnn_both", lambda: Layer(False, bidirectional=True, nonlinearity="relu")),
        ("rnn_last", lambda: Layer(True, num_layers=2, bias=False)), ("tutorial", Tutorial),
    ]
    for kind in ["RNN", "LSTM", "GRU"]:
        for two in [False, True]:
            models.append((f"cell_{kind.lower()}_{2 if two else 1}", lambda k=kind, t=two: Loop(k, t, choose.random() < 0.5, choose.random() < 0.3, bias=choose.random() < 0.8)))
    for name, make in models:
        for dynamo in [True, False] if not small and not name.startswith("rnn") else [True]:
            if small and name in ("rnn", "cell_rnn_2", "cell_gru_2", "cell_lstm_1"):
                continue
            opset = choose.choice([18, 20, 21, 22] if dynamo else [11, 13, 16, 18])
            export(cases, f"{name}_{'new' if dynamo else 'old'}", make(), rng, dynamo, opset, choose.random() < 0.6)
    if importlib.util.find_spec("keras"):
        about = keras_models(cases, rng, choose, small)
    cases.write(f"PyTorch {torch.__version__}, {about}onnx {onnx.__version__}, seed {seed}; written by testdata/unrolled.py")


if __name__ == "__main__":
    main()
