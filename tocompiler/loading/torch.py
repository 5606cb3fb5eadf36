"""Torch modules, run once over tensors without data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.loading import FrontEnd, Given, made_by, register

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["Torch"]


@register
class Torch(FrontEnd):
    """A ``torch.nn.Module``, with example inputs."""

    name = "torch"
    gives = "a torch module"
    after = ("keras",)  # with that backend a Keras model is a torch module too

    def takes(self, source: Any) -> bool:
        return not isinstance(source, str) and made_by(source, "torch")

    def read(self, source: Any, given: Given) -> Network:
        from tocompiler.frontends.torch import read

        return read(source, given.example_inputs, batch=given.batch, dims=given.dims, symbolic=given.symbolic)
