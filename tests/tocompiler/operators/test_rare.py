"""Complex products, systems of equations and ordered look-ups, against arithmetic written out."""

from __future__ import annotations

from typing import Any

import pytest

from tocompiler.operators import Refused, forward_work, rule
from tocompiler.tensors import Operator, Tensor


def work(operator: str, *shapes: tuple[Any, ...], result: tuple[Any, ...] | None = None) -> dict[str, Any]:
    inputs = tuple(Tensor(f"t{i}", shape) for i, shape in enumerate(shapes))
    draft = Operator("op", operator, inputs, ())
    [(shape, format)] = rule(operator).results(draft)
    if result is not None:
        assert shape == result
    return forward_work(Operator("op", operator, inputs, (Tensor("y", shape, format),))).tasks.by_task()


def test_a_complex_product_is_four_real_ones() -> None:
    """(a + bi)(c + di) = (ac - bd) + (ad + bc)i: two products, and two more that are added as they are made."""
    assert work("ComplexMul", (3, 2), (5, 1, 2), result=(5, 3, 2)) == {"multiply": 30, "multiply_accumulate": 30}
    assert work("ComplexMagnitude", (3, 4, 2), result=(3, 4)) == {
        "multiply": 12, "multiply_accumulate": 12, "sqrt": 12}


def eliminated(n: int) -> dict[str, int]:
    """LU of an n x n matrix, counted by running it."""
    found = {"divide": 0, "compare": 0, "multiply_accumulate": 0}
    for k in range(n):
        for _row in range(k + 1, n):
            found["compare"] += 1
            found["divide"] += 1
            found["multiply_accumulate"] += n - k - 1
    return found


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_elimination_is_what_its_loops_run(n: int) -> None:
    expected = eliminated(n)
    right = 4
    expected["multiply_accumulate"] += right * sum(2 * k for k in range(n))  # forwards and backwards
    expected["divide"] += right * n
    assert work("Solve", (2, n, n), (2, n, right), result=(2, n, right)) == {k: 2 * v for k, v in expected.items() if v}


def test_cholesky_is_what_its_loops_run() -> None:
    n, products = 6, 0
    for row in range(n):
        for column in range(row + 1):
            products += column
    assert work("Cholesky", (n, n)) == {"sqrt": n, "divide": n * (n - 1) // 2, "multiply_accumulate": products}


def test_a_place_among_sorted_values_halves_them() -> None:
    assert work("BinarySearch", (10,), (7,)) == {"compare": 10 * 3}
    assert work("BinarySearch", (10,), (8,)) == {"compare": 10 * 4}
    import sympy

    with pytest.raises(Refused, match="symbolic number of values"):
        work("BinarySearch", (10,), (sympy.Symbol("k"),))
