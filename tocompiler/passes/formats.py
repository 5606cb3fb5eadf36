"""Format conversion: the same network with every floating-point tensor in one number format."""

from __future__ import annotations

from dataclasses import replace

from alu_library.formats import parse
from tocompiler.network import Network
from tocompiler.tensors import Tensor

__all__ = ["convert_formats"]


def convert_formats(network: Network, format: str) -> Network:
    """Replace the format of every floating-point tensor; integer tensors (indices, shapes, quantised) stay.

    ValueError on an unknown format.
    """
    parse(format)
    changed: dict[str, Tensor] = {}

    def note(tensor: Tensor | None) -> None:
        if tensor is not None and tensor.name not in changed and tensor.format != format and _is_float(tensor.format):
            changed[tensor.name] = replace(tensor, format=format)

    for op in network.operators:
        for tensor in (*op.inputs, *op.outputs):
            note(tensor)
    for tensor in (*network.inputs, *network.outputs):
        note(tensor)
    return network.map_tensors(changed) if changed else network


def _is_float(format: str) -> bool:
    try:
        return parse(format).kind == "float"
    except ValueError:
        return False
