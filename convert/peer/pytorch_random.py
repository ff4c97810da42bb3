"""The side of PyTorch of pytorch_test.go.

    pytorch_random.py write FOLDER COUNT SEED

writes models of configurations drawn by the seed to the folder: the state_dict of a module in which
the recurrent layer stands somewhere, in one of four types, and what the layer computes.

    pytorch_random.py read FOLDER COUNT

loads what Go wrote of each into a module of the same configuration, which has to take all of it, and
compares weights and outputs.
"""

import json
import os
import random
import sys

import torch
from safetensors.torch import load_file, save_file

TYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16, "float64": torch.float64}
PLACES = ["rnn", "encoder.rnn", "module.rnn", "_orig_mod.decoder.0.layer", "a.b.c.d.1.2.lstm", ""]


def draw(seed):
    r = random.Random(seed)
    c = {"kind": r.choice(["LSTM", "GRU", "RNN"]), "place": r.choice(PLACES), "type": r.choice(list(TYPES))}
    o = c["options"] = {
        "input_size": r.randint(1, 9), "hidden_size": r.randint(2, 17), "num_layers": r.randint(1, 4), "bidirectional": r.random() < 0.5,
        "bias": r.random() < 0.7, "batch_first": r.random() < 0.5, "dropout": 0.0,
    }
    if o["num_layers"] > 1:
        o["dropout"] = r.choice([0.0, 0.3])
    if c["kind"] == "LSTM" and r.random() < 0.4:
        o["proj_size"] = r.randint(1, o["hidden_size"] - 1)
    if c["kind"] == "RNN":
        o["nonlinearity"] = r.choice(["tanh", "relu"])
    c["steps"], c["rows"] = r.randint(1, 7), r.randint(1, 4)
    return c


def module(c):
    """The layer, and the module around it."""
    layer = getattr(torch.nn, c["kind"])(**c["options"]).eval()
    if not c["place"]:
        return layer, layer
    outer = inner = torch.nn.Module()
    names = c["place"].split(".")
    for name in names[:-1]:
        inner.add_module(name, torch.nn.Module())
        inner = getattr(inner, name)
    inner.add_module(names[-1], layer)
    # What stands beside it in a model.
    outer.add_module("embedding", torch.nn.Embedding(5, 3))
    outer.add_module("norm", torch.nn.BatchNorm1d(4))
    outer.add_module("head", torch.nn.Linear(3, 2))
    return layer, outer


def write(folder, count, seed):
    for i in range(count):
        c = draw(seed + i)
        torch.manual_seed(seed + i)
        layer, whole = module(c)
        state = {}
        for name, t in whole.state_dict().items():
            state[name] = t.to(TYPES[c["type"]]).contiguous() if t.is_floating_point() else t
        save_file(state, os.path.join(folder, f"{i}.safetensors"))
        whole.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
        o = c["options"]
        shape = (c["rows"], c["steps"]) if o["batch_first"] else (c["steps"], c["rows"])
        x = torch.rand(*shape, o["input_size"]) * 2 - 1
        with torch.no_grad():
            y, last = layer(x)
        tensors = {"x": x, "y": y.contiguous()}
        for name, t in zip(("h", "c"), last if isinstance(last, tuple) else (last,)):
            tensors[name] = t.contiguous()
        save_file(tensors, os.path.join(folder, f"{i}.outputs.safetensors"), {"configuration": json.dumps(c)})


def read(folder, count):
    for i in range(count):
        with open(os.path.join(folder, f"{i}.json")) as f:
            c = json.load(f)
        layer, _ = module(c)
        written = load_file(os.path.join(folder, f"{i}.back.safetensors"))
        before = load_file(os.path.join(folder, f"{i}.safetensors"))
        prefix = c["place"] + "." if c["place"] else ""
        layer.load_state_dict({name.removeprefix(prefix): t for name, t in written.items()}, strict=True)
        for name, t in written.items():
            assert torch.equal(t, before[name].float()), f"model {i}, {name}"
        outputs = load_file(os.path.join(folder, f"{i}.outputs.safetensors"))
        with torch.no_grad():
            y, _ = layer(outputs["x"])
        assert torch.allclose(y, outputs["y"], rtol=1e-6, atol=1e-6), f"model {i}"
    print("ok", count)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        read(sys.argv[2], int(sys.argv[3]))
