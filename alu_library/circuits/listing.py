"""Which circuits are characterised, and in which formats: all that a circuit set names, and all that are listed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

from alu_library.circuits.adders import ADDERS
from alu_library.circuits.multipliers import MULTIPLIERS
from alu_library.formats import BLOCKS, NAMED, parse
from alu_library.functions import FORMATS, function_names, function_rows
from alu_library.pricing import chosen_circuit
from alu_library.tasks import PRIMITIVES

__all__ = ["FLOATS", "LISTED_WIDTHS", "PRICED_TASKS", "PRICED_WIDTHS", "circuit_sets", "entries"]

LISTED_WIDTHS = (8, 16, 32, 64)
"""Integer widths in which every circuit is listed."""

PRICED_WIDTHS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Integer widths in which the circuits of the sets are characterised; others are when a price asks for them."""

FLOATS = (*NAMED, "e8m16", "e8m31")
"""Floating-point formats: those with a name, and wider ones for the insides of elementary functions."""

PRICED_TASKS = (*(t for t in PRIMITIVES if t != "table_read"), "accumulate")
"""Tasks that a set names a circuit for; an accumulate is the addition of a product to a running sum."""


def circuit_sets() -> list[str]:
    """Names of the circuit sets that ship."""
    data = Path(__file__).parent.parent / "data"
    return sorted(f.stem.removeprefix("circuits_") for f in data.glob("circuits_*.toml"))


def entries() -> list[tuple[str, str]]:
    """(circuit, format) of every row of the characterised table, in order, each once."""
    return sorted(dict.fromkeys([*_priced(), *_inside_functions(), *_listed_integers(), *_listed_floats()]), key=_order)


def _order(entry: tuple[str, str]) -> tuple[str, str, int, str]:
    circuit, format = entry
    parsed = parse(format)
    return circuit, parsed.kind, parsed.bits, format


def _priced() -> Iterator[tuple[str, str]]:
    integers = [*(f"int{n}" for n in PRICED_WIDTHS), *(f"uint{n}" for n in LISTED_WIDTHS)]
    for name, task, format in product(circuit_sets(), PRICED_TASKS, [*integers, *FLOATS]):
        circuit = chosen_circuit(task, format, name)
        if circuit is not None:
            yield circuit, format
    for name, format in product(circuit_sets(), BLOCKS):
        yield str(chosen_circuit("multiply_accumulate", format, name)), format


def _inside_functions() -> Iterator[tuple[str, str]]:
    """What the measured elementary functions are made of: the cheapest is chosen by price, in every run."""
    tasks = {key for format in FORMATS for name in function_names(format) for row in function_rows(name, format)
             for key in row.tasks}
    for name, (task, format) in product(circuit_sets(), sorted(tasks)):
        parts = (task,) if chosen_circuit(task, format, name) else ("multiply", "accumulate")
        for part in parts if task != "table_read" else ():
            circuit = chosen_circuit(part, format, name)
            if circuit is not None:
                yield circuit, format


def _listed_integers() -> Iterator[tuple[str, str]]:
    finals = ("ripple_carry", "kogge_stone")
    kinds = [
        *(f"adder/{kind}" for kind in ADDERS), "divider/restoring", "divider/non_restoring",
        *(f"multiplier/{kind}:{final}" for kind, final in product(MULTIPLIERS, finals)),
        "multiply_add/dadda:kogge_stone", "integer/maximum", "integer/to_float:kogge_stone",
        "word/select", "word/shift", "word/logic",
    ]
    yield from product(kinds, [f"{kind}{n}" for kind, n in product(("int", "uint"), LISTED_WIDTHS)])
    yield from product(["root/restoring"], [f"uint{n}" for n in LISTED_WIDTHS])


def _listed_floats() -> Iterator[tuple[str, str]]:
    for subnormals in ("full", "flushed"):
        kinds = [
            f"floating_point/add:kogge_stone,{subnormals}",
            *(f"floating_point/multiply:{kind},kogge_stone,{subnormals}" for kind in ("dadda", "booth")),
            f"floating_point/multiply_add:dadda,kogge_stone,{subnormals}",
            f"floating_point/divide:ripple_carry,{subnormals}", f"floating_point/sqrt:ripple_carry,{subnormals}",
            f"floating_point/maximum:{subnormals}", f"floating_point/to_integer:kogge_stone,{subnormals}",
        ]
        yield from product(kinds, NAMED)
