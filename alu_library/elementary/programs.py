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

__all__ = [
    "EXPONENT", "Charge", "Counter", "Operand", "Program", "Reading", "absolute", "bit_pattern", "constant",
    "convert", "copy_sign", "exponent", "from_fixed", "has_bit", "is_negative", "less", "low_bits", "maximum",
    "minimum", "multiply_signs", "nearest_integer", "negate_if", "pattern_index", "scale", "select", "shift_left",
    "shift_right", "significand", "sqrt", "table", "to_fixed", "to_float", "truncate",
]

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
    # Work on the fields of a float: masks are logic, arithmetic on the exponent field is an integer addition.
    "negate": _one("logic"), "negate_if": _one("logic"), "absolute": _one("logic"), "copy_sign": _one("logic"),
    "multiply_signs": _one("logic"), "truncate": _one("logic"), "significand": _one("logic"), "low_bits": _one("logic"),
    "is_negative": lambda format: {}, "has_bit": lambda format: {},  # bits are wires
    "bit_pattern": lambda format: {},
    "exponent": lambda format: {("logic", format): 1, ("add", EXPONENT): 1},
    # The exponent field is added to, and a result outside the range becomes zero or infinity.
    "scale": lambda format: {("add", EXPONENT): 1, ("select", format): 1},
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
    """One way to read a program. ``algorithms`` says which program serves each elementary function it calls."""

    algorithms: Mapping[str, Program] = field(default_factory=dict)

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


def constant(like: Operand, value: float, format: str | None = None) -> Operand:
    """A constant in ``format`` (that of ``like`` unless given)."""
    return like.reading.constant(value, format or like.format)


def sqrt(x: Operand) -> Operand:
    """Square root, correctly rounded."""
    return x.reading.apply("sqrt", x.format, x)


def maximum(x: Operand, y: Operand | float) -> Operand:
    """The larger of two values: one comparison. A NaN among them is the result."""
    return x.reading.apply("maximum", x.format, x, y)


def minimum(x: Operand, y: Operand | float) -> Operand:
    """The smaller of two values: one comparison. A NaN among them is the result."""
    return x.reading.apply("minimum", x.format, x, y)


def less(x: Operand | float, y: Operand | float) -> Operand:
    """The bit x < y: one comparison."""
    reading = x.reading if isinstance(x, Operand) else y.reading  # type: ignore[union-attr]
    return reading.apply("less", "uint2", x, y)


def select(bit: Operand, yes: Operand | float, no: Operand | float) -> Operand:
    """``yes`` where the bit is set, ``no`` elsewhere."""
    like = yes if isinstance(yes, Operand) else no
    format = like.format if isinstance(like, Operand) else bit.format
    sides = [side if isinstance(side, Operand) else bit.reading.constant(side, format) for side in (yes, no)]
    return bit.reading.apply("select", format, sides[0], sides[1], bit)


def absolute(x: Operand) -> Operand:
    """|x|: the sign bit cleared."""
    return x.reading.apply("absolute", x.format, x)


def copy_sign(magnitude: Operand, sign: Operand) -> Operand:
    """``magnitude`` (not negative) with the sign of ``sign`` put on it."""
    return magnitude.reading.apply("copy_sign", magnitude.format, magnitude, sign)


def multiply_signs(magnitude: Operand, x: Operand, y: Operand) -> Operand:
    """``magnitude`` (not negative) with the sign of x · y."""
    return magnitude.reading.apply("multiply_signs", magnitude.format, magnitude, x, y)


def is_negative(x: Operand) -> Operand:
    """The sign bit of x, which exists already."""
    return x.reading.apply("is_negative", "uint2", x)


def truncate(x: Operand, bits: int) -> Operand:
    """x with all but its leading ``bits`` significand bits cleared."""
    return x.reading.apply("truncate", x.format, x, bits=bits)


def convert(x: Operand, format: str) -> Operand:
    """x in another number format, rounded to nearest even; charged in the wider of the two."""
    if x.format == format:
        return x
    wider = max(x.format, format, key=lambda name: parse(name).bits)
    return x.reading.apply("convert", format, Operand(x.reading, wider, x.value))


def nearest_integer(x: Operand) -> Operand:
    """The integer nearest to x, ties to even, in the format of exponents."""
    return x.reading.apply("nearest_integer", EXPONENT, x)


def to_float(n: Operand, format: str) -> Operand:
    """The integer n as a float: charged in the format of the float."""
    return n.reading.apply("to_float", format, Operand(n.reading, format, n.value))


def to_fixed(x: Operand, fraction_bits: int, format: str) -> Operand:
    """x as a fixed-point integer with ``fraction_bits`` behind the point, rounded to nearest even."""
    return x.reading.apply("to_fixed", format, x, fraction_bits=fraction_bits)


def from_fixed(n: Operand, fraction_bits: int, format: str) -> Operand:
    """The float that a fixed-point integer stands for: charged in the format of the float."""
    wide = Operand(n.reading, format, n.value)
    return n.reading.apply("from_fixed", format, wide, fraction_bits=fraction_bits)


def negate_if(n: Operand, bit: Operand) -> Operand:
    """-n where the bit is set: an exclusive-or in front of the adder that follows, whose carry-in does the rest."""
    return n.reading.apply("negate_if", n.format, n, bit)


def scale(x: Operand, n: Operand | int) -> Operand:
    """x · 2^n by adding to the exponent field: below the smallest normal it is zero, beyond the range infinite."""
    power = n if isinstance(n, Operand) else x.reading.constant(n, EXPONENT)
    return x.reading.apply("scale", x.format, x, power)


def exponent(x: Operand) -> Operand:
    """The integer e with 2^e <= |x| < 2^(e+1)."""
    return x.reading.apply("exponent", EXPONENT, x)


def significand(x: Operand) -> Operand:
    """|x| / 2^exponent(x), in [1, 2)."""
    return x.reading.apply("significand", x.format, x)


def low_bits(n: Operand, bits: int) -> Operand:
    """n modulo 2^bits."""
    return n.reading.apply("low_bits", n.format, n, bits=bits)


def bit_pattern(x: Operand) -> Operand:
    """The word of x itself, as the address of a table."""
    return x.reading.apply("bit_pattern", f"uint{parse(x.format).bits}", x)


def has_bit(n: Operand, bit: int) -> Operand:
    """Whether bit number ``bit`` of n is set, as a bit that steers a select."""
    return n.reading.apply("has_bit", "uint2", n, bit=bit)


def shift_right(n: Operand, bits: int) -> Operand:
    """The integer n / 2^bits, rounded down."""
    return n.reading.apply("shift_right", n.format, n, bits=bits)


def shift_left(n: Operand, bits: int) -> Operand:
    """The integer n · 2^bits."""
    return n.reading.apply("shift_left", n.format, n, bits=bits)


def pattern_index(x: Operand, lowest_exponent: int, fraction_bits: int) -> Operand:
    """Which piece |x| is in, when every binade from 2^lowest_exponent up is cut into 2^fraction_bits pieces.

    It is the bit pattern without its sign, shifted right, minus that of 2^lowest_exponent: a shift and an addition.
    Negative where |x| < 2^lowest_exponent.
    """
    return x.reading.apply("pattern_index", EXPONENT, x, lowest_exponent=lowest_exponent, fraction_bits=fraction_bits)


def table(index: Operand, rows: Sequence[Sequence[float]], format: str) -> list[Operand]:
    """The columns of row ``index`` (held within the table) of a constant table whose words are in ``format``."""
    return index.reading.columns(index, rows, format)
