"""Mixtures of experts of ONNX Runtime (domain com.microsoft): MoE and its quantised form."""

from __future__ import annotations

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Access, Loops, Rule, Work, register
from tocompiler.operators.grouped_matmul import whole
from tocompiler.operators.movement import crossed
from tocompiler.operators.quantised import dequantised
from tocompiler.operators.shapes import bad
from tocompiler.operators.softmax import softmax_tasks
from tocompiler.tensors import Dimension, Operator, Shape, Tensor

__all__ = ["MoE", "QMoE"]

_FUNCTIONS = {"relu": "relu", "gelu": "gelu", "silu": "silu", "swiglu": "silu", "identity": ""}


@register("com.microsoft.MoE")
class MoE(Rule):
    """Tokens (rows, hidden) or (batch, length, hidden), router's scores (rows, experts), and for each expert a first
    matrix (experts, inner, hidden), a second (experts, hidden, inner), perhaps a third beside the first (a gate).

    Each token's ``k`` best experts; experts that no token chose are not read, all being equally likely. ``swiglu`` has
    gate and value in one first matrix of twice the inner width, or in the first and the third.
    """

    weights = (2, 4, 6)
    biases = (3, 5, 7)

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)]

    def sizes(self, op: Operator) -> tuple[Dimension, Dimension, Dimension, Dimension]:
        """Tokens, experts, hidden width and experts for each token."""
        tokens, experts = op.given(1).shape
        hidden, k = op.given(0).shape[-1], op.attributes.get("k", 1)
        if not isinstance(experts, int) or not 1 <= k <= experts:
            raise bad(op, f"its router scores {experts} experts, of which {k} are chosen")
        return tokens, experts, hidden, k

    def width(self, op: Operator, weight: Tensor) -> Count:
        """Rows of each expert's matrix."""
        return weight.shape[1]

    def work(self, op: Operator) -> Work:
        tokens, experts, hidden, k = self.sizes(op)
        format, rows = op.given(0).format, tokens * k
        given = [op.given(i) for i in self.weights if op.input(i) is not None]
        first = self.width(op, given[0])
        doubled = op.attributes.get("activation_type") == "swiglu" and len(given) < 3
        inner = first // 2 if doubled else first
        each = hidden * (first + inner + (inner if len(given) > 2 else 0))
        tasks = Tasks.of(format, multiply_accumulate=rows * each, multiply=rows * hidden, add=(rows - tokens) * hidden)
        tasks = tasks + softmax_tasks(format, tokens, experts) + Tasks.of(format, compare=tokens * (experts + k))
        function = _FUNCTIONS.get(str(op.attributes.get("activation_type", "relu")), "")
        if function:
            tasks = tasks + Tasks({(function, format): rows * inner})
        if doubled or len(given) > 2:
            tasks = tasks + Tasks.of(format, multiply=rows * inner)
        touched = self.touched(tokens, experts, k)
        tasks = tasks + self.restored(format, whole(touched * each))
        return Work(tasks, rows * each, Loops(p=rows, m=first, c=hidden), self.reads(op, touched / experts))

    def touched(self, tokens: Dimension, experts: Dimension, k: Dimension) -> Dimension:
        """Expected distinct experts: E (1 - (1 - k/E)^T)."""
        return min(float(experts), experts * (1 - (1 - k / experts) ** tokens)) if isinstance(tokens, int) else experts

    def restored(self, format: str, weights: Count) -> Tasks:
        """What it takes to bring the weights that are read to the format of the products."""
        return Tasks()

    def reads(self, op: Operator, share: Count) -> tuple[Access, ...]:
        tokens = [crossed(t, t.elements) for t in (op.given(0), op.given(1))]
        parts = [t for t in op.inputs[2:] if t is not None]
        return (*tokens, *(crossed(t, whole(t.elements * share)) for t in parts))


@register("com.microsoft.QMoE")
class QMoE(MoE):
    """The same with weights of ``expert_weight_bits`` packed into bytes, each with scales (and a bias) behind it: every
    weight that is read is brought back once."""

    weights = (2, 5, 8)

    def restored(self, format: str, weights: Count) -> Tasks:
        return dequantised(weights, format, False)
