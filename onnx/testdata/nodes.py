"""Writes the node tests of the ONNX backend for LSTM, GRU and RNN.

    python nodes.py FOLDER

They come from onnx.backend.test.case.node of the ONNX project (github.com/onnx/onnx), which is
under the Apache License 2.0: see internal/pb/LICENSE-ONNX. There the weights are inputs of the
graph; here they are initializers, since a network has weights of its own.
"""
import json
import os
import sys
import warnings

import onnx
from onnx import numpy_helper

from cases import tensor

warnings.filterwarnings("ignore")
from onnx.backend.test.case.node import collect_testcases  # noqa: E402

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
cases = []
for case in collect_testcases(None):
    ops = {n.op_type for n in case.model.graph.node}
    if not ops & {"LSTM", "GRU", "RNN"}:
        continue
    inputs, outputs = case.data_sets[0]
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    g = model.graph
    names = [i.name for i in g.input]
    given = {}
    for name, value in zip(names, inputs):
        if name in ("W", "R", "B", "P"):
            g.initializer.append(numpy_helper.from_array(value, name))
        else:
            given[name] = tensor(value)
    for i in [i for i in g.input if i.name in ("W", "R", "B", "P")]:
        g.input.remove(i)
    onnx.save(model, os.path.join(folder, case.name + ".onnx"))
    cases.append({"Model": case.name, "Inputs": given, "Outputs": {o.name: tensor(v) for o, v in zip(g.output, outputs)}})
with open(os.path.join(folder, "cases.json"), "w") as f:
    json.dump({"About": f"the node tests of onnx {onnx.__version__}; written by testdata/nodes.py", "Cases": cases}, f, separators=(",", ":"))
    f.write("\n")
print(len(cases), [c["Model"] for c in cases])
