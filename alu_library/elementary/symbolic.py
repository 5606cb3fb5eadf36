"""The symbolic reading of a program: sympy expressions, for the documentation and to check a formula.

Elementary functions that a program calls become the functions themselves, so an activation reads as its definition;
an elementary function's own program reads as the approximation it is, with rounding left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from alu_library.elementary.programs import Operand, Program, Reading
from alu_library.elementary.register import find

__all__ = ["Symbolic", "expression"]


@cache
def _meanings() -> Mapping[str, Callable[..., Any]]:
    import sympy as s

    # A select between two sides of a comparison: both sides are kept, as a piecewise expression.
    return {
        "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b,
        "divide": lambda a, b: a / b, "sqrt": s.sqrt, "maximum": s.Max, "minimum": s.Min, "less": s.Lt,
        "negate": lambda a: -a, "absolute": s.Abs, "convert": lambda a: a, "to_float": lambda n: n,
        "select": lambda yes, no, bit: s.Piecewise((yes, bit), (no, True)),
        "copy_sign": lambda a, x: s.Piecewise((-s.Abs(a), x < 0), (s.Abs(a), True)), "is_negative": lambda x: x < 0,
        "is_finite": lambda x: s.true, "is_infinite": lambda x: s.false, "is_nan": lambda x: s.false,
        "is_zero": lambda x: s.Eq(x, 0), "scale_gradually": lambda x, n: x * s.Integer(2) ** n,
        "to_fixed": lambda x, fraction_bits: s.floor(x * 2**fraction_bits + s.Rational(1, 2)),
        "from_fixed": lambda n, fraction_bits: n / s.Integer(2) ** fraction_bits,
        "nearest_integer": lambda x: s.floor(x + s.Rational(1, 2)), "scale": lambda x, n: x * s.Integer(2) ** n,
        "exponent": lambda x: s.floor(s.log(s.Abs(x), 2)),
        "significand": lambda x: s.Abs(x) / s.Integer(2) ** s.floor(s.log(s.Abs(x), 2)),
        "truncate": lambda x, bits: x,  # a split into two parts, exact in their sum
        "multiply_signs": lambda a, x, y: a * s.sign(x) * s.sign(y),
        "has_bit": lambda n, bit: s.Eq(s.Mod(s.floor(n / 2**bit), 2), 1), "low_bits": lambda n, bits: s.Mod(n, 2**bits),
        "shift_right": lambda n, bits: s.floor(n / 2**bits), "shift_left": lambda n, bits: n * 2**bits,
    }


@dataclass
class Symbolic(Reading):
    """Builds an expression. KeyError for an operation on bit patterns, which has no formula."""

    def input(self, symbol: Any, format: str = "fp32") -> Operand:
        """An operand of the whole program; the format only decides how a program splits its constants."""
        return Operand(self, format, symbol)

    def constant(self, value: float, format: str) -> Operand:
        """A constant as the float it was given as."""
        import sympy

        return Operand(self, format, sympy.Integer(int(value)) if float(value).is_integer() else sympy.Float(value, 17))

    def evaluate(self, kind: str, result_format: str, operands: Sequence[Operand], parameters: dict[str, Any]) -> Any:
        """One operation on expressions."""
        return _meanings()[kind](*(o.value for o in operands), **parameters)

    def columns(self, index: Operand, rows: Sequence[Sequence[float]], format: str) -> list[Operand]:
        """A table is a function of its index that has no formula: one undefined function for each column."""
        import sympy

        return [Operand(self, format, sympy.Function(f"table_{len(rows)}_{column}")(index.value))
                for column in range(len(rows[0]))]

    def call(self, name: str, *operands: Operand) -> Operand:
        """The function itself."""
        import sympy

        formula = find(name).formula
        if formula is None:
            raise KeyError(f"{name} has no formula of its own")
        return Operand(self, operands[0].format, formula(sympy, *(o.value for o in operands)))


def expression(program: Program, arguments: int = 1, format: str = "fp64") -> Any:
    """The formula of a program in the symbols x and y."""
    import sympy

    reading = Symbolic()
    symbols = sympy.symbols("x y", real=True)[:arguments]
    return program(*(reading.input(symbol, format) for symbol in symbols)).value
