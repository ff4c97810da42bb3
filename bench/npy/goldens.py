"""Writes small files by NumPy, as golden files of the Go tests.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 safetensors==0.8.0 numpy==2.4.6
    venv/bin/python bench/npy/goldens.py        (from the root of the repository)

Beside each array stands what NumPy makes of it: "as float32" and, of integers, "as int32".
"""

import os
import sys
import warnings

import numpy as np
from safetensors.torch import load_file

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from compact import ROOT

HERE = os.path.join(ROOT, "convert", "npy", "testdata")
SPECIAL = [0.0, -0.0, 1.0, -1.5, float("inf"), float("-inf"), float("nan")]


def size(path):
    print(os.path.relpath(path, ROOT), os.path.getsize(path), "bytes")


def archive(name, arrays, save=np.savez):
    path = os.path.join(HERE, name)
    save(path, **arrays)
    size(path)


def types():
    """Each type in both orders of bytes."""
    values = {
        "f2": SPECIAL + [65504.0, 2.0**-14, 2.0**-24, -3 * 2.0**-24, 1023 * 2.0**-24, 0.1],
        "f4": SPECIAL + [3.4028234663852886e38, 2.0**-149, 0.1],
        # the last that round to the largest float32, and ties: to even, in normal and denormal numbers and to zero
        "f8": SPECIAL
        + [3.4028234663852886e38, 3.4028235677973362e38, 1 + 2.0**-24, 1 + 3 * 2.0**-24, 1 + 2.0**-24 + 2.0**-50]
        + [2.0**-149, 2.0**-150, 1.5 * 2.0**-149, 2.0**-150 + 2.0**-190, 2.0**-1074, 0.1],
        "b1": [True, False, True],
    }
    arrays = {}
    for bits in (8, 16, 32, 64):
        # the ends of the type, of what float32 and int32 hold, and ties between float32
        ends = [0, 1, 2, 100, 2**7 - 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**24 - 1, 2**24 + 1, 2**24 + 3, 2**25 + 2, 2**25 + 6]
        ends += [2**31 - 1, 2**31, 2**32 - 1, 2**53 + 1, 2**54 + 2**30, 2**54 + 2**30 + 1, 2**54 + 3 * 2**30, 2**62 + 2**38 + 1, 2**63 - 1, 2**63 + 2**39, 2**63 + 2**39 + 1, 2**64 - 1]
        values[f"u{bits // 8}"] = [v for v in ends if v < 2**bits]
        values[f"i{bits // 8}"] = [v for e in ends for v in (e, -e, -e - 1) if -(2 ** (bits - 1)) <= v < 2 ** (bits - 1)]
    for name, v in values.items():
        for order in "<>" if name[1] != "1" else "|":
            a = np.array(v, dtype=order + name)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                arrays[order + name], arrays[order + name + " as float32"] = a, a.astype(np.float32)
            if name[0] != "f":
                ids = a[(a <= np.array(2**31 - 1, dtype=np.uint64)) & (a.astype(np.float64) >= -(2.0**31))]
                arrays["ids " + order + name], arrays["ids " + order + name + " as int32"] = ids, ids.astype(np.int32)
    archive("types.npz", arrays)


def orders():
    """Shapes in both orders, the last of more elements than are read at a time."""
    arrays = {}
    for shape in [(), (0,), (3,), (2, 3), (3, 0, 2), (2, 3, 4), (1, 2, 1, 3, 2), (1,) * 64, (130, 70)]:
        name = "x".join(map(str, shape))
        # A multiplier makes rows of different numbers.
        a = (np.arange(np.prod(shape, dtype=int)) * 7919 % 251).reshape(shape)
        arrays[name + " as float32"] = a.astype(np.float32)
        for typ in ("<f4", ">i2"):
            for order in "CF":
                arrays[f"{name} {typ} {order}"] = np.array(a, dtype=typ, order=order)
    archive("orders.npz", arrays, np.savez_compressed)


def refused():
    """Types that are no numbers of ours."""
    structured = np.zeros(2, dtype=[("a", "<f4"), ("b)]'", "<i4", (2,))])
    arrays = {
        "objects": np.array([{"a": 1}, None], dtype=object),
        "text": np.array(["a", "bc"]),
        "bytes": np.array([b"a", b"bc"]),
        "complex": np.zeros(2, np.complex64),
        "times": np.zeros(2, "datetime64[s]"),
        "raw": np.zeros(3, "V2"),
        "long": np.zeros(2, np.longdouble),
        "structured": structured,
        "float32": np.ones(2, np.float32),
        "double": np.array([1.0, -3.402823567797337e38]),
        "ids": np.asfortranarray(np.array([[0, 1], [2**31, 2]], dtype=">u4")),
    }
    archive("refused.npz", arrays)


def written():
    """What Go has to write byte for byte: np.savez writes each array as np.save does."""
    arrays = {}
    # With the ranks up to 64 the header has every length, from one multiple of 64 bytes to the next.
    for shape in [(), (0,), (5,), (1234,), (2, 3), (2, 0, 3), (4, 1, 2, 3)] + [(1,) * rank for rank in range(1, 65)]:
        for typ in ("f4", "i4") if len(shape) < 5 else ("f4",):
            a = np.arange(np.prod(shape, dtype=int)).astype("<" + typ)
            arrays[f"{typ} {'x'.join(map(str, shape))}"] = ((a - 1) * (0.5 if typ == "f4" else 1)).astype("<" + typ).reshape(shape)
    archive("written.npz", arrays, np.savez_compressed)


def versions():
    """One array in each version of the format, one after another."""
    path = os.path.join(HERE, "versions.npy")
    with open(path, "wb") as f, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i, v in enumerate([(1, 0), (2, 0), (3, 0)]):
            np.lib.format.write_array(f, np.full((2, i + 1), i + 0.5, dtype=np.float32), version=v)
    size(path)


def model():
    """The model of bench/safetensors/goldens.py as its users save it with NumPy."""
    testdata = os.path.join(ROOT, "convert", "testdata")
    tensors = load_file(os.path.join(testdata, "pytorch.safetensors"))
    path = os.path.join(testdata, "pytorch.npz")
    np.savez_compressed(path, **{k: v.float().numpy() for k, v in tensors.items()})
    size(path)


if __name__ == "__main__":
    os.makedirs(HERE, exist_ok=True)
    types()
    orders()
    refused()
    written()
    versions()
    model()
