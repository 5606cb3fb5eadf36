"""One operator of a served model as its library runs it, alone, as tables of operators measure it:

    operator:gemm,m=4096,n=8192,k=4096,scheme=fp8_block
    operator:attention,batch=8,queries=1,keys=4096,heads=32,key_heads=8,width=128,window=0,cache=bf16,causal=1
    operator:experts,tokens=64,width=4096,hidden=1536,chosen=8,experts=128,tensor_parallel=1,expert_parallel=4,alpha=1.2

Products in a scheme of few bits quantise their rows first, as the model's layers do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

import numpy as np

from tocompiler.network import Network
from tocompiler.tensors import Tensor

__all__ = ["SCHEMES", "build", "routed_rows"]

SCHEMES: Mapping[str, tuple[str, int, int, str]] = {
    "fp8": ("fp8_e4m3", 0, 0, "fp32"), "fp8_block": ("fp8_e4m3", 128, 128, "fp32"),
    "nvfp4": ("e2m1", 16, 1, "fp8_e4m3"),
}
"""Format, summed elements and results that share a scale of a weight (0: all), and the scales' format."""


def build(options: Mapping[str, str], batch: int = 1) -> Network:
    """``name`` gemm, attention or experts with its sizes; ValueError names what is missing or unknown."""
    kind = options.get("name", "")
    made = {"gemm": _gemm, "attention": _attention, "experts": _experts}.get(kind)
    if made is None or batch != 1:
        raise ValueError(f"unknown operator '{kind}' or batch {batch}: batch 1 of gemm, attention, experts")
    net = Network(f"{kind} " + " ".join(f"{k}={v}" for k, v in options.items() if k != "name"))
    net.output(made(net, options))
    return net


def _number(options: Mapping[str, str], key: str, default: int | None = None) -> int:
    text = options.get(key)
    if text is None and default is not None:
        return default
    try:
        value = int(text or "")
    except ValueError:
        raise ValueError(f"operator {options.get('name')}: {key} is '{text}'; give a whole number") from None
    return value


def _gemm(net: Network, options: Mapping[str, str]) -> Tensor:
    m, n, k = (_number(options, key) for key in "mnk")
    x = net.input((m, k), options.get("format", "bf16"))
    scheme = options.get("scheme", "")
    if not scheme:
        return net.emit("MatMul", [x, net.stored((k, n), x.format)], {}, "product", outputs=1)[0]
    format, group, columns, scale = _scheme(scheme)
    rows, scales = _quantised(net, x, scheme)
    weight_scales = net.stored((math.ceil(k / (group or k)) * math.ceil(n / (columns or n)),), scale, kind="buffer")
    return net.emit("ScaledMatMul", [rows, net.stored((k, n), format), scales, weight_scales],
                    {"format": x.format, "group": group}, "product", outputs=1)[0]


def _scheme(name: str) -> tuple[str, int, int, str]:
    if name not in SCHEMES:
        raise ValueError(f"unknown scheme '{name}'; use one of {', '.join(SCHEMES)}")
    return SCHEMES[name]


def _quantised(net: Network, x: Tensor, scheme: str) -> tuple[Tensor, Tensor]:
    format, group, _, scale = _scheme(scheme)
    rows, scales = net.emit("ScaledQuantize", [x], {"format": format, "group": group, "scale_format": scale},
                            "quantize", outputs=2)
    return rows, scales


def _attention(net: Network, options: Mapping[str, str]) -> Tensor:
    batch, queries, keys, heads, key_heads, width = (_number(options, key) for key in (
        "batch", "queries", "keys", "heads", "key_heads", "width"))
    window, format = _number(options, "window", 0), options.get("cache", "bf16")
    seen = min(keys, window) if window and queries == 1 else keys
    q = net.input((batch, heads, queries, width), format, "query")
    k, v = (net.input((batch, key_heads, seen, width), format, name) for name in ("key", "value"))
    attributes = {"is_causal": _number(options, "causal", 0)} | ({"sliding_window": window} if window else {})
    return net.emit("Attention", [q, k, v], attributes, "attention", outputs=1)[0]


def _experts(net: Network, options: Mapping[str, str]) -> Tensor:
    tokens, width, hidden, chosen, experts = (_number(options, key) for key in (
        "tokens", "width", "hidden", "chosen", "experts"))
    hidden //= _number(options, "tensor_parallel", 1)
    loads = routed_rows(tokens, chosen, experts, _number(options, "expert_parallel", 1),
                        float(options["alpha"]) if "alpha" in options else None)
    rows, held, touched = max(1, round(sum(loads))), len(loads), max(1, round(sum(min(n, 1.0) for n in loads)))
    format, scheme = options.get("format", "bf16"), options.get("scheme", "")
    x = net.input((rows, width), format)
    with net.scope("experts"):
        gate, up = (_placed(net, y, tokens * chosen) for y in _grouped(
            net, x, held, 2 * hidden, {"touched": touched, "loads": loads, "parts": 2}, scheme))
        y = net.slice(net.mul(net.silu(gate), up), 0, rows, 0)
        y = _grouped(net, y, held, width, {"touched": touched, "loads": loads, "parts": 1}, scheme)[0]
        y = net.mul(_placed(net, y, tokens * chosen), net.stored((tokens * chosen, 1), format, "weights", "buffer"))
        return net.emit("ReduceSum", [y, net.constant((0,))], {"keepdims": 0}, "combine", outputs=1,
                        results=[((tokens, width), format)])[0]


def _placed(net: Network, y: Tensor, rows: int) -> Tensor:
    """The rows among those of all choices, of other devices' experts too: a library that serves experts on several
    devices keeps room for all, and works on it (vLLM's fused_experts)."""
    return net.emit("Expand", [y, net.constant((rows,))], {}, "place", outputs=1,
                    results=[((rows, y.shape[-1]), y.format)])[0]


def _grouped(net: Network, x: Tensor, held: int, out: int, attributes: dict[str, object],
             scheme: str) -> tuple[Tensor, ...]:
    features = int(x.shape[-1])
    if not scheme:
        return net.emit("GroupedMatMul", [x, net.stored((held, features, out), x.format), None],
                        {**attributes, "format": x.format}, "grouped")
    format, group, columns, scale = _scheme(scheme)
    rows, scales = _quantised(net, x, scheme)
    each = math.ceil(features / (group or features)) * math.ceil(out / (columns or out))
    return net.emit("GroupedMatMul", [rows, net.stored((held, features, out), format), None, scales,
                                      net.stored((held * each,), scale, kind="buffer")],
                    {**attributes, "format": x.format, "group": group}, "grouped")


@cache
def routed_rows(tokens: int, chosen: int, experts: int, devices: int = 1,
                alpha: float | None = None) -> tuple[float, ...]:
    """Rows that each expert of the busiest of ``devices`` sees, most first.

    ``alpha``: tokens per expert are spread with a density x^-alpha between 1 and .8 tokens (.01 and 2 where there are
    fewer rows than experts), as ai-dynamo/aiconfigurator's synthetic routing draws them; here their quantiles, dealt to
    devices in three fixed random orders. None: evenly.

    >>> routed_rows(4, 2, 4), sum(routed_rows(64, 2, 8, 4))
    ((2.0, 2.0, 2.0, 2.0), 32.0)
    """
    held = max(1, experts // devices)
    if alpha is None:
        each, rest = divmod(tokens * chosen, experts)
        more = min(held, math.ceil(rest / devices))
        return tuple(float(each + (i < more)) for i in range(held))
    low, high = (1.0, 0.8 * tokens) if tokens * chosen > experts else (0.01, 2.0)
    found = []
    for seed in range(3):
        u = (np.random.default_rng(seed).permutation(experts) + 0.5) / experts
        x = ((high ** (1 - alpha) - low ** (1 - alpha)) * u + low ** (1 - alpha)) ** (1 / (1 - alpha))
        rows = np.minimum(np.round(x / x.sum() * tokens * chosen), tokens)[:held * devices].reshape(-1, held)
        found.append(np.sort(rows[rows.sum(1).argmax()])[::-1])
    return tuple(float(n) for n in np.round(np.mean(np.array(found), axis=0)).ravel())
