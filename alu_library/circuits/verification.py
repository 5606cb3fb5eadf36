"""Verification: circuits against exact arithmetic, on chosen and on random operands.

:func:`mismatches` builds a circuit by its catalogue name, simulates it and counts operands for which it is wrong. The
expected values come from Python integers and :mod:`alu_library.circuits.reference`, which know nothing of circuits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isqrt
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from alu_library.circuits import reference
from alu_library.circuits.catalogue import build, integer_format_of
from alu_library.circuits.netlist import Netlist
from alu_library.circuits.simulation import evaluate
from alu_library.formats import FLUSHED, Format, decode, encode, parse

__all__ = ["mismatches", "operands", "specials"]

Patterns: TypeAlias = npt.NDArray[np.uint64]


def mismatches(circuit: str, format: str, count: int, seed: int = 0) -> tuple[int, int]:
    """``(wrong, checked)`` over ``count`` random operands and all pairs of special values."""
    netlist, exact = build(circuit, format), _format_inside(circuit, format)
    buses = operands(netlist, exact, count, seed)
    if circuit.startswith("divider/"):  # a quotient by zero is not defined
        buses = {name: bus[buses["b"] != 0] for name, bus in buses.items()}
    expected = _expected(circuit, exact, netlist, buses)
    computed = evaluate(netlist, buses)
    wrong = np.zeros(len(buses["a"]), dtype=bool)
    for name, values in expected.items():
        mask = (1 << netlist.width(name)) - 1
        wrong |= np.array([c != e & mask for c, e in zip(computed[name].tolist(), values, strict=True)])
    return int(wrong.sum()), len(wrong)


def _format_inside(circuit: str, format: str) -> Format:
    """The format a circuit computes in: flushed where its name says so."""
    flushed = circuit.endswith("flushed") and not format.endswith(FLUSHED)
    return parse(format + FLUSHED if flushed else format)


def specials(format: Format) -> list[int]:
    """Patterns around every boundary of a format: zeros, ones, powers of two, subnormals, infinities, NaN, ends."""
    top = 1 << (format.bits - 1)
    if not format.is_float:
        near = {0, 1, 2, 3, top - 1, top, top + 1, 2 * top - 2, 2 * top - 1}
        return sorted(near | {int("01" * 32, 2) & (2 * top - 1), int("10" * 32, 2) & (2 * top - 1)})
    unit = 1 << format.mantissa_bits
    one = format.bias * unit
    magnitudes = {
        0, 1, 2, unit // 2, unit - 1, unit, unit + 1, 2 * unit - 1, 2 * unit, one - unit, one - 1, one, one + 1,
        one + unit // 2, one + unit - 1, one + unit, one + format.mantissa_bits * unit, format.infinity_pattern - 1,
        format.infinity_pattern, format.nan_pattern,
    }
    positive = [m for m in sorted(magnitudes) if m < top]
    return positive + [m | top for m in positive]


def operands(netlist: Netlist, format: Format, count: int, seed: int) -> dict[str, Patterns]:
    """Operands for every input bus: random patterns, of which half of those of ``b`` are near ``a`` with either sign
    (sums then cancel), and all combinations of special values on ``a`` and ``b``."""
    rng = np.random.default_rng(seed)
    drawn = {name: _random(rng, netlist.width(name), count) for name in netlist.inputs}
    if format.is_float and "b" in drawn:
        near = drawn["a"] ^ (np.uint64(1) << rng.integers(0, format.mantissa_bits + 3, count).astype(np.uint64))
        near ^= rng.integers(0, 2, count).astype(np.uint64) << np.uint64(format.bits - 1)
        drawn["b"] = np.where(np.arange(count) % 2 == 0, drawn["b"], near)
    if format.is_float and "c" in drawn:  # close to minus the product
        with np.errstate(all="ignore"):
            product = decode(format, drawn["a"]) * decode(format, drawn["b"])
            cancelling = encode(format, -product * (1 + rng.integers(-2, 3, count) * format.epsilon))
        drawn["c"] = np.where(rng.random(count) < 0.5, drawn["c"], cancelling)
    return _with_specials(netlist, format, drawn, rng)


def _random(rng: np.random.Generator, width: int, count: int) -> Patterns:
    return rng.integers(0, (1 << width) - 1, count, dtype=np.uint64, endpoint=True)


def _with_specials(
    netlist: Netlist, format: Format, drawn: Mapping[str, Patterns], rng: np.random.Generator
) -> dict[str, Patterns]:
    paired = [name for name in ("a", "b", "c") if name in netlist.inputs]
    values = {n: np.array([s & (1 << netlist.width(n)) - 1 for s in specials(format)], dtype=np.uint64) for n in paired}
    grids = dict(zip(paired, np.meshgrid(*values.values()), strict=True))
    size = next(iter(grids.values())).size
    extra = {n: grids[n].ravel() if n in grids else _random(rng, netlist.width(n), size) for n in netlist.inputs}
    return {n: np.concatenate([drawn[n], extra[n]]) for n in netlist.inputs}


# What each family computes, operand by operand, as Python integers.

_Function: TypeAlias = Callable[..., int | tuple[int, ...]]


def _expected(circuit: str, format: Format, netlist: Netlist, buses: Mapping[str, Patterns]) -> dict[str, list[int]]:
    """Expected integers on the output buses (those that do not fit are meant modulo the bus's width)."""
    function = _function(circuit.partition(":")[0], format, netlist)
    rows = [function(*row) for row in zip(*(buses[n].tolist() for n in netlist.inputs), strict=True)]
    results = [row if isinstance(row, tuple) else (row,) for row in rows]
    return {name: [result[k] for result in results] for k, name in enumerate(netlist.outputs)}


def _function(family: str, format: Format, netlist: Netlist) -> _Function:
    kind = family.partition("/")[2]
    if family.startswith("floating_point/"):
        if kind == "to_integer":
            target = integer_format_of(parse(format.name.removesuffix(FLUSHED)))
            return lambda a: reference.to_integer(format, target, a)
        operation: Any = getattr(reference, kind)
        return lambda *patterns: operation(format, *patterns)
    if family == "integer/to_float":
        return lambda a: reference.from_integer(format, parse("fp32" if format.bits <= 32 else "fp64"), a)
    value = _value_of(format)
    group = family.partition("/")[0]
    if group == "multiply_add":
        return lambda a, b, c: value(a) * value(b) + c
    functions: Mapping[str, _Function] = {
        "adder": lambda a, b: value(a) + value(b),
        "multiplier": lambda a, b: value(a) * value(b),
        "divider": lambda a, b: _truncated(value(a), value(b)),
        "root": lambda a: (isqrt(a), a - isqrt(a) ** 2),
        "integer/maximum": lambda a, b: a if value(a) > value(b) else b,
        "word/select": lambda a, b, select: b if select else a,
        "word/shift": lambda a, amount: a << amount,
        "word/logic": lambda a, b: a ^ b,
    }
    return functions[group if group in functions else family]


def _value_of(format: Format) -> Callable[[int], int]:
    """What a pattern of an integer format stands for."""
    if format.kind == "uint":
        return int
    return lambda a: a - (a >> (format.bits - 1) << format.bits)


def _truncated(a: int, b: int) -> tuple[int, int]:
    """Quotient rounded towards zero, and the remainder, which has the sign of the dividend."""
    quotient = abs(a) // abs(b) if (a < 0) == (b < 0) else -(abs(a) // abs(b))
    return quotient, a - quotient * b
