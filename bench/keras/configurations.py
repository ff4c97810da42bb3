"""Writes what Keras computes in random configurations of LSTM, GRU and SimpleRNN, as a golden file.

    python3 -m venv venv && venv/bin/pip install keras==3.15.1 torch==2.15.0 numpy==2.4.6
    KERAS_BACKEND=torch venv/bin/python bench/keras/configurations.py        (from the root of the repository)

Outputs, final states, and the gradients of all weights, the input and the initial states of a random
linear function of outputs and final states, in float64; the head of the file says how far Keras in
float32 is from that. Tensors are [batch][steps][width]. As in bench/pytorch/configurations.py a seed
is passed over, and counted, where numbers that are moved by two units in the last place move a result
by more than LIMIT.
"""

import os
import sys

assert os.environ.get("KERAS_BACKEND") == "torch", "gradients are taken through PyTorch: set KERAS_BACKEND=torch"

import keras
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import compact

np = compact.np
LIMIT = 2e-5
SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 20]
ACTIVATIONS = ["tanh", "relu", "sigmoid", "softsign", "softplus", "linear", "elu", "leaky_relu", "hard_sigmoid"]
LAYERS = {"LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU, "SimpleRNN": keras.layers.SimpleRNN}


def draw(kind, seed):
    """One configuration; what is not said in it is off."""
    c = compact.Choose(f"{kind}/{seed}")
    case = dict(kind=kind, seed=seed, input=c.of(SIZES), units=c.of(SIZES), layers=c.of([1, 1, 2, 3]), steps=1 + c.below(10), batch=1 + c.below(5))
    case["scale"] = round(c.number(0.5, 2) * case["units"] ** -0.5, 3)
    if c.chance(45):
        case["merge_mode"] = c.of(["concat", "concat", "sum", "ave", "mul"])
    elif c.chance(50):
        case["go_backwards"] = True
    if c.chance(50):
        case["lengths"] = [c.below(case["steps"] + 1) for _ in range(case["batch"])]
        if "merge_mode" not in case and c.chance(50):
            case["zero_output_for_mask"] = True
    case["use_bias"] = c.chance(75)
    case["initial"] = c.chance(60)
    if kind == "GRU":
        case["reset_after"] = c.chance(50)
    if kind == "LSTM" and case["use_bias"]:
        case["unit_forget_bias"] = c.chance(30)
    if c.chance(40):
        case["activation"] = c.of(ACTIVATIONS)
        if kind != "SimpleRNN":
            case["recurrent_activation"] = c.of(["sigmoid", "sigmoid", "hard_sigmoid", "softsign", "tanh"])
    return {k: v for k, v in case.items() if v or k in ("reset_after",)}


def run(case, dtype, moved=None):
    """Everything that comes out, by name."""
    kind, T, batch, units = case["kind"], case["steps"], case["batch"], case["units"]
    both = "merge_mode" in case
    real = getattr(torch, dtype)

    def uniform(name, *shape, scale=1.0):
        label = f"{kind}/{case['seed']}/{name}"
        v = torch.from_numpy(compact.uniform(label, shape, scale)).to(real)
        if moved is not None:
            v = v * (1 + 2**-22 * torch.from_numpy(compact.uniform(f"{label}/{moved}", shape)).to(real))
        return v

    mask = None
    if "lengths" in case:
        mask = torch.arange(T) < torch.tensor(case["lengths"])[:, None]
    options = {k: case[k] for k in ("activation", "recurrent_activation", "reset_after", "unit_forget_bias", "go_backwards", "zero_output_for_mask") if k in case}
    if kind == "LSTM":
        options.setdefault("unit_forget_bias", False)
    x = first = uniform("x", batch, T, case["input"]).requires_grad_()
    weights, initial, last = {}, {"h": [], "c": []}, {"h": [], "c": []}
    names = "hc" if kind == "LSTM" else "h"
    for _ in range(case["layers"]):
        layer = LAYERS[kind](units, use_bias=case.get("use_bias", False), return_sequences=True, return_state=True, dtype=dtype, **options)
        if both:
            layer = keras.layers.Bidirectional(layer, merge_mode=case["merge_mode"], dtype=dtype)
        layer.build(tuple(x.shape))
        state = []
        for direction in (layer.forward_layer, layer.backward_layer) if both else (layer,):
            i = len(initial["h"])
            for name in ("kernel", "recurrent_kernel", "bias"):
                v = getattr(direction.cell, name)
                if v is None:
                    continue
                if name == "bias" and case.get("unit_forget_bias"):
                    assert np.array_equal(keras.ops.convert_to_numpy(v), np.repeat([0, 1, 0, 0], units)), "the first bias of unit_forget_bias"
                else:
                    v.assign(uniform(f"{name}{i}", *v.shape, scale=case["scale"]))
                weights[f"{name}{i}"] = v.value
            for n in names:
                state.append(uniform(f"{n}{i}", batch, units).requires_grad_())
                initial[n].append(state[-1])
        # Without initial states Keras makes zeros of its own, which have no gradient.
        x, *out = layer(x, initial_state=state if case.get("initial") else None, mask=mask)
        if case.get("go_backwards"):  # Keras hands out its outputs in the order of computation
            x = x.flip(1)
        for k, s in enumerate(out):
            last[names[k % len(names)]].append(s)
    y = x
    dy = uniform("dy", *y.shape)
    # Past the end of a row Keras repeats the last output, unless told otherwise; gradients from there are left out.
    if mask is not None and not both and not case.get("zero_output_for_mask") and not case.get("go_backwards"):
        dy = dy * mask[:, :, None]
    loss = (y * dy).sum()
    for n in names:
        for i, s in enumerate(last[n]):
            loss = loss + (s * uniform(f"d{n}{i}", batch, units)).sum()
    loss.backward()

    out = dict(y=y, dx=first.grad)
    for n in names:
        out[n + "n"] = torch.stack(last[n])
        if case.get("initial"):
            out[f"d{n}0"] = torch.stack([s.grad for s in initial[n]])
    out.update({name: v.grad for name, v in weights.items()})
    return {name: t.detach().double().numpy() for name, t in out.items()}


def main():
    torch.set_num_threads(1)
    cases, worst, passed_over = [], 0.0, 0
    for kind, count in (("LSTM", 40), ("GRU", 40), ("SimpleRNN", 20)):
        seed = 0
        while sum(c["kind"] == kind for c in cases) < count:
            seed += 1
            case = draw(kind, seed)
            exact = run(case, "float64")
            apart = lambda other: max(compact.apart(other[name], t) for name, t in exact.items())
            if max(apart(run(case, "float64", moved)) for moved in range(2)) > LIMIT:
                passed_over += 1
                continue
            worst = max(worst, apart(run(case, "float32")))
            case["want"] = {name: compact.summary(f"{kind}/{case['seed']}/{name}", t, 8 if name[-1] in "yxn" else 4) for name, t in exact.items()}
            cases.append(case)
    compact.write("convert/testdata/keras.json", dict(
        made_by="bench/keras/configurations.py", keras=keras.__version__, torch=torch.__version__.split("+")[0], numpy=np.__version__,
        float32_differs_by=float("%.2g" % worst), passed_over=passed_over), cases)


if __name__ == "__main__":
    main()
