"""Writes small models by keras2onnx, with what ONNX Runtime makes of them.

    python keras2onnx_models.py FOLDER SEED [small]

With "small" it writes those whose files are committed in testdata/keras2onnx. keras2onnx is no
longer developed: 1.7.0, its last version, needs TensorFlow 2.2, which needs Python 3.8. The
packages that go together stand in docs/interchange/from-keras.md.
"""
import os
import sys

os.environ["TF_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras2onnx
import numpy as np
import onnx
import tensorflow as tf

from cases import Cases

L = tf.keras.layers
folder, seed = sys.argv[1], int(sys.argv[2])
small = len(sys.argv) > 3
rng = np.random.RandomState(seed)
tf.random.set_seed(seed)
cases = Cases(folder)
layers = {"lstm": L.LSTM, "gru": L.GRU, "rnn": L.SimpleRNN}


def export(name, model, inputs, opset, refused=""):
    for w in model.weights:  # biases, too, which begin at zero
        w.assign(rng.uniform(-0.6, 0.6, w.shape))
    m = keras2onnx.convert_keras(model, name, target_opset=opset)
    onnx.save(m, cases.path(name))
    given = dict(zip([i.name for i in m.graph.input], inputs))
    cases.add(name, given, refused)


def floats(*shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)


def ids(rows, steps, words=9):
    return rng.randint(1, words, (rows, steps)).astype(np.float32)


for k, (kind, layer) in enumerate(layers.items()):
    def wanted(i):
        return not small or (i + k) % 3 == 0

    opset = [9, 10, 11][k] if small else int(rng.choice([8, 9, 10, 11]))
    x = floats(3, 5, 4)
    many = {"return_sequences": True}
    hard = {} if kind == "rnn" else {"recurrent_activation": "hard_sigmoid"}
    if wanted(0):
        export(f"two_{kind}", tf.keras.Sequential([L.Input((None, 4)), layer(6, **many), layer(5), L.Dense(2, activation="softmax")]), [x], opset)
    if wanted(1):
        export(f"fixed_{kind}", tf.keras.Sequential([L.Input((5, 4)), layer(6, use_bias=False, activation="relu", **many), L.TimeDistributed(L.Dense(2))]), [x], opset)
    if wanted(2):
        export(f"words_{kind}", tf.keras.Sequential([L.Input((None,)), L.Embedding(9, 4), layer(6, **hard), L.Dense(3)]), [ids(3, 5)], opset)
    if wanted(1):  # it has no other merges
        export(f"both_{kind}", tf.keras.Sequential([L.Input((5, 4)), L.Bidirectional(layer(3, **many)), L.Dense(2)]), [x], opset)
    if wanted(2):
        export(f"bothlast_{kind}", tf.keras.Sequential([L.Input((None, 4)), L.Bidirectional(layer(3)), L.Dense(2)]), [x], opset)
    if wanted(2):
        export(f"back_{kind}", tf.keras.Sequential([L.Input((None, 4)), layer(3, go_backwards=True), L.Dense(2)]), [x], opset)
    if wanted(0):
        masked = ids(3, 5)
        masked[1, 3:] = 0
        export(f"masked_{kind}", tf.keras.Sequential([L.Input((5,)), L.Embedding(9, 4, mask_zero=True), layer(6), L.Dense(3)]), [masked], max(opset, 10))
    if wanted(1) or kind == "lstm":  # an encoder and a decoder
        source, target = L.Input((None, 4)), L.Input((None, 3))
        _, *state = layer(6, return_state=True)(source)
        y = layer(6, return_sequences=True)(target, initial_state=state)
        export(f"translator_{kind}", tf.keras.Model([source, target], L.Dense(2)(y)), [x, floats(3, 4, 3)], opset)
for kind in ["lstm", "gru"]:  # whose outputs come from the last step to the first
    if not small or kind == "lstm":
        export(f"reversed_{kind}", tf.keras.Sequential([L.Input((None, 4)), layers[kind](3, go_backwards=True, return_sequences=True)]), [floats(3, 5, 4)], 11)
cases.write(f"keras2onnx {keras2onnx.__version__}, TensorFlow {tf.__version__}, seed {seed}; written by testdata/keras2onnx_models.py")
