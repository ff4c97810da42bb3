"""The side of Keras of keras_test.go.

    keras_random.py FOLDER COUNT FILE SEED

writes models of configurations drawn by the seed to the folder, with inputs and outputs, and reads networks that
Go wrote, with inputs and outputs. Both at once, since it takes seconds to import Keras.
"""

import os
import random
import sys

import keras
import keras_safetensors
import numpy as np
import safetensors.numpy

L = keras.layers
ACTIVATIONS = ["tanh", "relu", "sigmoid", "softsign", "softplus", "linear", "elu", "leaky_relu", "hard_sigmoid", "slope", "curve"]


def activation(r, gates=False):
    name = r.choice(["sigmoid", "hard_sigmoid", "softsign"] if gates else ACTIVATIONS)
    if name == "slope":
        return L.LeakyReLU(negative_slope=0.3)
    return L.ELU(alpha=0.5) if name == "curve" else name


def layer(r, units):
    """One layer of any kind."""
    kind = r.choice(["LSTM", "GRU", "SimpleRNN"])
    options = dict(use_bias=r.random() < 0.8)
    if r.random() < 0.5:
        options["activation"] = activation(r)
        if kind != "SimpleRNN":
            options["recurrent_activation"] = activation(r, gates=True)
    if kind == "GRU":
        options["reset_after"] = r.random() < 0.5
    form = r.choice(["plain", "plain", "backwards", "both", "stack"])
    if form == "stack":
        make = getattr(L, kind + "Cell")
        # Keras 3.15 on JAX cannot run a stack of one cell: the states of lax.scan are a list and an array.
        return L.RNN([make(units, **options) for _ in range(r.randint(2 if keras.backend.backend() == "jax" else 1, 3))], return_sequences=True, go_backwards=r.random() < 0.5)
    one = getattr(L, kind)(units, return_sequences=True, go_backwards=form == "backwards", **options)
    return L.Bidirectional(one, merge_mode=r.choice(["concat", "sum", "ave", "mul"])) if form == "both" else one


def ordered(layer, y):
    """Outputs in the order of the steps."""
    return y[:, ::-1] if getattr(layer, "go_backwards", False) else y


def write(folder, count, seed):
    for i in range(count):
        r = random.Random(seed + i)
        np.random.seed(seed + i)
        keras.utils.set_random_seed(seed + i)
        layers = [layer(r, r.randint(1, 9)) for _ in range(r.randint(1, 3))]
        model = keras.Sequential([keras.Input((None, r.randint(1, 6))), *layers, L.Dense(2)])
        for w in model.weights:  # biases that are not all zero
            w.assign(w + np.random.uniform(-0.2, 0.2, w.shape).astype(np.float32))
        x = np.random.uniform(-1, 1, (2, 6, model.input_shape[-1])).astype(np.float32)
        keras_safetensors.save(model, os.path.join(folder, f"{i}.safetensors"))
        tensors = {}
        for one in layers:
            y = keras.ops.convert_to_numpy(one(x))
            tensors[f"{one.name}/x"], tensors[f"{one.name}/y"] = x, np.ascontiguousarray(ordered(one, y))
            x = y
        safetensors.numpy.save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, os.path.join(folder, f"{i}.outputs.safetensors"))
        # What is saved comes back.
        before = [keras.ops.convert_to_numpy(w).copy() for w in model.weights]
        for w in model.weights:
            w.assign(w * 0)
        report = keras_safetensors.load(model, os.path.join(folder, f"{i}.safetensors"))
        assert not report["missing"] and not report["left"], report
        assert all(np.array_equal(a, keras.ops.convert_to_numpy(w)) for a, w in zip(before, model.weights))


def read(path):
    specs, tensors = keras_safetensors._read(path)
    made = keras_safetensors.layers(path)
    for name in sorted({spec["name"].rsplit("_", 1)[0] for spec in specs}):
        stack = [made[spec["name"]] for spec in specs if spec["name"].rsplit("_", 1)[0] == name]
        x, want = tensors[name + "/x"], tensors[name + "/y"]
        y = x
        for one in stack:
            y = ordered(one, keras.ops.convert_to_numpy(one(y)))
        worst = float(np.max(np.abs(y - want) / np.maximum(1, np.abs(want))))
        assert worst < 1e-5, f"{name}: {worst}"
        # The same into a model that is there, whose layers have the names of the file.
        model = keras.Sequential([keras.Input((None, x.shape[-1])), *stack])
        for w in model.weights:
            w.assign(w * 0)
        report = keras_safetensors.load(model, path)
        assert not report["missing"] and len(report["matched"]) == len(model.weights), report
        y = x
        for one in stack:
            y = ordered(one, keras.ops.convert_to_numpy(one(y)))
        assert float(np.max(np.abs(y - want) / np.maximum(1, np.abs(want)))) < 1e-5, name
    # What is another layer is refused, and changes nothing.
    for wrong, why in ((L.LSTM(3, name="lstm_0"), "units"), (L.GRU(4, name="lstm_0"), "class"), (L.LSTM(4, name="lstm_0", activation="relu"), "activation"), (L.LSTM(4, name="lstm_0", go_backwards=True), "go_backwards")):
        model = keras.Sequential([keras.Input((None, 3)), wrong])
        before = [keras.ops.convert_to_numpy(w).copy() for w in model.weights]
        try:
            keras_safetensors.load(model, path)
        except ValueError as e:
            assert why in str(e) or "shape" in str(e), e
        else:
            raise AssertionError(f"a layer of another {why} was taken")
        assert all(np.array_equal(a, keras.ops.convert_to_numpy(w)) for a, w in zip(before, model.weights))
    print("ok", len(made))


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), int(sys.argv[4]))
    read(sys.argv[3])
