"""What the functions are: formulas in sympy, and the same values in float64 for millions of points.

``formula`` is the definition: derivatives are differentiated from it, and mpmath evaluates it in 60 digits. The
float64 versions are written so that nothing cancels; the points where a program seems worst are checked by formula.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import Any

from alu_library.elementary.register import find

__all__ = ["exactly", "formula", "in_float64"]

_DIGITS = 60


@cache
def formula(name: str) -> Any:
    """The definition of a function, in sympy; a derivative from the result is a formula in that result."""
    import sympy as s

    function = find(name)
    x, y = s.symbols("x y", real=True)
    if function.formula is None:
        return s.diff(formula(name.removesuffix("_derivative")), x)
    return function.formula(s, *(x, y)[: function.arguments])


@cache
def _evaluator(name: str) -> Callable[..., Any]:
    import sympy as s

    return s.lambdify(s.symbols("x y", real=True), formula(name), modules="mpmath")  # type: ignore[no-any-return]


@lru_cache(maxsize=1 << 16)
def exactly(name: str, x: float, y: float = 0.0) -> Any:
    """The function's value at one point, in mpmath with 60 digits more than the exponent of x costs; inf at a pole."""
    import mpmath

    # Terms like e^x against 1 need as many digits as they differ in.
    extra = int(min(abs(x), 800)) if find(name).digits else 0
    with mpmath.workdps(_DIGITS + extra):
        try:
            return mpmath.mpf(_evaluator(name)(mpmath.mpf(x), mpmath.mpf(y)))
        except ZeroDivisionError:  # a pole
            return mpmath.inf


class _Float64:
    """numpy's functions, and those of scipy.special that numpy lacks."""

    def __getattr__(self, name: str) -> Any:
        import numpy as np

        if hasattr(np, name):
            return getattr(np, name)
        from scipy import special

        return getattr(special, name)


def in_float64(name: str) -> Callable[..., Any]:
    """The function on arrays of float64, with a relative error far below 1e-12 except next to a root."""
    function = find(name)
    if function.reference is None:
        raise KeyError(f"no reference for {name}")
    program = partial(function.reference, _Float64())
    return program if function.limits is None else partial(_with_limits, program, function.limits)


def _with_limits(program: Callable[[Any], Any], limits: tuple[float, float], x: Any) -> Any:
    """The program's values, and the limits at the two infinities."""
    import numpy as np

    with np.errstate(all="ignore"):
        return np.where(np.isinf(x), np.where(np.asarray(x) < 0, *limits), program(x))
