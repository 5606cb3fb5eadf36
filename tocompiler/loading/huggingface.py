"""Hugging Face configurations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocompiler.loading import FrontEnd, Given, register

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["HuggingFace"]


@register
class HuggingFace(FrontEnd):
    """The path of a config.json or of its folder, with or without ``hf:`` before it."""

    name = "huggingface"
    gives = "a Hugging Face config.json"

    def takes(self, source: Any) -> bool:
        return isinstance(source, str) and (source.startswith("hf:") or source.endswith(".json")
                                            or Path(source, "config.json").is_file())

    def read(self, source: Any, given: Given) -> Network:
        from tocompiler.frontends.huggingface import load

        return load(source, batch=given.size, symbolic=given.symbolic, **given.options)
