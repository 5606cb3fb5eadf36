"""Random values: a counter-based generator, then whatever shapes its distribution.

Philox4x32-10 (Salmon et al. 2011) makes four 32-bit words in ten rounds of two wide products, four exclusive ors and
two key additions: for each word 5 multiplications, 10 logic operations and 5 additions, all uint32. A word becomes a
real number in [0, 1) by a conversion.
"""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Rule, Work, register
from tocompiler.operators.conversion import ONNX_FORMATS
from tocompiler.operators.elementwise import nothing
from tocompiler.operators.shapes import scalar
from tocompiler.tensors import Operator, Shape

__all__ = ["uniform"]


def uniform(n: Count, format: str) -> Tasks:
    """n random numbers in [0, 1)."""
    return Tasks.of("uint32", multiply=5 * n, logic=10 * n, add=5 * n) + Tasks({("convert", format): n})


def normal(n: Count, format: str) -> Tasks:
    """n numbers of the standard normal distribution, two at a time: sqrt(-2 log u) times the cosine and the sine of
    2 pi v (Box and Muller 1958)."""
    pairs = (n + 1) // 2
    tasks = Tasks.of(format, log=pairs, sqrt=pairs, cos=pairs, sin=pairs, multiply=4 * pairs)
    return uniform(2 * pairs, format) + tasks


class _Random(Rule):
    """Its result has the stated shape or its operand's, and no gradient."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        shape: Shape = tuple(op.attributes.get("shape", ()))
        like = op.input(0)
        dtype = op.attributes.get("dtype")
        format = ONNX_FORMATS[dtype] if dtype is not None else "fp32" if like is None else like.format
        return [(shape if like is None else like.shape, format)]

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return nothing()


@register("RandomUniform", "RandomUniformLike")
class RandomUniform(_Random):
    """Scaled and shifted by one multiply-accumulate."""

    def work(self, op: Operator) -> Work:
        n, format = op.outputs[0].elements, op.outputs[0].format
        return Work(uniform(n, format) + Tasks.of(format, multiply_accumulate=n), reads=())


@register("RandomNormal", "RandomNormalLike")
class RandomNormal(_Random):
    """Scaled and shifted by one multiply-accumulate."""

    def work(self, op: Operator) -> Work:
        n, format = op.outputs[0].elements, op.outputs[0].format
        return Work(normal(n, format) + Tasks.of(format, multiply_accumulate=n), reads=())


@register("Bernoulli")
class Bernoulli(_Random):
    """One for a random number below the operand, zero otherwise."""

    def work(self, op: Operator) -> Work:
        n, format = op.outputs[0].elements, op.given(0).format
        return Work(uniform(n, format) + Tasks.of(format, compare=n))


@register("Multinomial")
class Multinomial(_Random):
    """(batch, classes) unnormalised log probabilities: exponentials and their running sum once for each row, then for
    each sample a random number scaled to the sum and compared along it."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        format = ONNX_FORMATS[op.attributes.get("dtype", 6)]
        return [((op.given(0).shape[0], op.attributes.get("sample_size", 1)), format)]

    def work(self, op: Operator) -> Work:
        x = op.given(0)
        n, samples, format = x.elements, op.outputs[0].elements, x.format
        rows = Tasks.of(format, compare=n - x.shape[0], add=2 * n - x.shape[0], exp=n)
        return Work(rows + uniform(samples, format) + Tasks.of(format, multiply=samples, compare=samples * x.shape[1]))


@register("Dropout")
class Dropout(Rule):
    """Nothing at inference. In training each element is kept or not by a random number, and scaled."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x = op.given(0)
        return [(x.shape, x.format), (x.shape, "bool")][:max(len(op.outputs), 1)]

    def training(self, op: Operator) -> bool:
        """By the third operand (opset 12 on); by the attribute ``training_mode`` where a pass set it."""
        return bool(op.attributes.get("training_mode")) or bool(scalar(op.input(2)))

    def work(self, op: Operator) -> Work:
        if not self.training(op):
            return nothing()
        n, format = op.given(0).elements, op.given(0).format
        return Work(uniform(n, format) + Tasks.of(format, compare=n, multiply=n, select=n))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        if not needed[0] or not self.training(op):
            return nothing()
        n = op.given(0).elements
        return Work(Tasks.of(op.given(0).format, multiply=n, select=n))
