"""Rows of Keras' dense layers, embeddings, activations and normalisations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.frontends.keras.table import Call, Value, keras_layer

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__ = ["activate"]

_METHODS = {
    "relu": "relu", "relu6": "relu6", "sigmoid": "sigmoid", "tanh": "tanh", "elu": "elu", "selu": "selu",
    "celu": "celu", "silu": "silu", "swish": "silu", "hard_sigmoid": "hard_sigmoid", "hard_silu": "hard_swish",
    "hard_swish": "hard_swish", "softplus": "softplus", "softsign": "softsign", "mish": "mish", "gelu": "gelu",
}


def activate(call: Call, name: Any, x: Tensor, axis: int = -1) -> Tensor:
    """The activation that a configuration names; softmax runs along ``axis``."""
    if isinstance(name, dict):
        name = name.get("config", name.get("class_name"))
        name = name["name"] if isinstance(name, dict) else name
    if name in (None, "linear"):
        return x
    if name in ("softmax", "log_softmax"):
        method = call.net.softmax if name == "softmax" else call.net.log_softmax
        return method(x, axis)
    if name == "exponential":
        return call.net.emit("Exp", [x])[0]
    if name == "leaky_relu":
        return call.net.leaky_relu(x, 0.2)
    if name not in _METHODS:
        raise call.refuse(f"activation '{name}' is not modelled")
    made: Tensor = getattr(call.net, _METHODS[name])(x)
    return made


@keras_layer("Dense")
def _dense(call: Call, value: Value) -> Value:
    y = _linear(call, call.last(value), call["units"], "", call["use_bias"])
    return Value(activate(call, call["activation"], y))


def _linear(call: Call, x: Tensor, units: int, role: str, bias: bool) -> Tensor:
    """x·W + b with Keras' weight, (in, out)."""
    weight = call.parameter(f"{role}kernel", (x.shape[-1], units), x)
    shift = call.parameter(f"{role}bias", (units,), x) if bias else None
    if len(x.shape) == 2:
        return call.net.emit("Gemm", [x, weight] if shift is None else [x, weight, shift])[0]
    y = call.net.emit("MatMul", [x, weight])[0]
    return y if shift is None else call.net.add(y, shift)


@keras_layer("Embedding")
def _embedding(call: Call, value: Value) -> Value:
    indices = value.tensor
    if not indices.format.startswith("int"):
        # Keras casts whatever it is given; its Input layers are float32 unless said.
        indices = call.net.emit("Cast", [indices], {"to": "int32"}, results=[(indices.shape, "int32")])[0]
    table = call.parameter("embeddings", (call["input_dim"], call["output_dim"]), indices)
    return Value(call.net.emit("Gather", [table, indices], {"axis": 0})[0])


@keras_layer("MultiHeadAttention")
def _attention(call: Call, query: Value, value: Value, key: Value | None = None, use_causal_mask: bool = False,
               **ignored: Any) -> Value:
    """Projections to heads, softmax(q·kᵀ/√d)·v, projection back to the query's width."""
    q, v = call.last(query), call.last(value)
    k = v if key is None else call.last(key)
    heads, bias = call["num_heads"], call["use_bias"]
    if len(q.shape) != 3:
        raise call.refuse("attention over more than one axis is not modelled")
    q_heads, k_heads, v_heads = (
        call.net.split_heads(_linear(call, x, heads * width, role, bias), heads)
        for x, width, role in ((q, call["key_dim"], "query_"), (k, call["key_dim"], "key_"),
                               (v, call["value_dim"] or call["key_dim"], "value_")))
    y = call.net.scaled_dot_product_attention(q_heads, k_heads, v_heads, None, use_causal_mask)
    y = call.net.merge_heads(y)
    out = call.config.get("output_shape")
    width = q.shape[-1] if out is None else out if isinstance(out, int) else out[-1]
    return Value(_linear(call, y, width, "output_", bias))


@keras_layer("Activation")
def _activation(call: Call, value: Value) -> Value:
    return Value(activate(call, call["activation"], value.tensor, 1 if value.first else -1), value.first)


@keras_layer("ReLU")
def _relu(call: Call, value: Value) -> Value:
    x, slope, top = value.tensor, call.config.get("negative_slope") or 0.0, call.config.get("max_value")
    y = call.net.clip(x, 0.0, top) if top is not None else call.net.leaky_relu(x, slope) if slope else call.net.relu(x)
    return Value(y, value.first)


@keras_layer("LeakyReLU")
def _leaky_relu(call: Call, value: Value) -> Value:
    return Value(call.net.leaky_relu(value.tensor, call["negative_slope"]), value.first)


@keras_layer("ELU")
def _elu(call: Call, value: Value) -> Value:
    return Value(call.net.elu(value.tensor, call["alpha"]), value.first)


@keras_layer("PReLU")
def _prelu(call: Call, value: Value) -> Value:
    """One slope per element, shared along ``shared_axes``."""
    shared = call["shared_axes"] or ()
    shape = tuple(1 if axis in shared else d for axis, d in enumerate(value.shape) if axis)
    x = call.last(value)
    return Value(call.net.emit("PRelu", [x, call.parameter("alpha", shape, x)])[0])


@keras_layer("Softmax")
def _softmax(call: Call, value: Value) -> Value:
    return Value(call.net.softmax(call.last(value), call["axis"]))


@keras_layer("BatchNormalization")
def _batch_norm(call: Call, value: Value) -> Value:
    """Scale, shift, running mean and variance; without centre or scale that one is a constant."""
    rank = len(value.shape)
    last = call["axis"] in (-1, rank - 1) or call["axis"] == [rank - 1]
    x = call.first(value) if last else call.last(value)
    roles = (("gamma", "parameter" if call["scale"] else "constant"),
             ("beta", "parameter" if call["center"] else "constant"), ("moving_mean", "buffer"),
             ("moving_variance", "buffer"))
    stored = [call.parameter(role, (x.shape[1],), x, kind) for role, kind in roles]
    attributes = {"epsilon": call["epsilon"], "momentum": call["momentum"]}
    return Value(call.net.emit("BatchNormalization", [x, *stored], attributes, outputs=1)[0], last and rank > 2)


@keras_layer("LayerNormalization")
def _layer_norm(call: Call, value: Value) -> Value:
    x = call.last(value)
    axes = call["axis"] if isinstance(call["axis"], list) else [call["axis"]]
    if sorted(a % len(x.shape) for a in axes) != list(range(len(x.shape) - len(axes), len(x.shape))):
        raise call.refuse("only normalisation over the trailing axes is modelled")
    over = x.shape[-len(axes):]
    stored = [call.parameter("gamma", over, x, "parameter" if call["scale"] else "constant")]
    if call["center"]:
        stored.append(call.parameter("beta", over, x))
    attributes = {"axis": -len(axes), "epsilon": call["epsilon"]}
    return Value(call.net.emit("LayerNormalization", [x, *stored], attributes, outputs=1)[0])


@keras_layer("GroupNormalization")
def _group_norm(call: Call, value: Value) -> Value:
    x = call.first(value)
    groups = x.shape[1] if call["groups"] == -1 else call["groups"]
    stored = [call.parameter(role, (x.shape[1],), x, "parameter" if call[flag] else "constant")
              for role, flag in (("gamma", "scale"), ("beta", "center"))]
    attributes = {"num_groups": groups, "epsilon": call["epsilon"]}
    return Value(call.net.emit("GroupNormalization", [x, *stored], attributes)[0], len(x.shape) > 2)


@keras_layer("LayerScale")
def _layer_scale(call: Call, value: Value) -> Value:
    """A trainable factor per channel (keras.applications' ConvNeXt)."""
    x = call.last(value)
    return Value(call.net.mul(x, call.parameter("gamma", (call["projection_dim"],), x)))


@keras_layer("Rescaling")
def _rescaling(call: Call, value: Value) -> Value:
    """x·scale + offset, by number or by channel."""
    x = call.last(value)
    for method, amount, nothing in ((call.net.mul, call["scale"], 1.0), (call.net.add, call["offset"], 0.0)):
        if amount != nothing:
            x = method(x, call.net.constant(amount, x.format, method.__name__ + ".by"))
    return Value(x)


@keras_layer("Normalization")
def _normalization(call: Call, value: Value) -> Value:
    """(x − mean) / deviation, stored for the last axis."""
    x = call.last(value)
    mean, deviation = (call.parameter(role, (x.shape[-1],), x, "buffer") for role in ("mean", "deviation"))
    return Value(call.net.div(call.net.sub(x, mean), deviation))
