"""Programs over ALU tasks: an elementary function is written once, as a plain Python function, and read three ways.

The function is handed operands; what they carry depends on the reading. Under ``Counter`` each operation adds its
ALU tasks, its depth and one line of a trace; under ``numeric.Numeric`` operands are numpy arrays rounded to their
number format after every operation; under ``symbolic.Symbolic`` they are sympy expressions.

    def sigmoid(x):
        return 1 / (1 + exp(-x))

Constants on the right or left of an operator take the format of the other operand. There is no fused multiply-add:
``a * b + c`` is two tasks and two roundings. A product with a constant costs as much as any other product.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from alu_library.formats import parse
from alu_library.tasks import Tasks

__all__ = ["EXPONENT", "Charge", "Counter", "Operand", "Program", "Reading"]

EXPONENT = "int16"
"""Integer format in which exponents, indices and counts of reduced periods are computed."""

Charge: TypeAlias = Callable[[str], dict[tuple[str, str], int]]
"""ALU tasks of one operation whose operands are in a given format."""


def _one(task: str) -> Charge:
    return lambda format: {(task, format): 1}


CHARGES: Mapping[str, Charge] = {
    "add": _one("add"), "subtract": _one("add"), "multiply": _one("multiply"), "divide": _one("divide"),
    "sqrt": _one("sqrt"), "maximum": _one("compare"), "minimum": _one("compare"), "less": _one("compare"),
    "select": _one("select"), "convert": _one("convert"), "nearest_integer": _one("convert"),
    "to_float": _one("convert"), "to_fixed": _one("convert"), "from_fixed": _one("convert"),
    "scale_gradually": lambda format: {("add", EXPONENT): 1, ("convert", format): 1},
    # Work on the fields of a float: masks are logic, arithmetic on the exponent field is an integer addition.
    "negate": _one("logic"), "negate_if": _one("logic"), "absolute": _one("logic"), "copy_sign": _one("logic"),
    "multiply_signs": _one("logic"), "truncate": _one("logic"), "significand": _one("logic"), "low_bits": _one("logic"),
    "is_negative": lambda format: {}, "has_bit": lambda format: {},  # bits are wires
    "bit_pattern": lambda format: {},
    # All ones in the exponent field, or nothing set at all: a tree of gates over the field, or over the word.
    "is_finite": lambda format: {("logic", EXPONENT): 1}, "is_infinite": _one("logic"), "is_zero": _one("logic"),
    "is_nan": _one("logic"),
    "exponent": lambda format: {("logic", format): 1, ("add", EXPONENT): 1},
    # The exponent field is added to, and a result outside the range becomes zero or infinity; so does a field that was
    # all zeros or all ones before.
    "scale": lambda format: {("add", EXPONENT): 1, ("logic", EXPONENT): 1, ("select", format): 1},
    "shift_left": _one("shift"), "shift_right": _one("shift"),
    "pattern_index": lambda format: {("shift", format): 1, ("add", EXPONENT): 1},
}
"""What each operation is charged, by the format of its first operand; a table read is charged by its size."""


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """One value of a running program: ``value`` is whatever its reading computes with."""

    reading: Reading
    format: str
    value: Any

    def __add__(self, other: Operand | float) -> Operand:
        return self.reading.apply("add", self.format, self, other)

    def __sub__(self, other: Operand | float) -> Operand:
        return self.reading.apply("subtract", self.format, self, other)

    def __rsub__(self, other: Operand | float) -> Operand:
        return self.reading.apply("subtract", self.format, other, self)

    def __mul__(self, other: Operand | float) -> Operand:
        return self.reading.apply("multiply", self.format, self, other)

    def __truediv__(self, other: Operand | float) -> Operand:
        return self.reading.apply("divide", self.format, self, other)

    def __rtruediv__(self, other: Operand | float) -> Operand:
        return self.reading.apply("divide", self.format, other, self)

    def __neg__(self) -> Operand:
        return self.reading.apply("negate", self.format, self)

    __radd__ = __add__
    __rmul__ = __mul__


Program: TypeAlias = Callable[..., Operand]
"""A function from operands to one operand."""


@dataclass
class Reading:
    """One way to read a program. ``algorithms`` says which program serves each elementary function it calls, and
    ``source`` the format that the operands of the whole program come in ("" where they are in the internal one)."""

    algorithms: Mapping[str, Program] = field(default_factory=dict)
    source: str = ""

    def apply(self, kind: str, result_format: str, *operands: Operand | float, **parameters: Any) -> Operand:
        """Carry out one operation; bare numbers become constants in the format of the first operand."""
        format = next(o.format for o in operands if isinstance(o, Operand))
        lifted = [o if isinstance(o, Operand) else self.constant(o, format) for o in operands]
        return Operand(self, result_format, self.evaluate(kind, result_format, lifted, parameters))

    def constant(self, value: float, format: str) -> Operand:
        """A constant in ``format``: free, it is part of the program."""
        raise NotImplementedError

    def evaluate(self, kind: str, result_format: str, operands: Sequence[Operand], parameters: dict[str, Any]) -> Any:
        """The value of one operation."""
        raise NotImplementedError

    def columns(self, index: Operand, rows: Sequence[Sequence[float]], format: str) -> list[Operand]:
        """The columns of the table row at ``index``: one read of ENTRIESxBITS."""
        raise NotImplementedError

    def call(self, name: str, *operands: Operand) -> Operand:
        """An elementary function inside another program: the program chosen for it, in line."""
        try:
            program = self.algorithms[name]
        except KeyError:
            raise KeyError(f"this program calls {name}, for which no algorithm was chosen") from None
        return program(*operands)


@dataclass
class Counter(Reading):
    """Counts: ``tasks``, the tables and their bits, the functions called, and a trace that identifies the program.

    The value of an operand is a pair: its line in the trace and its depth, the longest chain of dependent tasks.
    """

    tasks: Tasks = field(default_factory=Tasks)
    tables: dict[str, int] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)
    trace: list[str] = field(default_factory=list)

    def input(self, format: str) -> Operand:
        """An operand of the whole program."""
        return Operand(self, format, (self._line(f"input {format}"), 0))

    def constant(self, value: float, format: str) -> Operand:
        """A constant, written into the trace in hexadecimal."""
        return Operand(self, format, (self._line(f"constant {format} {float(value).hex()}"), 0))

    def evaluate(self, kind: str, result_format: str, operands: Sequence[Operand], parameters: dict[str, Any]) -> Any:
        """Add the operation's charge; returns its line and depth."""
        return self._charged(CHARGES[kind](operands[0].format), kind, result_format, operands, parameters)

    def call(self, name: str, *operands: Operand) -> Operand:
        """The program chosen for the function, in line; its name is remembered."""
        self.called.add(name)
        return super().call(name, *operands)

    def columns(self, index: Operand, rows: Sequence[Sequence[float]], format: str) -> list[Operand]:
        """Charge one table read; the contents go into the trace by their hash."""
        bits = len(rows[0]) * parse(format).bits
        contents = hashlib.sha256(repr([[float(v).hex() for v in row] for row in rows]).encode()).hexdigest()
        self.tables[contents] = len(rows) * bits
        value = self._charged({("table_read", f"{len(rows)}x{bits}"): 1}, "table", format, [index], {"is": contents})
        return [Operand(self, format, value) for _ in rows[0]]

    @property
    def table_bit(self) -> int:
        """Bits of the constant tables, each once however often it is read."""
        return sum(self.tables.values())

    def program_hash(self) -> str:
        """Identifies everything that was executed: operations, formats, constants and tables."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]

    def _line(self, text: str) -> int:
        self.trace.append(text)
        return len(self.trace) - 1

    def _charged(self, charge: dict[tuple[str, str], int], kind: str, format: str, operands: Sequence[Operand],
                 parameters: dict[str, Any]) -> tuple[int, int]:
        self.tasks = self.tasks + Tasks(charge)
        sources = " ".join(str(o.value[0]) for o in operands)
        line = self._line(f"{kind} {format} {sources} {parameters}")
        return line, max(o.value[1] for o in operands) + sum(charge.values())
