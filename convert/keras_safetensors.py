"""Keras models in safetensors files, for package convert of simdrnn and from it.

Copy this file beside your program. It needs keras 3 and safetensors, nothing of simdrnn.

    import keras_safetensors
    keras_safetensors.save(model, "model.safetensors")      # all weights of a model
    keras_safetensors.load(model, "model.safetensors")      # into a model that is there
    keras_safetensors.layers("model.safetensors")           # the recurrent layers as new ones

or, for models that keras.Model.save wrote:

    python keras_safetensors.py save model.keras model.safetensors
    python keras_safetensors.py load model.keras model.safetensors trained.keras

In Go, convert.InspectKeras lists the recurrent layers of such a file, LoadKerasLSTM and the like
make networks of them, and ToKerasLayers and ToKerasFile write one.

A tensor is called <models around the layer>/<layer>/<weight>: "encoder/lstm/kernel". Inside a
Bidirectional come "forward/" and "backward/" before the weight, inside an RNN of StackedRNNCells
"cell_0/" and so on. The metadata "simdrnn.keras" is JSON that says what each recurrent layer is:

    {"version": 1, "layers": [{"name": "encoder/lstm", "class": "LSTM", "units": 8, "use_bias": true,
      "return_sequences": true, "activation": {"name": "tanh"}, "recurrent_activation": {"name": "sigmoid"}}]}

with reset_after, go_backwards, merge_mode (of Bidirectional) and cells (of StackedRNNCells) where
they are not false or absent. "unsupported" says why a layer is none that simdrnn has; its weights are
in the file all the same. Weights are written as float32. Masks, dropouts and the like are not in
the file: they belong to the model around the weights.
"""

import json
import sys

import keras
import numpy as np
import safetensors
import safetensors.numpy

KEY = "simdrnn.keras"
VERSION = 1
CELLS = {"LSTMCell": "LSTM", "GRUCell": "GRU", "SimpleRNNCell": "SimpleRNN"}
LAYERS = {"LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU, "SimpleRNN": keras.layers.SimpleRNN}
SINGLE = {"LSTM": keras.layers.LSTMCell, "GRU": keras.layers.GRUCell, "SimpleRNN": keras.layers.SimpleRNNCell}


def save(model, path):
    """Writes all weights of a model, and what its recurrent layers are, to a safetensors file."""
    specs, tensors = [], {}
    for name, variable in _walk(model, specs):
        if name in tensors:
            raise ValueError(f"two weights of the model are called {name}: give the layers names of their own")
        tensors[name] = np.ascontiguousarray(keras.ops.convert_to_numpy(variable), dtype=np.float32)
    safetensors.numpy.save_file(tensors, path, metadata={KEY: json.dumps({"version": VERSION, "layers": specs})})


def load(model, path):
    """Sets the weights of a model to those of a file that save or simdrnn wrote.

    Returns a dict of lists of names: "matched", "missing" (weights of the model that are not in the
    file, which stay as they are) and "left" (tensors of the file that belong to no weight). Raises
    ValueError, and changes nothing, where a shape differs or a recurrent layer is another one in the
    file than in the model, or has a weight too many or too few.
    """
    wanted, tensors = _read(path)
    wanted = {spec["name"]: spec for spec in wanted}
    specs, report, assign = [], {"matched": [], "missing": [], "left": []}, []
    for name, variable in _walk(model, specs):
        if name not in tensors:
            report["missing"].append(name)
            continue
        if tuple(tensors[name].shape) != tuple(variable.shape):
            raise ValueError(f"{name} has the shape {list(tensors[name].shape)} in {path}, and {list(variable.shape)} in the model")
        report["matched"].append(name)
        assign.append((variable, tensors[name]))
    matched = set(report["matched"])
    report["left"] = [name for name in tensors if name not in matched]
    for spec in specs:
        other = wanted.get(spec["name"])
        if other is None:
            continue  # a report of missing weights, if the file has none of the name
        for field in sorted(set(spec) | set(other)):
            if field != "return_sequences" and not _same(spec.get(field), other.get(field)):
                raise ValueError(f"layer {spec['name']}: {field} is {other.get(field)} in {path}, and {spec.get(field)} in the model")
        prefix = spec["name"] + "/"
        for kind in ("missing", "left"):
            odd = [name for name in report[kind] if name.startswith(prefix)]
            if odd:
                raise ValueError(f"layer {spec['name']}: {odd[0]} is {'not in ' + path if kind == 'missing' else 'no weight of the model'}")
    for variable, value in assign:
        variable.assign(value)
    return report


def layers(path):
    """The recurrent layers of a file as new layers of Keras with their weights, by name."""
    specs, tensors = _read(path)
    made = {}
    for spec in specs:
        if spec.get("unsupported"):
            raise ValueError(f"layer {spec['name']}: {spec['unsupported']}")
        both = "merge_mode" in spec
        first = next(place for place in _places(spec))
        layer = _create(spec, wrapped=both)
        if both:
            layer = keras.layers.Bidirectional(layer, merge_mode=spec["merge_mode"], name=spec["name"].rsplit("/", 1)[-1])
        layer.build((None, None, tensors[first + "kernel"].shape[0]))
        for place, cell in zip(_places(spec), _cells(layer)):
            for weight in ("kernel", "recurrent_kernel", "bias"):
                variable = getattr(cell, weight)
                if variable is not None:
                    variable.assign(tensors[place + weight])
        made[spec["name"]] = layer
    return made


def _create(spec, wrapped):
    """A new layer of one direction."""
    options = dict(use_bias=spec.get("use_bias", False), activation=_function(spec["activation"]))
    if spec["class"] != "SimpleRNN":
        options["recurrent_activation"] = _function(spec["recurrent_activation"])
    if spec["class"] == "GRU":
        options["reset_after"] = spec.get("reset_after", False)
    outside = dict(return_sequences=spec.get("return_sequences", False), go_backwards=spec.get("go_backwards", False))
    if not wrapped:
        outside["name"] = spec["name"].rsplit("/", 1)[-1]
    if spec.get("cells"):
        return keras.layers.RNN([SINGLE[spec["class"]](spec["units"], **options) for _ in range(spec["cells"])], **outside)
    return LAYERS[spec["class"]](spec["units"], **options, **outside)


def _read(path):
    """The descriptions of the layers, and all tensors."""
    with safetensors.safe_open(path, framework="np") as f:
        text = (f.metadata() or {}).get(KEY)
        tensors = {name: f.get_tensor(name) for name in f.keys()}
    if text is None:
        raise ValueError(f"{path} has no metadata {KEY}: it is no file of a Keras model")
    described = json.loads(text)
    if described.get("version") != VERSION:
        raise ValueError(f"{path} has the version {described.get('version')}, this program reads {VERSION}")
    return described["layers"], tensors


def _walk(layer, specs, path=""):
    """Yields (name, variable) of all weights in and below a layer, and appends to specs what its recurrent layers are."""
    recurrent = isinstance(layer, keras.layers.RNN) or isinstance(layer, keras.layers.Bidirectional) and isinstance(layer.forward_layer, keras.layers.RNN)
    if recurrent and path:
        spec = _spec(layer, path)
        specs.append(spec)
        if not spec.get("unsupported"):
            for place, cell in zip(_places(spec), _cells(layer)):
                for weight in ("kernel", "recurrent_kernel", "bias"):
                    if getattr(cell, weight) is not None:
                        yield place + weight, getattr(cell, weight)
            return
    elif isinstance(layer, keras.Model):
        for inner in layer.layers:
            yield from _walk(inner, specs, f"{path}/{inner.name}" if path else inner.name)
        return
    elif isinstance(layer, keras.layers.TimeDistributed):
        yield from _walk(layer.layer, specs, f"{path}/{layer.layer.name}")
        return
    for variable in layer.weights:
        inside = variable.path.split(layer.name + "/", 1)[-1] if layer.name + "/" in variable.path else variable.name
        yield f"{path}/{inside}" if path else inside, variable


def _cells(layer):
    """The cells of a recurrent layer, in the order of _places."""
    if isinstance(layer, keras.layers.Bidirectional):
        return [cell for pair in zip(_cells(layer.forward_layer), _cells(layer.backward_layer)) for cell in pair]
    return layer.cell.cells if isinstance(layer.cell, keras.layers.StackedRNNCells) else [layer.cell]


def _places(spec):
    """The beginnings of the names of the weights, cell by cell, forward before backward."""
    for i in range(max(spec.get("cells", 0), 1)):
        place = spec["name"] + "/" + (f"cell_{i}/" if spec.get("cells") else "")
        yield from (place + "forward/", place + "backward/") if "merge_mode" in spec else (place,)


def _spec(layer, path):
    """What a recurrent layer is."""
    if not layer.built:
        raise ValueError(f"layer {path} has no weights yet: call the model, or its build, before")
    one = layer.forward_layer if isinstance(layer, keras.layers.Bidirectional) else layer
    cells = _cells(layer)
    kinds = {type(cell).__name__ for cell in cells}
    spec = {"name": path, "class": CELLS.get(type(cells[0]).__name__, type(cells[0]).__name__)}
    described = [_cell(cell) for cell in cells]

    def unsupported(why):
        return {**spec, "unsupported": why}

    if len(kinds) > 1 or spec["class"] not in LAYERS or type(cells[0]) is not SINGLE[spec["class"]]:
        return unsupported(f"a layer of the cells {', '.join(sorted(kinds))}")
    if any(d != described[0] for d in described):
        return unsupported("cells, or two directions, of different configurations")
    spec.update(described[0])
    if isinstance(one.cell, keras.layers.StackedRNNCells):
        spec["cells"] = len(one.cell.cells)
    if isinstance(layer, keras.layers.Bidirectional):
        if spec.get("cells"):
            return unsupported("a Bidirectional of StackedRNNCells")
        if one.go_backwards or not layer.backward_layer.go_backwards:
            return unsupported("a Bidirectional whose forward layer goes backwards")
        if layer.merge_mode is None:
            return unsupported("a Bidirectional whose outputs are not merged")
        spec["merge_mode"] = layer.merge_mode
    elif one.go_backwards:
        spec["go_backwards"] = True
    if one.return_sequences:
        spec["return_sequences"] = True
    return spec


def _cell(cell):
    """What a cell computes, without the fields that are false."""
    spec = {"units": cell.units, "activation": _activation(cell.activation)}
    if hasattr(cell, "recurrent_activation"):
        spec["recurrent_activation"] = _activation(cell.recurrent_activation)
    for field in ("use_bias", "reset_after"):
        if getattr(cell, field, False):
            spec[field] = True
    return spec


def _activation(function):
    """An activation by name, with the parameters that Keras' defaults have or its layers are given."""
    if isinstance(function, keras.layers.LeakyReLU):
        return {"name": "leaky_relu", "alpha": float(function.negative_slope)}
    if isinstance(function, keras.layers.ELU):
        return {"name": "elu", "alpha": float(function.alpha)}
    name = keras.activations.serialize(function)
    if not isinstance(name, str):
        name = name.get("class_name", "?") if isinstance(name, dict) else str(name)
    return {"name": name, **_DEFAULTS.get(name, {})}


_DEFAULTS = {"leaky_relu": {"alpha": 0.2}, "elu": {"alpha": 1.0}, "hard_sigmoid": {"alpha": 1 / 6, "beta": 0.5}}


def _function(spec):
    """The inverse of _activation."""
    name = spec["name"]
    if _same(spec, {"name": name, **_DEFAULTS.get(name, {})}):
        return name
    if name == "leaky_relu":
        return keras.layers.LeakyReLU(negative_slope=spec["alpha"])
    if name == "elu":
        return keras.layers.ELU(alpha=spec["alpha"])
    raise ValueError(f"Keras has no activation {spec}")


def _same(a, b):
    """Equality of fields of a description; Go has the parameters of activations in float32."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, float) or isinstance(b, float):
        return a is not None and b is not None and np.float32(a) == np.float32(b)
    return a == b or not a and not b


def main(args):
    if len(args) == 3 and args[0] == "save":
        save(keras.saving.load_model(args[1]), args[2])
    elif len(args) == 4 and args[0] == "load":
        model = keras.saving.load_model(args[1])
        for kind, names in load(model, args[2]).items():
            print(f"{kind}: {', '.join(names) or 'none'}")
        model.save(args[3])
    else:
        sys.exit("usage: keras_safetensors.py save MODEL.keras OUT.safetensors\n       keras_safetensors.py load MODEL.keras IN.safetensors OUT.keras")


if __name__ == "__main__":
    main(sys.argv[1:])
