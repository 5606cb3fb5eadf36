"""load: one door for every kind of model."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["load"]


def load(source: Any, batch: int | None = None, dims: Mapping[str, int] | None = None, example_inputs: Any = None,
         symbolic: bool = False, values: Mapping[str, Any] | None = None) -> Network:
    """The Network of a model.

    ``source`` is the path of an ONNX file or a ``.keras`` archive, the name of a zoo model, ``hf:PATH/config.json``,
    a ``torch.nn.Module`` (with ``example_inputs``) or a Keras model. ``batch`` and ``dims`` bind symbolic dimensions
    (for a zoo model or a configuration: its options, as in ``sequence=128``); ``symbolic`` keeps unbound ones as sympy
    symbols instead of refusing them. ``values`` gives inputs of an ONNX model that decide shapes.

    ValueError, in one line, on anything that cannot be loaded.
    """
    if isinstance(source, (str, os.PathLike)):
        return _from_name(os.fspath(source), batch, dict(dims or {}), symbolic, values)
    home = {cls.__module__.split(".")[0] for cls in type(source).__mro__}
    if "keras" in home:  # before torch: with that backend a Keras model is a torch module too
        return _reader("keras")(source, batch=batch, dims=dims, symbolic=symbolic)
    if "torch" in home:
        return _reader("torch")(source, example_inputs, batch=batch, dims=dims, symbolic=symbolic)
    raise ValueError(f"cannot load a {type(source).__name__}; give an ONNX file, a zoo name, 'hf:config.json', "
                     "a torch module or a Keras model")


def _from_name(source: str, batch: int | None, dims: dict[str, int], symbolic: bool,
               values: Mapping[str, Any] | None) -> Network:
    if source.endswith(".keras"):
        return _reader("keras")(source, batch=batch, dims=dims, symbolic=symbolic)
    is_config = source.startswith("hf:")
    if not is_config and (source.endswith(".onnx") or Path(source).exists()):
        return _reader("onnx")(source, batch, dims, symbolic, values)
    size = batch if batch is not None else _symbol("batch") if symbolic else 1
    if is_config:
        return _reader("huggingface", "load")(source, batch=size, symbolic=symbolic, **dims)
    if os.sep in source:
        raise ValueError(f"{source}: no such file; give the path of an .onnx file or the name of a zoo model")
    from tocompiler import zoo

    return zoo.build(source, batch=size, symbolic=symbolic, **dims)


def _reader(frontend: str, function: str = "read") -> Callable[..., Network]:
    """A way in, imported when it is used: each needs another library."""
    reader: Callable[..., Network] = getattr(importlib.import_module(f"tocompiler.frontends.{frontend}"), function)
    return reader


def _symbol(name: str) -> Any:
    import sympy

    return sympy.Symbol(name, integer=True, positive=True)
