"""Minimax polynomials by the second algorithm of Remez, in the arithmetic of mpmath.

Source: E. Remez (1934); the exchange as in J.-M. Muller, "Elementary Functions", 3rd edition (2016), section 3.5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["remez"]

_DIGITS = 50
_ITERATIONS = 12
_GRID = 24  # points examined for each coefficient
_LEVELLED = 1.02  # stop when the largest error is this close to the levelled one


def remez(f: Callable[[Any], Any], low: Any, high: Any, degree: int,
          weight: Callable[[Any], Any] | None = None) -> tuple[list[Any], float]:
    """Coefficients, constant term first, of the polynomial p of ``degree`` that minimises max |weight · (f - p)|.

    ``f`` and ``weight`` (1/f unless given: relative error) take and return mpmath numbers. Returns the coefficients
    and the maximum found on the grid. A function that is singular at a removable point must not have it on the grid:
    the grid is of Chebyshev points, even in number, so the middle of the interval is never one.
    """
    import mpmath

    with mpmath.workdps(_DIGITS):
        low, high = mpmath.mpf(low), mpmath.mpf(high)
        count = 2 * (_GRID * (degree + 2) // 2)
        grid = [(low + high) / 2 - (high - low) / 2 * mpmath.cos(mpmath.pi * (i + 0.5) / count) for i in range(count)]
        values = [f(x) for x in grid]
        weights = [weight(x) for x in grid] if weight else [1 / v for v in values]
        nodes = [round(i * (count - 1) / (degree + 1)) for i in range(degree + 2)]
        # Chebyshev points, not equally spaced ones, are where the error of a good fit alternates.
        coefficients: list[Any] = []
        worst = mpmath.inf
        for _ in range(_ITERATIONS):
            coefficients, level = _levelled(grid, values, weights, nodes, degree)
            errors = [w * (v - mpmath.polyval(coefficients[::-1], x))
                      for x, v, w in zip(grid, values, weights, strict=True)]
            worst = max(abs(e) for e in errors)
            if worst <= _LEVELLED * abs(level):
                break
            nodes = _exchange(errors, nodes)
        return coefficients, float(worst)


def _levelled(grid: list[Any], values: list[Any], weights: list[Any], nodes: list[int],
              degree: int) -> tuple[list[Any], Any]:
    """The polynomial whose weighted error on the nodes is the same in size and alternates in sign."""
    import mpmath

    size = degree + 2
    system, right = mpmath.matrix(size, size), mpmath.matrix(size, 1)
    for row, node in enumerate(nodes):
        power = mpmath.mpf(1)
        for column in range(degree + 1):
            system[row, column] = power
            power *= grid[node]
        # weight 0 would make the row say nothing; there the polynomial simply meets the function
        system[row, degree + 1] = (-1) ** row / weights[node] if weights[node] != 0 else mpmath.mpf(0)
        right[row] = values[node]
    solution = mpmath.lu_solve(system, right)
    return [solution[i] for i in range(degree + 1)], solution[degree + 1]


def _exchange(errors: list[Any], nodes: list[int]) -> list[int]:
    """The largest error of each run of one sign; the smaller end is dropped while there are too many."""
    peaks: list[int] = []
    for i, error in enumerate(errors):
        if peaks and (errors[peaks[-1]] > 0) == (error > 0):
            if abs(error) > abs(errors[peaks[-1]]):
                peaks[-1] = i
        else:
            peaks.append(i)
    while len(peaks) > len(nodes):
        peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
    return peaks if len(peaks) == len(nodes) else nodes
