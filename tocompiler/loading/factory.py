"""Torch modules that a function makes, by its name."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from tocompiler.loading import FrontEnd, Given, register

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["Factory"]

_FORM = "torch:PACKAGE.MODULE:FUNCTION"


@register
class Factory(FrontEnd):
    """``torch:package.module:function``: a function without arguments that gives a module and its example inputs.

    It is imported, from the working directory too, and called: only for code that is trusted.
    """

    name = "factory"
    gives = _FORM

    def takes(self, source: Any) -> bool:
        return isinstance(source, str) and source.startswith("torch:")

    def read(self, source: Any, given: Given) -> Network:
        from tocompiler.frontends.torch import read

        module, inputs = _made(source)
        return read(module, inputs, batch=given.batch, dims=given.dims, symbolic=given.symbolic)


def _made(source: str) -> tuple[Any, Any]:
    """The module and its example inputs; ValueError, in one line, where there is none."""
    place, colon, name = source.removeprefix("torch:").rpartition(":")
    if not colon or not place or not name:
        raise ValueError(f"{source}: write {_FORM}")
    sys.path.insert(0, os.getcwd())
    try:
        function = getattr(importlib.import_module(place), name, None)
    except ImportError as error:
        raise ValueError(f"{source}: cannot import {place} ({error})") from error
    finally:
        sys.path.remove(os.getcwd())
    if not callable(function):
        raise ValueError(f"{source}: {place} has no function {name}")
    made = function()
    if not (isinstance(made, tuple) and len(made) == 2):
        raise ValueError(f"{source}: has to give a module and its example inputs, as in "
                         f"return MyModel(), torch.zeros(1, 3, 224, 224)")
    return made
