"""Writes models of LSTM, GRU and RNN in operator sets 7 to 22, and of two of them whose outputs
are joined, with what ONNX Runtime computes.

    python opsets.py FOLDER [SEED]

No exporter of today writes the oldest sets. So the nodes are made by hand: the operator, and
around it what brings the directions of its output side by side. In files of those days (IR
version 3) initializers are inputs of the graph too.
"""
import os
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

from cases import Cases

folder, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
r = np.random.default_rng(seed)
cases = Cases(folder)
T, B, I, H = 4, 2, 3, 5
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
for opset in (7, 8, 9, 11, 13, 14, 21, 22):
    for op, gates in GATES.items():
        for direction in ("forward", "reverse", "bidirectional"):
            if opset > 8 and direction != "bidirectional":
                continue
            d = 2 if direction == "bidirectional" else 1
            draw = lambda *shape: r.uniform(-0.7, 0.7, shape).astype(np.float32)
            weights = {"W": draw(d, gates * H, I), "R": draw(d, gates * H, H), "B": draw(d, 2 * gates * H)}
            attributes = {"hidden_size": H, "direction": direction}
            if op == "GRU":
                attributes["linear_before_reset"] = 1
            nodes = [helper.make_node(op, ["x", "W", "R", "B"], ["all", "last"], name="layer", **attributes)]
            if d == 2:
                weights["shape"] = np.array([0, 0, 2 * H], np.int64)
                nodes.append(helper.make_node("Transpose", ["all"], ["turned"], perm=[0, 2, 1, 3]))
                nodes.append(helper.make_node("Reshape", ["turned", "shape"], ["y"]))
            elif opset < 13:
                nodes.append(helper.make_node("Squeeze", ["all"], ["y"], axes=[1]))
            else:
                weights["axes"] = np.array([1], np.int64)
                nodes.append(helper.make_node("Squeeze", ["all", "axes"], ["y"]))
            initializers = [numpy_helper.from_array(v, k) for k, v in weights.items()]
            inputs = [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["T", "B", I])]
            if opset < 9:
                inputs += [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in initializers]
            outputs = [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["T", "B", d * H])]
            graph = helper.make_graph(nodes, "layer", inputs, outputs, initializers)
            model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3 if opset < 9 else 8)
            onnx.checker.check_model(model)
            name = f"{op}_{opset}_{direction}"
            onnx.save(model, cases.path(name))
            cases.add(name, {"x": draw(T, B, I)})


def two(name, op, join, directions, second={}, refused=""):
    """Two operators over the same input, whose outputs are added or multiplied."""
    nodes, initializers = [], [numpy_helper.from_array(np.array([1], np.int64), "axes")]
    for i, direction in enumerate(directions):
        rows = GATES[op] * H
        names = [f"W{i}", f"R{i}", f"B{i}"]
        for n, shape in zip(names, [(1, rows, I), (1, rows, H), (1, 2 * rows)]):
            if not (n == "B1" and op == "RNN"):  # one layer without biases
                initializers.append(numpy_helper.from_array(r.uniform(-0.7, 0.7, shape).astype(np.float32), n))
        if op == "RNN" and i == 1:
            names.pop()
        nodes.append(helper.make_node(op, ["x"] + names, [f"y{i}"], name=f"layer{i}", hidden_size=H, direction=direction, **(second if i else {})))
        nodes.append(helper.make_node("Squeeze", [f"y{i}", "axes"], [f"z{i}"]))
    nodes.append(helper.make_node(join, ["z0", "z1"], ["y"], name="join"))
    value = lambda n, width: helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["T", "B", width])
    graph = helper.make_graph(nodes, "two", [value("x", I)], [value("y", H)], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), cases.path(name))
    cases.add(name, {"x": r.uniform(-0.7, 0.7, (T, B, I)).astype(np.float32)}, refused)


# Two layers that are the directions of one, in both orders.
two("sum_LSTM", "LSTM", "Add", ["forward", "reverse"])
two("sum_RNN", "RNN", "Add", ["reverse", "forward"])
two("product_GRU", "GRU", "Mul", ["reverse", "forward"])
two("sum_forward", "GRU", "Add", ["forward", "forward"], refused="neither of which is computed from the other")
two("sum_resets", "GRU", "Add", ["forward", "reverse"], {"linear_before_reset": 1}, "neither of which is computed from the other")
two("sum_activations", "RNN", "Add", ["forward", "reverse"], {"activations": ["Relu"]}, "neither of which is computed from the other")
two("product_forward", "LSTM", "Mul", ["forward", "forward"], refused="which are not the directions of one layer")
cases.write(f"onnx {onnx.__version__}, computed by ONNX Runtime; written by testdata/opsets.py")
print(len(cases.list))
