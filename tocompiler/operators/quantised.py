"""Quantised operators (ONNX's), priced in their integer formats.

Scales are real numbers of format fp32 unless their tensor says otherwise. A zero point is subtracted once from each
element of a computed operand (stored operands are prepared beforehand); products are in the first operand's format and
their sums in its accumulator.
"""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Loops, Rule, Work, register
from tocompiler.operators.conversion import ONNX_FORMATS
from tocompiler.operators.convolution import Conv
from tocompiler.operators.matmul import matrix_product
from tocompiler.operators.shapes import scalar, windows
from tocompiler.tensors import Operator, Shape, Tensor

__all__ = ["IntegerRule", "centred", "dequantised", "quantised", "requantised"]

_WIDE = "int32"
"""The format in which products of 8-bit integers are summed, and zero points added."""


def centred(tensor: Tensor, zero_point: Tensor | None) -> Tasks:
    """Subtract a zero point: one addition for each element of a computed operand; none where it is stored or zero."""
    if zero_point is None or tensor.is_stored or scalar(zero_point) == 0:
        return Tasks()
    return Tasks({("add", tensor.format): tensor.elements})


def quantised(n: Count, format: str, scaled: str, zero_point: bool) -> Tasks:
    """round(x scale) + zero point, saturated: ``scaled`` is the task that scales (``divide`` or ``multiply``), in the
    real format; rounding is a conversion; both bounds are comparisons."""
    tasks = Tasks({(scaled, format): n, ("convert", format): n, ("compare", _WIDE): 2 * n})
    return tasks + Tasks({("add", _WIDE): n}) if zero_point else tasks


def dequantised(n: Count, format: str, zero_point: bool) -> Tasks:
    """(q - zero point) scale in the real format."""
    tasks = Tasks({("convert", format): n, ("multiply", format): n})
    return tasks + Tasks({("add", _WIDE): n}) if zero_point else tasks


def requantised(n: Count, zero_point: Tensor | None) -> Tasks:
    """From the accumulator to the result's 8 bits: converted to fp32, multiplied by the merged scale, quantised."""
    present = zero_point is not None and scalar(zero_point) != 0
    return Tasks({("convert", "fp32"): n}) + quantised(n, "fp32", "multiply", present)


@register("QuantizeLinear", "com.microsoft.QuantizeLinear")
class QuantizeLinear(Rule):
    """x / scale rounded, plus the zero point, saturated."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        zero_point = op.input(2)
        format = ONNX_FORMATS.get(op.attributes.get("output_dtype", 0), "uint8")
        return [(op.given(0).shape, format if zero_point is None else zero_point.format)]

    def work(self, op: Operator) -> Work:
        zero_point, format = op.input(2), op.given(0).format
        shifted = zero_point is not None and scalar(zero_point) != 0
        if op.outputs[0].format.startswith(("fp", "e")):  # to an 8-bit float: no zero point, the conversion saturates
            return Work(Tasks.of(format, divide=op.given(0).elements, convert=op.given(0).elements))
        return Work(quantised(op.given(0).elements, format, "divide", shifted))


@register("DequantizeLinear", "com.microsoft.DequantizeLinear")
class DequantizeLinear(Rule):
    """(q - zero point) scale, in the scale's format."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(1).format)]

    def work(self, op: Operator) -> Work:
        zero_point = op.input(2)
        shifted = zero_point is not None and scalar(zero_point) != 0
        return Work(dequantised(op.given(0).elements, op.outputs[0].format, shifted))


@register("DynamicQuantizeLinear")
class DynamicQuantizeLinear(Rule):
    """The range of x is found first: two comparisons for each element; then a scale and a zero point from it."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, "uint8"), ((), "fp32"), ((), "uint8")]

    def work(self, op: Operator) -> Work:
        n, format = op.given(0).elements, op.given(0).format
        # bounds include zero (two comparisons); scale = (max - min) / 255; zero point = round(-min / scale), saturated
        scale = Tasks.of(format, compare=2 * n, add=1, divide=2, convert=1) + Tasks.of(_WIDE, compare=2)
        return Work(scale + quantised(n, format, "divide", True))


class IntegerRule(Rule):
    """Mixed into rules that would otherwise inherit the gradient of their real form: integers have none."""

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return Rule.gradient(self, op, needed)


@register("ConvInteger")
class ConvInteger(IntegerRule, Conv):
    """x, w, zero point of x, zero point of w; the result is not rescaled."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(super().results(op)[0][0], _WIDE)]

    def work(self, op: Operator) -> Work:
        work = super().work(op)
        return Work(work.tasks + centred(op.given(0), op.input(2)) + centred(op.given(1), op.input(3)),
                    work.multiply_accumulates, work.loops)


@register("QLinearConv")
class QLinearConv(IntegerRule, Conv):
    """x and w with a scale and a zero point each (operands 0 to 5), those of the result (6, 7), a bias (8)."""

    def operands(self, op: Operator) -> tuple[Tensor, Tensor]:
        return op.given(0), op.given(3)

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, w = self.operands(op)
        return [((x.shape[0], w.shape[0], *windows(op, x.shape[2:], w.shape[2:])), op.given(7).format)]

    def work(self, op: Operator) -> Work:
        work = super().work(op)
        x, w = self.operands(op)
        tasks = work.tasks + centred(x, op.input(2)) + centred(w, op.input(5))
        return Work(tasks + requantised(op.outputs[0].elements, op.input(7)), work.multiply_accumulates, work.loops)


def _product(op: Operator, a: Tensor, b: Tensor) -> tuple[Shape, Loops, Tasks]:
    shape, loops = matrix_product(op, a.shape, b.shape)
    return shape, loops, Tasks({("multiply_accumulate", a.format): loops.products})


@register("MatMulInteger")
class MatMulInteger(Rule):
    """a, b, zero point of a, zero point of b; the result is not rescaled."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(_product(op, op.given(0), op.given(1))[0], _WIDE)]

    def work(self, op: Operator) -> Work:
        a, b = op.given(0), op.given(1)
        _, loops, tasks = _product(op, a, b)
        return Work(tasks + centred(a, op.input(2)) + centred(b, op.input(3)), loops.products, loops)


@register("QLinearMatMul")
class QLinearMatMul(Rule):
    """a and b with a scale and a zero point each (operands 0 to 5), those of the result (6, 7)."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(_product(op, op.given(0), op.given(3))[0], op.given(7).format)]

    def work(self, op: Operator) -> Work:
        a, b = op.given(0), op.given(3)
        _, loops, tasks = _product(op, a, b)
        tasks = tasks + centred(a, op.input(2)) + centred(b, op.input(5))
        return Work(tasks + requantised(op.outputs[0].elements, op.input(7)), loops.products, loops)
