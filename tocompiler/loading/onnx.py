"""ONNX files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocompiler.loading import FrontEnd, Given, register

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["Onnx"]


@register
class Onnx(FrontEnd):
    """The path of a file: anything that exists and that no other front end takes is read as ONNX."""

    name = "onnx"
    gives = "an ONNX file"
    after = ("keras", "huggingface")

    def takes(self, source: Any) -> bool:
        return isinstance(source, str) and (source.endswith(".onnx") or Path(source).exists())

    def read(self, source: Any, given: Given) -> Network:
        from tocompiler.frontends.onnx import read

        return read(source, given.batch, given.dims, given.symbolic, given.values)
