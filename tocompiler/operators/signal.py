"""Signal processing: Fourier transforms, windows and the mel filter bank.

A transform of length n is counted as the mixed-radix algorithm (Cooley and Tukey 1965): for each prime factor p of n a
stage of n/p transforms of length p with n twiddle products between stages. Length 2 is a butterfly of two complex
additions; other primes are p^2 complex products summed. A complex product is 4 multiplications and 2 additions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Refused, Rule, Work, register
from tocompiler.operators.conversion import ONNX_FORMATS
from tocompiler.operators.elementwise import nothing
from tocompiler.operators.shapes import axis_of, bad, integers, is_known
from tocompiler.tensors import Dimension, Operator, Shape

__all__ = ["fourier_tasks"]


def _primes(n: int) -> Iterator[int]:
    p = 2
    while p * p <= n:
        while n % p == 0:
            yield p
            n //= p
        p += 1
    if n > 1:
        yield n


def fourier_tasks(op: Operator, format: str, n: Dimension) -> Tasks:
    """One complex transform of length n. A real operand costs the same: its imaginary part is zero.

    >>> op = Operator("t", "DFT", (), ())
    >>> fourier_tasks(op, "fp32", 8).by_task()  # 3 stages of 4 butterflies, 2 of them after 8 twiddle products
    {'add': 80, 'multiply': 64}
    """
    if not is_known(n):
        raise Refused(f"{op.operator} '{op.name}': a transform of symbolic length; bind it with --dim")
    tasks, stages = Tasks(), list(_primes(n))
    for p in stages:
        tasks = tasks + (Tasks.of(format, add=2 * n) if p == 2 else Tasks.of(format, multiply_accumulate=4 * n * p))
    twiddles = max(len(stages) - 1, 0) * n
    return tasks + Tasks.of(format, multiply=4 * twiddles, add=2 * twiddles)


@register("DFT")
class DFT(Rule):
    """Along an axis of (batch, ..., 1 or 2); the inverse divides by the length."""

    def axis(self, op: Operator) -> int:
        """The axis transformed: an attribute before opset 20, an operand since."""
        rank = len(op.given(0).shape)
        default = op.attributes.get("axis", 1 if len(op.inputs) < 3 and "axis" in op.attributes else -2)
        stated = integers(op.input(2))
        return axis_of(op, stated[0] if stated else default, rank)

    def length(self, op: Operator) -> Count:
        """How long each transform is: stated, or as long as the axis.

        The inverse of a one-sided spectrum of k values has 2 (k - 1) by default.
        """
        stated, size = integers(op.input(1)), op.given(0).shape[self.axis(op)]
        halved = op.attributes.get("onesided", 0) and op.attributes.get("inverse", 0)
        return stated[0] if stated else 2 * (size - 1) if halved else size

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, axis, n = op.given(0), self.axis(op), self.length(op)
        shape = list(x.shape)
        onesided, inverse = op.attributes.get("onesided", 0), op.attributes.get("inverse", 0)
        shape[axis] = n // 2 + 1 if onesided and not inverse else n
        shape[-1] = 1 if onesided and inverse else 2
        return [(tuple(shape), x.format)]

    def work(self, op: Operator) -> Work:
        y, axis, format = op.outputs[0], self.axis(op), op.given(0).format
        rows = y.elements // (y.shape[axis] * y.shape[-1])
        tasks = fourier_tasks(op, format, self.length(op)) * rows
        return Work(tasks + Tasks.of(format, divide=y.elements) if op.attributes.get("inverse") else tasks)

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """The transform of the gradient, backwards."""
        return self.work(op) if needed[0] else nothing()


@register("STFT")
class STFT(Rule):
    """Frames of a signal (batch, length, 1 or 2), each multiplied by a window and transformed."""

    def frame(self, op: Operator) -> tuple[Count, Count]:
        """The frame's length and step."""
        window, stated, step = op.input(2), integers(op.input(3)), integers(op.input(1))
        length = stated[0] if stated else None if window is None else window.shape[0]
        if length is None or step is None:
            raise bad(op, "its frame length and step must be constants")
        return length, step[0]

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, (length, step) = op.given(0), self.frame(op)
        frames = (x.shape[1] - length) // step + 1
        bins = length // 2 + 1 if op.attributes.get("onesided", 1) else length
        return [((x.shape[0], frames, bins, 2), x.format)]

    def work(self, op: Operator) -> Work:
        x, y, (length, _) = op.given(0), op.outputs[0], self.frame(op)
        frames = y.shape[0] * y.shape[1]
        tasks = fourier_tasks(op, x.format, length) * frames
        windowed = frames * length * (x.shape[2] if len(x.shape) == 3 else 1) if op.input(2) is not None else 0
        return Work(tasks + Tasks.of(x.format, multiply=windowed))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """Each frame's transform backwards, windowed, and added where frames overlap."""
        if not needed[0]:
            return nothing()
        length, _ = self.frame(op)
        frames = op.outputs[0].shape[0] * op.outputs[0].shape[1]
        return Work(self.work(op).tasks + Tasks.of(op.given(0).format, add=frames * length))


@register("HannWindow", "HammingWindow", terms=1)
@register("BlackmanWindow", terms=2)
class Window(Rule):
    """A sum of cosines of the position: for each term an angle, a cosine and a multiply-accumulate."""

    def __init__(self, terms: int) -> None:
        self.terms = terms

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        size = integers(op.input(0))
        if size is None:
            raise bad(op, "its size must be a constant to know the result's shape")
        return [(size, ONNX_FORMATS[op.attributes.get("output_datatype", 1)])]

    def work(self, op: Operator) -> Work:
        n = self.terms * op.outputs[0].elements
        return Work(Tasks.of(op.outputs[0].format, multiply=n, cos=n, multiply_accumulate=n))


@register("MelWeightMatrix")
class MelWeightMatrix(Rule):
    """(bins, mel bands): for each band's edges the mel scale and back (a power, products and a rounding), for each
    element the rise or fall of its band's triangle (two comparisons, a subtraction, a division)."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        bands, length = integers(op.input(0)), integers(op.input(1))
        if bands is None or length is None:
            raise bad(op, "its sizes must be constants to know the result's shape")
        return [((length[0] // 2 + 1, bands[0]), ONNX_FORMATS[op.attributes.get("output_datatype", 1)])]

    def work(self, op: Operator) -> Work:
        n, edges, format = op.outputs[0].elements, op.outputs[0].shape[1] + 2, op.outputs[0].format
        scale = Tasks.of(format, log=2, pow=edges, multiply_accumulate=2 * edges, divide=edges, convert=edges)
        return Work(scale + Tasks.of(format, compare=2 * n, add=n, divide=n))
