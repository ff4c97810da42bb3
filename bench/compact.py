"""Numbers from a label and short summaries of tensors, the same here and in internal/numtest/compact.go.

A golden file of hundreds of configurations holds neither weights nor inputs: each is drawn from a
label made of the configuration's seed and the tensor's name. Of what the peer computes it holds, for
each tensor, the Euclidean norm, the inner product with a vector drawn from a label, and some elements
at drawn places. A wrong element changes the first two; the third show where the numbers part.
"""

import json
import os

import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def words(label, n):
    """The first n numbers of splitmix64, which starts at the label's FNV-1a hash."""
    state = 0xCBF29CE484222325
    for b in label.encode():
        state = (state ^ b) * 0x100000001B3 % 2**64
    z = np.uint64(state) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, n + 1, dtype=np.uint64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(label, shape, scale=1.0):
    """float32 numbers from [-scale, scale): multiples of 2^-23, times scale in float32."""
    n = int(np.prod(shape))
    k = (words(label, n) >> np.uint64(40)).astype(np.int64) - 2**23
    return (k.astype(np.float32) / np.float32(2**23) * np.float32(scale)).reshape(shape)


class Choose:
    """What a configuration is made of, drawn from a label."""

    def __init__(self, label):
        self.words = iter(int(w) for w in words(label, 64))

    def below(self, n):
        return next(self.words) % n

    def of(self, items):
        return items[self.below(len(items))]

    def chance(self, percent):
        return self.below(100) < percent

    def number(self, low, high):
        """A number with two decimals."""
        return round(low + (high - low) * self.below(1000) / 1000, 2)


def digits(v):
    """Nine digits tell any two float32 apart."""
    return float("%.9g" % v)


def summary(label, tensor, samples):
    """Norm, inner product, and that many elements, or all if there are no more."""
    t = np.asarray(tensor, np.float64).ravel()
    direction = uniform(label + "/direction", t.shape).astype(np.float64)
    at = np.arange(t.size)
    if t.size > samples:
        at = words(label + "/at", samples) % np.uint64(t.size)
    return [digits(v) for v in (np.linalg.norm(t), t @ direction, *t[at.astype(np.int64)])]


def apart(got, want):
    """The larger of two relative differences: in the Euclidean norm, and of an element, relative to
    the element or, where that is smaller, to the tensor's root mean square."""
    got, want = np.asarray(got, np.float64).ravel(), np.asarray(want, np.float64).ravel()
    norm = np.linalg.norm(want)
    if want.size == 0 or norm == 0:
        return float(np.linalg.norm(got))
    diff = np.abs(got - want)
    return float(max(np.linalg.norm(diff) / norm, np.max(diff / np.maximum(np.abs(want), norm / want.size**0.5))))


def write(path, head, cases):
    path = os.path.join(ROOT, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(json.dumps(head)[:-1] + ', "cases": [\n')
        f.write(",\n".join(json.dumps(c, separators=(",", ":")) for c in cases))
        f.write("\n]}\n")
    print(os.path.relpath(path, ROOT), os.path.getsize(path), "bytes,", len(cases), "configurations;", head)
