"""Matrix products. K products summed are K multiply-accumulates; what is added to the sum adds none."""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Loops, Rule, Work, register
from tocompiler.operators.convolution import contraction_gradient
from tocompiler.operators.shapes import bad, broadcast, is_known, product
from tocompiler.tensors import Operator, Shape, Tensor

__all__ = ["Gemm", "MatMul", "matrix_product"]


def matrix_product(op: Operator, a: Shape, b: Shape) -> tuple[Shape, Loops]:
    """The result shape of ``a @ b`` (numpy's matmul, vectors included) and its loop bounds."""
    if not a or not b:
        raise bad(op, "a matrix product needs operands of at least one dimension")
    rows, inner = (a[-2:] if len(a) > 1 else (1, a[0]))
    inner_b, columns = (b[-2:] if len(b) > 1 else (b[0], 1))
    if is_known(inner) and is_known(inner_b) and inner != inner_b:
        raise bad(op, f"inner dimensions of {a} and {b} differ: {inner} and {inner_b}")
    batch = broadcast(op, a[:-2], b[:-2]) if len(a) > 2 or len(b) > 2 else ()
    shape = batch + ((rows,) if len(a) > 1 else ()) + ((columns,) if len(b) > 1 else ())
    if len(b) <= 2:  # one matrix for the whole batch: its products are rows of one
        return shape, Loops(p=product(batch) * rows, m=columns, c=inner)
    return shape, Loops(n=product(batch), p=rows, m=columns, c=inner)


@register("MatMul")
class MatMul(Rule):
    """a (..., rows, inner) times b (..., inner, columns), batches broadcast."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        a, b = op.given(0), op.given(1)
        return [(matrix_product(op, a.shape, b.shape)[0], a.format)]

    def work(self, op: Operator) -> Work:
        loops = matrix_product(op, op.given(0).shape, op.given(1).shape)[1]
        products = loops.products
        return Work(Tasks({("multiply_accumulate", op.given(0).format): products}), products, loops)

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        loops = matrix_product(op, op.given(0).shape, op.given(1).shape)[1]
        return contraction_gradient(op, needed, loops.products, loops)


@register("Gemm")
class Gemm(Rule):
    """alpha a b + beta c, with a and b matrices that may be transposed; scales other than 1 are multiplies."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        loops = self.loops(op)
        return [((loops.p, loops.m), op.given(0).format)]

    def operands(self, op: Operator) -> tuple[Tensor, Tensor]:
        """The two matrices."""
        return op.given(0), op.given(1)

    def loops(self, op: Operator) -> Loops:
        """Loop bounds, rows by columns."""
        a, b = (t.shape for t in self.operands(op))
        if len(a) != 2 or len(b) != 2:
            raise bad(op, f"operands of shapes {a} and {b}; both must be matrices")
        a = a[::-1] if op.attributes.get("transA") else a
        b = b[::-1] if op.attributes.get("transB") else b
        return matrix_product(op, a, b)[1]

    def work(self, op: Operator) -> Work:
        loops = self.loops(op)
        products = loops.products
        scales: Count = loops.p * loops.m if op.attributes.get("alpha", 1.0) != 1.0 else 0
        c = op.input(2)
        if c is not None and op.attributes.get("beta", 1.0) != 1.0:
            scales = scales + c.elements
        format = op.given(0).format
        return Work(Tasks({("multiply_accumulate", format): products, ("multiply", format): scales}), products, loops)

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        loops = self.loops(op)
        work = contraction_gradient(op, needed, loops.products, loops)
        scaled = op.attributes.get("alpha", 1.0) != 1.0 and any(needed[:2])
        scales = Tasks({("multiply", op.given(0).format): loops.p * loops.m}) if scaled else Tasks()
        return Work(work.tasks + scales, work.multiply_accumulates, work.loops)


@register("Det")
class Determinant(Rule):
    """Elimination of each n x n matrix with row exchange: n (n-1) / 2 divisions and comparisons, n (n-1) (2n-1) / 6
    multiply-accumulates, then n - 1 products of the diagonal."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape[:-2], op.given(0).format)]

    def work(self, op: Operator) -> Work:
        n, format = op.given(0).shape[-1], op.given(0).format
        steps = n * (n - 1) // 2
        tasks = Tasks.of(format, divide=steps, compare=steps, multiply_accumulate=steps * (2 * n - 1) // 3)
        tasks = tasks + Tasks.of(format, multiply=n - 1)
        return Work(tasks * product(op.given(0).shape[:-2]))
