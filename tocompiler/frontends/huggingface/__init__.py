"""Hugging Face configurations to Networks, without weights and without transformers: one file per family.

A config.json says enough for the families here; the network has the operators that transformers' own classes run
with scaled-dot-product attention. ``architectures`` picks the head (``BertForMaskedLM``); a family has a default.
``dtype`` and ``quantization_config`` decide the number formats unless the user says otherwise.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocompiler.errors import explained
from tocompiler.frontends.huggingface.config import Config, nearest
from tocompiler.frontends.huggingface.precision import precision_of, stated
from tocompiler.frontends.huggingface.registry import BUILDERS, family

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["Config", "family", "from_config", "load", "model_types", "read_config"]


@cache
def _load_families() -> None:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


def model_types() -> list[str]:
    """Every ``model_type`` that is modelled, sorted."""
    _load_families()
    return sorted(BUILDERS)


def from_config(config: Mapping[str, Any], batch: Any = 1, name: str | None = None, symbolic: bool = False, *,
                weights: str | None = None, cache: str | None = None, **options: Any) -> Network:
    """The network of a configuration (the dictionary of its config.json).

    ``weights`` (a number format, or a scheme such as ``fp8_block``, ``nvfp4``, ``int4``) and ``cache`` (the format of
    keys and values) stand above what the configuration says; ``notes`` of the network say which decided. Options:
    ``sequence`` (tokens), and for decoders ``past`` (tokens whose keys and values are cached) and ``logits``
    ("all" positions or "last"). ``symbolic`` makes lengths that are not given symbols. ValueError where the model
    type, the head, an option or a key is unknown.
    """
    from tocompiler.layers.base import open_lengths
    from tocompiler.network import Network

    _load_families()
    kind = config.get("model_type") or _diffuser(config)
    if kind not in BUILDERS:
        raise ValueError(f"model type {kind!r} is not modelled from its configuration{nearest(kind, model_types())}; "
                         f"there are {', '.join(model_types())}; export others to ONNX or pass the torch module")
    function = BUILDERS[kind]
    known = function.__kwdefaults__ or {}
    unknown = sorted(options.keys() - known.keys())
    if unknown:
        raise ValueError(f"a {kind} has no option {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    if symbolic:
        options = open_lengths(known) | options
    precision = stated(precision_of(config), weights, cache)
    net = Network(name or kind, notes=precision.notes)
    with explained(f"the configuration of a {kind} cannot be read: a field is not of its kind"):
        function(net, Config(config, None, precision), batch, **options)
    return _in_format(net, precision.format)


def _in_format(net: Network, format: str) -> Network:
    """Families that are built in fp32 whatever the configuration says are brought into its format as a whole."""
    if format == "fp32" or any(t.format == format for t in net.stored_tensors()):
        return net
    from tocompiler.passes.formats import ConvertFormats

    made = ConvertFormats(format).run(net)
    made.notes = net.notes
    return made


def _diffuser(config: Mapping[str, Any]) -> Any:
    """diffusers name a class instead of a type."""
    return config.get("_class_name")


def read_config(path: str | Path) -> dict[str, Any]:
    """The dictionary of a config.json, or of a folder that holds one; ValueError naming the file if it is unusable.

    ModelOpt keeps the quantisation in ``hf_quant_config.json`` beside it, which is read where it is there.
    """
    file = Path(str(path).removeprefix("hf:"))
    if file.is_dir():
        file = file / "config.json"
    config = _json(file)
    beside = file.parent / "hf_quant_config.json"
    if file.name == "config.json" and "quantization_config" not in config and beside.is_file():
        config["quantization_config"] = _json(beside).get("quantization")
    return config


def _json(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{file}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise ValueError(f"{file}: is not JSON; give a Hugging Face config.json") from None
    if not isinstance(config, dict):
        raise ValueError(f"{file}: is not a configuration (a JSON object)")
    return config


def load(path: str | Path, batch: Any = 1, symbolic: bool = False, **options: Any) -> Network:
    """The network of a config.json, or of a folder that holds one; ValueError naming the file if it is unusable."""
    file = Path(str(path).removeprefix("hf:"))
    name = file.stem if file.suffix == ".json" and file.name != "config.json" else file.resolve().parent.name
    name = file.name if file.is_dir() else name
    config = read_config(path)
    try:
        return from_config(config, batch, name or None, symbolic, **options)
    except ValueError as error:
        shown = file / "config.json" if file.is_dir() else file
        raise ValueError(f"{shown}: {error}") from None
