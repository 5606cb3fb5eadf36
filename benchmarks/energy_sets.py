"""The energy data sets as rows to fit: physical terms in transistor operations and in multiply-accumulates, shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tocompiler.energy.features import TERMS, Features, features

from hardware.adapters import tables
from hardware.measurement import MeasurementRow, read_table
from hardware.provenance import shipped_table, shipped_tables
from hardware.runtime import Runtime, preset
from tocompiler.costing import TransistorProgram
from tocompiler.energy.fitting import Array, Rows
from tocompiler.energy.tables import compiled

__all__ = ["XEON_CACHE_BYTE", "EnergySet", "layers_of", "load", "load_getzner"]

XEON_CACHE_BYTE = 19.25 * 2**20  # last-level cache of a Xeon Gold 5120 socket, Intel's data sheet


@dataclass(frozen=True)
class EnergySet:
    """Measured rows with their features: ``rows`` priced in transistor operations, ``macs`` the same in products.

    ``shapes`` is what a regression without physics sees: logarithms of products, parameters, activation bytes,
    operators and batch. ``roofline`` is FLOPs, bytes and one constant. Latency stays outside.
    """

    name: str
    table: list[MeasurementRow]
    found: list[Features]
    rows: Rows
    macs: Rows
    shapes: Array
    roofline: Array

    def take(self, index: Array) -> EnergySet:
        """Some of the rows."""
        at = np.arange(len(self.table))[index]
        return EnergySet(self.name, [self.table[i] for i in at], [self.found[i] for i in at], self.rows.take(at),
                         self.macs.take(at), self.shapes[at], self.roofline[at])


def load(name: str) -> EnergySet:
    """A shipped table."""
    memory = shipped_tables()[name].memory
    return layers_of(name, read_table(shipped_table(name)), memory[-1].capacity_byte if memory else None)


def load_getzner(folder: Path) -> list[MeasurementRow]:
    """The Xeon 5120 study's rows, read by path: its data carry no licence and are not shipped."""
    return tables(folder, "cpu_xeon5120_getzner.csv")["cpu_xeon5120"]


def layers_of(name: str, table: Sequence[MeasurementRow], cache_byte: float | None,
              runtime: Runtime | None = None) -> EnergySet:
    """Compile every row once and take its features."""
    programs: dict[tuple[str, int, str, str], TransistorProgram] = {}
    made: dict[int, tuple[Features, Features, Array]] = {}
    parts = []
    for row in table:
        program = compiled(row, programs)
        if id(program) not in made:
            kind = runtime or preset(row.runtime or "generic")
            by_price = features(program, kind, cache_byte)
            by_product = features(program, kind, cache_byte, "multiply_accumulates")
            made[id(program)] = by_price, by_product, _shapes(program, row)
        parts.append(made[id(program)])
    joule = np.array([r.energy_joule / r.executions for r in table])
    groups = np.array([r.group or f"{r.model}@{r.batch}" for r in table])
    found = [p[0] for p in parts]
    layers = all(len(f.leaders) == 1 for f in found)
    facts = np.array([f.unit_facts[0] if layers else f.program_facts for f in found])
    shapes = np.array([p[2] for p in parts])
    rows = Rows(np.array([f.total for f in found]), facts, joule, groups, TERMS)
    macs = replace(rows, terms=np.array([p[1].total for p in parts]))
    roofline = np.column_stack([2 * np.exp(shapes[:, 0]), np.exp(shapes[:, 1]) * 4 + np.exp(shapes[:, 2]),
                                np.ones(len(table))])
    return EnergySet(name, list(table), found, rows, macs, shapes, roofline)


def _shapes(program: TransistorProgram, row: MeasurementRow) -> Array:
    totals = program.totals
    moved = sum(r.traffic_bit for r in program.rows) / 8
    sizes = [totals.multiply_accumulates, totals.parameters, moved, len(program.rows), row.batch]
    first = program.network.operators[0]
    window = first.attributes.get("kernel_shape", (1,))[0], (first.attributes.get("strides") or (1,))[0]
    ends = [*first.inputs[0].shape[1:], *first.outputs[0].shape[1:]] if first.inputs[0] is not None else []
    ends = (ends + [1] * 6)[:6]
    return np.array([*(np.log(max(float(s), 1.0)) for s in (*sizes, *ends)), *window,
                     float(row.format == "fp16"), float(row.phase == "backward")])


