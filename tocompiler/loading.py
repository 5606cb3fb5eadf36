"""load: one door for every kind of model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["load"]


def load(source: Any, batch: int | None = None, dims: Mapping[str, int] | None = None, example_inputs: Any = None,
         symbolic: bool = False, values: Mapping[str, Any] | None = None) -> Network:
    """The Network of a model.

    ``source`` is the path of an ONNX file, the name of a zoo model, ``hf:PATH/config.json``, a ``torch.nn.Module``
    (with ``example_inputs``) or a Keras model. ``batch`` and ``dims`` bind symbolic dimensions; ``symbolic`` keeps unbound
    ones as sympy symbols instead of refusing them. ``values`` gives inputs of an ONNX model that decide shapes.

    ValueError, in one line, on anything that cannot be loaded.
    """
    if isinstance(source, (str, os.PathLike)):
        return _from_name(os.fspath(source), batch, dims, symbolic, values)
    home = {cls.__module__.split(".")[0] for cls in type(source).__mro__}
    if "torch" in home:
        from tocompiler.frontends import torch

        return torch.read(source, example_inputs, batch=batch, dims=dims, symbolic=symbolic)
    if "keras" in home:
        from tocompiler.frontends import keras

        return keras.read(source, batch=batch, dims=dims, symbolic=symbolic)
    raise ValueError(f"cannot load a {type(source).__name__}; give an ONNX file, a zoo name, 'hf:config.json', "
                     "a torch module or a Keras model")


def _from_name(source: str, batch: int | None, dims: Mapping[str, int] | None, symbolic: bool,
               values: Mapping[str, Any] | None) -> Network:
    if source.startswith("hf:"):
        from tocompiler.frontends import huggingface

        return huggingface.read(source.removeprefix("hf:"), batch=batch, dims=dims, symbolic=symbolic)
    if source.endswith(".onnx") or Path(source).exists():
        from tocompiler.frontends.onnx import read

        return read(source, batch, dims, symbolic, values)
    if os.sep in source:
        raise ValueError(f"{source}: no such file; give the path of an .onnx file or the name of a zoo model")
    from tocompiler import zoo

    return zoo.build(source, batch=1 if batch is None else batch)
