"""Writes small encoders and decoders by both exporters of PyTorch, with what ONNX Runtime makes of them.

    python seq2seq.py FOLDER SEED [small]

With "small" it writes those whose files are committed in testdata/seq2seq.
"""
import logging
import sys
import warnings

import torch
from torch import nn

from cases import Cases
from pytorch import slim

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


class Translator(nn.Module):
    """Ids of two languages; the decoder begins with the state of the encoder."""

    def __init__(self, kind, layers=2):
        super().__init__()
        self.source, self.target = nn.Embedding(11, 5), nn.Embedding(7, 6)
        self.encoder = getattr(nn, kind)(5, 4, layers, batch_first=True)
        self.decoder = getattr(nn, kind)(6, 4, layers, batch_first=True)
        self.out = nn.Linear(4, 7)

    def forward(self, source, target):
        _, s = self.encoder(self.source(source))
        y, _ = self.decoder(self.target(target), s)
        return torch.log_softmax(self.out(y), -1)


class Vectors(nn.Module):
    """Vectors, time-major; the last state of the decoder and that of the encoder are outputs too."""

    def __init__(self, kind, **options):
        super().__init__()
        self.encoder, self.decoder = getattr(nn, kind)(3, 4, **options), getattr(nn, kind)(2, 4, **options)

    def forward(self, x, y):
        _, s = self.encoder(x)
        y, last = self.decoder(y, s)
        return y, last, s


class Copier(nn.Module):
    """Encoder and decoder read the same input, the encoder from the end."""

    def __init__(self, kind):
        super().__init__()
        self.encoder, self.decoder = getattr(nn, kind)(3, 4, batch_first=True), getattr(nn, kind)(3, 4, batch_first=True)

    def forward(self, x):
        _, s = self.encoder(x.flip(1))
        y, _ = self.decoder(x, s)
        return y


class Passing(nn.Module):
    """A layer that reads the outputs of another and begins with its state, and so does a third."""

    def __init__(self, kind):
        super().__init__()
        self.first, self.second, self.third = (getattr(nn, kind)(n, 4) for n in (3, 4, 4))

    def forward(self, x):
        y, s = self.first(x)
        y, s = self.second(y, s)
        y, _ = self.third(y, s)
        return y


class Top(nn.Module):
    """The decoder begins with h of the last layer of the encoder, and a c of zeros."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.GRU(3, 4, 2), nn.LSTM(2, 4)

    def forward(self, x, y):
        _, h = self.encoder(x)
        y, _ = self.decoder(y, (h[-1:], torch.zeros_like(h[-1:])))
        return y


class Bridged(nn.Module):
    """What no network here has: a product between the states."""

    def __init__(self):
        super().__init__()
        self.encoder, self.map, self.decoder = nn.GRU(3, 4), nn.Linear(4, 5), nn.GRU(2, 5)

    def forward(self, x, y):
        _, h = self.encoder(x)
        y, _ = self.decoder(y, torch.tanh(self.map(h)))
        return y


class Two(nn.Module):
    """What no network here has: a decoder that begins with the states of two encoders."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.decoder = nn.GRU(3, 4), nn.GRU(2, 4), nn.LSTM(2, 4)

    def forward(self, x, y):
        _, h = self.one(x)
        _, c = self.two(y)
        y, _ = self.decoder(y, (h, c))
        return y


folder, seed = sys.argv[1], int(sys.argv[2])
small = len(sys.argv) > 3
torch.manual_seed(seed)
cases = Cases(folder)


def export(name, model, inputs, axes, new, refused=""):
    """axes has for each input the names of its first two axes, or of its one."""
    model = model.eval()
    names = [f"in{i}" for i in range(len(inputs))]
    dynamic = {n: dict(enumerate(a)) for n, a in zip(names, axes)}
    if new:
        sizes = {n: torch.export.Dim(n) for a in axes for n in a}
        shapes = tuple({i: sizes[n] for i, n in enumerate(a)} for a in axes)
        torch.onnx.export(model, inputs, cases.path(name), dynamo=True, input_names=names, dynamic_shapes=shapes, external_data=False, verbose=False)
    else:
        torch.onnx.export(model, inputs, cases.path(name), dynamo=False, input_names=names, dynamic_axes=dynamic)
    slim(cases.path(name))
    cases.add(name, [i.numpy() for i in inputs], refused)


def ids(n, rows, steps):
    return torch.randint(n, (rows, steps))


kinds = ["LSTM", "GRU", "RNN"]
for k, kind in enumerate(kinds):
    for new in (False, True):
        if small and new != (k == 1):
            continue
        if new and kind == "RNN":
            continue  # it writes steps, of which the graph has to know the number: see unrolled.py
        end = kind.lower() + ("_new" if new else "_old")
        export(f"translator_{end}", Translator(kind), (ids(11, 3, 5), ids(7, 3, 4)), (("rows", "from"), ("rows", "to")), new)
        for two in (False, True):
            if not (small and two and k != 1):
                export(f"vectors{2 if two else ''}_{end}", Vectors(kind, num_layers=2 - two, bidirectional=two), (torch.randn(5, 3, 3), torch.randn(4, 3, 2)), (("from", "rows"), ("to", "rows")), new)
        export(f"copier_{end}", Copier(kind), (torch.randn(2, 4, 3),), (("rows", "time"),), new)
        export(f"passing_{end}", Passing(kind), (torch.randn(4, 2, 3),), (("time", "rows"),), new)
two = (torch.randn(5, 3, 3), torch.randn(4, 3, 2)), (("from", "rows"), ("to", "rows"))
export("top", Top(), *two, False)
export("bridged", Bridged(), *two, False, "want a state as it is")
export("twoencoders", Two(), *two, False, "the states of two encoders")
cases.write(f"PyTorch {torch.__version__}; written by testdata/seq2seq.py")
