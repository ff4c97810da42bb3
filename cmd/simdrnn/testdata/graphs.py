"""Writes the graphs of this folder: python graphs.py, with onnx and numpy.

external.onnx has its weights in external.bin beside it, two.onnx has two outputs.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

r = np.random.default_rng(1)
weights = [numpy_helper.from_array(r.uniform(-1, 1, shape).astype(np.float32), name) for name, shape in (("W", (1, 3, 2)), ("R", (1, 3, 3)), ("B", (1, 6)))]


def write(name, outputs, **options):
    nodes = [
        helper.make_node("RNN", ["x", "W", "R", "B"], ["all"], hidden_size=3),
        helper.make_node("Squeeze", ["all", "axis"], ["y"]),
        helper.make_node("Relu", ["y"], ["z"]),
    ]
    axis = numpy_helper.from_array(np.array([1], dtype=np.int64), "axis")
    value = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["time", "batch", width])
    graph = helper.make_graph(nodes, "graph", [value("x", 2)], [value(o, 3) for o in outputs], weights + [axis])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, name, **options)


write("two.onnx", ["y", "z"])
write("external.onnx", ["z"], save_as_external_data=True, location="external.bin", size_threshold=0)
