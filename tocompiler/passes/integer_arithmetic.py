"""Integer arithmetic: an operator between DequantizeLinear and QuantizeLinear runs on the integers themselves.

Quantised models come as real operators among conversions (QDQ); runtimes execute them as integer operators, and so they
are counted. A weight that alone is dequantised stays as it is: its conversion is counted, and the products are real.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tocompiler.network import Network
from tocompiler.passes import NetworkPass, Request, register
from tocompiler.passes.conditions import RESULTS, TOPOLOGICAL_ORDER, UNIQUE_NAMES
from tocompiler.passes.matching import Uses
from tocompiler.tensors import Operator, Tensor

__all__ = ["UseIntegerArithmetic"]

_Triple = tuple[Tensor | None, Tensor | None, Tensor | None]
"""A quantised tensor, its scale and its zero point."""

_ORDER_KEPT = frozenset({"Relu", "MaxPool", "GlobalMaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze",
                         "Identity", "Slice", "DepthToSpace", "SpaceToDepth"})
"""They do the same to integers as to the numbers these stand for, where both have one scale."""


@dataclass(frozen=True)
class _Site:
    """A real operator, its operands in integers, and what makes its result an integer again (None: it stays real)."""

    op: Operator
    operands: tuple[_Triple | None, ...]
    quantise: Operator | None

    def integers(self, *positions: int) -> bool:
        """Whether the operands there are all dequantised integers."""
        return all(i < len(self.operands) and self.operands[i] is not None for i in positions)

    def triple(self, i: int) -> _Triple:
        """The integer operand there, with its scale and zero point."""
        return self.operands[i] or (None, None, None) if i < len(self.operands) else (None, None, None)

    def result(self) -> tuple[Tensor | None, Tensor | None]:
        """The scale and zero point of the result."""
        return (None, None) if self.quantise is None else (self.quantise.input(1), self.quantise.input(2))

    def become(self, operator: str, *inputs: Tensor | None) -> Operator:
        """The integer operator in its place."""
        outputs = (self.quantise or self.op).outputs
        return Operator(self.op.name, operator, inputs, outputs, self.op.attributes)


@register
@dataclass(frozen=True)
class UseIntegerArithmetic(NetworkPass):
    """Run an operator between DequantizeLinear and QuantizeLinear on the integers, as runtimes do."""

    name = "use_integer_arithmetic"
    after = ("recognise_attention",)
    requires = (TOPOLOGICAL_ORDER, UNIQUE_NAMES)
    ensures = (TOPOLOGICAL_ORDER, UNIQUE_NAMES)
    keeps = (RESULTS,)

    @classmethod
    def chosen(cls, request: Request) -> UseIntegerArithmetic | None:
        return cls() if request.phase == "inference" else None

    def run(self, network: Network) -> Network:
        """Replace DequantizeLinear, operator (and a ReLU after it), QuantizeLinear by the integer operator.

        Conversions that nothing reads any more are dropped. Linear in operators.
        """
        if not any(op.operator == "DequantizeLinear" for op in network.operators):
            return network
        uses = Uses(network)
        replaced: dict[str, Operator | None] = {}
        for op in network.operators:
            form = _FORMS.get(op.operator) or (_unchanged if op.operator in _ORDER_KEPT else None)
            if form is None:
                continue
            absorbed, quantise = _quantised_after(op, uses)
            whole = form(_Site(op, tuple(_dequantised(t, uses) for t in op.inputs), quantise))
            if whole is not None:
                replaced.update((part.name, None) for part in absorbed)
                replaced[op.name] = whole
        kept = [op for op in (replaced.get(op.name, op) for op in network.operators) if op is not None]
        return network.with_operators(_without_idle_conversions(kept, network)) if replaced else network


def _dequantised(tensor: Tensor | None, uses: Uses) -> _Triple | None:
    source = uses.writer(tensor, "DequantizeLinear")
    return None if source is None else (source.input(0), source.input(1), source.input(2))


def _quantised_after(op: Operator, uses: Uses) -> tuple[list[Operator], Operator | None]:
    """The operators after op that its integer form absorbs, and the QuantizeLinear that ends them.

    A ReLU or Clip is absorbed by the saturation of the quantised range.
    """
    after, absorbed = uses.only_reader(op), list[Operator]()
    if after is not None and after.operator in ("Relu", "Clip") and op.operator not in _ORDER_KEPT:
        absorbed, after = [after], uses.only_reader(after)
    if after is None or after.operator != "QuantizeLinear":
        return [], None
    return [*absorbed, after], after


def _conv(site: _Site) -> Operator | None:
    if site.quantise is None or not site.integers(0, 1):
        return None
    bias = site.triple(2)[0] or site.op.input(2)
    return site.become("QLinearConv", *site.triple(0), *site.triple(1), *site.result(), bias)


def _matmul(site: _Site) -> Operator | None:
    if not site.integers(0, 1):
        return None
    if site.quantise is not None:
        return site.become("QLinearMatMul", *site.triple(0), *site.triple(1), *site.result())
    (a, a_scale, a_zero), (b, b_scale, b_zero) = site.triple(0), site.triple(1)
    return site.become("com.microsoft.MatMulIntegerToFloat", a, b, a_scale, b_scale, a_zero, b_zero)


def _gemm(site: _Site) -> Operator | None:
    if not site.integers(0, 1):
        return None
    bias = site.triple(2)[0] or site.op.input(2)
    return site.become("com.microsoft.QGemm", *site.triple(0), *site.triple(1), bias, *site.result())


def _binary(site: _Site) -> Operator | None:
    if site.quantise is None or not site.integers(0, 1):
        return None
    return site.become(f"com.microsoft.QLinear{site.op.operator}", *site.triple(0), *site.triple(1), *site.result())


def _unary(site: _Site) -> Operator | None:
    if site.quantise is None or not site.integers(0):
        return None
    return site.become(f"com.microsoft.QLinear{site.op.operator}", *site.triple(0), *site.result())


def _concat(site: _Site) -> Operator | None:
    if site.quantise is None or not site.integers(*range(len(site.op.inputs))):
        return None
    operands = [t for i in range(len(site.op.inputs)) for t in site.triple(i)]
    return site.become("com.microsoft.QLinearConcat", *site.result(), *operands)


def _unchanged(site: _Site) -> Operator | None:
    if site.quantise is None or not site.integers(0):
        return None
    return site.become(site.op.operator, site.triple(0)[0], *site.op.inputs[1:])


_FORMS: Mapping[str, Callable[[_Site], Operator | None]] = {
    "Conv": _conv, "MatMul": _matmul, "Gemm": _gemm, "Add": _binary, "Mul": _binary, "Sigmoid": _unary,
    "LeakyRelu": _unary, "Softmax": _unary, "AveragePool": _unary, "GlobalAveragePool": _unary, "Concat": _concat,
}
"""The integer form of a real operator, or None where its surroundings do not allow one."""


def _without_idle_conversions(operators: list[Operator], network: Network) -> list[Operator]:
    read = {t.name for op in operators for t in op.inputs if t is not None} | {t.name for t in network.outputs}
    return [op for op in operators if op.operator != "DequantizeLinear" or op.outputs[0].name in read]
