"""Programs that torch.export saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.loading import FrontEnd, Given, register

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["Exported"]


@register
class Exported(FrontEnd):
    """The path of a ``.pt2`` file."""

    name = "exported"
    gives = "a .pt2 file of torch.export"

    def takes(self, source: Any) -> bool:
        return isinstance(source, str) and source.endswith(".pt2")

    def read(self, source: Any, given: Given) -> Network:
        """ValueError where the file is none or options are given: its shapes are fixed."""
        if given.dims or given.batch is not None:
            raise ValueError(f"{source}: its shapes are those it was exported with; export it again with others")
        import torch

        from tocompiler.frontends.torch import from_exported

        try:
            exported = torch.export.load(source)
        except Exception as error:  # zip, pickle and schema errors of many kinds
            raise ValueError(f"{source}: is no program of torch.export, or of another torch "
                             f"({str(error).splitlines()[0] if str(error) else type(error).__name__})") from None
        return from_exported(exported)
