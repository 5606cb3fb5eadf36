"""Quantised operators of ONNX Runtime (domain com.microsoft), and weights of a few bits beside real activations."""

from __future__ import annotations

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Rule, Work, register
from tocompiler.operators.matmul import Gemm, matrix_product
from tocompiler.operators.movement import crossed
from tocompiler.operators.pooling import AveragePool, MaxPool
from tocompiler.operators.quantised import IntegerRule, QLinearConv, centred, dequantised, quantised, requantised
from tocompiler.operators.shapes import axis_of, broadcast, product, windows
from tocompiler.tensors import Operator, Shape, Tensor

__all__ = ["MatMulNBits", "QGemm"]

_BYTE_TABLE = "256x8"
"""Any function of a byte with a byte as its result."""


@register("com.microsoft.MatMulNBits")
class MatMulNBits(Rule):
    """Real activations (..., K) times a K x N weight of a few bits, in blocks that share a scale: every weight is
    brought back once (zero point subtracted, converted, scaled); products are in the activations' format."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x = op.given(0)
        return [((*x.shape[:-1], op.attributes["N"]), x.format)]

    def work(self, op: Operator) -> Work:
        x, k, n = op.given(0), op.attributes["K"], op.attributes["N"]
        _, loops = matrix_product(op, x.shape, (k, n))
        weights = dequantised(k * n, x.format, True)
        return Work(weights + Tasks({("multiply_accumulate", x.format): loops.products}), loops.products, loops)


@register("com.microsoft.GatherBlockQuantized")
class GatherBlockQuantized(Rule):
    """Rows of a table of a few bits, in blocks that share a scale (operand 2): those looked up are brought back."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, scales = op.given(0), op.given(2)
        axis = axis_of(op, op.attributes.get("gather_axis", 0), len(x.shape))
        return [(x.shape[:axis] + op.given(1).shape + x.shape[axis + 1:], scales.format)]

    def work(self, op: Operator) -> Work:
        table, ids, scales, y = op.given(0), op.given(1), op.given(2), op.outputs[0].elements
        blocks = y // op.attributes.get("block_size", 128)
        return Work(dequantised(y, op.outputs[0].format, True),
                    reads=(crossed(table, y), crossed(ids, ids.elements), crossed(scales, blocks)))


@register("com.microsoft.NhwcMaxPool")
class NhwcMaxPool(IntegerRule, MaxPool):
    """Maxima of windows over (batch, height, width, channels)."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x = op.given(0)
        return [((x.shape[0], *windows(op, x.shape[1:-1], self.window(op)), x.shape[-1]), x.format)]


@register("com.microsoft.QLinearConv")
class NhwcQLinearConv(QLinearConv):
    """As ONNX's, with the channels last where ``channels_last`` says so; the weight is as in Conv."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        if not op.attributes.get("channels_last"):
            return super().results(op)
        x, w = self.operands(op)
        return [((x.shape[0], *windows(op, x.shape[1:-1], w.shape[2:]), w.shape[0]), op.given(7).format)]

    def places(self, op: Operator) -> Shape:
        shape = op.outputs[0].shape
        return shape[1:-1] if op.attributes.get("channels_last") else shape[2:]


@register("com.microsoft.QGemm")
class QGemm(IntegerRule, Gemm):
    """Gemm over integers: a and b with a scale and a zero point each (operands 0 to 5), a bias (6), and the result's
    scale and zero point (7, 8), without which it stays real."""

    def operands(self, op: Operator) -> tuple[Tensor, Tensor]:
        return op.given(0), op.given(3)

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        loops, zero_point = self.loops(op), op.input(8)
        return [((loops.p, loops.m), "fp32" if zero_point is None else zero_point.format)]

    def work(self, op: Operator) -> Work:
        (a, b), loops, y = self.operands(op), self.loops(op), op.outputs[0].elements
        tasks = Tasks({("multiply_accumulate", a.format): loops.products})
        tasks = tasks + centred(a, op.input(2)) + centred(b, op.input(5))
        final = dequantised(y, "fp32", False) if op.input(8) is None else requantised(y, op.input(8))
        return Work(tasks + final, loops.products, loops)


@register("com.microsoft.MatMulIntegerToFloat")
class MatMulIntegerToFloat(Rule):
    """a and b integers, their scales (2, 3) and zero points (4, 5), a bias (6); the result is real."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(matrix_product(op, op.given(0).shape, op.given(1).shape)[0], op.given(2).format)]

    def work(self, op: Operator) -> Work:
        a, b = op.given(0), op.given(1)
        _, loops = matrix_product(op, a.shape, b.shape)
        y, format = op.outputs[0].elements, op.given(2).format
        tasks = Tasks({("multiply_accumulate", a.format): loops.products})
        tasks = tasks + centred(a, op.input(4)) + centred(b, op.input(5)) + dequantised(y, format, False)
        return Work(tasks + Tasks({("add", format): y if op.input(6) is not None else 0}), loops.products, loops)


@register("com.microsoft.DynamicQuantizeMatMul")
class DynamicQuantizeMatMul(Rule):
    """Real activations quantised as they come (DynamicQuantizeLinear), times integers b with scale and zero point
    (2, 3), back to real numbers, and a bias (4)."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(matrix_product(op, op.given(0).shape, op.given(1).shape)[0], op.given(0).format)]

    def work(self, op: Operator) -> Work:
        a, b = op.given(0), op.given(1)
        _, loops = matrix_product(op, a.shape, b.shape)
        y, n = op.outputs[0].elements, a.elements
        range_and_scale = Tasks.of(a.format, compare=2 * n, add=1, divide=2, convert=1) + Tasks.of("int32", compare=2)
        tasks = range_and_scale + quantised(n, a.format, "divide", True)
        tasks = tasks + Tasks({("multiply_accumulate", b.format): loops.products, ("add", "uint8"): n})
        tasks = tasks + centred(b, op.input(3)) + dequantised(y, a.format, False)
        return Work(tasks + Tasks({("add", a.format): y if op.input(4) is not None else 0}), loops.products, loops)


@register("com.microsoft.QLinearAdd", "com.microsoft.QLinearMul")
class QLinearBinary(Rule):
    """a and b with a scale and a zero point each (operands 0 to 5), and the result's (6, 7). A sum needs both operands
    in real numbers; a product is taken in integers and rescaled."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        a, b = op.given(0), op.given(3)
        return [(broadcast(op, a.shape, b.shape), a.format)]

    def work(self, op: Operator) -> Work:
        a, b, y = op.given(0), op.given(3), op.outputs[0].elements
        if op.operator.endswith("Mul"):
            tasks = centred(a, op.input(2)) + centred(b, op.input(5)) + Tasks({("multiply", a.format): y})
            return Work(tasks + requantised(y, op.input(7)))
        reals = dequantised(a.elements, "fp32", op.input(2) is not None)
        reals = reals + dequantised(b.elements, "fp32", op.input(5) is not None)
        tasks = Tasks({("add", "fp32"): y}) + quantised(y, "fp32", "divide", op.input(7) is not None)
        return Work(reals + tasks)


@register("com.microsoft.QLinearSigmoid", "com.microsoft.QLinearLeakyRelu")
class QLinearActivation(Rule):
    """A function of a byte: one table read for each element."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)]

    def work(self, op: Operator) -> Work:
        return Work(Tasks({("table_read", _BYTE_TABLE): op.given(0).elements}))


@register("com.microsoft.QLinearConcat")
class QLinearConcat(Rule):
    """Operands (tensor, scale, zero point) from the third on, each rescaled by a table to the result's scale."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        tensors = [op.given(i) for i in range(2, len(op.inputs), 3)]
        first = tensors[0].shape
        axis = axis_of(op, op.attributes["axis"], len(first))
        return [((*first[:axis], sum(t.shape[axis] for t in tensors), *first[axis + 1:]), tensors[0].format)]

    def work(self, op: Operator) -> Work:
        return Work(Tasks({("table_read", _BYTE_TABLE): op.outputs[0].elements}))


@register("com.microsoft.QLinearSoftmax")
class QLinearSoftmax(Rule):
    """exp(x - max) from a table of 256 words, summed in int32, divided and rounded."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)]

    def work(self, op: Operator) -> Work:
        x = op.given(0)
        axis = axis_of(op, op.attributes.get("axis", -1), len(x.shape))
        n = x.elements
        rows: Count = product(x.shape[:axis] + x.shape[axis + 1:])
        tasks = Tasks({("compare", x.format): n - rows, ("add", x.format): n, ("table_read", "256x32"): n})
        return Work(tasks + Tasks.of("int32", add=n - rows, divide=n))


@register("com.microsoft.QLinearAveragePool", "com.microsoft.QLinearGlobalAveragePool")
class QLinearAveragePool(IntegerRule, AveragePool):
    """Sums in int32, then one rescaling for each result, which holds the division. ``channels_last`` puts the channels
    behind the spatial axes."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x = op.given(0)
        if not op.attributes.get("channels_last"):
            return super().results(op)
        axes = x.shape[1:-1]
        pooled = tuple(1 for _ in axes) if self.covers_all(op) else windows(op, axes, self.window(op))
        return [((x.shape[0], *pooled, x.shape[-1]), x.format)]

    def window(self, op: Operator) -> Shape:
        if self.covers_all(op) and op.attributes.get("channels_last"):
            return op.given(0).shape[1:-1]
        return super().window(op)

    def forward(self, op: Operator, format: str, y: Count, k: Count) -> Tasks:
        return Tasks({("add", "int32"): y * (k - 1)}) + requantised(y, op.input(4))
