"""Attention taken apart: two matrix products and the softmax between them are one Attention again.

A front end that meets scaled_dot_product_attention builds the operator; exporters write its steps out. Both count the
same and, after this pass, are the same, so that whether the scores move is the runtime's to say. The option
``decomposed_attention`` leaves the steps as they were exported.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tocompiler.network import Network
from tocompiler.operators.shapes import scalar
from tocompiler.passes import NetworkPass, register
from tocompiler.passes.conditions import RESULTS, TOPOLOGICAL_ORDER, UNIQUE_NAMES
from tocompiler.passes.matching import Uses, is_close
from tocompiler.tensors import Operator, Shape, Tensor

__all__ = ["RecogniseAttention"]

_STEPS = {"Add": "add", "Mul": "multiply", "Div": "divide", "Where": "select"}
"""What may be done to each score, with its ALU task."""
_DEEPEST = 12
"""Operators between the products at most; bounds the work for each match."""


@dataclass
class _Site:
    """The operators that one Attention replaces, as they are found, and what it needs of them."""

    parts: list[Operator] = field(default_factory=list)
    moved: Operator | None = None  # a transposition that stays, of other axes
    tasks: list[str] = field(default_factory=list)
    masks: list[Tensor] = field(default_factory=list)


@register
@dataclass(frozen=True)
class RecogniseAttention(NetworkPass):
    """Make two matrix products with a softmax between them one Attention."""

    name = "recognise_attention"
    unless = "decomposed_attention"
    after = ("recognise",)
    requires = (TOPOLOGICAL_ORDER, UNIQUE_NAMES)
    ensures = (TOPOLOGICAL_ORDER, UNIQUE_NAMES)
    keeps = (RESULTS,)

    def run(self, network: Network) -> Network:
        """Replace MatMul, steps on the scores, Softmax, MatMul by Attention, with the scales of query and key before.

        Linear: each product is looked at once, and the pattern has a bounded size.
        """
        uses = Uses(network)
        replaced: dict[str, tuple[Operator, ...]] = {}
        for op in network.operators:
            if op.operator == "MatMul":
                site = _Site()
                whole = _attention(op, uses, site)
                if whole is not None and uses.inside(tuple(site.parts), site.parts[-1]):
                    replaced.update((part.name, ()) for part in site.parts)
                    replaced[whole.name] = (whole,) if site.moved is None else (site.moved, whole)
        if not replaced:
            return network
        return network.with_operators([new for op in network.operators for new in replaced.get(op.name, (op,))])


def _attention(first: Operator, uses: Uses, site: _Site) -> Operator | None:
    """The operator in the place of the product that starts at the scores ``first``, or None."""
    scores, query, key = first.outputs[0], first.given(0), first.given(1)
    softmax = _softmax(first, uses, site)
    last = None if softmax is None else uses.only_reader(softmax, "MatMul")
    if softmax is None or last is None or last.given(0).name != softmax.outputs[0].name:
        return None
    scale, query, key = _scaled(query, key, uses, site)
    untransposed = _untransposed(key, uses, site)
    value = last.given(1)
    if untransposed is None or not _fits(query, untransposed, value, scores):
        return None
    site.parts += [first, softmax, last]
    attributes: dict[str, object] = {"scale": scale} if scale is not None else {}
    if len(scores.shape) == 3:
        attributes |= {"q_num_heads": 1, "kv_num_heads": 1}
    if site.tasks and not (site.tasks == ["add"] and len(site.masks) == 1):
        attributes["score_tasks"] = tuple(site.tasks)
    inputs: tuple[Tensor | None, ...] = (query, untransposed, value, *site.masks[:1])
    if len(site.masks) > 1:
        inputs = (*inputs, None, None, *site.masks[1:])
    return Operator(last.name, "Attention", inputs, last.outputs, attributes)


def _softmax(first: Operator, uses: Uses, site: _Site) -> Operator | None:
    """The softmax that the scores reach through steps which keep their number; ``site`` gains the steps."""
    scores, at = first.outputs[0], first
    for _ in range(_DEEPEST):
        after = uses.only_reader(at, "Softmax", "Reshape", *_STEPS)
        if after is None:
            return None
        if after.operator == "Softmax":
            last_axis = after.attributes.get("axis", -1) in (-1, len(scores.shape) - 1)
            return after if last_axis and at.outputs[0].shape == scores.shape else None
        if after.operator != "Reshape" and not _step(after, at.outputs[0], site):
            return None
        if after.outputs[0].elements != scores.elements or after.outputs[0].format != scores.format:
            return None
        site.parts.append(after)
        at = after
    return None


def _step(op: Operator, score: Tensor, site: _Site) -> bool:
    """Whether this is a scale, a mask that is added, or a choice between score and constant."""
    others = [t for t in op.inputs if t is not None and t.name != score.name]
    if op.operator in ("Mul", "Div"):
        kept = op.given(0).name == score.name or op.operator == "Mul"
        if not kept or len(others) != 1 or not _is_constant(others[0]):
            return False
    elif op.operator == "Where":
        chosen = [t for t in op.inputs[1:] if t is not None and t.name != score.name]
        if len(others) != 2 or len(chosen) != 1 or not _is_constant(chosen[0]):
            return False
        site.masks.append(op.given(0))
    else:
        if len(others) != 1:
            return False
        site.masks.append(others[0])
    site.tasks.append(_STEPS[op.operator])
    return True


def _is_constant(tensor: Tensor) -> bool:
    return tensor.is_stored and tensor.kind != "parameter" and tensor.elements == 1


def _scaled(query: Tensor, key: Tensor, uses: Uses, site: _Site) -> tuple[float | None, Tensor, Tensor]:
    """The scale, and query and key before each was multiplied by its root; a scale of 1 where they were not, of None
    where the root is one that is not known. Multiplying by 1, as exporters do where there is no scale, is none."""
    found = [_root(t, uses) for t in (query, key)]
    if found[0] is None or found[1] is None:
        return 1.0, query, key
    (q_op, q, q_root), (k_op, k, k_root) = found[0], found[1]
    a, b = scalar(q_root), scalar(k_root)
    if (a is None) != (b is None) or (b is not None and not is_close(a, b)):
        return 1.0, query, key
    site.parts += [q_op, k_op]
    width = q.shape[-1]
    default = isinstance(width, int) and a is not None and is_close(a * a, width ** -0.5)
    return (None if a is None or default else a * a), q, k


def _root(tensor: Tensor, uses: Uses) -> tuple[Operator, Tensor, Tensor] | None:
    """The product with a constant that made a tensor: it, what was multiplied, and the constant."""
    op = uses.writer(tensor, "Mul")
    if op is None or uses.only_reader(op) is None:
        return None
    for x, constant in ((op.given(0), op.given(1)), (op.given(1), op.given(0))):
        if _is_constant(constant) and x.shape == tensor.shape:
            return op, x, constant
    return None


def _untransposed(key: Tensor, uses: Uses, site: _Site) -> Tensor | None:
    """The key with its length before its width; a transposition of these two alone goes, another loses them."""
    op = uses.writer(key, "Transpose", "Reshape")
    if op is None or uses.only_reader(op) is None or len(key.shape) < 3:
        return None
    swapped = (*key.shape[:-2], key.shape[-1], key.shape[-2])
    site.parts.append(op)
    if op.operator == "Reshape":
        return _unfolded(op, swapped, uses, site)
    order = tuple(op.attributes.get("perm", ()))
    if len(order) != len(key.shape):
        return None
    order = (*order[:-2], order[-1], order[-2])
    if order == tuple(range(len(order))):
        return op.given(0)
    moved = replace(op.outputs[0], shape=swapped)
    site.moved = replace(op, outputs=(moved,), attributes={**op.attributes, "perm": order})
    return moved


def _unfolded(op: Operator, shape: Shape, uses: Uses, site: _Site) -> Tensor | None:
    """The key where its transposition was done on three axes and ``op`` unfolds them: before it was folded, or unfolded
    to ``shape`` as it was."""
    inner = uses.writer(op.input(0), "Transpose")
    if inner is None or tuple(inner.attributes.get("perm", ())) != (0, 2, 1) or inner.given(0).shape[1:] != shape[-2:]:
        return None
    site.parts.append(inner)
    folded = uses.writer(inner.given(0), "Reshape")
    if folded is not None and folded.given(0).shape == shape:
        if uses.only_reader(folded) is not None:
            site.parts.append(folded)
        return folded.given(0)
    moved = replace(op.outputs[0], shape=shape)
    wanted = Tensor(f"{op.name}.shape", (len(shape),), "int64", "constant")
    site.moved = replace(op, inputs=(inner.given(0), wanted), outputs=(moved,))
    return moved


def _fits(query: Tensor, key: Tensor, value: Tensor, scores: Tensor) -> bool:
    """Whether the operands are those of one Attention: three or four axes, no batch broadcast, one format."""
    q, k, v = query.shape, key.shape, value.shape
    return (len(q) in (3, 4) and len(k) == len(v) == len(q) and k[:-2] == v[:-2] == q[:-2]
            and scores.shape == (*q[:-1], k[-2]) and v[-2] == k[-2] and len({query.format, key.format, value.format,
                                                                            scores.format}) == 1)
