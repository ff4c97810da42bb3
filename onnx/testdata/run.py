"""Fills in what ONNX Runtime computes for the cases of a folder that has models and inputs.

    python run.py FOLDER
"""
import json
import os
import sys

import numpy as np
import onnx
import onnxruntime

from cases import tensor


def array(t, kind):
    if "Floats" in t and t["Floats"] is not None:
        return np.array(t["Floats"], np.float32).reshape(t["Shape"])
    return np.array(t["Integers"], {"tensor(int32)": np.int32}.get(kind, np.int64)).reshape(t["Shape"])


folder = sys.argv[1]
path = os.path.join(folder, "cases.json")
with open(path) as f:
    file = json.load(f)
for case in file["Cases"]:
    model = os.path.join(folder, case["Model"] + ".onnx")
    onnx.checker.check_model(onnx.load(model), full_check=True)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    inputs = {i.name: array(case["Inputs"][i.name], i.type) for i in session.get_inputs()}
    case["Outputs"] = {o.name: tensor(v) for o, v in zip(session.get_outputs(), session.run(None, inputs))}
    case["Inputs"] = {}
file["About"] = f"ONNX Runtime {onnxruntime.__version__}; written by testdata/run.py"
with open(path, "w") as f:
    json.dump(file, f, separators=(",", ":"))
    f.write("\n")
