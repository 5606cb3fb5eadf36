"""State-space layers: a short causal convolution along the sequence, and Mamba-2's recurrence."""

from __future__ import annotations

from alu_library.tasks import Tasks
from tocompiler.operators import Loops, Rule, Work, register
from tocompiler.tensors import Operator, Shape

__all__ = ["CausalConv", "StateSpace"]


@register("CausalConv")
class CausalConv(Rule):
    """x (batch, length, channels), a filter (channels, width) of each channel, a bias or None, and the width - 1 inputs
    before (batch, width - 1, channels) or None; results: y and the inputs kept for later."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, w = op.given(0), op.given(1)
        return [(x.shape, x.format), ((x.shape[0], w.shape[1] - 1, x.shape[2]), x.format)]

    def work(self, op: Operator) -> Work:
        x, w = op.given(0), op.given(1)
        batch, length, channels = x.shape
        loops = Loops(n=batch, g=channels, q=length, s=w.shape[1])
        return Work(Tasks.of(x.format, multiply_accumulate=loops.products), loops.products, loops)


@register("StateSpace")
class StateSpace(Rule):
    """Mamba-2's selective state space (Dao and Gu 2024, arXiv 2405.21060, section 2), token by token.

    x (batch, length, heads P), steps (batch, length, heads), A and D (heads), B and C (batch, length, groups N), and
    a state (batch, heads, P, N) or None; results: y and the new state. For each token and element of the state: decayed
    by exp(step A), the outer product of step x and B added, read by C; D x is added to what is read.
    """

    def state(self, op: Operator) -> Shape:
        (batch, _, heads), width = op.given(1).shape, op.given(0).shape[2]
        return batch, heads, width // heads, op.given(4).shape[2] // op.attributes["groups"]

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format), (self.state(op), op.attributes.get("state_format", "fp32"))]

    def work(self, op: Operator) -> Work:
        x, (_, heads, width, states) = op.given(0), self.state(op)
        tokens = x.shape[0] * x.shape[1]
        elements = tokens * heads * width * states
        per_head = tokens * heads
        tasks = Tasks.of(x.format, multiply=elements + per_head + x.elements, exp=per_head,
                         multiply_accumulate=2 * elements + x.elements)
        return Work(tasks, 2 * elements, Loops(n=tokens, g=heads, p=width, m=states, c=2))
