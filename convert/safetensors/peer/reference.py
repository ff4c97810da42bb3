"""What the tests of this folder ask the reference implementation.

    reference.py read FOLDER COUNT    of each of the files 0, 1, ...: null where it is refused, else name, type and shape of its tensors, as JSON
    reference.py load FILE            loads a model that Go has written into PyTorch's layers
"""

import json
import os
import sys


def read(folder, count):
    import safetensors

    answers = []
    for i in range(count):
        with open(os.path.join(folder, str(i)), "rb") as f:
            data = f.read()
        try:
            answers.append([[name, t["dtype"], t["shape"]] for name, t in safetensors.deserialize(data)])
        except safetensors.SafetensorError:
            answers.append(None)
    json.dump(answers, sys.stdout)


def load(path):
    import safetensors.torch
    import torch
    from torch import nn

    with open(path, "rb") as f:
        data = f.read()
    tensors = safetensors.torch.load(data)
    assert safetensors.torch.save(tensors, {"format": "pt"}) == data, "the reference writes other bytes"
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
    else:
        load(sys.argv[2])
