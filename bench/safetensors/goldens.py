"""Writes small files by the reference implementation of safetensors, as golden files of the Go tests.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 safetensors==0.8.0 numpy==2.4.6
    venv/bin/python bench/safetensors/goldens.py        (from the root of the repository)

Weights are drawn from labels (bench/compact.py) and rounded to multiples of 1/64, which all four
types of elements hold. Outputs are computed in float64.
"""

import os
import sys

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from compact import ROOT, uniform


def drawn(label, shape):
    return torch.from_numpy(np.asarray(np.rint(uniform(label, shape).astype(np.float64) * 64) / 64))


def write(path, tensors, metadata):
    path = os.path.join(ROOT, path)
    save_file(tensors, path, metadata=metadata)
    print(os.path.relpath(path, ROOT), os.path.getsize(path), "bytes")


def types():
    """Each type beside what PyTorch makes of it as float32, and types that are no floats of ours."""
    special = [0.0, -0.0, 1.0, -1.5, float("inf"), float("-inf"), float("nan")]
    half = torch.tensor(special + [65504.0, 2.0**-14, 2.0**-24, -3 * 2.0**-24, 1023 * 2.0**-24, 0.1], dtype=torch.float16)
    brain = torch.tensor(special + [3.3895313892515355e38, 2.0**-126, 2.0**-133, 0.1], dtype=torch.bfloat16)
    double = torch.tensor(
        special
        # the last that round to the largest float32, and ties: to even, in normal and denormal numbers and to zero
        + [3.4028234663852886e38, 3.4028235677973362e38, 1 + 2.0**-24, 1 + 3 * 2.0**-24, 1 + 2.0**-24 + 2.0**-50]
        + [2.0**-149, 2.0**-150, 1.5 * 2.0**-149, 2.0**-150 + 2.0**-190, 2.0**-1074, 0.1],
        dtype=torch.float64,
    )
    single = torch.tensor(special + [3.4028234663852886e38, 2.0**-149, 0.1], dtype=torch.float32)
    tensors = {}
    for name, t in (("f16", half), ("bf16", brain), ("f64", double), ("f32", single)):
        tensors[name], tensors[name + " as float32"] = t, t.float().clone()
    tensors["i64"] = torch.arange(3)
    tensors["bool"] = torch.tensor([True, False, True])
    tensors["f8"] = torch.ones(5).to(torch.float8_e4m3fn)
    tensors["beyond"] = torch.tensor([1.0, -3.402823567797337e38], dtype=torch.float64)
    write("convert/safetensors/testdata/types.safetensors", tensors, {"format": "pt"})


def written():
    """What Go has to write byte for byte."""
    shapes = {"b": (2, 3), "a": (4,), "scalar": (), "none": (0, 7), "": (1,), "é": (1,), 'q"\\/<&>\n\t\b\f\r\x01\x1f\x7f\u2028😀': (2, 1, 2)}
    tensors = {name: drawn("written/" + name, shape).float() for name, shape in shapes.items()}
    write("convert/safetensors/testdata/written.safetensors", tensors, {'k"\n\u2028': "é\\/\x02"})
    write("convert/safetensors/testdata/bare.safetensors", {"a": tensors["a"]}, None)
    # With empty metadata besides, release 0.8.0 writes {},"__metadata__":{}}, which it cannot read itself.
    write("convert/safetensors/testdata/empty.safetensors", {}, None)


LAYERS = {
    "encoder.rnn.": (nn.LSTM, torch.float32, dict(input_size=3, hidden_size=4, num_layers=2, bidirectional=True)),
    "decoder.": (nn.GRU, torch.bfloat16, dict(input_size=2, hidden_size=5, num_layers=2)),
    "plain.": (nn.RNN, torch.float16, dict(input_size=3, hidden_size=2, bias=False, bidirectional=True, nonlinearity="relu")),
    "small.lstm.": (nn.LSTM, torch.float64, dict(input_size=4, hidden_size=5, proj_size=3)),
}


def pytorch():
    """A model's state_dict, and what its layers put out for drawn inputs."""
    tensors, outputs = {"head.weight": drawn("head.weight", (2, 8)).float(), "decoder.step": torch.tensor(7)}, {}
    for prefix, (make, dtype, options) in LAYERS.items():
        net = make(**options, dtype=torch.float64)
        for name, shape in ((k, tuple(v.shape)) for k, v in net.state_dict().items()):
            tensors[prefix + name] = drawn(prefix + name, shape).to(dtype)
        net.load_state_dict({name: tensors[prefix + name].double() for name in net.state_dict()})
        outputs[prefix + "y"] = net(drawn(prefix + "x", (5, 2, options["input_size"])))[0].detach()
    write("convert/testdata/pytorch.safetensors", tensors, {"format": "pt"})
    write("convert/testdata/pytorch_outputs.safetensors", outputs, {"torch": torch.__version__.split("+")[0]})


if __name__ == "__main__":
    torch.set_num_threads(1)
    os.makedirs(os.path.join(ROOT, "convert/safetensors/testdata"), exist_ok=True)
    types()
    written()
    pytorch()
