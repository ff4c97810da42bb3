"""Writes small models by both exporters of PyTorch, with what ONNX Runtime makes of them.

    python pytorch.py FOLDER SEED [small [CLASS ...]]

With "small" it writes one of each kind: those whose files are committed in testdata/pytorch, or with names of
classes these, as Lasts in testdata/packed.
"""
import logging
import random
import sys
import warnings

import numpy as np
import onnx
import torch
from torch import nn

from cases import Cases

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


class Classifier(nn.Module):
    """Ids, an embedding, layers, the last step of the outputs."""

    def __init__(self, kind, **options):
        super().__init__()
        self.embed = nn.Embedding(11, 5)
        self.rnn = getattr(nn, kind)(5, 4, batch_first=True, **options)
        self.out = nn.Linear(4 * (1 + options.get("bidirectional", False)), 3)

    def forward(self, x):
        y, _ = self.rnn(self.embed(x))
        return torch.log_softmax(self.out(y[:, -1]), -1)


class Finals(nn.Module):
    """Vectors and states, layers, final states of both directions."""

    def __init__(self, kind, **options):
        super().__init__()
        self.rnn = getattr(nn, kind)(5, 4, **options)
        self.two = options.get("bidirectional", False)
        self.out = nn.Linear(8 if self.two else 4, 3)

    def forward(self, x, *state):
        y, s = self.rnn(x, state if len(state) > 1 else state[0])
        h = s[0] if isinstance(s, tuple) else s
        h = torch.cat((h[-2], h[-1]), 1) if self.two else h[-1]
        return torch.softmax(self.out(torch.relu(h)), -1), s


class Tagger(nn.Module):
    """Outputs of all steps through a layer norm, a residual and activations."""

    def __init__(self, kind, **options):
        super().__init__()
        self.before = nn.Linear(5, 4)
        self.rnn = getattr(nn, kind)(4, 4, batch_first=True, **options)
        self.norm = nn.LayerNorm(4)
        self.after = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Dropout(0.3), nn.Linear(6, 3, bias=False))

    def forward(self, x):
        x = torch.sigmoid(self.before(x))
        y, _ = self.rnn(x)
        return self.after(self.norm(x + y))


class Pooled(nn.Module):
    """The mean and the maximum over time, side by side, of two layers of different kinds."""

    def __init__(self, kind, **options):
        super().__init__()
        self.first = getattr(nn, kind)(5, 4, bidirectional=True, **options)
        self.second = nn.GRU(8, 3)
        self.out = nn.Linear(3, 2)

    def forward(self, x):
        y, _ = self.first(x)
        y, _ = self.second(y)
        return self.out(y.mean(0))


class Ends(nn.Module):
    """The last step of one direction beside the first of the other."""

    def __init__(self, kind, **options):
        super().__init__()
        self.rnn = getattr(nn, kind)(5, 4, batch_first=True, bidirectional=True, **options)
        self.out = nn.Linear(8, 2)

    def forward(self, x):
        y, _ = self.rnn(x)
        return self.out(torch.cat((y[:, -1, :4], y[:, 0, 4:]), -1))


class Added(nn.Module):
    """The sum of two directions."""

    def __init__(self, kind, **options):
        super().__init__()
        self.rnn = getattr(nn, kind)(5, 4, bidirectional=True, **options)

    def forward(self, x):
        y, _ = self.rnn(x)
        return y[..., :4] + y[..., 4:]


class Packed(nn.Module):
    """Rows with lengths of their own."""

    def __init__(self, kind, **options):
        super().__init__()
        self.rnn = getattr(nn, kind)(5, 4, batch_first=True, **options)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=True)
        y, _ = self.rnn(packed)
        y, _ = nn.utils.rnn.pad_packed_sequence(y, batch_first=True)
        return y


class Lasts(nn.Module):
    """Ids of rows with lengths of their own, the final states of the last layer, a readout."""

    def __init__(self, kind, **options):
        super().__init__()
        self.embed = nn.Embedding(11, 5)
        self.rnn = getattr(nn, kind)(5, 4, num_layers=2, batch_first=True, bidirectional=True, **options)
        self.out = nn.Linear(8, 3)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(self.embed(x), lengths, batch_first=True, enforce_sorted=True)
        _, h = self.rnn(packed)
        h = h[0] if isinstance(h, tuple) else h
        return self.out(torch.cat((h[-2], h[-1]), 1))


class Learned(nn.Module):
    """A learned state to begin with."""

    def __init__(self, kind, **options):
        super().__init__()
        self.rnn = getattr(nn, kind)(5, 4, **options)
        self.h = nn.Parameter(torch.randn(1, 1, 4))

    def forward(self, x):
        h = self.h.expand(-1, x.shape[1], -1).contiguous()
        y, h = self.rnn(x, (h, torch.zeros_like(h)) if isinstance(self.rnn, nn.LSTM) else h)
        return y, h


class Unbatched(nn.Module):
    """A sequence without an axis of rows."""

    def __init__(self, kind, **options):
        super().__init__()
        self.rnn = getattr(nn, kind)(5, 4, **options)
        self.out = nn.Linear(4, 2)

    def forward(self, x):
        y, _ = self.rnn(x)
        return self.out(y)


class Scaled(nn.Module):
    """An input that is normalised, and a batch normalisation of the last step."""

    def __init__(self, kind, **options):
        super().__init__()
        self.mean, self.std = nn.Buffer(torch.randn(5)), nn.Buffer(torch.rand(5) + 0.5)
        self.rnn = getattr(nn, kind)(5, 4, batch_first=True, **options)
        self.norm = nn.BatchNorm1d(4)
        self.norm.running_mean, self.norm.running_var = torch.randn(4), torch.rand(4) + 0.5

    def forward(self, x):
        y, _ = self.rnn((x - self.mean) / self.std)
        return self.norm(y[:, -1]) * 0.5


class Viewed(nn.Module):
    """Final states of the last layer, taken out of those of all layers."""

    def __init__(self, kind, **options):
        super().__init__()
        self.rnn = getattr(nn, kind)(5, 4, num_layers=2, bidirectional=True, **options)
        self.out = nn.Linear(8, 2)

    def forward(self, x):
        _, h = self.rnn(x)
        h = h[0] if isinstance(h, tuple) else h
        h = h.view(2, 2, -1, 4)[-1].transpose(0, 1).reshape(x.shape[1], -1)
        return self.out(h)


def inputs_of(model, steps, batch, rng):
    def floats(*shape):
        return torch.tensor(rng.standard_normal(shape), dtype=torch.float32)

    if isinstance(model, Classifier):
        return (torch.tensor(rng.integers(0, 11, (batch, steps))),), [{0: "batch", 1: "time"}]
    if isinstance(model, Finals):
        r = model.rnn
        n = r.num_layers * (2 if r.bidirectional else 1)
        states = [floats(n, batch, 4) for _ in range(2 if isinstance(r, nn.LSTM) else 1)]
        return (floats(steps, batch, 5), *states), [{0: "time", 1: "batch"}] + [{1: "batch"}] * len(states)
    if isinstance(model, (Packed, Lasts)):
        lengths = sorted(rng.integers(1, steps + 1, batch), reverse=True)
        lengths[0] = steps
        x = floats(batch, steps, 5) if isinstance(model, Packed) else torch.tensor(rng.integers(0, 11, (batch, steps)))
        return (x, torch.tensor(np.array(lengths))), [{0: "batch", 1: "time"}, {0: "batch"}]
    if isinstance(model, Unbatched):
        return (floats(steps, 5),), [{0: "time"}]
    if isinstance(model, (Tagger, Ends, Scaled)):
        return (floats(batch, steps, 5),), [{0: "batch", 1: "time"}]
    return (floats(steps, batch, 5),), [{0: "time", 1: "batch"}]


def export(cases, name, model, rng, dynamo, opset, dynamic, refused=""):
    model.eval()
    steps, batch = int(rng.integers(2, 7)), int(rng.integers(2, 4))
    inputs, axes = inputs_of(model, steps, batch, rng)
    names = [f"in{i}" for i in range(len(inputs))]
    path = cases.path(name)
    if dynamo:
        dims = {"time": torch.export.Dim("time", min=2, max=4096), "batch": torch.export.Dim("batch", min=2, max=4096)}
        shapes = tuple({k: dims[v] for k, v in a.items()} for a in axes)
        if isinstance(model, Finals):
            shapes = (shapes[0], shapes[1:])
        torch.onnx.export(model, inputs, path, dynamo=True, dynamic_shapes=shapes if dynamic else None, input_names=names,
                          external_data=False, verbose=False, opset_version=opset)
    else:
        torch.onnx.export(model, inputs, path, dynamo=False, opset_version=opset, input_names=names,
                          dynamic_axes=dict(zip(names, axes)) if dynamic else None)
    slim(path)
    # An exporter may take a size that should be open as one that it knows.
    fixed = any(d.dim_value > 0 for d in onnx.load(path).graph.input[0].type.tensor_type.shape.dim[:len(axes[0])])
    if dynamic and not fixed:  # other sizes than those of the export
        inputs, _ = inputs_of(model, steps + int(rng.integers(0, 4)), batch + 1, rng)
    cases.add(name, [np.asarray(i) for i in inputs], refused)


def slim(path):
    """Leaves out what only says where in a Python program a node comes from."""
    m = onnx.load(path)
    for n in m.graph.node:
        n.doc_string = ""
        del n.metadata_props[:]
    for v in list(m.graph.value_info):
        del v.metadata_props[:]
    for v in list(m.graph.input) + list(m.graph.output):
        del v.metadata_props[:]
    onnx.save(m, path)


MODELS = [Classifier, Finals, Tagger, Pooled, Ends, Added, Packed, Learned, Unbatched, Scaled, Viewed, Lasts]


def main():
    folder, seed, small = sys.argv[1], int(sys.argv[2]), len(sys.argv) > 3
    rng, choose = np.random.default_rng(seed), random.Random(seed)
    torch.manual_seed(seed)
    cases = Cases(folder)
    models = MODELS[:-1] if small else MODELS
    if len(sys.argv) > 4:
        models = [m for m in MODELS if m.__name__ in sys.argv[4:]]
    for number, model in enumerate(models):
        for k, kind in enumerate(["LSTM", "GRU", "RNN"]):
            options = {}
            if model in (Classifier, Finals):
                options = {"num_layers": choose.choice([1, 2]), "bidirectional": choose.random() < 0.5, "bias": choose.random() < 0.8}
            if kind == "RNN" and choose.random() < 0.5:
                options["nonlinearity"] = "relu"
            # The new exporter writes an RNN as its steps, for one number of them: unrolled.py has such. It cannot
            # take packed rows.
            new = kind != "RNN" and model not in (Packed, Lasts)
            ways = [False, True] if new else [False]
            if small:
                ways = [ways[(number + k) % len(ways)]]
            for dynamo in ways:
                opset = choose.choice([18, 20, 21, 22]) if dynamo else choose.choice([9, 11, 12, 13, 14, 15, 16, 17, 18, 20])
                if model is Tagger and not dynamo:
                    opset = choose.choice([13, 16, 17])
                dynamic = choose.random() < 0.75
                name = f"{model.__name__.lower()}_{kind.lower()}_{'new' if dynamo else 'old'}"
                try:
                    export(cases, name, model(kind, **options), rng, dynamo, opset, dynamic)
                except Exception as e:  # noqa: BLE001
                    raise RuntimeError(f"{name}: {options}, opset {opset}, dynamic {dynamic}") from e
    cases.write(f"PyTorch {torch.__version__}, onnx {onnx.__version__}, seed {seed}; written by testdata/pytorch.py")


if __name__ == "__main__":
    main()
