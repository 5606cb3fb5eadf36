"""Keras models, and the archives they are saved in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.loading import FrontEnd, Given, made_by, register

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["Keras"]


@register
class Keras(FrontEnd):
    """A model, or the path of a ``.keras`` archive."""

    name = "keras"
    gives = "a Keras model or its .keras archive"

    def takes(self, source: Any) -> bool:
        return source.endswith(".keras") if isinstance(source, str) else made_by(source, "keras")

    def read(self, source: Any, given: Given) -> Network:
        from tocompiler.frontends.keras import read

        return read(source, batch=given.batch, dims=given.dims, symbolic=given.symbolic)
