"""Patterns of activations: GELU in both forms, Swish, Mish, HardSwish, and a softmax that guards its masked rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import pi, sqrt

from tocompiler.operators.shapes import scalar
from tocompiler.passes.matching import Match, Uses, is_close, one, scaled_operand
from tocompiler.tensors import Operator, Tensor

__all__ = ["PATTERNS"]

Polynomial = Mapping[int, float]
"""Coefficients by power."""

_ERF_ARGUMENT: Polynomial = {1: sqrt(0.5)}
_TANH_ARGUMENT: Polynomial = {1: sqrt(2 / pi), 3: 0.044715 * sqrt(2 / pi)}  # Hendrycks and Gimpel 2016
_DEEPEST = 8
"""Operators on the longest way through a polynomial; bounds the work for each match."""


def _polynomial(tensor: Tensor | None, x: Tensor, uses: Uses, parts: list[Operator],
                depth: int = 0) -> Polynomial | None:
    """A tensor as a polynomial in x, written with Add, Mul, Div and Pow; ``parts`` gains the operators that make it."""
    if tensor is None or depth > _DEEPEST:
        return None
    if tensor.name == x.name:
        return {1: 1.0}
    value = scalar(tensor)
    if value is not None:
        return {0: value}
    op = uses.writer(tensor, "Add", "Mul", "Div", "Pow")
    if op is None:
        return None
    a = _polynomial(op.input(0), x, uses, parts, depth + 1)
    b = _polynomial(op.input(1), x, uses, parts, depth + 1)
    if a is None or b is None:
        return None
    if op not in parts:
        parts.append(op)
    return _combined(op.operator, a, b)


def _combined(operator: str, a: Polynomial, b: Polynomial) -> Polynomial | None:
    if operator == "Add":
        return {power: a.get(power, 0.0) + b.get(power, 0.0) for power in {*a, *b}}
    if operator == "Mul":
        product: dict[int, float] = {}
        for p, c in a.items():
            for q, d in b.items():
                product[p + q] = product.get(p + q, 0.0) + c * d
        return product
    constant = b.get(0)
    if set(b) != {0} or not constant:
        return None
    if operator == "Div":
        return {power: c / constant for power, c in a.items()}
    return {p * int(constant): c ** int(constant) for p, c in a.items()} if len(a) == 1 else None


def _equals(a: Polynomial | None, b: Polynomial) -> bool:
    return a is not None and set(a) == set(b) and all(is_close(a[power], b[power]) for power in b)


def _factors(op: Operator, uses: Uses) -> tuple[Tensor, float, Operator, list[Operator]] | None:
    """Follow the products that use op's result: the tensor it is multiplied by, the constants among the factors, the
    last product and the operators on the way. A factor that is itself a product with a constant is opened."""
    x: Tensor | None = None
    constant, last, parts = 1.0, op, list[Operator]()
    while (after := uses.only_reader(last, "Mul")) is not None:
        other = after.input(1) if after.given(0).name == last.outputs[0].name else after.input(0)
        value = scalar(other)
        if value is not None:
            constant *= value
        elif x is None and other is not None:
            inner = uses.writer(other, "Mul")
            scaled = None if inner is None else scaled_operand(inner)
            if inner is not None and scaled is not None and is_close(scaled[0], 0.5):
                constant, x = constant * scaled[0], scaled[1]
                parts.append(inner)
            else:
                x = other
        else:
            break
        parts.append(after)
        last = after
    return None if x is None else (x, constant, last, parts)


def _gelu(op: Operator, uses: Uses, argument: Polynomial, approximate: str) -> Match | None:
    """x / 2 (1 + f(argument(x)))."""
    plus = uses.only_reader(op, "Add")
    if plus is None or not is_close((scaled_operand(plus) or (0.0,))[0], 1.0):
        return None
    found = _factors(plus, uses)
    if found is None or not is_close(found[1], 0.5):
        return None
    x, _, root, products = found
    inner: list[Operator] = []
    if not _equals(_polynomial(op.input(0), x, uses, inner), argument):
        return None
    return Match((*inner, op, plus, *products), root, one("Gelu", root, x, approximate=approximate))


def _erf(op: Operator, uses: Uses) -> Match | None:
    return _gelu(op, uses, _ERF_ARGUMENT, "none")


def _tanh(op: Operator, uses: Uses) -> Match | None:
    """GELU's approximation, or Mish: x tanh(softplus(x))."""
    softplus = uses.writer(op.input(0), "Softplus")
    if softplus is None:
        return _gelu(op, uses, _TANH_ARGUMENT, "tanh")
    product = uses.only_reader(op, "Mul")
    if product is None or softplus.given(0).name not in {t.name for t in product.inputs if t is not None}:
        return None
    return Match((softplus, op, product), product, one("Mish", product, softplus.given(0)))


def _sigmoid(op: Operator, uses: Uses) -> Match | None:
    """x sigmoid(alpha x)."""
    product = uses.only_reader(op, "Mul")
    if product is None:
        return None
    x = product.input(1) if product.given(0).name == op.outputs[0].name else product.input(0)
    inner: list[Operator] = []
    argument = None if x is None else _polynomial(op.input(0), x, uses, inner)
    if x is None or argument is None or set(argument) != {1}:
        return None
    return Match((*inner, op, product), product, one("Swish", product, x, alpha=argument[1]))


def _hard_sigmoid(op: Operator, uses: Uses) -> Match | None:
    """x hard_sigmoid(x) with the slope and offset of HardSwish."""
    product = uses.only_reader(op, "Mul")
    slopes = op.attributes.get("alpha", 0.2), op.attributes.get("beta", 0.5)
    if product is None or not (is_close(slopes[0], 1 / 6) and is_close(slopes[1], 0.5)):
        return None
    if op.given(0).name not in {t.name for t in product.inputs if t is not None}:
        return None
    return Match((op, product), product, one("HardSwish", product, op.given(0)))


def _guarded_softmax(op: Operator, uses: Uses) -> Match | None:
    """From IsNaN: a softmax whose undefined rows, those masked whole, become zeros, as fused attention leaves them."""
    softmax, chosen = uses.writer(op.input(0), "Softmax"), uses.only_reader(op, "Where")
    if softmax is None or chosen is None or chosen.given(0).name != op.outputs[0].name:
        return None
    if scalar(chosen.input(1)) != 0.0 or chosen.given(2).name != softmax.outputs[0].name:
        return None
    whole = Operator(softmax.name, "Softmax", softmax.inputs, chosen.outputs, softmax.attributes)
    return Match((softmax, op, chosen), chosen, whole)


PATTERNS: Mapping[str, Callable[[Operator, Uses], Match | None]] = {
    "Erf": _erf, "Tanh": _tanh, "Sigmoid": _sigmoid, "HardSigmoid": _hard_sigmoid, "IsNaN": _guarded_softmax,
}
"""What an operator may be the middle of."""
