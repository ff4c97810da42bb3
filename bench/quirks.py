"""Holds other libraries to what docs/features.md says of them under "Found by running them".

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 keras==3.15.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
    KERAS_BACKEND=torch venv/bin/python bench/quirks.py        (from the root of the repository)

What other scripts of this folder assert is not repeated here. Every line that fails belongs to a release
that has changed: then the page is to be changed too.
"""

import os
import subprocess
import sys
import warnings

assert os.environ.get("KERAS_BACKEND") == "torch", "set KERAS_BACKEND=torch"

import keras
import numpy as np
import onnx.helper as helper
import onnx.reference
import onnxruntime
import torch

rng = np.random.default_rng(1)
f = lambda *shape: rng.uniform(-1, 1, shape).astype(np.float32)


def pytorch():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        torch.nn.LSTM(1, 1, dropout=0.5)
    assert len(seen) == 1, "dropout with one layer is a warning"
    assert torch.nn.LSTM(1, 3)(torch.zeros(2, 0, 1))[0].shape == (2, 0, 3), "a batch of no rows"
    try:
        torch.nn.GRU(1, 3, proj_size=2)
    except ValueError:
        return
    assert False, "a GRU has a projection"


def of_keras():
    # With recurrent_dropout each gate has a mask of its own, and so it has for the input then.
    keras.utils.set_random_seed(1)
    for Cell, gates in ((keras.layers.LSTMCell, 4), (keras.layers.GRUCell, 3)):
        cell = Cell(9, dropout=0.5, recurrent_dropout=0.5)
        for masks in (cell.get_recurrent_dropout_mask(torch.ones(3, 9)), cell.get_dropout_mask(torch.ones(3, 9))):
            assert len(masks) == gates and not any(torch.equal(masks[0], m) for m in masks[1:])
        assert torch.is_tensor(Cell(9, dropout=0.5).get_dropout_mask(torch.ones(3, 9))), "one mask of the input alone"
    assert torch.is_tensor(keras.layers.SimpleRNNCell(9, recurrent_dropout=0.5).get_recurrent_dropout_mask(torch.ones(3, 9)))
    for Layer in (keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN):
        assert Layer(3)(f(0, 4, 2)).shape == (0, 3), "a batch of no rows"
        try:
            Layer(3)(f(2, 0, 2))
        except IndexError:
            continue
        assert False, "a sequence of no steps"


def model(op, **attributes):
    G, outputs = {"LSTM": 4, "GRU": 3, "RNN": 1}[op], ["Y", "Y_h", "Y_c"][:3 if op == "LSTM" else 2]
    feeds = dict(W=f(1, G * 2, 3), R=f(1, G * 2, 2))
    info = lambda name, shape, kind=onnx.TensorProto.FLOAT: helper.make_tensor_value_info(name, kind, shape)
    graph = helper.make_graph(
        [helper.make_node(op, ["X", "W", "R", "", "L", "H"], outputs, hidden_size=2, **attributes)], "g",
        [info("X", [None] * 3), *(info(k, v.shape) for k, v in feeds.items()), info("L", [None], onnx.TensorProto.INT32), info("H", [None] * 3)],
        [info(name, None) for name in outputs])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    m.ir_version = 8
    return m, feeds


def reference():
    """ONNX's reference implementation passes over options without a word."""
    X, H = f(4, 2, 3), f(1, 2, 2)
    for op, options in (("LSTM", dict(clip=0.01, activations=["Relu"] * 3, input_forget=1)), ("GRU", dict(clip=0.01, activations=["Relu"] * 2)), ("RNN", dict(clip=0.01))):
        m, feeds = model(op)
        run = lambda lengths, **a: onnx.reference.ReferenceEvaluator(model(op, **a)[0]).run(None, dict(feeds, X=X, H=H, L=np.array(lengths, np.int32)))
        plain = run([4, 4])
        for other in (run([2, 0]), *(run([4, 4], **{k: v}) for k, v in options.items())):
            assert all(np.array_equal(a, b) for a, b in zip(plain, other)), op


def runtime(op, T, batch):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    m, feeds = model(op)
    session = onnxruntime.InferenceSession(m.SerializeToString(), options, providers=["CPUExecutionProvider"])
    H = f(1, batch, 2)
    return H, session.run(None, dict(feeds, X=f(T, batch, 3), H=H, L=np.full(batch, T, np.int32)))


def onnx_runtime():
    for op in ("LSTM", "GRU", "RNN"):
        _, (Y, Y_h, *_) = runtime(op, 0, 2)
        assert Y.shape == (0, 1, 2, 2) and not Y_h.any(), "no steps: the final state is zero, not the initial one"
        done = subprocess.run([sys.executable, __file__, op], stderr=subprocess.DEVNULL)
        assert (done.returncode == 0) == (op == "RNN"), "no rows: LSTM and GRU end the process"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        runtime(sys.argv[1], 4, 0)
        sys.exit(0)
    torch.set_num_threads(1)
    for check in (pytorch, of_keras, reference, onnx_runtime):
        check()
    print("all as docs/features.md says")
