"""Writes models that take some steps of what layers give, or weights of all, by both exporters of PyTorch, with what ONNX Runtime makes of them.

    python steps.py FOLDER SEED [small [FORM ...]]

With "small" it writes those whose files are committed in testdata/steps, or those of a form these, as queried in
testdata/queries, and rows_mean, rows_max and rows_both in testdata/pools.
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
from pytorch import slim

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


class Steps(nn.Module):
    """A layer, and one of the forms below of what is behind it."""

    def __init__(self, kind, form, hidden=4, both=False, batch_first=True, **options):
        super().__init__()
        self.form, self.batch_first, width = form, batch_first, hidden * (1 + both)
        self.rnn = getattr(nn, kind)(3, hidden, batch_first=batch_first, bidirectional=both, **options)
        self.first, self.second, self.value = nn.Linear(width, 5), nn.Linear(5, 1, bias=False), nn.Linear(width, 3)
        self.score, self.vector = nn.Linear(width, 1), nn.Parameter(torch.randn(width))
        self.inside, self.other, self.pair = nn.Linear(width, width), nn.Linear(width, 5), nn.Linear(2 * width, 5)
        self.out = nn.Linear(3 if form == "values" else width, 2)

    def forward(self, x, lengths=None):
        y, state = self.rnn(x)
        h = state[0] if isinstance(state, tuple) else state
        self.query = torch.cat((h[-2], h[-1]), -1) if self.rnn.bidirectional else h[-1]
        time = 1 if self.batch_first else 0
        return getattr(self, form_of(self.form))(y, time, lengths)

    # Some of the steps.
    def last_few(self, y, time, _):
        return self.out(y[:, -3:] if time else y[-3:])

    def first_few(self, y, time, _):
        return torch.relu(self.out((y[:, :3] if time else y[:3])))

    def all_but(self, y, time, _):
        return torch.softmax(self.out(y[:, 1:-1] if time else y[1:-1]), -1)

    def but_last(self, y, time, _):
        return self.out(y)[:, :-1] if time else self.out(y)[:-1]

    def narrowed(self, y, time, _):
        few = y.narrow(time, 1, 2)
        return self.out(few) + self.out(few) * torch.sigmoid(self.out(few))

    def end_of_few(self, y, time, _):
        few = y[:, -3:] if time else y[-3:]
        return self.out(few[:, -1] if time else few[-1])

    # The step at lengths - 1.
    def gather(self, y, time, lengths):
        shape = (-1, 1, 1) if time else (1, -1, 1)
        at = (lengths - 1).view(*shape).expand(-1, 1, y.size(2)) if time else (lengths - 1).view(*shape).expand(1, -1, y.size(2))
        return self.out(y.gather(time, at).squeeze(time))

    def gather_clamped(self, y, time, lengths):
        at = (lengths.long() - 1).clamp(min=0).unsqueeze(-1).unsqueeze(-1).expand(-1, -1, y.size(-1))
        return self.out(torch.gather(y, 1, at)[:, 0, :])

    def index(self, y, time, lengths):
        rows = torch.arange(y.size(1 - time))
        return self.out(y[rows, lengths - 1] if time else y[lengths - 1, rows])

    # Weights of the steps.
    def scores(self, y):
        return {"linear": lambda: self.score(y), "tanh": lambda: self.second(torch.tanh(self.first(y))), "vector": lambda: torch.matmul(torch.tanh(y), self.vector).unsqueeze(-1)}[
            self.form.split()[1] if " " in self.form else "linear"]()

    def pool(self, y, time, _):
        return self.out((y * torch.softmax(self.scores(y), time)).sum(time))

    def pool_squeezed(self, y, time, _):
        w = torch.softmax(self.scores(y).squeeze(-1), time)
        return self.out(torch.sum(w.unsqueeze(-1) * y, dim=time))

    def pool_bmm(self, y, time, _):
        w = torch.softmax(self.scores(y), 1)
        return self.out(torch.bmm(w.transpose(1, 2), y).squeeze(1))

    def pool_bmm_back(self, y, time, _):
        w = torch.softmax(self.scores(y).squeeze(2), 1)
        return self.out(torch.bmm(y.transpose(1, 2), w.unsqueeze(2)).squeeze(2))

    def pool_matmul(self, y, time, _):
        w = torch.softmax(self.scores(y).squeeze(2), -1)
        return self.out((w.unsqueeze(1) @ y)[:, 0])

    def pool_einsum(self, y, time, _):
        w = torch.softmax(self.scores(y).squeeze(2), 1)
        return self.out(torch.einsum("bt,bth->bh", w, y))

    def pool_values(self, y, time, _):
        return self.out_of_values((self.value(y) * torch.softmax(self.scores(y), time)).sum(time))

    def out_of_values(self, y):
        return self.out(y) if self.out.in_features == 3 else y

    def pool_mean_beside(self, y, time, _):
        w = torch.softmax(self.scores(y), time)
        return torch.cat((self.out((y * w).sum(time)), self.out(y.mean(time))), -1)

    # Weights by what the layer ends with.
    def queried(self, y, time, _):
        how, q = self.form.split()[1], self.query
        if how == "dot":
            s = torch.bmm(y, q.unsqueeze(2)).squeeze(2)
        elif how == "row":
            s = torch.matmul(q.unsqueeze(1), y.transpose(1, 2)).squeeze(1) / y.size(-1) ** 0.5
        elif how == "last":
            s = (y * y[:, -1:]).sum(-1)
        elif how == "general":
            s = torch.bmm(y, self.inside(q).unsqueeze(2)).squeeze(2)
        elif how == "einsum":
            s = torch.einsum("bth,bh->bt", self.inside(y), q)
        elif how == "additive":
            s = self.second(torch.tanh(self.first(y) + self.other(q).unsqueeze(1))).squeeze(2)
        else:
            s = self.second(torch.tanh(self.pair(torch.cat((y, q.unsqueeze(1).expand(-1, y.size(1), -1)), -1)))).squeeze(2)
        w = torch.softmax(s, 1)
        return self.out(torch.bmm(w.unsqueeze(1), y).squeeze(1) + (q if how == "dot" else 0))

    def masked(self, y, time, lengths):
        mask = torch.arange(y.size(time))[None, :] < lengths[:, None] if time else torch.arange(y.size(0))[:, None] < lengths[None, :]
        s = self.scores(y).squeeze(-1).masked_fill(~mask, float("-inf"))
        return self.out((y * torch.softmax(s, time).unsqueeze(-1)).sum(time))

    def masked_large(self, y, time, lengths):
        mask = (torch.arange(y.size(1)).unsqueeze(0) >= lengths.unsqueeze(1)).unsqueeze(-1)
        w = torch.softmax(self.scores(y).masked_fill(mask, -1e9), 1)
        return self.out(torch.bmm(w.transpose(1, 2), y).squeeze(1))

    def masked_where(self, y, time, lengths):
        mask = torch.arange(y.size(1))[None, :] < lengths[:, None]
        s = self.scores(y).squeeze(-1)
        return self.out((y * torch.softmax(torch.where(mask, s, torch.full_like(s, -1e4)), 1).unsqueeze(-1)).sum(1))

    # Pools over the steps of each row.
    def rows_mean(self, y, time, lengths):
        how, shape = self.form.split()[1], (1, -1) if time else (-1, 1)
        mask = torch.arange(y.size(time)).view(*shape) < lengths.unsqueeze(time)
        if how == "counted":
            m = mask.unsqueeze(-1).float()
            return self.out((y * m).sum(time) / m.sum(time))
        if how == "clamped":
            m = mask.unsqueeze(-1).expand(y.size()).float()
            return self.out(torch.sum(y * m, time) / torch.clamp(m.sum(time), min=1e-9))
        if how == "filled":
            return self.out(y.masked_fill(~mask.unsqueeze(-1), 0.0).sum(time) / lengths.clamp(min=1).unsqueeze(-1))
        if how == "float":
            return torch.tanh(self.first((y * mask.unsqueeze(-1).float()).sum(time) / lengths.float().view(-1, 1)))
        return self.out((y * mask.unsqueeze(-1)).sum(time) / lengths.unsqueeze(-1))

    def rows_max(self, y, time, lengths):
        how, shape = self.form.split()[1], (1, -1) if time else (-1, 1)
        mask = (torch.arange(y.size(time)).view(*shape) < lengths.unsqueeze(time)).unsqueeze(-1)
        y = self.first(y)
        if how == "where":
            return self.second(torch.where(mask, y, torch.full_like(y, float("-inf"))).amax(time))
        if how == "least":
            return self.second(y.masked_fill(~mask, torch.finfo(torch.float32).min).amax(time))
        return self.second(y.masked_fill(~mask, float("-inf")).max(time).values)

    def rows_both(self, y, time, lengths):
        mask = (torch.arange(y.size(1)).unsqueeze(0) < lengths.unsqueeze(1)).unsqueeze(-1)
        mean = (y * mask).sum(1) / lengths.unsqueeze(1)
        return self.pair(torch.cat((mean, y.masked_fill(~mask, float("-inf")).amax(1)), -1))


def form_of(form):
    return form.split()[0]


# Forms, whether time may be first, and whether they have lengths.
FORMS = {
    "last_few": (True, False), "first_few": (True, False), "all_but": (True, False), "but_last": (True, False), "narrowed": (True, False), "end_of_few": (True, False),
    "gather": (True, True), "gather_clamped": (False, True), "index": (True, True),
    "pool linear": (True, False), "pool tanh": (True, False), "pool vector": (True, False), "pool_squeezed tanh": (True, False), "pool_squeezed linear": (True, False),
    "pool_bmm tanh": (False, False), "pool_bmm_back linear": (False, False), "pool_matmul tanh": (False, False), "pool_einsum linear": (False, False),
    "pool_values tanh": (True, False), "pool_mean_beside linear": (True, False),
    "queried dot": (False, False), "queried row": (False, False), "queried last": (False, False), "queried general": (False, False), "queried einsum": (False, False),
    "queried additive": (False, False), "queried concat": (False, False),
    "masked tanh": (True, True), "masked_large linear": (False, True), "masked_where tanh": (False, True),
    "rows_mean mask": (True, True), "rows_mean float": (True, True), "rows_mean counted": (True, True), "rows_mean clamped": (False, True), "rows_mean filled": (True, True),
    "rows_max inf": (True, True), "rows_max least": (True, True), "rows_max where": (False, True), "rows_both cat": (False, True),
}


def write(cases, name, form, new, choose, rng, small):
    any_order, lengths = FORMS[form]
    batch_first = not any_order or choose.random() < 0.6
    kind = choose.choice(["LSTM", "GRU"] if new else ["LSTM", "GRU", "RNN"])
    model = Steps(kind, form, hidden=4 if small else choose.randint(2, 6), both=not lengths and choose.random() < 0.4, batch_first=batch_first, num_layers=choose.choice([1, 1, 2])).eval()

    def inputs(steps, rows):
        x = torch.tensor(rng.standard_normal((rows, steps, 3) if batch_first else (steps, rows, 3)), dtype=torch.float32)
        return (x, torch.tensor(rng.integers(1, steps + 1, rows))) if lengths else (x,)

    steps, rows = 6, 3
    example, path = inputs(steps, rows), cases.path(name)
    names = ["x", "lengths"][: len(example)]
    axes = [{0: "batch", 1: "time"} if batch_first else {0: "time", 1: "batch"}, {0: "batch"}][: len(example)]
    dynamic = choose.choice(["none", "batch", "both", "both"])
    if dynamic == "batch":
        axes = [{k: v for k, v in a.items() if v == "batch"} for a in axes]
    if new:
        dims = {"time": torch.export.Dim("time", min=4, max=4096), "batch": torch.export.Dim("batch", min=2, max=4096)}
        shapes = tuple({k: dims[v] for k, v in a.items()} for a in axes)
        torch.onnx.export(model, example, path, dynamo=True, dynamic_shapes=shapes if dynamic != "none" else None, input_names=names, external_data=False, verbose=False,
                          opset_version=choose.choice([18, 20, 21]))
    else:
        torch.onnx.export(model, example, path, dynamo=False, input_names=names, dynamic_axes=dict(zip(names, axes)) if dynamic != "none" else None,
                          opset_version=max(choose.choice([11, 12, 13, 14, 16, 17, 18]), 12 if "einsum" in form else 11))
    slim(path)
    fixed = [d.dim_value for d in onnx.load(path).graph.input[0].type.tensor_type.shape.dim[:2]]
    if not batch_first:
        fixed.reverse()
    cases.add(name, [np.asarray(i) for i in inputs(fixed[1] or 5, fixed[0] or 4)])


def main():
    folder, seed, small = sys.argv[1], int(sys.argv[2]), len(sys.argv) > 3
    choose, rng = random.Random(seed), np.random.default_rng(seed)
    torch.manual_seed(seed)
    cases = Cases(folder)
    for form in [f for f in FORMS if form_of(f) in sys.argv[4:] or len(sys.argv) < 5 and (not small or form_of(f) != "queried" and not form_of(f).startswith("rows_"))]:
        for new in (False, True):
            write(cases, "_".join(form.split()) + ("_new" if new else ""), form, new, choose, rng, small)
    cases.write(f"PyTorch {torch.__version__}, onnx {onnx.__version__}, seed {seed}; written by testdata/steps.py")


if __name__ == "__main__":
    main()
