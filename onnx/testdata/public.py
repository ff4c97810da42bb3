"""Writes small models whose graphs have the shapes of public files, with what ONNX Runtime makes of them.

    python public.py FOLDER SEED

bench/results/public-onnx.md has the files. No weights and no names are theirs.
"""
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cases import Cases

F = TensorProto.FLOAT


class Graph:
    """A graph that is written node by node."""

    def __init__(self, random):
        self.nodes, self.constants, self.inputs, self.outputs, self.random = [], [], [], [], random

    def input(self, name, *shape):
        self.inputs.append(helper.make_tensor_value_info(name, F, list(shape)))
        return name

    def output(self, tensor, *shape):
        self.nodes.append(helper.make_node("Identity", [tensor], ["y%d" % len(self.outputs)]))
        self.outputs.append(helper.make_tensor_value_info("y%d" % len(self.outputs), F, list(shape)))

    def ints(self, *v):
        return self.constant(np.array(v, np.int64))

    def constant(self, a):
        name = "c%d" % len(self.constants)
        self.constants.append(numpy_helper.from_array(np.asarray(a), name))
        return name

    def weights(self, *shape):
        return self.constant(self.random.normal(0, 0.5, shape).astype(np.float32))

    def node(self, op, *inputs, outputs=1, **attributes):
        at = len(self.nodes)
        names = ["n%d_%d" % (at, i) for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name="%s_%d" % (op, at), **attributes))
        return names[0] if outputs == 1 else names

    def layer(self, kind, x, width, hidden, *state, direction="forward"):
        gates, n = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind], 2 if direction == "bidirectional" else 1
        more = ["", *state] if state else []
        return self.node(kind, x, self.weights(n, gates * hidden, width), self.weights(n, gates * hidden, hidden), self.weights(n, 2 * gates * hidden), *more,
                         outputs=3 if kind == "LSTM" else 2, hidden_size=hidden, direction=direction, **({"linear_before_reset": 1} if kind == "GRU" else {}))

    def linear(self, x, width, out):
        return self.node("Add", self.node("MatMul", x, self.weights(width, out)), self.weights(out))

    def save(self, path, opset):
        g = helper.make_graph(self.nodes, "g", self.inputs, self.outputs, self.constants)
        m = helper.make_model(g, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        onnx.checker.check_model(m, full_check=True)
        onnx.save(m, path)


def branch(g, x, size, then, otherwise):
    """An If whose condition is that an axis of x has a size."""
    axis, want = size
    n = g.node("Gather", g.node("Shape", x), g.constant(np.int64(axis)), axis=0)
    is_it = g.node("Equal", n, g.constant(np.int64(want)))
    graphs = []
    for k, nodes in enumerate((then, otherwise)):
        graphs.append(helper.make_graph(nodes, "branch%d" % k, [], [helper.make_tensor_value_info(nodes[-1].output[0], F, None)]))
    return g.node("If", is_it, then_branch=graphs[0], else_branch=graphs[1])


def squeezed(g, form):
    """squeeze(1) and squeeze(0), as PyTorch's exporter writes them where it does not know the sizes."""
    y = g.layer("LSTM", g.input("x", "time", "batch", 3), 3, 4)[0]
    axes = g.ints(1)
    inner = helper.make_graph([helper.make_node("Identity", [y], ["i2"])], "inner", [], [helper.make_tensor_value_info("i2", F, None)])
    other = helper.make_graph([helper.make_node("Relu", [y], ["i3"])], "other", [], [helper.make_tensor_value_info("i3", F, None)])
    size = helper.make_node("Size", [axes], ["s"])
    cond = helper.make_node("Cast", ["s"], ["b"], to=TensorProto.BOOL)
    y = branch(g, y, (1, 1),
               [size, cond, helper.make_node("If", ["b"], ["i1"], then_branch=inner, else_branch=other), helper.make_node("Squeeze", ["i1", axes], ["a"])],
               [helper.make_node("Identity", [y], ["d"])])
    y = branch(g, y, (2, 1), [helper.make_node("Squeeze", [y, g.ints(2)], ["e"])], [helper.make_node("Tanh", [y], ["f"])])
    g.output(g.linear(y, 4, 2), "time", "batch", 2)
    return {"x": (5, 3, 3)}


def keras_norm(g, form):
    """The layer norm of Keras, as tf2onnx writes it: over all steps, then over the last one."""
    y = g.node("Squeeze", g.layer("GRU", g.input("x", "time", "batch", 3), 3, 4)[0], g.ints(1))

    def norm(x, axis, shape):
        mean = g.node("ReduceMean", x, axes=[axis], keepdims=0 if form == "flat mean" else 1)
        centred = g.node("Sub", x, mean)
        variance = g.node("ReduceMean", g.node("Mul", centred, centred), axes=[axis], keepdims=1)
        deviation = g.node("Sqrt", g.node("Add", variance, g.constant(np.float32(1e-3))))
        if form == "quotient":
            factor = g.node("Div", g.constant(np.float32(1)), deviation)
        else:
            factor = g.node("Reciprocal", deviation)
        if form in ("centred", "flat mean"):
            return g.node("Mul", centred, factor)
        if form != "no gain":
            factor = g.node("Mul", factor, g.weights(*shape))
        other = g.node("Mul", g.node("Reciprocal", deviation), g.weights(*shape)) if form == "other gain" else factor
        if form == "minus":
            offset = g.node("Sub", g.weights(*shape), g.node("Mul", mean, factor))
        elif form == "less bias":
            offset = g.node("Sub", g.node("Mul", mean, factor), g.weights(*shape))
        else:
            offset = g.node("Mul", mean if form.startswith("plus mean") else g.node("Neg", mean), other)
            if "no bias" not in form:
                offset = g.node("Add", offset, g.weights(*shape))
        return g.node("Add", g.node("Mul", x, factor), offset)

    y = norm(y, 2, (1, 1, 4))
    y = g.node("Squeeze", g.layer("LSTM", y, 4, 4)[1], g.ints(0))
    g.output(norm(y, 1, (1, 4)), "batch", 4)
    return {"x": (4, 4, 3) if form == "flat mean" else (5, 3, 3)}


def autoencoder(g, form):
    """What an encoder ends with, at all steps of a decoder."""
    steps = "time" if form == "shape" else 5
    x = g.input("x", steps, "batch", 3)
    if form == "keras":  # Slice, Reshape, Tile along an axis of its own, Reshape
        y = g.node("Squeeze", g.layer("LSTM", x, 3, 4)[0], g.ints(1))
        y = g.node("Squeeze", g.node("Slice", y, g.ints(-1), g.ints(2**31 - 1), g.ints(0)), g.ints(0))
        y = g.node("Unsqueeze", g.node("Reshape", y, g.ints(-1, 1, 4)), g.ints(2))
        y = g.node("Reshape", g.node("Tile", y, g.ints(1, 1, 5, 1)), g.ints(-1, 5, 4))
        y = g.node("Transpose", y, perm=[1, 0, 2])
    elif form == "torch":  # both directions' final states, Linears, Expand and Tile
        h = g.layer("GRU", x, 3, 4, direction="bidirectional")[1]
        h = g.node("Reshape", g.node("Transpose", h, perm=[1, 0, 2]), g.ints(-1, 8))
        h = g.node("Unsqueeze", g.linear(g.node("Tanh", g.linear(h, 8, 2)), 2, 4), g.ints(0))
        y = g.node("Tile", g.node("Expand", h, g.ints(1, 1, 1)), g.ints(5, 1, 1))
    else:  # Expand to the shape of another tensor
        all_steps, h, _ = g.layer("LSTM", x, 3, 4)
        shape = g.node("Shape", g.node("Squeeze", all_steps, g.ints(1)))
        y = g.node("Expand", h, shape)
    y = g.node("Squeeze", g.layer("LSTM", y, 4, 3)[0], g.ints(1))
    g.output(g.linear(y, 3, 2), steps, "batch", 2)
    return {"x": (5, 3, 3)}


def streaming(g, form):
    """Two LSTMs whose states are parts of one input, and of one output."""
    x = g.input("x", "time", 1 if form == "stacked" else "batch", 3)
    batch = 1 if form == "stacked" else 2
    if form == "stacked":  # [batch][layer][unit][h or c]
        s = g.input("s", 1, 2, 4, 2)
        part = lambda layer, cell: g.node("Unsqueeze", g.node("Squeeze", g.node("Slice", s, g.ints(0, layer, 0, cell), g.ints(2**62, layer + 1, 2**62, cell + 1), g.ints(0, 1, 2, 3)), g.ints(1, 3)), g.ints(0))
    else:  # [layer][batch][units of h, then those of c]
        s = g.input("s", 2, "batch", 8)
        part = lambda layer, cell: g.node("Slice", s, g.ints(layer, 4 * cell), g.ints(layer + 1, 4 * cell + 4), g.ints(0, 2))
    ends = []
    for layer in range(2):
        y, h, c = g.layer("LSTM", x, 3 if layer == 0 else 4, 4, part(layer, 0), part(layer, 1))
        x = g.node("Squeeze", y, g.ints(1))
        ends.append((h, c))
    g.output(g.node("Sigmoid", g.linear(x, 4, 3)), "time", batch if batch == 1 else "batch", 3)
    if form == "stacked":
        of = [g.node("Concat", *[g.node("Unsqueeze", g.node("Squeeze", e[cell], g.ints(0)), g.ints(1)) for e in ends], axis=1) for cell in range(2)]
        g.output(g.node("Concat", *[g.node("Unsqueeze", o, g.ints(-1)) for o in of], axis=-1), 1, 2, 4, 2)
        return {"x": (3, 1, 3), "s": (1, 2, 4, 2)}
    for cell in range(2):
        g.output(g.node("Concat", *[e[cell] for e in ends], axis=0), 2, "batch", 4)
    return {"x": (3, 2, 3), "s": (2, 2, 8)}


def distributed(g, form):
    """A Dense at each step by itself, as tf2onnx writes TimeDistributed."""
    x = g.input("x", 4, "batch", 3)
    y = x if form == "input" else g.node("Squeeze", g.layer("GRU", x, 3, 4, direction="reverse" if form == "reverse" else "forward")[0], g.ints(1))
    width = 3 if form == "input" else 4
    w, b = g.weights(width, 2), g.weights(2)
    steps = []
    for t in range(4):
        step = g.node("Squeeze", g.node("Slice", y, g.ints(t), g.ints(t + 1), g.ints(0)), g.ints(0))
        step = g.node("Add", g.node("MatMul", step, w), b)
        if form == "other weights" and t == 2:
            step = g.node("Add", step, b)
        if form == "function":
            step = g.node("Add", g.node("MatMul", g.node("Tanh", step), w2(g)), b)
        steps.append(g.node("Unsqueeze", step, g.ints(0)))
    if form == "swapped":
        steps[1], steps[2] = steps[2], steps[1]
    y = g.node("Concat", *(reversed(steps) if form == "reverse" else steps), axis=0)
    if form == "input":
        y = g.node("Squeeze", g.layer("RNN", y, 2, 2)[0], g.ints(1))
    g.output(y, 4, "batch", 2)
    return {"x": (4, 3, 3)}


def gelu(g, form):
    """A GELU, as its arithmetic in the orders that libraries have, and as an operator."""
    y = g.node("Squeeze", g.layer("GRU", g.input("x", "time", "batch", 3), 3, 4)[0], g.ints(1))
    x = g.linear(y, 4, 5)
    number = lambda v: g.constant(np.float32(v))
    if form.startswith("operator"):
        y = g.node("Gelu", x, approximate="tanh" if form == "operator tanh" else "none")
    else:
        if "tanh" in form:
            cube = g.node("Pow", x, number(3)) if form == "tanh of Keras" else g.node("Mul", g.node("Mul", x, x), x)
            inner = g.node("Add", x, g.node("Mul", number(0.04 if form == "other tanh" else 0.044715), cube))
            y = g.node("Tanh", g.node("Mul", inner, number(np.sqrt(2 / np.pi))))
        else:
            y = g.node("Erf", g.node("Mul", x, number(np.sqrt(0.5))) if form == "of Keras" else g.node("Div", x, number(1.5 if form == "other" else np.sqrt(2))))
        y = g.node("Add", y, number(1))
        if form == "of Keras":
            y = g.node("Mul", x, g.node("Mul", y, number(0.5)))
        elif form in ("tanh", "tanh of Keras", "half first"):
            y = g.node("Mul", g.node("Mul", x, number(0.5)), y)
        else:
            y = g.node("Mul", g.node("Mul", x, y), number(0.5))
    g.output(g.linear(y, 5, 2), "time", "batch", 2)
    return {"x": (4, 3, 3)}


def pooled(g, form):
    """Attention over the steps of an LSTM, as PyTorch's exporter and tf2onnx write it."""
    steps = 1 if form == "one step" else 4 if "Keras" in form else "time"
    both = form == "one step"
    units = 8 if both else 4
    x = g.input("x", "batch", steps, 3)
    y = g.layer("LSTM", g.node("Transpose", x, perm=[1, 0, 2]), 3, 4, direction="bidirectional" if both else "forward")[0]
    if both:
        y = g.node("Reshape", g.node("Transpose", y, perm=[0, 2, 1, 3]), g.ints(0, 0, -1))
    else:
        y = g.node("Squeeze", y, g.ints(1))
    y = g.node("Transpose", y, perm=[1, 0, 2])
    if form == "layer of Keras":  # MatMul, bias, tanh, softmax over time, all with an axis of size 1
        w = g.node("Softmax", g.node("Tanh", g.linear(y, 4, 1)), axis=1)
    elif form == "other axis":
        w = g.node("Softmax", g.linear(y, units, 1), axis=0)
    elif form in ("scaled", "less the last"):  # by the root of a width, or of what differs from the last step
        z = g.node("Sub", y, g.node("Slice", y, g.ints(-1), g.ints(2**31 - 1), g.ints(1))) if form == "less the last" else y
        z = g.linear(g.node("Tanh", g.linear(z, 4, 3)), 3, 1)
        if form == "scaled":
            width = g.node("Cast", g.node("Gather", g.node("Shape", y), g.constant(np.int64(2)), axis=0), to=F)
            z = g.node("Div", z, g.node("Mul", g.node("Sqrt", width), g.node("Pow", width, g.constant(np.float32(0.25)))))
        w = g.node("Softmax", z, axis=1)
    elif form == "hops":
        w = g.node("Softmax", g.linear(y, units, 2), axis=1)
        w = g.node("Slice", w, g.ints(0), g.ints(1), g.ints(2))
    else:
        w = g.node("Softmax", g.node("Squeeze", g.linear(y, units, 1), g.ints(2)), axis=1)
        if form == "Keras":  # RepeatVector, Permute, Multiply
            w = g.node("Transpose", g.node("Tile", g.node("Unsqueeze", w, g.ints(1)), g.ints(1, 4, 1)), perm=[0, 2, 1])
        else:
            w = g.node("Unsqueeze", w, g.ints(-1))
    if form == "weights":
        g.output(w, "batch", steps, 1)
        return {"x": (3, 4, 3)}
    if form == "mean":
        y = g.node("ReduceMean", g.node("Mul", y, w), axes=[1], keepdims=0)
    elif form == "of a part":
        y = g.node("Mul", g.node("Slice", y, g.ints(1), g.ints(2**31 - 1), g.ints(1)), g.node("Slice", w, g.ints(1), g.ints(2**31 - 1), g.ints(1)))
        y = g.node("ReduceSum", y, g.ints(1), keepdims=0)
    else:
        y = g.node("ReduceSum", g.node("Mul", y, w), g.ints(1), keepdims=0)
    g.output(g.linear(y, units, 2), "batch", 2)
    return {"x": (3, 1 if steps == 1 else 4, 3)}


def looked_up(g, form):
    """The output of an LSTM at the lengths of rows, less one."""
    batch = 1 if "one row" in form else "batch"
    x = g.input("x", batch, "time", 3)
    g.inputs.append(helper.make_tensor_value_info("lengths", TensorProto.INT64, [batch]))
    both = form.startswith("both")
    lens = [g.node("Cast", "lengths", to=TensorProto.INT32)] if form in ("both", "other lengths") else []
    if form == "other lengths":
        g.inputs.append(helper.make_tensor_value_info("others", TensorProto.INT32, ["batch"]))
        lens = ["others"]
    first = g.node("Transpose", x, perm=[1, 0, 2])
    n = 2 if both else 1
    y, h, _ = g.node("LSTM", first, g.weights(n, 16, 3), g.weights(n, 16, 4), g.weights(n, 32), *lens, outputs=3, hidden_size=4,
                     direction="bidirectional" if both else "reverse" if form == "reverse" else "forward")
    if form == "after a repeated one":  # the final state at all steps of another layer
        y = g.layer("LSTM", g.node("Expand", h, g.node("Shape", g.node("Squeeze", y, g.ints(1)))), 4, 4)[0]
    y = g.node("Reshape", g.node("Transpose", y, perm=[2, 0, 1, 3]), g.ints(0, 0, -1))
    at = g.node("Sub", "lengths", g.constant(np.int64(2 if form == "less two" else 1)))
    if form == "clamped":
        at = g.node("Clip", at, g.constant(np.int64(0)))
    elif form == "clamped at one":
        at = g.node("Clip", at, g.constant(np.int64(1)))
    elif form == "maximum":
        at = g.node("Max", g.constant(np.int64(0)), at)
    if form == "from one":
        at = g.node("Sub", g.node("Clip", "lengths", g.constant(np.int64(1))), g.constant(np.int64(1)))
    if form == "pairs of one row":
        at = g.node("Concat", g.constant(np.array([[0]])), g.node("Unsqueeze", at, g.ints(-1)), axis=-1)
        g.output(g.linear(g.node("GatherND", y, at), 4, 2), batch, 2)
        return {"x": (1, 5, 3), "lengths": (1,)}
    if form == "flat of one row":
        at = g.node("Add", at, g.constant(np.array([0])))
        g.output(g.linear(g.node("Gather", g.node("Reshape", y, g.ints(-1, 4)), at, axis=0), 4, 2), batch, 2)
        return {"x": (1, 5, 3), "lengths": (1,)}
    at = g.node("Reshape", at, g.ints(-1, 1, 1))
    if form != "one unit":
        at = g.node("Expand", at, g.ints(1, 1, 4 * n))
    y = g.node("GatherElements", y, at, axis=1)
    if form == "both lengths left out":
        form = "both"
    if form == "repeated":
        y = g.node("Expand", y, g.node("Shape", g.node("Transpose", g.node("Squeeze", "n1_0", g.ints(1)), perm=[1, 0, 2])))
        y = g.layer("GRU", g.node("Transpose", y, perm=[1, 0, 2]), 4, 3)[1]
        g.output(y, 1, batch, 3)
        return {"x": (3, 5, 3), "lengths": (3,)}
    y = g.node("Squeeze", y, g.ints(1))
    if form == "beside a state":
        g.output(g.node("Concat", y, g.node("Squeeze", h, g.ints(0)), axis=1), batch, 8)
        return {"x": (3, 5, 3), "lengths": (3,)}
    g.output(g.linear(y, 1 if form == "one unit" else 4 * n, 2), batch, 2)
    if form == "state":
        g.output(h, n, "batch", 4)
    shapes = {"x": (3, 5, 3), "lengths": (3,)} if batch == "batch" else {"x": (1, 5, 3), "lengths": (1,)}
    return {**shapes, "others": (3,)} if form == "other lengths" else shapes


def masked(g, form):
    """Attention over the steps of each row up to its length, which is given or counts ids."""
    counted, batch = form.startswith("counted"), 1 if form == "one row" else "batch"
    if counted:
        g.inputs.append(helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "time"]))
        x = g.node("Gather", g.weights(7, 3), "ids")
        isnt = g.node("Not", g.node("Equal", "ids", g.constant(np.int64(0))))
        lengths = g.node("ReduceSum", g.node("Cast", isnt, to=TensorProto.INT64), g.ints(1), keepdims=0)
    else:
        x, lengths = g.input("x", batch, "time", 3), "lengths"
        g.inputs.append(helper.make_tensor_value_info("lengths", TensorProto.INT64, [batch]))
    direction = "bidirectional" if form == "both" else "forward"
    y = g.layer("GRU", g.node("Transpose", x, perm=[1, 0, 2]), 3, 4, direction=direction)[0]
    y = g.node("Reshape", g.node("Transpose", y, perm=[2, 0, 1, 3]), g.ints(0, 0, -1))
    units = 8 if form == "both" else 4
    steps = g.node("Gather", g.node("Shape", y), g.constant(np.int64(1)), axis=0)
    if form == "from one":
        steps = g.node("Range", g.constant(np.int64(1)), g.node("Add", steps, g.constant(np.int64(1))), g.constant(np.int64(1)))
    else:
        steps = g.node("Range", g.constant(np.int64(0)), steps, g.constant(np.int64(1)))
    if form == "counted last":
        at = g.node("Expand", g.node("Reshape", g.node("Sub", lengths, g.constant(np.int64(1))), g.ints(-1, 1, 1)), g.ints(1, 1, 4))
        g.output(g.linear(g.node("Squeeze", g.node("GatherElements", y, at, axis=1), g.ints(1)), 4, 2), "batch", 2)
        return {"ids": (3, 5)}
    rows = g.node("Unsqueeze", lengths, g.ints(1))
    low = {"high": -100.0, "large": -1e9}.get(form, -np.inf)
    s = g.node("Squeeze", g.linear(g.node("Tanh", g.linear(y, units, 3)), 3, 1), g.ints(2))
    low = g.constant(np.float32(low))
    if form == "less or equal":
        s = g.node("Where", g.node("LessOrEqual", steps, rows), s, low)
    elif form == "less or equal less one":
        s = g.node("Where", g.node("LessOrEqual", steps, g.node("Sub", rows, g.constant(np.int64(1)))), s, low)
    elif form == "greater":
        s = g.node("Where", g.node("Greater", rows, steps), s, low)
    elif form == "large":
        s = g.node("Where", g.node("GreaterOrEqual", steps, rows), low, s)
    elif form == "the others":
        s = g.node("Where", g.node("Less", steps, rows), low, s)
    elif form == "equals zero":
        is_it = g.node("Cast", g.node("Less", steps, rows), to=TensorProto.INT32)
        s = g.node("Where", g.node("Equal", is_it, g.constant(np.int32(0))), low, s)
    elif form == "turned":
        s = g.node("Where", g.node("Less", g.node("Unsqueeze", steps, g.ints(1)), lengths), s, low)
    elif form == "outputs":
        y = g.node("Where", g.node("Less", g.node("Unsqueeze", steps, g.ints(1)), g.node("Unsqueeze", lengths, g.ints(1, 2))), y, low)
    else:
        s = g.node("Where", g.node("Less", steps, rows), s, low)
    w = g.node("Unsqueeze", g.node("Softmax", s, axis=1), g.ints(2))
    y = g.node("ReduceSum", g.node("Mul", y, w), g.ints(1), keepdims=0)
    g.output(g.linear(y, units, 2), batch, 2)
    if form == "one row":
        return {"x": (1, 5, 3), "lengths": (1,)}
    return {"ids": (3, 5)} if counted else {"x": (3, 5 if form != "turned" else 3, 3), "lengths": (3,)}


def some_steps(g, form):
    """A part of the steps of a layer."""
    steps = 6 if form in ("TimeDistributed", "fixed", "of rows") else "time"
    y = g.node("Squeeze", g.layer("GRU", g.input("x", steps, "batch", 3), 3, 4)[0], g.ints(1))
    few, size = (lambda a, b: g.node("Slice", y, g.ints(a), g.ints(b), g.ints(0))), 3
    if form == "of rows":
        y = g.node("Slice", y, g.ints(0), g.ints(2), g.ints(1))
        g.output(y, steps, "time", 4)
        return {"x": (6, 3, 3)}
    if form == "by twos":
        y, size = g.node("Slice", y, g.ints(0), g.ints(2**31 - 1), g.ints(0), g.ints(2)), "some"
    elif form == "fixed":
        y = few(2, 5)
    else:
        y = few(-3, 2**31 - 1)
    if form == "TimeDistributed":
        w, b = g.weights(4, 4), g.weights(4)
        list = []
        for t in range(3):
            step = g.node("Squeeze", g.node("Slice", y, g.ints(t), g.ints(t + 1), g.ints(0)), g.ints(0))
            list.append(g.node("Unsqueeze", g.node("Add", g.node("MatMul", step, w), b), g.ints(0)))
        y = g.node("Concat", *list, axis=0)
    elif form == "layer":
        y = g.node("Squeeze", g.layer("RNN", y, 4, 4)[0], g.ints(1))
    elif form == "mean":
        y, size = g.node("ReduceMean", y, axes=[0], keepdims=1), 1
    elif form == "with others":
        first = g.node("Slice", g.node("Tanh", "n1_0"), g.ints(0), g.ints(3), g.ints(0))
        y = g.node("Add", y, first)
    elif form == "of some":
        y, size = few(-2, 2**31 - 1), 2
    g.output(g.linear(y, 4, 2), size, "batch", 2)
    return {"x": (6, 3, 3)}


def w2(g):
    """The second matrix of a step, one for all of them."""
    if not hasattr(g, "second"):
        g.second = g.weights(2, 2)
    return g.second


def main():
    folder, seed = sys.argv[1], int(sys.argv[2])
    cases = Cases(folder)
    norm, steps, rows = "no part of a layer norm", "of time and batch all can be had", "it makes of the lengths of rows"
    for make, forms, opset in ((squeezed, {"": ""}, 14),
                               (keras_norm, {"": "", "no gain": "", "no bias": "", "minus": "", "centred": "", "quotient": "", "plus mean": norm, "plus mean no bias": norm, "other gain": norm, "less bias": norm, "flat mean": norm}, 13),
                               (autoencoder, {"keras": "", "torch": "", "shape": ""}, 13), (streaming, {"stacked": "", "halves": ""}, 13),
                               (distributed, {"": "", "function": "", "input": "", "reverse": "", "swapped": steps, "other weights": steps}, 15),
                               (gelu, {"": "", "half first": "", "of Keras": "", "tanh": "", "tanh of Keras": "", "other": "of something else than x/sqrt 2", "other tanh": ""}, 14),
                               (gelu, {"operator": "", "operator tanh": ""}, 20),
                               (pooled, {"": "", "Keras": "", "layer of Keras": "", "scaled": "", "less the last": "", "one step": "", "other axis": "goes over axis 0", "hops": "several attentions", "weights": "of which a chain has the sum", "mean": "weighted steps, of which", "of a part": "what is not the output of a layer"}, 13),
                               (looked_up, {"": "", "clamped": "", "maximum": "", "both": "", "state": "or their final states", "reverse": "from the end", "both lengths left out": "from the end", "other lengths": "is another one than the lengths",
                                            "less two": rows, "after a repeated one": "it repeats the last of all steps", "repeated": "which is looked up by lengths", "beside a state": "it has a final state", "clamped at one": "want 0, of lengths - 1", "from one": "", "one row": "", "pairs of one row": "", "flat of one row": "", "one unit": "it looks elements up"}, 13),
                               (masked, {"": "", "greater": "", "large": "", "less or equal less one": "", "equals zero": "", "counted": "", "counted last": "", "one row": "", "both": "reads all steps from the end",
                                         "less or equal": rows, "from one": "a number is needed", "high": "of at most -10000", "the others": rows, "turned": "a mask of the sizes", "outputs": "weights of steps times something else"}, 17),
                               (some_steps, {"": "", "fixed": "", "TimeDistributed": "", "of some": "", "layer": "some steps of a sequence", "mean": "over axis 0", "with others": "some steps of a layer together", "by twos": "steps of 2", "of rows": "which is not the time"}, 13)):
        for form, refused in forms.items():
            r = np.random.default_rng(seed)
            g = Graph(r)
            shapes = make(g, form)
            name = "_".join([make.__name__, *form.split()])
            g.save(cases.path(name), opset)
            given = {n: r.normal(0, 1, s).astype(np.float32) for n, s in shapes.items() if len(s) > 1}
            for n, s in shapes.items():  # lengths
                if len(s) == 1:
                    given[n] = np.array([2, 5, 3][: s[0]], np.int32 if n == "others" else np.int64)
            if "ids" in given:
                given["ids"] = np.array([[3, 1, 0, 0, 0], [6, 5, 4, 3, 2], [1, 2, 5, 0, 0]])
            cases.add(name, given, refused)
    cases.write(f"onnx {onnx.__version__}, seed {seed}; written by testdata/public.py")


main()
