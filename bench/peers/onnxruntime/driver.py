"""ONNX Runtime on the CPU: inference of recurrent layers.

Weights are constants of the model, which it packs when it loads it; inputs and
outputs are bound to memory beforehand, so that a call copies nothing.
"""

import os
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from protocol import Unsupported, serve  # noqa: E402

GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def session(cell, T, B, I, H, threads):
    rng = np.random.default_rng(1)
    G = GATES[cell]

    def weight(name, *shape):
        return numpy_helper.from_array(rng.uniform(-1, 1, shape).astype(np.float32) / np.float32(H**0.5), name)

    def value(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    states = ["h", "c"] if cell == "lstm" else ["h"]
    attributes = {"hidden_size": H}
    if cell == "gru":
        attributes["linear_before_reset"] = 1
    node = helper.make_node(
        cell.upper(),
        ["x", "w", "r", "b", ""] + [s + "0" for s in states],
        ["y"] + [s + "1" for s in states],
        **attributes,
    )
    graph = helper.make_graph(
        [node],
        "layer",
        [value("x", T, B, I)] + [value(s + "0", 1, B, H) for s in states],
        [value("y", T, 1, B, H)] + [value(s + "1", 1, B, H) for s in states],
        [weight("w", 1, G * H, I), weight("r", 1, G * H, H), weight("b", 1, 2 * G * H)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    run = ort.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def memory(*shape):
        return ort.OrtValue.ortvalue_from_numpy(rng.uniform(-1, 1, shape).astype(np.float32))

    x, y = memory(T, B, I), memory(T, 1, B, H)
    pairs = [(memory(1, B, H), memory(1, B, H)) for _ in states]
    # The state goes from one piece of memory to the other and back.
    bindings = []
    for begin, end in ((0, 1), (1, 0)):
        binding = run.io_binding()
        binding.bind_ortvalue_input("x", x)
        binding.bind_ortvalue_output("y", y)
        for name, pair in zip(states, pairs):
            binding.bind_ortvalue_input(name + "0", pair[begin])
            binding.bind_ortvalue_output(name + "1", pair[end])
        bindings.append(binding)
    return run, bindings


def setup(s):
    cell, _, form = s["op"].partition("-")
    if cell not in GATES or form not in ("infer", "step"):
        raise Unsupported("inference of layers only")
    T = 1 if form == "step" else s.number("T")
    run, bindings = session(cell, T, s.number("B"), s.number("I"), s.number("H"), s.number("threads"))
    turn = 0

    def call():
        nonlocal turn
        run.run_with_iobinding(bindings[turn])
        turn = 1 - turn

    return call


if __name__ == "__main__":
    serve(f"{ort.__version__}, onnx {onnx.__version__}", setup)
