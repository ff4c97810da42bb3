"""What the tests of this folder ask NumPy.

    reference.py read FOLDER COUNT     of each of the files 0, 1, ...: null where it is refused, else type, shape and the bits of its elements as float32, as JSON
    reference.py written FOLDER        whether np.save writes the bytes of each *.npy, and np.load finds the same in all.npz and packed.npz
    reference.py load FILE             loads a model that Go has written into PyTorch's layers
"""

import glob
import io
import json
import os
import sys
import warnings

import numpy as np


def bits(a):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        a = np.ascontiguousarray(a.astype(np.float32)).reshape(-1)
    return a.view(np.uint32).tolist()


def read(folder, count):
    answers = []
    for i in range(count):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                a = np.load(os.path.join(folder, str(i)), allow_pickle=False)
                # Some types have no conversion to float32, which is a refusal too.
                answers.append([a.dtype.str, list(a.shape), bits(a)])
            except Exception:
                answers.append(None)
    json.dump(answers, sys.stdout)


def written(folder):
    names = sorted(glob.glob(os.path.join(folder, "*.npy")))
    archives = [np.load(os.path.join(folder, name), allow_pickle=False) for name in ("all.npz", "packed.npz")]
    for name in names:
        with open(name, "rb") as f:
            data = f.read()
        a = np.load(io.BytesIO(data), allow_pickle=False)
        again = io.BytesIO()
        np.save(again, a)
        assert again.getvalue() == data, f"np.save writes other bytes than {name}"
        key = os.path.basename(name).removesuffix(".npy")
        for z in archives:
            assert z[key].dtype == a.dtype and z[key].shape == a.shape and z[key].tobytes() == a.tobytes(), f"{key} differs"
    for z in archives:
        assert len(z.files) == len(names), z.files
    print("ok", len(names))


def load(path):
    import torch
    from torch import nn

    tensors = {name: torch.from_numpy(v) for name, v in np.load(path).items()}
    nets = {
        "LSTM.": nn.LSTM(3, 5, 2, bidirectional=True, proj_size=2),
        "GRU.": nn.GRU(3, 4, 2),
        "RNN.": nn.RNN(3, 4, bias=False),
    }
    for prefix, net in nets.items():
        state = {name[len(prefix):]: t for name, t in tensors.items() if name.startswith(prefix)}
        want = state.pop("y")
        net.load_state_dict(state, strict=True)
        with torch.no_grad():
            torch.testing.assert_close(net(tensors["x"])[0], want, rtol=1e-5, atol=1e-5)
    print("ok")


if __name__ == "__main__":
    if sys.argv[1] == "read":
        read(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1] == "written":
        written(sys.argv[2])
    else:
        load(sys.argv[2])
