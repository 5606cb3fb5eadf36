"""Run-time lookup of elementary functions: which ALU tasks one evaluation takes, and how accurate it is.

Rows come from the shipped tables ``data/functions.FORMAT.json``, which :mod:`alu_library.elementary.table` measures and
writes; a function that was registered from outside the package is measured when it is first asked for. Only the
standard library is imported here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from alu_library.formats import parse
from alu_library.tasks import Tasks

__all__ = ["FORMATS", "FunctionRow", "activation_names", "allowed_error", "cost", "function", "function_names",
           "function_rows", "unit_cost"]

FORMATS = ("fp64", "fp32", "tf32", "fp16", "bf16", "fp8_e4m3", "fp8_e5m2")
"""Formats with a table of their own."""


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """One algorithm for one function in one format, with the accuracy measured on exactly the program counted.

    ``tasks`` are those of one evaluation, conversions between the format and ``internal_format`` included; ``depth``
    is its longest chain of dependent tasks. ``table_bit`` is the size of its constant tables. Errors are in ulp
    over ``points`` arguments within ``domain``, the largest at ``worst``, and absolute. ``argument`` is ``y``
    for a derivative that takes the function's result. A function of a vector (softmax) is counted on one of
    ``elements`` numbers: ``tasks`` are those of all of them.
    """

    name: str
    format: str
    internal_format: str
    algorithm: str
    tasks: Tasks
    depth: int
    table_bit: int
    max_error_ulp: float
    mean_error_ulp: float
    max_error_absolute: float
    points: int
    domain: tuple[float, float]
    argument: str
    program_hash: str
    worst: float = 0.0
    elements: int = 1


class _UnknownError(Exception):
    """Nobody registered a function of that name."""


@cache
def _text(format: str) -> str:
    return (Path(__file__).parent / "data" / f"functions.{format}.json").read_text(encoding="utf-8")


def _stored(name: str, format: str) -> list[dict[str, Any]]:
    """A function's rows in the table of a format. Only these are parsed: a network uses few of many functions."""
    text, key = _text(format), f"\n{json.dumps(name)}: "
    at = text.find(key)
    rows: list[dict[str, Any]] = json.JSONDecoder().raw_decode(text, at + len(key))[0] if at >= 0 else []
    return rows or _registered(name, format)


def _registered(name: str, format: str) -> list[dict[str, Any]]:
    """Rows of a function that has none in the shipped table, measured now; _UnknownError for an unknown name."""
    from alu_library.elementary.register import every

    if name not in every() or every()[name].inner:
        raise _UnknownError(name)
    from alu_library.elementary.table import quickly_measured  # brings numpy

    return quickly_measured(name, format)


@cache
def _measured(name: str, format: str) -> tuple[FunctionRow, ...]:
    """Rows in a format that has a table; _UnknownError, which no cache keeps, for an unknown name."""
    return tuple(
        FunctionRow(**r | {
            "name": name, "format": format, "domain": (float(r["domain"][0]), float(r["domain"][1])),
            "worst": float(r["worst"]),
            "tasks": Tasks({(task, in_format): n for task, in_format, n in r["tasks"]}),
        })
        for r in _stored(name, format)
    )


def function_names(format: str = "fp32") -> tuple[str, ...]:
    """Every function that has a row in a format, sorted."""
    return tuple(sorted(json.loads(_text(_measured_format(format)))["functions"]))


def activation_names() -> tuple[str, ...]:
    """Every activation, those of a vector and those registered from outside among them, sorted."""
    from alu_library.elementary.register import every

    return tuple(sorted({"log_softmax", "softmax", *(f.name for f in every().values() if f.activation)}))


def function_rows(name: str, format: str) -> tuple[FunctionRow, ...]:
    """Every measured algorithm of a function in a format; ValueError with one line where there is none.

    A format without a table of its own takes one that has: a float the next with at least its exponent and fraction
    bits, a wide integer fp32 (fp64 beyond 32 bits), with a conversion before and after. A quantised integer of at
    most 8 bits is looked up: one read of a table of all its words, as for fp8, each correctly rounded.
    """
    measured = _measured_format(format)
    try:
        rows = _measured(name, measured)
    except _UnknownError:
        known = ", ".join(function_names(format))
        raise ValueError(f"no algorithm for the function {name!r} in {format}: use one of {known}") from None
    if measured == format:
        return rows
    if parse(format).bits <= 8 and rows[0].table_bit and rows[0].internal_format == measured:
        return (replace(rows[0], format=format),)
    around = Tasks({("convert", measured): 2})
    return tuple(replace(row, format=format, tasks=row.tasks + around, depth=row.depth + 2) for row in rows)


def _measured_format(format: str) -> str:
    if format in FORMATS:
        return format
    f = parse(format)
    if not f.is_float:
        return "fp8_e4m3" if f.bits <= 8 else "fp32" if f.bits <= 32 else "fp64"
    for name in reversed(FORMATS):
        wider = parse(name)
        if wider.exponent_bits >= f.exponent_bits and wider.mantissa_bits >= f.mantissa_bits:
            return name
    raise ValueError(f"no measured functions for the number format {format!r}")


def allowed_error(format: str) -> float:
    """The error that an unspecified choice may have, in ulp: 1 for formats of 16 bits or fewer, otherwise 4."""
    return 1.0 if parse(_measured_format(format)).bits <= 16 else 4.0


def cost(row: FunctionRow, circuits: str = "default") -> float:
    """Transistor operations for each element, on operands that are not zero, with the circuits of one set."""
    priced = (float(n) * _price(task, format, circuits) for (task, format), n in row.tasks.items())
    return sum(priced, 0.0) / row.elements


def unit_cost(format: str, circuits: str = "default") -> float:
    """Transistor operations of one multiplication in the format, on operands that are not zero."""
    return _price("multiply", format, circuits)


def _price(task: str, format: str, circuits: str) -> float:
    from alu_library.pricing import Operand, Operands, price

    # Inside a function an operand is a constant or an intermediate value: neither is ever mostly zero, nor held.
    busy = Operands(Operand("normal"), Operand("normal"), stream="output")
    return price(task, format, busy, circuits).transistor_operations


@lru_cache(maxsize=4096)
def function(name: str, format: str, max_error_ulp: float | None = None, algorithm: str | None = None,
             circuits: str = "default") -> FunctionRow:
    """The row the compiler uses: the cheapest whose measured error is at most ``max_error_ulp``.

    Without a bound that is 4 ulp (1 ulp for formats of 16 bits or fewer). A derivative is a factor of order one that
    multiplies a gradient, and may cross zero, where no fixed-format program keeps a relative error: without a bound
    it is held to as many ulp of 1 in absolute error. If no algorithm is accurate enough the most accurate is taken
    when no bound was given, and ValueError is raised when one was. ``algorithm`` names a row outright, as
    ``ALGORITHM`` or ``ALGORITHM/INTERNAL_FORMAT``.
    """
    rows = function_rows(name, format)
    if algorithm is not None:
        named = [r for r in rows if algorithm in (r.algorithm, f"{r.algorithm}/{r.internal_format}")]
        if not named:
            known = ", ".join(f"{r.algorithm}/{r.internal_format}" for r in rows)
            raise ValueError(f"{name} in {format} has no algorithm {algorithm!r}: use one of {known}")
        rows = tuple(named)
    if max_error_ulp is None:
        good = [r for r in rows if _accurate_enough(r)] or [min(rows, key=lambda r: r.max_error_ulp)]
    else:
        good = [r for r in rows if r.max_error_ulp <= max_error_ulp]
    if not good:
        best = min(r.max_error_ulp for r in rows)
        raise ValueError(
            f"no algorithm of {name} in {format} is within {max_error_ulp:g} ulp: the best reaches {best:.3g}")
    return min(good, key=lambda r: cost(r, circuits))


def _accurate_enough(row: FunctionRow) -> bool:
    allowed = allowed_error(row.format)
    if row.name.endswith("_derivative"):
        epsilon = float(parse(_measured_format(row.format)).epsilon)
        return row.max_error_ulp <= allowed or row.max_error_absolute <= allowed * epsilon
    return row.max_error_ulp <= allowed
