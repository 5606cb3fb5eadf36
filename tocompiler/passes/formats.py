"""Format conversion: the same network with every floating-point tensor in one number format."""

from __future__ import annotations

from dataclasses import dataclass, replace

from alu_library.formats import parse
from tocompiler.network import Network
from tocompiler.passes import NetworkPass, Request, register
from tocompiler.passes.conditions import RESULTS
from tocompiler.passes.narrow_products import wide_format
from tocompiler.tensors import Tensor

__all__ = ["ConvertFormats"]


@register
@dataclass(frozen=True)
class ConvertFormats(NetworkPass):
    """Bring every floating-point tensor to one number format."""

    name = "convert_formats"
    after = ("set_training_mode",)
    keeps = (RESULTS,)
    format: str = ""

    @classmethod
    def chosen(cls, request: Request) -> ConvertFormats | None:
        return None if request.format is None else cls(wide_format(request.format))

    def run(self, network: Network) -> Network:
        """Replace the format of every floating-point tensor; integer tensors (indices, shapes, quantised) stay.

        ValueError on an unknown format.
        """
        parse(self.format)
        changed: dict[str, Tensor] = {}

        def note(tensor: Tensor | None) -> None:
            if tensor is None or tensor.name in changed or tensor.format == self.format:
                return
            if _is_float(tensor.format):
                changed[tensor.name] = replace(tensor, format=self.format)

        for op in network.operators:
            for tensor in (*op.inputs, *op.outputs):
                note(tensor)
        for tensor in (*network.inputs, *network.outputs):
            note(tensor)
        if not changed:
            return network
        made = network.map_tensors(changed)
        if made.notes:
            made.notes = (f"{self.format} as stated, over what the configuration says ({'; '.join(network.notes)})",)
        return made


def _is_float(format: str) -> bool:
    try:
        return parse(format).kind == "float"
    except ValueError:
        return False
