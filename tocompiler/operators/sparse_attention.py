"""Selection of the tokens to attend (DeepSeek-V3.2's lightning indexer)."""

from __future__ import annotations

from alu_library.tasks import Tasks
from tocompiler.operators import Loops, Rule, Work, register
from tocompiler.operators.reduction import selection_compares
from tocompiler.operators.shapes import is_known
from tocompiler.tensors import Dimension, Operator, Shape

__all__ = ["LightningIndexer"]


@register("LightningIndexer")
class LightningIndexer(Rule):
    """Queries (batch, length, heads width), one key (batch, length, width) for all heads, weights (batch, length,
    heads), and earlier keys (batch, past, width) or None: sum over heads of weight relu(q k), and the positions of the
    ``k`` largest for each query (DeepSeek-V3.2-Exp, 2025, equation 1)."""

    def keys(self, op: Operator) -> Dimension:
        past = op.input(3)
        return op.given(1).shape[1] + (0 if past is None else past.shape[1])

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        (batch, length, _), keys, k = op.given(0).shape, self.keys(op), op.attributes["k"]
        if is_known(keys):
            k = min(k, keys)
        return [((batch, length, k), "int32")]

    def work(self, op: Operator) -> Work:
        (batch, length, packed), keys = op.given(0).shape, self.keys(op)
        heads, format = op.attributes["num_heads"], op.given(0).format
        width = packed // heads
        scores = batch * length * heads * keys
        loops = Loops(n=batch, p=length * heads, m=keys, c=width + 1)
        rows = batch * length
        chosen = op.outputs[0].shape[-1]
        compares = rows * selection_compares(keys, chosen) if is_known(keys) else rows * keys
        tasks = Tasks.of(format, multiply_accumulate=scores * (width + 1), relu=scores, compare=compares)
        return Work(tasks, scores * (width + 1), loops)
