"""SyNERGY: products become SIMD instructions and bus accesses, and those become energy.

    SIMD = k1 MAC,  bus = k2 MAC,  E = a SIMD + b bus + c     (joule)

C. F. Rodrigues, G. Riley, M. Lujan, "SyNERGY: An energy measurement and prediction framework for convolutional neural
networks on Jetson TX1", PDPTA 2018. Their k and coefficients are not public, and a constant k2 cannot know a cache, so
both counts are derived here: SIMD instructions from the vector's width, bus accesses (cache lines from memory) from the
last cache's size. a, b, c >= 0 are fitted on measurements, on relative errors.

For a whole program the bus sees the least traffic that any blocking allows (``AluRow.traffic``). For the direct loop
nest of ``DirectLoop``, whose counts valgrind can check, both counts follow from its loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from alu_library import formats
from hardware.measurement import Measurement
from hardware.program import Program
from tocompiler.estimators import register
from tocompiler.estimators.common import joules, require, unfitted
from tocompiler.operators import Loops
from tocompiler.regression import fit_relative

__all__ = ["DirectLoop", "Machine", "Synergy"]


@dataclass(frozen=True)
class Machine:
    """What the counts depend on: vector width and the cache before the bus."""

    vector_bit: int = 256
    cache_byte: int = 36 * 2 ** 20
    line_byte: int = 64


@dataclass(frozen=True)
class DirectLoop:
    """A direct convolution, one image, loops m, c, r x s, rows, columns from the outside in; columns are the vector.

    Instructions of one step of each loop, read off the x86-64 code that gcc 12 -O2 makes of such a nest: a vector step
    is two loads, multiply, add, store and three of loop control; a scalar step one load fewer and one address more; a
    row moves two addresses and tests for both column loops; a tap finds its weight and its first addresses.
    """

    vector_step: int = 8
    scalar_step: int = 8
    row_step: int = 14
    tap_step: int = 35

    def instructions(self, layer: Loops, machine: Machine) -> int:
        """Instructions of the nest for fp32. Only unit stride is vectorised."""
        lanes = machine.vector_bit // 32 if layer.stride[1] == 1 else layer.q + 1
        vectors, rest = divmod(layer.q, lanes)
        taps = layer.n * layer.g * layer.m * layer.c * layer.r * layer.s
        row = vectors * self.vector_step + rest * self.scalar_step + self.row_step
        return int(taps * (self.tap_step + layer.p * row))

    def bus_accesses(self, layer: Loops, machine: Machine) -> float:
        """Cache lines from memory: operands once if inputs and one output plane fit the cache; the inputs again for
        every filter if one plane of each fits; both planes again for every tap if not."""
        plane_in = 4.0 * ((layer.p - 1) * layer.stride[0] + layer.r) * ((layer.q - 1) * layer.stride[1] + layer.s)
        plane_out = 4.0 * layer.p * layer.q
        weights = 4.0 * layer.m * layer.c * layer.r * layer.s
        if layer.c * plane_in + plane_out <= machine.cache_byte:
            moved = layer.c * plane_in + layer.m * plane_out
        elif plane_in + plane_out <= machine.cache_byte:
            moved = layer.m * (layer.c * plane_in + plane_out)
        else:
            moved = layer.m * layer.c * layer.r * layer.s * (plane_in + plane_out)
        return float(layer.n * layer.g * (moved + weights) / machine.line_byte)


@register
class Synergy:
    """The method over a program on a machine."""

    name = "synergy"

    def __init__(self, machine: Machine | None = None) -> None:
        self.machine = machine or Machine()
        self.coefficients_: NDArray[np.float64] | None = None

    def counts(self, program: Program) -> tuple[float, float]:
        """SIMD instructions (every ALU task, by lanes of its format) and bus accesses of one execution."""
        simd = sum(float(n) / max(1, self.machine.vector_bit // _bits(format))
                   for row in program.rows for (_, format), n in row.alu.tasks.items())
        bits = sum(float(row.alu.traffic([8 * self.machine.cache_byte])[0]) for row in program.rows)
        return simd, bits / 8 / self.machine.line_byte

    def fit(self, measurements: Sequence[Measurement]) -> Self:
        require(measurements, 3, self.name)
        terms = np.array([[*self.counts(m.program), 1.0] for m in measurements])
        self.coefficients_ = np.asarray(fit_relative(terms, joules(measurements)))
        return self

    def predict(self, program: Program) -> float:
        if self.coefficients_ is None:
            raise unfitted(self.name)
        return float(self.coefficients_ @ [*self.counts(program), 1.0])


def _bits(format: str) -> int:
    """Width of a number format; a table read (``256x27``) occupies one 32-bit lane."""
    try:
        return formats.parse(format).bits
    except ValueError:
        return 32
