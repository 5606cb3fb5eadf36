"""Recognition: operators that an exporter took apart are put together again, so that one network gives one count.

GELU in both forms, Swish, HardSwish and Mish, LayerNormalization and RMSNormalization, and a softmax whose rows may be
masked whole. (Softmax and attention count the same apart and together, and are left as they are.) What is recognised
computes the same function: constants are compared, and every intermediate result must be used by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isclose, pi, sqrt

from tocompiler.network import Network, Operator, Tensor
from tocompiler.operators.shapes import option, scalar

__all__ = ["Uses", "recognise"]

Polynomial = Mapping[int, float]
"""Coefficients by power."""

_TOLERANCE = 1e-3
"""Relative. Constants are stored in half precision at worst: 2^-11 = 5e-4."""

_ERF_ARGUMENT: Polynomial = {1: sqrt(0.5)}
_TANH_ARGUMENT: Polynomial = {1: sqrt(2 / pi), 3: 0.044715 * sqrt(2 / pi)}
_DEEPEST = 8


@dataclass(frozen=True)
class Match:
    """Operators that one operator replaces, the last of them (whose place it takes), and that operator."""

    parts: tuple[Operator, ...]
    root: Operator
    whole: Operator


class Uses:
    """Who writes and who reads each tensor of a network."""

    def __init__(self, network: Network) -> None:
        self._writers = {t.name: op for op in network.operators for t in op.outputs}
        self._readers: dict[str, list[Operator]] = {}
        for op in network.operators:
            for name in {t.name for t in op.inputs if t is not None}:
                self._readers.setdefault(name, []).append(op)
        self._results = {t.name for t in network.outputs}

    def writer(self, tensor: Tensor | None, *operators: str) -> Operator | None:
        """The operator that makes a tensor, if it is one of these."""
        op = None if tensor is None else self._writers.get(tensor.name)
        return op if op is not None and (not operators or op.operator in operators) else None

    def readers(self, op: Operator) -> list[Operator]:
        """The operators that read its first result; the network's own results count as none."""
        return self._readers.get(op.outputs[0].name, [])

    def only_reader(self, op: Operator, *operators: str) -> Operator | None:
        """The one operator that uses its result, if it is one of these and nothing else uses it."""
        readers = self.readers(op)
        if len(readers) != 1 or op.outputs[0].name in self._results:
            return None
        return readers[0] if not operators or readers[0].operator in operators else None

    def inside(self, parts: tuple[Operator, ...], root: Operator) -> bool:
        """Whether nothing but these parts uses the result of any of them but the root."""
        names = {op.name for op in parts}
        return all(op.name == root.name or (op.outputs[0].name not in self._results
                                            and all(reader.name in names for reader in self.readers(op)))
                   for op in parts)


def recognise(network: Network) -> Network:
    """Replace operators that together are one ONNX operator by that operator.

    Requires topological order and one name for each operator. Linear: each operator is looked at once, and each
    pattern has a bounded size.
    """
    uses = Uses(network)
    replaced: dict[str, Operator | None] = {}
    for op in network.operators:
        pattern = _PATTERNS.get(op.operator)
        match = None if pattern is None else pattern(op, uses)
        if match is not None and uses.inside(match.parts, match.root):
            replaced.update((part.name, None) for part in match.parts)
            replaced[match.root.name] = match.whole
    if not replaced:
        return network
    kept = (replaced.get(op.name, op) for op in network.operators)
    return network.with_operators([op for op in kept if op is not None])


def _one(operator: str, root: Operator, x: Tensor, *others: Tensor | None, **attributes: object) -> Operator:
    return Operator(root.name, operator, (x, *others), root.outputs[:1], attributes)


def _constant(op: Operator) -> tuple[float, Tensor] | None:
    """The scalar constant of a binary operator and its other operand."""
    for i in (1, 0):
        value, other = scalar(op.input(i)), op.input(1 - i)
        if value is not None and other is not None:
            return value, other
    return None


def _is_close(value: float | None, expected: float) -> bool:
    return value is not None and isclose(value, expected, rel_tol=_TOLERANCE)


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
    return a is not None and set(a) == set(b) and all(_is_close(a[power], b[power]) for power in b)


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
            scaled = None if inner is None else _constant(inner)
            if inner is not None and scaled is not None and _is_close(scaled[0], 0.5):
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
    if plus is None or not _is_close((_constant(plus) or (0.0,))[0], 1.0):
        return None
    found = _factors(plus, uses)
    if found is None or not _is_close(found[1], 0.5):
        return None
    x, _, root, products = found
    inner: list[Operator] = []
    if not _equals(_polynomial(op.input(0), x, uses, inner), argument):
        return None
    return Match((*inner, op, plus, *products), root, _one("Gelu", root, x, approximate=approximate))


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
    return Match((softplus, op, product), product, _one("Mish", product, softplus.given(0)))


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
    return Match((*inner, op, product), product, _one("Swish", product, x, alpha=argument[1]))


def _hard_sigmoid(op: Operator, uses: Uses) -> Match | None:
    """x hard_sigmoid(x) with the slope and offset of HardSwish."""
    product = uses.only_reader(op, "Mul")
    slopes = op.attributes.get("alpha", 0.2), op.attributes.get("beta", 0.5)
    if product is None or not (_is_close(slopes[0], 1 / 6) and _is_close(slopes[1], 0.5)):
        return None
    if op.given(0).name not in {t.name for t in product.inputs if t is not None}:
        return None
    return Match((op, product), product, _one("HardSwish", product, op.given(0)))


def _norm(op: Operator, uses: Uses) -> Match | None:
    """From the square root: d / sqrt(mean(d^2) + epsilon), with d = x - mean(x) or d = x, then scale and bias."""
    plus = uses.writer(op.input(0), "Add")
    epsilon = None if plus is None else _constant(plus)
    mean = None if epsilon is None else uses.writer(epsilon[1], "ReduceMean")
    square = None if mean is None else uses.writer(mean.input(0), "Pow", "Mul")
    if plus is None or epsilon is None or mean is None or square is None or not _is_square(square):
        return None
    d, axis = square.given(0), _trailing(mean)
    divided = _divided(op, d, uses)
    if axis is None or divided is None:
        return None
    parts = [plus, mean, square, op, *divided]
    x, centred = d, False
    difference = uses.writer(d, "Sub")
    if difference is not None:
        centre = uses.writer(difference.input(1), "ReduceMean")
        if centre is not None and centre.given(0).name == difference.given(0).name and _trailing(centre) == axis:
            x, centred = difference.given(0), True
            parts += [centre, difference]
    return _with_affine(parts, divided[-1], x, axis, centred, epsilon[0], uses)


def _guarded_softmax(op: Operator, uses: Uses) -> Match | None:
    """From IsNaN: a softmax whose undefined rows, those masked whole, become zeros, as fused attention leaves them."""
    softmax, chosen = uses.writer(op.input(0), "Softmax"), uses.only_reader(op, "Where")
    if softmax is None or chosen is None or chosen.given(0).name != op.outputs[0].name:
        return None
    if scalar(chosen.input(1)) != 0.0 or chosen.given(2).name != softmax.outputs[0].name:
        return None
    whole = Operator(softmax.name, "Softmax", softmax.inputs, chosen.outputs, softmax.attributes)
    return Match((softmax, op, chosen), chosen, whole)


def _is_square(op: Operator) -> bool:
    if op.operator == "Pow":
        return scalar(op.input(1)) == 2.0
    return op.given(0).name == op.given(1).name


def _trailing(op: Operator) -> int | None:
    """The first of the axes a mean is taken over, counted from the end, if they are the last ones."""
    rank = max(len(op.given(0).shape), 1)
    axes = sorted(a % rank for a in option(op, "axes", 1) or ())
    kept = op.attributes.get("keepdims", 1)
    return -len(axes) if kept and axes and axes == list(range(rank - len(axes), rank)) else None


def _divided(root: Operator, d: Tensor, uses: Uses) -> list[Operator] | None:
    """The operators that divide d by a root: Div, or a product with the root's reciprocal."""
    division = uses.only_reader(root, "Div", "Reciprocal")
    if division is None:
        return None
    if division.operator == "Div" and division.given(0).name == d.name:
        return [division]
    if division.operator == "Div" and scalar(division.input(0)) != 1.0:
        return None
    product = uses.only_reader(division, "Mul")
    return [division, product] if product is not None and d.name in {t.name for t in product.inputs if t} else None


def _with_affine(parts: list[Operator], last: Operator, x: Tensor, axis: int, centred: bool, epsilon: float,
                 uses: Uses) -> Match:
    """Take in the scale and bias that follow, where they are stored and span the normalised axes."""
    operands: list[Tensor | None] = []
    for operator in ("Mul", "Add") if centred else ("Mul",):
        after = uses.only_reader(last, operator)
        stored = next((t for t in after.inputs if t is not None and t.is_stored), None) if after is not None else None
        if after is None or stored is None or tuple(stored.shape) != tuple(x.shape[axis:]):
            break
        operands.append(stored)
        parts.append(after)
        last = after
    name = "LayerNormalization" if centred else "RMSNormalization"
    return Match(tuple(parts), last, _one(name, last, x, *operands, axis=axis, epsilon=epsilon))


_PATTERNS: Mapping[str, Callable[[Operator, Uses], Match | None]] = {
    "Erf": _erf, "Tanh": _tanh, "Sigmoid": _sigmoid, "HardSigmoid": _hard_sigmoid, "Sqrt": _norm,
    "IsNaN": _guarded_softmax,
}
"""What an operator may be the middle of."""
