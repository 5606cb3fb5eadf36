"""TFLite files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.loading import FrontEnd, Given, register

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["TFLite"]


@register
class TFLite(FrontEnd):
    """The path of a ``.tflite`` file."""

    name = "tflite"
    gives = "a TFLite file"

    def takes(self, source: Any) -> bool:
        return isinstance(source, str) and source.endswith((".tflite", ".lite"))

    def read(self, source: Any, given: Given) -> Network:
        from tocompiler.frontends.tflite import read

        return read(source, given.dims.get("batch", given.batch))
