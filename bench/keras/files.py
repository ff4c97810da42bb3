"""Writes a small Keras model by convert/keras_safetensors.py, as a golden file of the Go tests.

    python3 -m venv venv && venv/bin/pip install keras==3.15.1 torch==2.15.0 numpy==2.4.6 safetensors==0.8.0
    KERAS_BACKEND=torch venv/bin/python bench/keras/files.py        (from the root of the repository)

Weights and inputs are drawn from labels (bench/compact.py) and rounded to multiples of 1/64. Outputs
are computed in float64 and are [steps][batch][width], those of layers with go_backwards in the order of
the steps.
"""

import os
import sys

import keras

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "convert"))
import compact
import keras_safetensors
import safetensors.numpy

np, layers = compact.np, keras.layers
STEPS, BATCH = 5, 2
keras.config.set_floatx("float64")


def drawn(label, shape):
    return np.rint(compact.uniform(label, shape).astype(np.float64) * 64) / 64


def model():
    """Every kind of layer, direction and merge that a file can describe, and one that no network here is."""
    encoder = keras.Sequential([keras.Input((None, 3)), layers.LSTM(4, return_sequences=True, name="first"), layers.LSTM(4, return_sequences=True, name="second")], name="encoder")
    leaky = keras.layers.LeakyReLU(negative_slope=0.125)
    return keras.Sequential([
        keras.Input((None, 3)),
        encoder,
        layers.Bidirectional(layers.GRU(5, return_sequences=True), merge_mode="sum", name="both"),
        layers.TimeDistributed(layers.Dense(3, name="narrow"), name="each"),
        layers.GRU(3, reset_after=False, go_backwards=True, use_bias=False, activation=leaky, recurrent_activation="hard_sigmoid", return_sequences=True, name="before"),
        layers.Bidirectional(layers.SimpleRNN(2, activation="elu", return_sequences=True), name="plain"),
        layers.RNN([layers.LSTMCell(3), layers.LSTMCell(3), layers.LSTMCell(3)], go_backwards=True, return_sequences=True, name="stack"),
        layers.RNN([layers.GRUCell(2), layers.LSTMCell(2)], return_sequences=True, name="mixed"),
        layers.GRU(3, activation="gelu", name="gelu"),
        layers.Dense(2, name="head"),
    ])


def main():
    net = model()
    net(np.zeros((1, 1, 3)))
    for name, variable in keras_safetensors._walk(net, []):
        variable.assign(drawn(name, variable.shape))
    path = os.path.join(compact.ROOT, "convert/testdata/keras.safetensors")
    keras_safetensors.save(net, path)
    outputs = {}
    for name in ("both", "before", "plain", "stack"):
        layer = net.get_layer(name)
        x = drawn(name + "/x", (STEPS, BATCH, layer.input.shape[-1]))
        y = keras.ops.convert_to_numpy(layer(x.swapaxes(0, 1)))
        if getattr(layer, "go_backwards", False):
            y = y[:, ::-1]
        outputs[name] = y.swapaxes(0, 1)
    x = drawn("encoder/first/x", (STEPS, BATCH, 3))
    outputs["encoder/first"] = keras.ops.convert_to_numpy(net.get_layer("encoder")(x.swapaxes(0, 1))).swapaxes(0, 1)
    outputs = {name: np.ascontiguousarray(y, np.float32) for name, y in outputs.items()}
    safetensors.numpy.save_file(outputs, os.path.join(compact.ROOT, "convert/testdata/keras_outputs.safetensors"), metadata={"keras": keras.__version__})


if __name__ == "__main__":
    main()
