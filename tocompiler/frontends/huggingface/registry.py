"""The register of model types: which function builds which architecture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["BUILDERS", "family"]

Builder: TypeAlias = "Callable[..., None]"

BUILDERS: dict[str, Builder] = {}
"""Builders by ``model_type``."""


def family(*model_types: str) -> Callable[[Builder], Builder]:
    """Decorator: file a function under model types. It is called with a Network, the Config and the batch size;
    its keyword-only arguments are the options of ``from_config``."""

    def file(function: Builder) -> Builder:
        for name in model_types:
            if name in BUILDERS:
                raise KeyError(f"model type {name} is registered twice")
            BUILDERS[name] = function
        return function

    return file
