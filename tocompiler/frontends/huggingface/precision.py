"""Number formats of a model, by what its configuration says: ``dtype`` and ``quantization_config``.

A scheme says how a linear layer's weight is stored and in which format its products are taken. Block scales:
DeepSeek-V3 (arXiv 2412.19437, section 3.3) for fp8 in 128 x 128 blocks, the OCP Microscaling specification 1.0 (2023)
for MXFP4 (32 elements, an 8-bit exponent), NVIDIA's NVFP4 (16 elements, an E4M3 scale).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["SCHEMES", "Precision", "Scheme", "precision_of", "stated"]


@dataclass(frozen=True, slots=True)
class Scheme:
    """How one linear layer is stored and multiplied.

    ``rows`` summed elements and ``columns`` results of a weight share a scale (0: all of them). ``activation`` is the
    format that operands are quantised to, ``group`` of them for each scale (0: a whole row); None where the weight is
    brought back to the model's format instead.
    """

    name: str
    weight: str
    activation: str | None
    rows: int = 0
    columns: int = 1
    group: int = 0
    scale: str = "fp32"

    def scales(self, features: int, out: int) -> int:
        """How many scales a weight of that size has."""
        return -(-features // (self.rows or features)) * -(-out // (self.columns or out))


_FP4 = "fp4_e2m1"
SCHEMES: Mapping[str, Scheme] = {scheme.name: scheme for scheme in (
    Scheme("fp8", "fp8_e4m3", "fp8_e4m3", columns=0),
    Scheme("fp8_block", "fp8_e4m3", "fp8_e4m3", 128, 128, 128),
    Scheme("fp8_weights", "fp8_e4m3", None, columns=0),
    Scheme("nvfp4", _FP4, _FP4, 16, 1, 16, "fp8_e4m3"),
    Scheme("nvfp4_weights", _FP4, None, 16, 1, 0, "fp8_e4m3"),
    Scheme("mxfp4", _FP4, None, 32, 1, 0, "e8m0"),
    Scheme("int8", "int8", "int8"),
    Scheme("int8_weights", "int8", None),
    Scheme("int4", "int4", None, 128, 1, 0, "fp16"),
)}
"""Schemes by the names that options take."""

_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "half": "fp16", "float32": "fp32", "float": "fp32", "float64": "fp64",
           "float8_e4m3fn": "fp8_e4m3"}


@dataclass(frozen=True)
class Precision:
    """Formats of one model: ``format`` of activations and of weights that are not quantised, ``scheme`` of linear
    layers but those in ``skipped`` (all but experts where ``experts_only``), ``cache`` of keys and values; and, in
    ``notes``, what decided."""

    format: str = "fp32"
    scheme: Scheme | None = None
    cache: str = "fp32"
    experts_only: bool = False
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    _matching: list[tuple[frozenset[str], tuple[str, ...], re.Pattern[str] | None]] = field(
        default_factory=list, compare=False, repr=False)

    def of(self, layer: str) -> Scheme | None:
        """The scheme of a linear layer by its full name, or None where it stays in ``format``."""
        if self.scheme is None or (self.experts_only and ".experts." not in layer) or self._skips(layer):
            return None
        return self.scheme

    def _skips(self, layer: str) -> bool:
        if not self._matching:
            self._matching.append(_matcher(self.skipped))
        names, starts, pattern = self._matching[0]
        parts = layer.split(".")
        spans = (".".join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1))
        return (layer.startswith(starts) or any(span in names for span in spans)
                or (pattern is not None and pattern.match(layer) is not None))


def _matcher(patterns: Iterable[str]) -> tuple[frozenset[str], tuple[str, ...], re.Pattern[str] | None]:
    """Names of modules (whole, or a run of their parts), leading texts, and whatever else has a wildcard."""
    names, starts, others = set(), [], []
    for pattern in patterns:
        plain = pattern.removeprefix("re:")
        if not re.search(r"[*?\[\\]", plain):
            names.add(plain)
        elif plain.endswith("*") and not re.search(r"[*?\[\\]", plain[:-1]):
            starts.append(plain[:-1])
        else:
            others.append(plain if pattern.startswith("re:") else
                          re.escape(plain).replace(r"\*", ".*").replace(r"\?", ".") + r"($|\.)")
    return frozenset(names), tuple(starts), re.compile("|".join(others)) if others else None


def precision_of(config: Mapping[str, Any]) -> Precision:
    """The formats that a configuration states; ValueError names a format or quantisation that is not known.

    A model without ``dtype`` is fp32, as transformers loads it, but bf16 where it is quantised.
    """
    inner = config.get("text_config") if isinstance(config.get("text_config"), Mapping) else None
    outer = [config, inner or {}]
    quantised = next((c["quantization_config"] for c in outer if c.get("quantization_config")), None)
    key, dtype = next(((k, c[k]) for c in outer for k in ("dtype", "torch_dtype") if c.get(k)), ("", None))
    if dtype is None or dtype == "auto":
        format, why = ("bf16", "bf16 (no dtype beside its quantisation)") if quantised else ("fp32", "")
    else:
        name = str(dtype).removeprefix("torch.")
        if name not in _DTYPES:
            raise ValueError(f"{key} {dtype!r} is not a known number format; use {', '.join(_DTYPES)}")
        format, why = _DTYPES[name], f"{_DTYPES[name]} by the configuration's {key}"
    made = Precision(format, cache=format, notes=(why,) if why else ())
    return made if quantised is None else _quantised(made, quantised)


def stated(precision: Precision, weights: str | None = None, cache: str | None = None) -> Precision:
    """The same with what a user states: a scheme or a format of the ``weights``, and the format of the ``cache``."""
    from alu_library.formats import parse

    if weights is not None and weights in SCHEMES:
        precision = replace(precision, scheme=SCHEMES[weights], experts_only=False, skipped=_ALWAYS, _matching=[],
                            notes=(*precision.notes[:1], f"weights {weights} as stated"))
    elif weights is not None:
        try:
            parse(weights)
        except ValueError:
            raise ValueError(f"weights '{weights}' are no known format or scheme; use bf16, fp16, fp32, "
                             f"{', '.join(SCHEMES)}") from None
        precision = Precision(weights, cache=weights, notes=(f"{weights} as stated",))
    if cache is not None:
        parse(cache)
        precision = replace(precision, cache=cache, notes=(*precision.notes, f"cache {cache} as stated"), _matching=[])
    return precision


_ALWAYS = ("lm_head", "embed_tokens", "router", "mlp.gate", "block_sparse_moe.gate", "shared_expert_gate",
           "feed_forward.router", "mixer.gate", "conv1d", "visual", "vision_tower", "vision_model")
"""Modules that no published quantisation touches: output layer, embeddings, routers, towers of images."""


def _quantised(plain: Precision, config: Mapping[str, Any]) -> Precision:
    scheme = _scheme(config)
    skipped = [*_ALWAYS]
    for key in ("modules_to_not_convert", "ignore", "ignored_layers", "exclude_modules", "llm_int8_skip_modules"):
        skipped += config.get(key) or ()
    cached = config.get("kv_cache_scheme") or config.get("kv_cache_quant_algo")
    cache = "fp8_e4m3" if cached else plain.cache
    notes = [*plain.notes, f"linear layers {scheme.name} by its quantization_config"]
    if cached:
        notes.append("cache fp8_e4m3 by its quantization_config")
    return replace(plain, scheme=scheme, cache=cache, skipped=tuple(dict.fromkeys(skipped)), notes=tuple(notes),
                   experts_only=scheme.name == "mxfp4", _matching=[])


def _scheme(config: Mapping[str, Any]) -> Scheme:
    """The scheme of a quantization_config, as transformers, compressed-tensors and ModelOpt write them."""
    if config.get("config_groups"):
        return _grouped(next(iter(config["config_groups"].values())))
    method = str(config.get("quant_method") or "").lower()
    algorithm = str(config.get("quant_algo") or "").lower()
    if method in ("gptq", "awq", "auto-round", "autoround"):
        return _integer(config.get("bits", 4), config.get("group_size", 128), None)
    if method == "bitsandbytes":
        return SCHEMES["int8"] if config.get("load_in_8bit") else replace(_integer(4, 64, None), name="int4")
    if "fp4" in method or "fp4" in algorithm:
        return SCHEMES["mxfp4" if "mxfp4" in (method, algorithm) else "nvfp4"]
    if method == "fp8" or "fp8" in algorithm or method == "fbgemm_fp8":
        return SCHEMES["fp8_block" if config.get("weight_block_size") else "fp8"]
    if "int8" in method or "int8" in algorithm:
        return SCHEMES["int8"]
    raise ValueError(f"quantization_config of method {method or algorithm!r} is not modelled; there are fp8, nvfp4, "
                     "mxfp4, gptq, awq, bitsandbytes, int8 and compressed-tensors' groups")


def _grouped(group: Mapping[str, Any]) -> Scheme:
    weights, activations = group.get("weights") or {}, group.get("input_activations")
    bits, size = weights.get("num_bits", 8), weights.get("group_size") or 0
    if weights.get("type", "float") == "int":
        return _integer(bits, size, activations)
    if bits == 4:
        return SCHEMES["nvfp4" if activations else "mxfp4" if size == 32 else "nvfp4_weights"]
    if activations is None:
        return SCHEMES["fp8_weights"]
    return SCHEMES["fp8_block" if weights.get("block_structure") or weights.get("strategy") == "block" else "fp8"]


def _integer(bits: Any, group: Any, activations: Mapping[str, Any] | None) -> Scheme:
    if not isinstance(bits, int) or not 2 <= bits <= 8:
        raise ValueError(f"quantization_config has bits {bits!r}; it must be a whole number from 2 to 8")
    rows = group if isinstance(group, int) and group > 0 else 0
    name = f"int{bits}" if activations or bits < 8 else f"int{bits}_weights"
    return Scheme(name, f"int{bits}", f"int{activations.get('num_bits', 8)}" if activations else None, rows,
                  1, 0, "fp16")
