"""ONNX files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocompiler.loading import FrontEnd, Given, made_by, register

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["Onnx"]


@register
class Onnx(FrontEnd):
    """A ModelProto, or the path of a file: what exists and no other front end takes is read as ONNX."""

    name = "onnx"
    gives = "an ONNX file or ModelProto"
    after = ("keras", "huggingface", "tflite", "exported", "others")

    def takes(self, source: Any) -> bool:
        if not isinstance(source, str):
            return made_by(source, "onnx")
        return source.endswith(".onnx") or Path(source).exists()

    def read(self, source: Any, given: Given) -> Network:
        from tocompiler.frontends.onnx import read, read_model

        if not isinstance(source, str):
            own = type(source)()
            own.CopyFrom(source)  # reading changes it
            return read_model(own, own.graph.name or "model", given.batch, given.dims, given.symbolic, given.values,
                              given.trips)
        return read(source, given.batch, given.dims, given.symbolic, given.values, given.trips)
