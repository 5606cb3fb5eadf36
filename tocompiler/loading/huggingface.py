"""Hugging Face configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.loading import FrontEnd, Given, register

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["HuggingFace"]


@register
class HuggingFace(FrontEnd):
    """``hf:`` and the path of a config.json."""

    name = "huggingface"
    gives = "'hf:config.json'"

    def takes(self, source: Any) -> bool:
        return isinstance(source, str) and source.startswith("hf:")

    def read(self, source: Any, given: Given) -> Network:
        from tocompiler.frontends.huggingface import load

        return load(source, batch=given.size, symbolic=given.symbolic, **given.options)
