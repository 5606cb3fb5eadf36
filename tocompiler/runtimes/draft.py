"""Draft: one row of an ExecutionProgram while a runtime's rules change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from alu_library import formats
from alu_library.pricing import Operands
from tocompiler.lanes import real
from tocompiler.runtimes.window import Window
from tocompiler.tensors import Operator

if TYPE_CHECKING:
    from tocompiler.costing import TransistorRow
    from tocompiler.network import Network

__all__ = ["AMOUNTS", "Draft", "byte_of"]

AMOUNTS: Mapping[str, str] = {
    "kernels": "1", "products": "1", "executed": "transistor operations", "near_byte": "byte", "far_byte": "byte",
    "fresh_byte": "byte", "copied_byte": "byte", "weight_byte": "byte", "branches": "1", "transfer_byte": "byte",
    "collective_byte": "byte", "samples": "1", "constant": "1",
}
"""The amounts of a row, with their units."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a row's operator makes the machine do, so far.

    name, operator, phase: the row's; the operator is ``execution`` for what belongs to an execution as a whole
    row: the TransistorRow (None: an execution)
    op: the network's operator (None: an optimizer's step, a sum of gradients or an execution)
    window: geometry of a convolution or pooling, None elsewhere
    network: of an execution, None elsewhere
    operands: what the arithmetic meets, by which it is priced
    unit: the part of the machine that computes it
    executed: transistor operations; products: multiply-accumulates, both with padding, masks and tiles
    touched_byte, written_byte: operands and results crossed once
    layout_byte: copies into another layout and back; again_byte: operands read again while one image is in work
    streamed_byte: weights read again with them; one_image_byte: what is in work then
    tile_byte: operands that tiles load again from the last cache
    read_byte: operands, whether touched or not; working_set_byte: operands and results
    moves: how often the bytes are passed over, relative to once
    allocations: bytes of each allocation that the row writes to
    first_read_byte: parameters that no earlier row has read, whole tables
    input_byte: bytes read of the network's inputs; weight_byte: parameters read
    held_byte: parameters and inputs that all rows together read; waiting_byte: what shares the last cache with a row's
    inputs between executions, once a rule has said so
    fresh_byte, copied_byte, transfer_byte, collective_byte: bytes newly mapped, copied, handed over by or to a host,
    exchanged with other devices
    far_byte: the part of near_byte and of streamed_byte that the last cache does not keep
    branches, kernels, samples, constant: counts
    layout: how a convolution's operand lies, once a rule has said so (``plain``, ``blocked``, ``columns``)
    facts: what a correction may look at (hardware.terms)
    """

    name: str
    operator: str
    phase: str
    row: TransistorRow | None = None
    op: Operator | None = None
    network: Network | None = None
    window: Window | None = None
    operands: Operands = field(default_factory=Operands)
    unit: str = ""
    executed: float = 0.0
    products: float = 0.0
    touched_byte: float = 0.0
    written_byte: float = 0.0
    layout_byte: float = 0.0
    again_byte: float = 0.0
    streamed_byte: float = 0.0
    one_image_byte: float = 0.0
    tile_byte: float = 0.0
    read_byte: float = 0.0
    working_set_byte: float = 0.0
    moves: float = 1.0
    allocations: tuple[float, ...] = ()
    first_read_byte: float = 0.0
    input_byte: float = 0.0
    weight_byte: float = 0.0
    held_byte: float = 0.0
    waiting_byte: float = 0.0
    fresh_byte: float = 0.0
    copied_byte: float = 0.0
    transfer_byte: float = 0.0
    collective_byte: float = 0.0
    far_byte: float = 0.0
    branches: float = 0.0
    kernels: float = 0.0
    samples: float = 0.0
    constant: float = 0.0
    layout: str = ""
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def near_byte(self) -> float:
        """Bytes of operands and results that are touched."""
        return self.moves * (self.touched_byte + self.written_byte + self.layout_byte + self.again_byte
                             + self.tile_byte)

    @property
    def is_forward(self) -> bool:
        return self.phase in ("forward", "recompute")

    def scaled(self, factor: float) -> Draft:
        """The arithmetic done that many times."""
        return replace(self, executed=self.executed * factor, products=self.products * factor)

    def noting(self, **facts: float) -> Draft:
        """With further facts."""
        return replace(self, facts={**self.facts, **facts})

    def amount(self, name: str) -> float:
        """One of ``AMOUNTS``."""
        return real(getattr(self, name))


@cache
def byte_of(format: str) -> float:
    """Bytes of one element of a format."""
    return formats.parse(format).bits / 8
