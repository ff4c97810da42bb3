"""What the scripts here have in common: models with inputs, and what ONNX Runtime computes."""
import json
import os

import numpy as np
import onnx
import onnxruntime


def tensor(a):
    a = np.asarray(a)
    kind = "Integers" if a.dtype.kind in "iub" else "Floats"
    return {"Shape": list(a.shape), kind: [v.item() for v in a.reshape(-1)]}


class Cases:
    """Models in a folder, with cases.json beside them."""

    def __init__(self, folder):
        self.folder, self.list = folder, []
        os.makedirs(folder, exist_ok=True)

    def path(self, name):
        return os.path.join(self.folder, name + ".onnx")

    def add(self, name, inputs, refused=""):
        """Runs the model that lies at path(name); refused is what an importer's error has to contain."""
        session = onnxruntime.InferenceSession(self.path(name), providers=["CPUExecutionProvider"])
        names = [i.name for i in session.get_inputs()]
        given = {n: v for n, v in zip(names, inputs)} if not isinstance(inputs, dict) else inputs
        outputs = session.run(None, given)
        self.list.append({
            "Model": name, "Refused": refused,
            "Inputs": {n: tensor(v) for n, v in given.items()},
            "Outputs": {o.name: tensor(v) for o, v in zip(session.get_outputs(), outputs)} if not refused else {},
        })

    def write(self, about):
        with open(os.path.join(self.folder, "cases.json"), "w") as f:
            json.dump({"About": about, "Cases": self.list}, f, separators=(",", ":"))
            f.write("\n")
