"""Narrow products: matrix products with weights in a block format, or with weights alone in few bits.

A network is asked for in such a scheme by its name: a block format (``mxfp4``, ``nvfp4``: both operands of a product
with a weight share scales by blocks along the sum, everything else is bf16) or ``wNa16`` (weights of N bits under an
fp16 scale for every :data:`GROUP` of them, everything else fp16). Products of two activations stay wide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from alu_library.formats import BLOCKS, parse
from alu_library.tasks import Count, Tasks
from tocompiler.lowering import AluProgram, AluRow
from tocompiler.operators import Access
from tocompiler.passes import AluPass, Request, register

__all__ = ["GROUP", "NarrowProducts", "wide_format"]

GROUP = 128
"""Weights under one scale in ``wNa16``, as GPTQ (Frantar et al. 2022) and AWQ (Lin et al. 2023) group them."""

_WEIGHT_ONLY = re.compile(r"w([2-8])a16")


def wide_format(name: str) -> str:
    """The format of everything that a scheme leaves wide; a name that is no scheme is its own."""
    if _WEIGHT_ONLY.fullmatch(name):
        return "fp16"
    return "bf16" if name.startswith(("mx", "nvfp4")) and parse(name).name in BLOCKS else name


@register
@dataclass(frozen=True)
class NarrowProducts(AluPass):
    """Bring the products with a weight to the narrow formats of a scheme, and price what brings operands there."""

    name = "narrow_products"
    scheme: str = ""

    @classmethod
    def chosen(cls, request: Request) -> NarrowProducts | None:
        if request.format is None or wide_format(request.format) == request.format:
            return None
        if request.phase != "inference":
            raise ValueError(f"{request.format} is a scheme for inference, not for the phase '{request.phase}'")
        return cls(request.format)

    def run(self, program: AluProgram) -> AluProgram:
        return replace(program, rows=tuple(self._narrowed(row) for row in program.rows))

    def _narrowed(self, row: AluRow) -> AluRow:
        wide = wide_format(self.scheme)
        weight = next((a for a in row.reads if a.kind == "parameter" and a.format == wide), None)
        products = row.multiply_accumulates
        if weight is None or row.loops is None or row.tasks[("multiply_accumulate", wide)] != products or not products:
            return row
        weight_only = _WEIGHT_ONLY.fullmatch(self.scheme)
        if weight_only:
            return _weight_only(row, weight, f"int{weight_only[1]}", wide)
        return _in_blocks(row, weight, parse(self.scheme).name, wide)


def _weight_only(row: AluRow, weight: Access, format: str, wide: str) -> AluRow:
    """Each weight converted and scaled once, then products as before; its bits and those of the scales are read."""
    groups = -(-weight.elements // GROUP)
    dequantised = Tasks.of(wide, convert=weight.elements, multiply=weight.elements)
    reads = (*_replaced(row.reads, weight, format), Access(f"{weight.tensor}.scales", groups, wide, "parameter"))
    return replace(row, tasks=row.tasks + dequantised, reads=reads)


def _in_blocks(row: AluRow, weight: Access, format: str, wide: str) -> AluRow:
    """Products in the block format; the other operand is quantised as it comes: the largest of each block, a division
    for its scale, a multiplication and a conversion an element. A second scale costs one product a result."""
    others = (a for a in row.reads if a.tensor != weight.tensor and a.kind in ("activation", "input"))
    activations: Count = sum(a.elements for a in others)
    blocks = -(-activations // parse(format).block)
    quantising = Tasks.of(wide, compare=activations - blocks, divide=blocks, multiply=activations, convert=activations)
    rescaled: Count = sum(a.elements for a in row.writes) if parse(format).scale != "e8m0" else 0
    tasks = Tasks({key: n for key, n in row.tasks.items() if key != ("multiply_accumulate", wide)})
    tasks = tasks + Tasks({("multiply_accumulate", format): row.multiply_accumulates}) + quantising
    return replace(row, tasks=tasks + Tasks.of("fp32", multiply=rescaled), reads=_replaced(row.reads, weight, format))


def _replaced(reads: tuple[Access, ...], weight: Access, format: str) -> tuple[Access, ...]:
    return tuple(replace(a, format=format) if a is weight else a for a in reads)
