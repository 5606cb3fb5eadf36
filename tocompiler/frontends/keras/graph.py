"""Sequential and Functional configurations: which layer reads what, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.keras.table import Call, Value, row
from tocompiler.network import Network

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__ = ["apply_layer", "convert"]

_FORMATS = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64"}
_MODELS = ("Sequential", "Functional", "Model")


def convert(model: Mapping[str, Any], batch: Any, dims: Mapping[str, int], symbolic: bool) -> Network:
    """The Network of a model's configuration."""
    net = Network(model["config"].get("name", "keras"))
    inputs = [_input(net, layer, batch, dims, symbolic) for layer in _inputs(model)]
    results = _model(net, model, "", inputs, {})
    closing = Call(net, "Model", net.name, {})
    net.output(*(closing.last(v) for v in results))
    return net


def apply_layer(net: Network, layer: Mapping[str, Any], scope: str, arguments: Sequence[Any],
                keywords: Mapping[str, Any], stored: dict[str, Tensor]) -> list[Value]:
    """What a layer, or a model used as one, makes of its arguments."""
    path = f"{scope}{layer['config'].get('name', layer['class_name'].lower())}"
    if layer["class_name"] in _MODELS and "layers" in layer["config"]:
        return _model(net, layer, f"{path}.", _values(arguments), stored)
    call = Call(net, layer["class_name"], path, layer["config"], stored)
    with net.scope(path):
        made = row(call)(call, *arguments, **keywords)
    return [made] if isinstance(made, Value) else list(made)


def _input(net: Network, layer: Mapping[str, Any], batch: Any, dims: Mapping[str, int], symbolic: bool) -> Value:
    config = layer["config"]
    given = config.get("batch_shape") or config.get("batch_input_shape")
    if given is None:
        raise ValueError("the Keras model has no input shape; build it or give it an Input layer")
    name = config.get("name", "input")
    shape = [_open(name, axis, batch if axis == 0 else dims.get(f"{name}_{axis}"), symbolic) if d is None else d
             for axis, d in enumerate(given)]
    dtype = config.get("dtype") or "float32"
    dtype = dtype if isinstance(dtype, str) else dtype["config"]["name"]
    return Value(net.input((batch, *shape[1:]), _FORMATS.get(dtype, dtype), name))


def _open(name: str, axis: int, bound: Any, symbolic: bool) -> Any:
    label = f"{name}_{axis}"
    if bound is not None:
        return bound
    if not symbolic:
        raise ValueError(f"input '{name}' leaves dimension {axis} open; bind it with dims {label}=N")
    import sympy

    return sympy.Symbol(label, integer=True, positive=True)


def _inputs(model: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The input layers in the order in which the model takes them."""
    layers = model["config"]["layers"]
    if model["class_name"] == "Sequential":
        first = layers[0]
        if first["class_name"] == "InputLayer" or first["class_name"] not in _MODELS:
            return [first]
        return _inputs(first)
    named = {layer["config"].get("name", layer.get("name")): layer for layer in layers}
    return [named[name] for name, _, _ in _ends(model["config"]["input_layers"])]


def _ends(ends: Any) -> list[Any]:
    """[layer, node, tensor] triples, of which a single one may stand alone; nested structures are flattened."""
    if isinstance(ends, Mapping):
        return [e for v in ends.values() for e in _ends(v)]
    return [ends] if ends and isinstance(ends[0], str) else [e for v in ends for e in _ends(v)]


def _model(net: Network, model: Mapping[str, Any], scope: str, inputs: Sequence[Value],
           stored: dict[str, Tensor]) -> list[Value]:
    config = model["config"]
    if model["class_name"] == "Sequential":
        values = list(inputs)
        for layer in config["layers"]:
            if layer["class_name"] != "InputLayer":
                values = apply_layer(net, layer, scope, values, {}, stored)
        return values
    made: dict[tuple[str, int, int], Value] = {}
    for end, value in zip(_ends(config["input_layers"]), inputs, strict=True):
        made[tuple(end)] = value
    waiting = [(layer, i, node) for layer in config["layers"] for i, node in enumerate(layer["inbound_nodes"])]
    while waiting:
        later = []
        for layer, i, node in waiting:
            if not all(h in made for h in _histories(node)):
                later.append((layer, i, node))
                continue
            arguments = [_resolve(net, a, made) for a in node["args"]]
            keywords = {k: _resolve(net, a, made) for k, a in node["kwargs"].items() if a is not None}
            results = apply_layer(net, layer, scope, arguments, keywords, stored)
            made.update({(layer["name"], i, j): v for j, v in enumerate(results)})
        if len(later) == len(waiting):
            raise ValueError(f"Keras model '{net.name}': layer '{later[0][0]['name']}' reads what no layer makes")
        waiting = later
    return [made[tuple(end)] for end in _ends(config["output_layers"])]


def _histories(value: Any) -> list[tuple[str, int, int]]:
    """Every tensor that a node's arguments mention."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            return [tuple(value["config"]["keras_history"])]
        return [h for v in value.values() for h in _histories(v)]
    return [h for v in value for h in _histories(v)] if isinstance(value, list) else []


def _resolve(net: Network, value: Any, made: Mapping[tuple[str, int, int], Value]) -> Any:
    """An argument with tensors in place of their histories, checked against the shape that Keras recorded."""
    if isinstance(value, list):
        return [_resolve(net, v, made) for v in value]
    if not isinstance(value, Mapping):
        return value
    if value.get("class_name") == "__slice__":
        c = value["config"]
        return slice(c["start"], c["stop"], c["step"])
    if value.get("class_name") != "__keras_tensor__":
        return {k: _resolve(net, v, made) for k, v in value.items()}
    history = tuple(value["config"]["keras_history"])
    found, recorded = made[history], value["config"]["shape"]
    if recorded is None:  # Keras 2 records none
        return found
    if len(found.shape) != len(recorded) or any(
            d is not None and isinstance(have, int) and have != d
            for have, d in zip(found.shape[1:], recorded[1:], strict=False)):
        raise ValueError(f"Keras layer '{history[0]}': its result is {tuple(recorded)} in Keras, {found.shape} here")
    return found


def _values(arguments: Sequence[Any]) -> list[Value]:
    return [v for a in arguments for v in (_values(a) if isinstance(a, list) else [a]) if isinstance(v, Value)]
