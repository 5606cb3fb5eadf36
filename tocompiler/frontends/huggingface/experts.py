"""Mixtures of experts: a router, the rows of each token's experts through grouped products, and shared experts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.routing import expected_experts

if TYPE_CHECKING:
    from tocompiler.frontends.huggingface.model import Model
    from tocompiler.tensors import Tensor

__all__ = ["mixture"]


def mixture(m: Model, x: Tensor, count: int, chosen: int, hidden: int, *, router: str = "gate", bias: bool = False,
            scores: str = "Softmax", corrected: bool = False, normalised: bool = True, factor: float = 1.0,
            act: Callable[[Tensor, Tensor], Tensor] | None = None, gated: bool = True,
            routed_by: Tensor | None = None) -> Tensor:
    """Each token through ``chosen`` of ``count`` experts of ``hidden`` units, weighted by the router's scores.

    ``scores`` of all experts are a Softmax or a Sigmoid (``corrected`` by a learned balance before the choice,
    DeepSeek-V3); the chosen ones are ``normalised`` and scaled by ``factor``. Devices that share the experts hold and
    see an equal part each. The router reads x unless ``routed_by`` is given.
    """
    net = m.net
    width, batch, length = x.shape[-1], x.shape[0], x.shape[1]
    flat = net.reshape(x, (-1, width))
    tokens = batch * length * m.replicas
    router_input = flat if routed_by is None else net.reshape(routed_by, (-1, routed_by.shape[-1]))
    weights = _routed(m, router_input, count, chosen, router, bias, scores, corrected, normalised, factor)
    held = -(-count // m.expert_parallel)
    seen = tokens * chosen
    seen = -(-seen // m.expert_parallel) if isinstance(seen, int) else seen / m.expert_parallel
    touched = expected_experts(count, chosen, tokens, m.skew) * held / count
    with net.scope("experts"):
        rows = net.emit("Gather", [flat, m.stored("permutation", (seen,), "int64", "buffer")], {"axis": 0},
                        "permute", outputs=1, results=[((seen, width), x.format)])[0]
        touched = min(touched, held) if isinstance(touched, (int, float)) else touched
        grouped = _Grouped(m, held, touched, bias, chosen)
        if gated:
            gate, up = grouped(rows, 2 * hidden, "gate_up_proj", 2)
            y = m.gated(gate, up, m.c.hidden_act) if act is None else act(gate, up)
        else:
            y = m.act(grouped(rows, hidden, "up_proj", 1)[0], m.c.get("mlp_hidden_act") or m.c.hidden_act)
        y = grouped(y, width, "down_proj", 1)[0]
        if m.expert_parallel > 1:  # the weights of the rows that are here, from whichever device routed them
            here = m.stored("rows", (seen,), "int64", "buffer")
            weights = net.emit("Gather", [weights, here], {"axis": 0}, "weights", outputs=1,
                               results=[((seen, 1), x.format)])[0]
        y = net.mul(y, weights)
        return _summed(m, y, tokens, chosen, x)


def _routed(m: Model, flat: Tensor, count: int, chosen: int, router: str, bias: bool, scores: str, corrected: bool,
            normalised: bool, factor: float) -> Tensor:
    """The weight of each routed row, (tokens chosen, 1)."""
    net = m.net
    logits = m.project(flat, count, router, bias)
    chance = m.one(scores, [logits], {"axis": -1} if scores == "Softmax" else {})
    order = chance
    if corrected:
        order = net.add(chance, m.stored("e_score_correction_bias", (count,), kind="buffer"))
    values = net.emit("TopK", [order, net.constant((chosen,))], {"axis": -1})[0]
    if (normalised and scores != "Softmax") or (normalised and chosen > 1):
        values = net.div(values, net.sum(values, -1, keepdim=True))
    if factor != 1.0:
        values = net.mul(values, factor)
    return net.reshape(values, (-1, 1))


def _summed(m: Model, y: Tensor, tokens: Any, chosen: int, x: Tensor) -> Tensor:
    """The rows of each token added up; where devices share the experts, those that are here, on average: of a device
    that has no more rows than tokens, each is a token's only one and goes to its place."""
    if chosen <= m.expert_parallel > 1:
        return m.net.emit("Expand", [y, m.net.constant(tuple(x.shape))], {}, "combine", outputs=1,
                          results=[(x.shape, x.format)])[0]
    if m.expert_parallel > 1:
        return m.net.emit("ReduceSum", [y, m.net.constant((0,))], {"keepdims": 0}, "combine", outputs=1,
                          results=[(x.shape, x.format)])[0]
    if chosen == 1:
        return m.net.reshape(y, x.shape)
    y = m.net.reshape(y, (tokens, chosen, x.shape[-1]))
    return m.net.reshape(m.net.sum(y, 1), x.shape)


class _Grouped:
    """Grouped products with the experts that are held here."""

    def __init__(self, m: Model, held: int, touched: Any, bias: bool, chosen: int) -> None:
        self.m, self.held, self.touched, self.bias, self.chosen = m, held, touched, bias, chosen

    def __call__(self, rows: Tensor, out: int, name: str, parts: int) -> tuple[Tensor, ...]:
        """Rows times their experts' matrices, the result in so many parts."""
        m, features = self.m, rows.shape[-1]
        scheme = m.c.precision.of(f"{m.net.scope_name}{name}")
        shape = (self.held, features, out)
        bias = m.stored(f"{name}_bias", (self.held, out)) if self.bias else None
        attributes: dict[str, Any] = {"touched": self.touched, "chosen": self.chosen, "parts": parts,
                                      "format": m.format}
        if scheme is None:
            return m.net.emit("GroupedMatMul", [rows, m.stored(name, shape), bias], attributes, f"{name}.grouped")
        x, scales = m.quantised(rows, scheme)
        weight = m.stored(name, shape, scheme.weight)
        weight_scales = m.stored(f"{name}_scale", (self.held * scheme.scales(features, out),), scheme.scale, "buffer")
        return m.net.emit("GroupedMatMul", [x, weight, bias, scales, weight_scales],
                          {**attributes, "group": scheme.rows}, f"{name}.grouped")
