"""Writes what PyTorch's losses give for small outputs, as golden file of the Go tests.

    venv/bin/python bench/pytorch/losses.py        (from the root of the repository)

As in goldens.py PyTorch computes in float64, and how far float32 is from that stands in the
file. Outputs are [steps][batch][width]; "mean" and "sum" are PyTorch's two reductions of one
case, with the gradients of both.
"""

import torch
from torch import nn
from torch.nn import functional as F

from goldens import Draw, flat, write

IGNORED = -100
SHAPE = dict(steps=4, batch=3, width=5)

CASES = [
    dict(name="cross-entropy", kind="CrossEntropyLoss"),
    dict(name="cross-entropy, ignored targets", kind="CrossEntropyLoss", ignored=3),
    dict(name="cross-entropy, weights", kind="CrossEntropyLoss", ignored=2, weights=True),
    dict(name="cross-entropy, smoothing", kind="CrossEntropyLoss", ignored=2, smoothing=0.2),
    dict(name="cross-entropy, weights and smoothing", kind="CrossEntropyLoss", ignored=2, smoothing=0.1, weights=True),
    dict(name="cross-entropy, nothing but smoothing", kind="CrossEntropyLoss", smoothing=1.0, weights=True),
    dict(name="cross-entropy, far logits", kind="CrossEntropyLoss", smoothing=0.1, scale=100.0),
    dict(name="one class", kind="CrossEntropyLoss", width=1),
    dict(name="binary", kind="BCEWithLogitsLoss", scale=6.0),
    dict(name="binary, weights of ones", kind="BCEWithLogitsLoss", scale=6.0, weights=True),
    dict(name="binary, probabilities for targets", kind="BCEWithLogitsLoss", soft=True, weights=True),
    dict(name="binary, far logits", kind="BCEWithLogitsLoss", scale=200.0),
    dict(name="binary, weights of elements", kind="BCEWithLogitsLoss", scale=6.0, elements=True),
    dict(name="squared", kind="MSELoss", scale=2.0),
    dict(name="absolute", kind="L1Loss", scale=2.0),
    dict(name="Huber", kind="HuberLoss", scale=2.0),
    dict(name="Huber, 0.3", kind="HuberLoss", scale=2.0, delta=0.3),
    dict(name="smooth L1, 0.3", kind="SmoothL1Loss", scale=2.0, delta=0.3),
    dict(name="CTC", kind="CTCLoss", steps=8, width=6, labels=[[1, 2, 3], [2, 2], [5, 4, 5, 5]], lengths=[8, 5, 7]),
    dict(name="CTC, last class blank", kind="CTCLoss", steps=7, blank=5, width=6, labels=[[1, 0], [2, 2, 2], [0]], lengths=[7, 6, 1]),
    dict(name="CTC, nothing to say", kind="CTCLoss", steps=5, width=3, labels=[[], [1], [2, 1]], lengths=[5, 5, 2]),
    dict(name="CTC, as few steps as can be", kind="CTCLoss", steps=5, width=4, labels=[[1, 1, 2], [3, 2], [3, 3, 3]], lengths=[4, 2, 5]),
    dict(name="CTC, sure of the blank", kind="CTCLoss", steps=40, width=4, favour=30.0, labels=[[1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3], [3, 3, 3, 3, 3, 3, 3, 3], [1]], lengths=[40, 39, 40]),
    dict(name="CTC, too few steps", kind="CTCLoss", steps=4, width=4, labels=[[1, 1, 1], [3, 2], [3]], lengths=[4, 4, 3], zero_infinity=True),
]


def run(case, dtype):
    draw = Draw(1000 + CASES.index(case))
    case = dict(SHAPE, **case)
    kind, steps, batch, width = case["kind"], case["steps"], case["batch"], case["width"]
    y = draw(steps, batch, width, scale=case.get("scale", 3.0))
    if "favour" in case:
        y[:, :, 0] += case["favour"]
    case["y"] = flat(y)
    weights = (draw(width) + 1.5) if case.get("weights") else None
    if weights is not None:
        case["weights"] = flat(weights)
        weights = weights.to(dtype)
    want = {}
    if kind == "CrossEntropyLoss":
        targets = draw.ints(width, steps, batch)
        for i in range(case.get("ignored", 0)):
            targets[i, i % batch] = IGNORED
        case["targets"] = targets.flatten().tolist()
    elif kind != "CTCLoss":
        target = draw(steps, batch, width, scale=2.0)
        if kind == "BCEWithLogitsLoss":
            target = (target / 2 + 1) / 2 if case.get("soft") else (target > 0).float()
        case["target"] = flat(target)
        target = target.to(dtype)
    elements = None
    if case.get("elements"):
        elements = draw(steps, batch, width) + 1
        elements[0, 1, 2] = elements[2, 0, 0] = 0
        case["elements"] = flat(elements)
        elements = elements.to(dtype)

    for reduction in ("mean", "sum"):
        x = y.clone().to(dtype).requires_grad_()
        if kind == "CrossEntropyLoss":
            f = nn.CrossEntropyLoss(weight=weights, ignore_index=IGNORED, label_smoothing=case.get("smoothing", 0.0), reduction=reduction)
            loss = f(x.flatten(0, 1), targets.flatten())
        elif kind == "BCEWithLogitsLoss":
            # PyTorch's mean divides by the elements, whatever they weigh.
            loss = nn.BCEWithLogitsLoss(weight=elements, pos_weight=weights, reduction=reduction)(x, target)
        elif kind == "HuberLoss":
            loss = nn.HuberLoss(delta=case.get("delta", 1.0), reduction=reduction)(x, target)
        elif kind == "SmoothL1Loss":
            loss = nn.SmoothL1Loss(beta=case["delta"], reduction=reduction)(x, target)
        elif kind == "CTCLoss":
            f = nn.CTCLoss(blank=case.get("blank", 0), zero_infinity=case.get("zero_infinity", False), reduction=reduction)
            labels = torch.tensor([k for row in case["labels"] for k in row], dtype=torch.long)
            sizes = torch.tensor([len(row) for row in case["labels"]])
            loss = f(F.log_softmax(x, 2), labels, torch.tensor(case["lengths"]), sizes)
        else:
            loss = getattr(nn, kind)(reduction=reduction)(x, target)
        loss.backward()
        want[reduction] = float("%.12g" % loss.item())
        want[reduction + "_dy"] = flat(x.grad)
    return dict(case, want=want)


if __name__ == "__main__":
    torch.set_num_threads(1)
    write("loss/testdata/pytorch_losses.json", dict(made_by="bench/pytorch/losses.py"), CASES, run)
