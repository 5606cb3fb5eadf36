"""Systems of equations by elimination (Golub and Van Loan, Matrix Computations, 3.2 and 4.2), and ordered look-ups."""

from __future__ import annotations

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Refused, Rule, Work, register
from tocompiler.operators.shapes import is_known, product
from tocompiler.tensors import Operator, Shape

__all__ = ["BinarySearch", "Cholesky", "Solve"]


def _elimination(format: str, n: Count) -> Tasks:
    """LU with row exchange: n (n-1) / 2 divisions and comparisons, n (n-1) (2n-1) / 6 multiply-accumulates."""
    steps = n * (n - 1) // 2
    return Tasks.of(format, divide=steps, compare=steps, multiply_accumulate=steps * (2 * n - 1) // 3)


@register("Inverse", "Solve")
class Solve(Rule):
    """Elimination, then for each column of the right side n (n-1) multiply-accumulates and n divisions; an inverse has
    the n columns of the identity."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [((op.input(1) or op.given(0)).shape, op.given(0).format)]

    def work(self, op: Operator) -> Work:
        x, y = op.given(0), op.outputs[0]
        n, batch = x.shape[-1], product(x.shape[:-2])
        columns = y.elements // (batch * n)
        back = Tasks.of(x.format, multiply_accumulate=columns * n * (n - 1), divide=columns * n)
        return Work((_elimination(x.format, n) + back) * batch)


@register("Cholesky")
class Cholesky(Rule):
    """n roots, n (n-1) / 2 divisions and (n-1) n (n+1) / 6 multiply-accumulates for each matrix."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)]

    def work(self, op: Operator) -> Work:
        x = op.given(0)
        n = x.shape[-1]
        tasks = Tasks.of(x.format, sqrt=n, divide=n * (n - 1) // 2, multiply_accumulate=(n - 1) * n * (n + 1) // 6)
        return Work(tasks * product(x.shape[:-2]))


@register("BinarySearch")
class BinarySearch(Rule):
    """Each element's place among k sorted values: a comparison for each halving of the k + 1 places."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, "int64")]

    def work(self, op: Operator) -> Work:
        x, keys = op.given(0), op.given(1).shape[-1]
        if not is_known(keys):
            raise Refused(f"{op.operator} '{op.name}': among a symbolic number of values; bind it with --dim")
        return Work(Tasks.of(op.given(1).format, compare=x.elements * int(keys).bit_length()))
