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


def two(name, op, join, directions, second={}):
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
    cases.add(name, {"x": r.uniform(-0.7, 0.7, (T, B, I)).astype(np.float32)})


# Two layers that are the directions of one, in both orders.
two("sum_LSTM", "LSTM", "Add", ["forward", "reverse"])
two("sum_RNN", "RNN", "Add", ["reverse", "forward"])
two("product_GRU", "GRU", "Mul", ["reverse", "forward"])
# Two that are not, and so are branches.
two("sum_forward", "GRU", "Add", ["forward", "forward"])
two("sum_resets", "GRU", "Add", ["forward", "reverse"], {"linear_before_reset": 1})
two("sum_activations", "RNN", "Add", ["forward", "reverse"], {"activations": ["Relu"]})
two("product_forward", "LSTM", "Mul", ["forward", "forward"])


class Graph:
    """Layers and products over vectors, by the names of their outputs."""

    def __init__(self):
        self.nodes, self.initializers, self.inputs, self.outputs, self.given = [], [], [], [], {}
        self.constant("axes", np.array([1], np.int64))
        self.input("x", ["T", "B", I])

    def constant(self, name, value):
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def input(self, name, shape):
        self.inputs.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
        self.given[name] = r.uniform(-0.7, 0.7, [{"T": T, "B": B}.get(n, n) for n in shape]).astype(np.float32)

    def do(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def layer(self, op, x, width, y, states=False):
        names = [self.constant(f"{y}.{n}", r.uniform(-0.7, 0.7, shape).astype(np.float32)) for n, shape in zip("WRB", [(1, GATES[op] * H, width), (1, GATES[op] * H, H), (1, 2 * GATES[op] * H)])]
        outputs = [y + ".all"]
        if states:
            for k in "hc"[:2 if op == "LSTM" else 1]:
                self.input(f"{y}.{k}", [1, "B", H])
            names += ["", f"{y}.h"] + ([f"{y}.c"] if op == "LSTM" else [])
            outputs.append(f"{y}.last")
            self.outputs.append(helper.make_tensor_value_info(f"{y}.last", onnx.TensorProto.FLOAT, [1, "B", H]))
        self.nodes.append(helper.make_node(op, [x] + names, outputs, name=y + ".layer", hidden_size=H))
        return self.do("Squeeze", [y + ".all", "axes"], y)

    def linear(self, x, width, y, out=H):
        return self.do("Add", [self.do("MatMul", [x, self.constant(y + ".w", r.uniform(-0.7, 0.7, (width, out)).astype(np.float32))], y + ".p"), self.constant(y + ".b", r.uniform(-0.7, 0.7, out).astype(np.float32))], y)

    def save(self, name, shape):
        self.outputs.insert(0, helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, shape))
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.initializers)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), cases.path(name))
        cases.add(name, self.given)


# A highway around a layer (Srivastava, Greff and Schmidhuber 2015): y = z*a + (1-z)*x.
g = Graph()
g.linear("x", I, "w")
g.layer("GRU", "w", H, "a", states=True)
g.do("Sigmoid", [g.linear("w", H, "gate")], "z")
g.do("Sub", [g.constant("one", np.float32(1)), "z"], "rest")
g.do("Add", [g.do("Mul", ["z", "a"], "za"), g.do("Mul", ["rest", "w"], "zx")], "y")
g.save("highway", ["T", "B", H])

# Each layer reads the sum of all before it, and all are added in the end, twice.
g = Graph()
g.layer("LSTM", "x", I, "a", states=True)
g.layer("GRU", "a", H, "b", states=True)
g.do("Add", ["a", "b"], "ab")
g.layer("LSTM", "ab", H, "c", states=True)
g.do("Add", [g.do("Add", ["c", g.linear("x", I, "skip")], "cs"), "b"], "sum")
g.do("Concat", ["a", "sum"], "both", axis=2)
g.do("Add", [g.linear("both", 2 * H, "mixed"), "sum"], "y")
g.save("dense_skips", ["T", "B", H])

# The last steps of two layers, one less the other, by a gate of both; the layers have other inputs.
g = Graph()
g.layer("RNN", "x", I, "a")
g.layer("LSTM", g.do("Tanh", [g.linear("x", I, "w")], "t"), H, "b")
for n in "ab":
    g.do("Gather", [n, g.constant(n + ".at", np.int64(-1))], n + "1", axis=0)
g.do("Sigmoid", [g.linear(g.do("Concat", ["a1", "b1"], "ab", axis=1), 2 * H, "gate")], "z")
g.do("Mul", [g.do("Sub", ["a1", "b1"], "less"), "z"], "y")
g.save("gated_difference", ["B", H])

# Halves of one vector, one of which is a gate of the other, as of torch.nn.GLU.
g = Graph()
g.linear(g.layer("GRU", "x", I, "a"), H, "w", out=2 * H)
g.constant("halves", np.array([H, H], np.int64))
g.nodes.append(helper.make_node("Split", ["w", "halves"], ["left", "right"], axis=-1))
g.do("Mul", ["left", g.do("Sigmoid", ["right"], "z")], "gated")
g.do("Mul", ["left", "right"], "product")
g.do("Add", ["gated", "product"], "y")
g.save("halves", ["T", "B", H])

# Softsign as PyTorch writes it before and after a layer: x / (1 + |x|).
g = Graph()
g.constant("one", np.float32(1))
for x, width, y in [("x", I, "s"), ("a", H, "y")]:
    if y == "y":
        g.layer("GRU", "s", I, "a")
    g.do("Div", [x, g.do("Add", [g.do("Abs", [x], "abs" + y), "one"], "den" + y)], y)
g.save("softsign", ["T", "B", H])

# A layer norm, as its arithmetic, of a part of a vector.
g = Graph()
g.linear("x", I, "w", out=2 * H)
g.nodes.append(helper.make_node("Split", [g.layer("GRU", "w", 2 * H, "a"), g.constant("parts", np.array([1, H - 1], np.int64))], ["left", "right"], axis=-1))
g.do("Sub", ["right", g.do("ReduceMean", ["right"], "mean", axes=[-1])], "centred")
g.do("ReduceMean", [g.do("Pow", ["centred", g.constant("two", np.float32(2))], "square")], "variance", axes=[-1])
g.do("Sqrt", [g.do("Add", ["variance", g.constant("eps", np.float32(1e-5))], "stable")], "deviation")
g.do("Div", ["centred", "deviation"], "y")
g.save("norm_of_a_part", ["T", "B", H - 1])

# Softplus as PyTorch's new exporter writes it, with arguments on both sides of the threshold.
g = Graph()
g.do("Mul", [g.linear(g.layer("GRU", "x", I, "a"), H, "w"), g.constant("forty", np.float32(40))], "wide")
g.do("Where", [g.do("Greater", ["wide", g.constant("threshold", np.float32(20))], "beyond"), "wide", g.do("Softplus", ["wide"], "soft")], "y")
g.save("softplus", ["T", "B", H])

# Squares and cubes that are no part of a GELU, in both ways to write them, at all steps and at the first.
g = Graph()
g.layer("GRU", "x", I, "a")
g.do("Mul", ["a", "a"], "square")
g.do("Pow", ["a", g.constant("three", np.float32(3))], "cube")
g.do("Add", [g.do("Sub", ["square", "cube"], "less"), g.do("Mul", ["square", g.constant("factor", np.float32(0.3))], "scaled")], "sum")
g.do("Mul", [g.linear("sum", H, "w"), "square"], "product")
g.do("Gather", ["product", g.constant("last", np.int64(-1))], "end", axis=0)
g.do("Gather", ["square", g.constant("first", np.int64(0))], "begin", axis=0)
g.do("Add", [g.do("Tanh", ["begin"], "small"), "end"], "y")
g.save("powers", ["B", H])
cases.write(f"onnx {onnx.__version__}, computed by ONNX Runtime; written by testdata/opsets.py")
print(len(cases.list))
