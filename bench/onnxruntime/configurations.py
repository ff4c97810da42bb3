"""Writes what ONNX's operators LSTM, GRU and RNN compute in random configurations, as a golden file.

    python3 -m venv venv && venv/bin/pip install onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
    venv/bin/python bench/onnxruntime/configurations.py        (from the root of the repository)

ONNX Runtime's CPU kernels run in float32 alone, with exponentials of their own. So that the whole
tolerance of the Go tests is ours, the file holds the numbers of the formulas in ONNX's text, written
out below, in float64, each configuration only if ONNX Runtime agrees with them on every element of
Y, Y_h and Y_c to AGREE. What it makes of the options is thus ONNX Runtime's word; the last digits are
those of float64.

Where ONNX Runtime does something else than the formulas, or ONNX's text says nothing, quirks() below
holds it to what it does, and the Go test deals with it by name.

As in bench/pytorch/configurations.py a seed is passed over, and counted, where numbers that are moved
by two units in the last place move a result by more than LIMIT, and also where activations without
bounds have let a result grow beyond GREAT.
"""

import os
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import compact

AGREE = 5e-6
LIMIT = 2e-5
GREAT = 50
SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 20]
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}

# ---- The formulas of ONNX's text


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


ACTIVATIONS = {  # with the range of alpha and beta to draw from, where they have such
    "Relu": (lambda x: np.maximum(x, 0),),
    "Tanh": (np.tanh,),
    "Sigmoid": (sigmoid,),
    "Affine": (lambda x, a, b: a * x + b, (0.3, 1.1), (-0.5, 0.5)),
    "LeakyRelu": (lambda x, a: np.where(x >= 0, x, a * x), (0.01, 0.5)),
    "ThresholdedRelu": (lambda x, a: np.where(x >= a, x, 0), (0.05, 0.6)),
    "ScaledTanh": (lambda x, a, b: a * np.tanh(b * x), (0.5, 1.5), (0.5, 1.5)),
    "HardSigmoid": (lambda x, a, b: np.clip(a * x + b, 0, 1), (0.1, 0.6), (0.3, 0.7)),
    "Elu": (lambda x, a: np.where(x >= 0, x, a * (np.exp(np.minimum(x, 0)) - 1)), (0.5, 1.5)),
    "Softsign": (lambda x: x / (1 + np.abs(x)),),
    "Softplus": (lambda x: np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0),),
}
# The operators' defaults, which hold where the lists of alpha and beta are absent.
DEFAULTS = {"LeakyRelu": (0.01,), "HardSigmoid": (0.2, 0.5), "Elu": (1.0,)}


def functions(case):
    """One function for each name in the list; alpha and beta go to those that have them, in order."""
    alpha, beta = iter(case.get("alpha", [])), iter(case.get("beta", []))
    for name in case["activations"]:
        f, *ranges = ACTIVATIONS[name]
        given = [np.float32(next(v)) if case.get("alpha") else np.float32(DEFAULTS[name][i])
                 for i, v in zip(range(len(ranges)), (alpha, beta))]
        yield lambda x, f=f, given=given: f(x, *map(x.dtype.type, given))


def row(case, fs, x, W, R, B, h, c, P):
    """One row of the batch in one direction: h and c after each step of x."""
    limit = np.float32(case.get("clip", np.inf)).astype(x.dtype)
    clip = lambda a: np.clip(a, -limit, limit)
    Wb, Rb = np.split(B, 2)
    if case["op"] == "RNN":
        f, = fs
        for v in x:
            h = f(clip(W @ v + R @ h + Wb + Rb))
            yield h, c
    elif case["op"] == "GRU":
        f, g = fs
        Wz, Wr, Wh = np.split(W, 3)
        Rz, Rr, Rh = np.split(R, 3)
        Wbz, Wbr, Wbh = np.split(Wb, 3)
        Rbz, Rbr, Rbh = np.split(Rb, 3)
        for v in x:
            z = f(clip(Wz @ v + Rz @ h + Wbz + Rbz))
            r = f(clip(Wr @ v + Rr @ h + Wbr + Rbr))
            if case.get("linear_before_reset"):
                n = g(clip(Wh @ v + r * (Rh @ h + Rbh) + Wbh))
            else:
                n = g(clip(Wh @ v + Rh @ (r * h) + Rbh + Wbh))
            h = (1 - z) * n + z * h
            yield h, c
    else:
        f, g, out = fs
        Pi, Po, Pf = np.split(P, 3)
        for v in x:
            i, o, ff, cc = np.split(W @ v + R @ h + Wb + Rb, 4)
            i = f(clip(i + Pi * c))
            ff = 1 - i if case.get("input_forget") else f(clip(ff + Pf * c))
            c = ff * c + i * g(clip(cc))
            h = f(clip(o + Po * c)) * out(c)  # the clip does not reach the c in here
            yield h, c


def formulas(case, tensors, dtype=np.float64):
    """Y of the last operator, and Y_h and Y_c of all, one below the other."""
    T, batch, H = case["steps"], case["batch"], case["hidden"]
    D = 2 if case["direction"] == "bidirectional" else 1
    fs = list(functions(case))
    x, states = tensors["X"].astype(dtype), []
    for layer in range(case["layers"]):
        get = lambda name, *shape: tensors.get(name + str(layer), np.zeros(shape)).astype(dtype)
        G = GATES[case["op"]]
        W, R, B, P = get("W"), get("R"), get("B", D, 2 * G * H), get("P", D, 3 * H)
        h, c = get("initial_h", D, batch, H), get("initial_c", D, batch, H)
        Y, last_h, last_c = np.zeros((T, D, batch, H), dtype), h.copy(), c.copy()
        for d in range(D):
            for b in range(batch):
                steps = np.arange(case["lengths"][b] if "lengths" in case else T)
                if d == 1 or case["direction"] == "reverse":
                    steps = steps[::-1]
                run = row(case, fs[d * len(fs) // D : (d + 1) * len(fs) // D], x[steps, b], W[d], R[d], B[d], h[d, b], c[d, b], P[d])
                for t, (last_h[d, b], last_c[d, b]) in zip(steps, run):
                    Y[t, d, b] = last_h[d, b]
        states.append((last_h, last_c))
        x = Y.transpose(0, 2, 1, 3).reshape(T, batch, D * H)
    return results(case, Y, states)


def results(case, Y, states):
    out = dict(Y=Y, Y_h=np.stack([h for h, _ in states]))
    if case["op"] == "LSTM":
        out["Y_c"] = np.stack([c for _, c in states])
    return out


# ---- ONNX Runtime

onnxruntime.set_default_logger_severity(4)


def operator(op, feeds, **attributes):
    """Runs one operator; feeds are its inputs by name, with None for what is absent."""
    outputs = ["Y", "Y_h"] + ["Y_c"] * (op == "LSTM")
    node = helper.make_node(op, [k if v is not None else "" for k, v in feeds.items()], outputs, **attributes)
    feeds = {k: v for k, v in feeds.items() if v is not None}
    kind = lambda v: TensorProto.INT32 if v.dtype == np.int32 else TensorProto.FLOAT
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info(k, kind(v), v.shape) for k, v in feeds.items()],
                              [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def runtime(case, tensors):
    attributes = dict(direction=case["direction"], hidden_size=case["hidden"])
    if not case.get("defaults"):
        attributes["activations"] = case["activations"]
    for name, attribute in (("alpha", "activation_alpha"), ("beta", "activation_beta"), ("clip", "clip"),
                            ("input_forget", "input_forget"), ("linear_before_reset", "linear_before_reset")):
        if case.get(name):
            attributes[attribute] = case[name]
    lengths = np.array(case["lengths"], np.int32) if "lengths" in case else None
    x, states = tensors["X"], []
    for layer in range(case["layers"]):
        get = lambda name: tensors.get(name + str(layer))
        feeds = dict(X=x, W=get("W"), R=get("R"), B=get("B"), sequence_lens=lengths, initial_h=get("initial_h"))
        if case["op"] == "LSTM":
            feeds.update(initial_c=get("initial_c"), P=get("P"))
        Y, *state = operator(case["op"], feeds, **attributes)
        states.append((state[0], state[-1]))
        x = Y.transpose(0, 2, 1, 3).reshape(Y.shape[0], Y.shape[2], -1)
    return results(case, Y, states)


def quirks():
    """Where ONNX Runtime differs from the formulas, or ONNX's text is silent; each holds in this version."""
    rng = np.random.default_rng(1)
    f = lambda *shape: rng.uniform(-1, 1, shape).astype(np.float32)
    T, batch, width, H = 4, 3, 2, 3
    for op, G in GATES.items():
        # The formulas leave a row of no steps its initial state; ONNX Runtime makes its final state zero.
        for direction, D in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
            for lengths in ([2, 0, 4], [0, 0, 0]):
                feeds = dict(X=f(T, batch, width), W=f(D, G * H, width), R=f(D, G * H, H), B=None,
                             sequence_lens=np.array(lengths, np.int32), initial_h=f(D, batch, H))
                if op == "LSTM":
                    feeds["initial_c"] = f(D, batch, H)
                for state in operator(op, feeds, hidden_size=H, direction=direction)[1:]:
                    assert not state[:, 1].any(), "a row of no steps keeps its state"
        # It has no batch-first layout.
        try:
            operator(op, dict(X=f(batch, T, width), W=f(1, G * H, width), R=f(1, G * H, H)), hidden_size=H, layout=1)
        except onnxruntime.capi.onnxruntime_pybind11_state.Fail as e:
            assert "layout == 1" in str(e)
        else:
            assert False, op + " has layout = 1"
    one = lambda v: np.full((1, 1, 1), v, np.float32)
    alone = lambda f, v, **a: operator("RNN", dict(X=one(v), W=one(1), R=one(0)), hidden_size=1, activations=[f], **a)[0].item()
    # ThresholdedRelu's text says x for x >= alpha, the kernels x for x > alpha.
    assert alone("ThresholdedRelu", 0.5, activation_alpha=[0.5]) == 0
    # Without a list its alpha is 0 here. The text refers to the operator ThresholdedRelu, whose default is 1.
    assert alone("ThresholdedRelu", 0.5) == 0.5
    # Softplus and Elu are computed as the text writes them: e^x overflows, and e^x - 1 has few digits near 0.
    assert alone("Softplus", 90.0) == np.inf
    assert abs(alone("Elu", -1e-6, activation_alpha=[1.0]) + 1e-6) > 1e-8


# ---- Configurations


def draw(op, seed):
    c = compact.Choose(f"{op}/{seed}")
    case = dict(op=op, seed=seed, input=c.of(SIZES), hidden=c.of(SIZES), layers=1 + c.chance(15), steps=1 + c.below(12), batch=1 + c.below(6),
                direction=c.of(["forward", "reverse", "bidirectional"]), scale=c.number(0.5, 1.8))
    case["scale"] = round(case["scale"] * case["hidden"] ** -0.5, 3)
    case["bias"] = c.chance(75)
    case["initial"] = c.chance(60)
    if c.chance(50):
        case["lengths"] = [c.below(case["steps"] + 1) for _ in range(case["batch"])]
        if c.chance(30):
            case["lengths"][c.below(case["batch"])] = 0
    usual = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}[op]
    case["clip"] = c.number(0.2, 1.5) if c.chance(35) else None
    if op == "LSTM":
        case["peephole"] = c.chance(45)
        case["input_forget"] = int(c.chance(30))
    if op == "GRU":
        case["linear_before_reset"] = c.below(2)
    if c.chance(35 if op != "RNN" else 15):
        case["defaults"] = True  # no lists at all
        names = usual
    elif c.chance(12):  # lists of names without lists of parameters
        names = [c.of([*DEFAULTS, "Sigmoid", "Tanh"]) for _ in usual]
    else:
        names = [c.of(list(ACTIVATIONS)) for _ in usual]
        if c.chance(50):  # gates that are no gates soon let c grow without bound
            names[0] = c.of(["Sigmoid", "HardSigmoid"]) if op != "RNN" else names[0]
        ranges = [r for name in names for r in [ACTIVATIONS[name][1:]]]
        case["alpha"] = [c.number(*r[0]) for r in ranges if len(r) > 0]
        case["beta"] = [c.number(*r[1]) for r in ranges if len(r) > 1]
    times = 2 if case["direction"] == "bidirectional" else 1
    case["activations"] = names * times
    for k in ("alpha", "beta"):
        case[k] = case.get(k, []) * times
    return {k: v for k, v in case.items() if v or k in ("seed",)}


def inputs(case, moved=None):
    T, batch, H, G = case["steps"], case["batch"], case["hidden"], GATES[case["op"]]
    D = 2 if case["direction"] == "bidirectional" else 1
    shapes = dict(X=(T, batch, case["input"]))
    for layer in range(case["layers"]):
        width = case["input"] if layer == 0 else D * H
        shapes.update({f"W{layer}": (D, G * H, width), f"R{layer}": (D, G * H, H)})
        if case.get("bias"):
            shapes[f"B{layer}"] = (D, 2 * G * H)
        if case.get("peephole"):
            shapes[f"P{layer}"] = (D, 3 * H)
        if case.get("initial"):
            shapes[f"initial_h{layer}"] = (D, batch, H)
            if case["op"] == "LSTM":
                shapes[f"initial_c{layer}"] = (D, batch, H)
    tensors = {}
    for name, shape in shapes.items():
        label = f"{case['op']}/{case['seed']}/{name}"
        v = compact.uniform(label, shape, case["scale"] if name[0] in "WRBP" else 1)
        tensors[name] = v if moved is None else v * (1 + 2**-22 * compact.uniform(f"{label}/{moved}", shape).astype(np.float64))
    return tensors


def main():
    np.seterr(all="ignore")
    quirks()
    cases, worst, single, passed_over = [], {}, 0.0, 0
    for op, count in (("LSTM", 150), ("GRU", 90), ("RNN", 90)):
        seed = 0
        while sum(c["op"] == op for c in cases) < count:
            seed += 1
            case = draw(op, seed)
            exact = formulas(case, inputs(case))
            apart = lambda other: max(compact.apart(other[name], t) for name, t in exact.items())
            small = all(np.abs(t).max() <= GREAT for t in exact.values())
            if not small or max(apart(formulas(case, inputs(case, moved))) for moved in range(2)) > LIMIT:
                passed_over += 1
                continue
            got = runtime(case, inputs(case))
            for b, n in enumerate(case.get("lengths", [])):
                if n == 0:  # see quirks
                    for name in ("Y_h", "Y_c"):
                        if name in exact:
                            exact[name][:, :, b] = 0
            differs = apart(got)
            assert differs <= AGREE, f"ONNX Runtime is {differs} apart from the formulas: {case}"
            worst[op] = max(worst.get(op, 0), differs)
            case["want"] = {name: compact.summary(f"{op}/{case['seed']}/{name}", t, 8) for name, t in exact.items()}
            cases.append(case)
    compact.write("convert/testdata/onnxruntime.json", dict(
        made_by="bench/onnxruntime/configurations.py", onnxruntime=onnxruntime.__version__, onnx=onnx.__version__, numpy=np.__version__,
        onnxruntime_differs_by={op: float("%.2g" % d) for op, d in worst.items()}, passed_over=passed_over), cases)


if __name__ == "__main__":
    main()
