"""Networks of the zoo, by name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tocompiler.loading import FrontEnd, Given, register

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["Zoo"]


@register
class Zoo(FrontEnd):
    """A name, as in ``resnet50``; it takes every text that no other front end does."""

    name = "zoo"
    gives = "a zoo name"
    after = ("factory", "keras", "huggingface", "tflite", "exported", "others", "onnx")

    def takes(self, source: Any) -> bool:
        return isinstance(source, str)

    def read(self, source: Any, given: Given) -> Network:
        """ValueError where the name looks like the path of a file that is not there."""
        if os.sep in source:
            raise ValueError(f"{source}: no such file; give the path of an .onnx file or the name of a zoo model")
        from tocompiler import zoo

        return zoo.build(source, batch=given.size, symbolic=given.symbolic, **given.options)
