"""Writes small Keras models by tf2onnx, with what ONNX Runtime makes of them.

    python tensorflow_models.py FOLDER SEED [small]

With "small" it writes those whose files are committed in testdata/tensorflow.
"""
import os
import random
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from keras import layers

sys.path[0:0] = [os.path.dirname(os.path.abspath(__file__))]
from cases import Cases


# tf2onnx writes GRU and SimpleRNN as a Loop over their operators.
SMALL = ["last_GRU", "both_GRU", "sum_GRU", "unrolled_GRU", "all_SimpleRNN", "back_SimpleRNN"]


def models(choose):
    """Names, models and whether their input is ids."""
    for kind in ["LSTM", "GRU", "SimpleRNN"]:
        layer = getattr(layers, kind)
        reset = {"reset_after": choose.random() < 0.5} if kind == "GRU" else {}

        def sequential(*list, ids=False, steps=None):
            i = keras.Input((steps,) if ids else (steps, 5), dtype="int32" if ids else "float32", name="x")
            x = i
            for f in list:
                x = f(x)
            return keras.Model(i, x)

        yield f"last_{kind}", sequential(layer(4, **reset), layers.Dense(3, activation="softmax")), False
        yield f"all_{kind}", sequential(layer(4, return_sequences=True, **reset), layers.Dense(3, activation="relu"), steps=choose.choice([None, 4])), False
        yield f"two_{kind}", sequential(layers.Embedding(9, 5), layer(4, return_sequences=True, **reset), layer(3, **reset), layers.Dense(2), ids=True), True
        yield f"both_{kind}", sequential(layers.Bidirectional(layer(4, return_sequences=True, **reset)), layers.Dense(3)), False
        yield f"bothlast_{kind}", sequential(layers.Bidirectional(layer(4, **reset)), layers.Dense(3)), False
        yield f"sum_{kind}", sequential(layers.Bidirectional(layer(4, return_sequences=True, **reset), merge_mode="sum")), False
        yield f"back_{kind}", sequential(layer(4, go_backwards=True, **reset)), False
        yield f"unrolled_{kind}", sequential(layer(4, unroll=True, **reset), layers.Dense(3), steps=3), False


def main():
    folder, seed, small = sys.argv[1], int(sys.argv[2]), len(sys.argv) > 3
    keras.utils.set_random_seed(seed)
    rng, cases = np.random.default_rng(seed), Cases(folder)
    for name, model, ids in models(random.Random(seed)):
        if small and not name.endswith("LSTM") and name not in SMALL:
            continue
        steps = model.inputs[0].shape[1]
        spec = tf.TensorSpec(model.inputs[0].shape, model.inputs[0].dtype, name="x")
        f = tf.function(lambda x, m=model: m(x, training=False), input_signature=[spec])
        opset = random.Random(name).choice([13, 15, 17, 18])
        tf2onnx.convert.from_function(f, input_signature=[spec], opset=opset, output_path=cases.path(name))
        shape = (3, steps or 6) if ids else (3, steps or 6, 5)
        x = rng.integers(0, 9, shape).astype(np.int32) if ids else rng.standard_normal(shape).astype(np.float32)
        cases.add(name, [x])
    cases.write(f"Keras {keras.__version__}, TensorFlow {tf.__version__}, tf2onnx {tf2onnx.__version__}, seed {seed}; written by testdata/tensorflow_models.py")


main()
