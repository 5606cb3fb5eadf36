"""Control flow: operators whose attributes hold networks.

If takes the branch that runs more ALU tasks, or the one that its attribute ``branch`` names (``then_branch`` or
``else_branch``); Loop and Scan multiply their body by a trip count that the network or the user binds.
"""

from __future__ import annotations

from typing import Any

from alu_library.tasks import Count, Tasks
from tocompiler.network import Network
from tocompiler.operators import Access, Refused, Rule, Work, forward_work, register
from tocompiler.operators.shapes import axis_of, bad, integers, is_known
from tocompiler.tensors import Operator, Shape, Tensor

__all__ = ["nested_work", "operand_accesses", "times"]


def operand_accesses(tensors: tuple[Tensor | None, ...]) -> tuple[Access, ...]:
    """Each tensor once: what ``reads`` and ``writes`` of None stand for."""
    return tuple({t.name: Access(t.name, t.elements, t.format, t.kind) for t in tensors if t is not None}.values())


def nested_work(network: Network) -> Work:
    """All that a nested network does when it runs once, its traffic operator by operator.

    Raises Unmodelled or Refused as the rules of its operators do.
    """
    tasks: dict[tuple[str, str], Count] = {}
    products: Count = 0
    reads: list[Access] = []
    writes: list[Access] = []
    for op in network.operators:
        work = forward_work(op)
        for key, n in work.tasks.items():
            tasks[key] = tasks.get(key, 0) + n
        products = products + work.multiply_accumulates
        reads += operand_accesses(op.inputs) if work.reads is None else work.reads
        writes += operand_accesses(op.outputs) if work.writes is None else work.writes
    return Work(Tasks(tasks), products, None, tuple(reads), tuple(writes))


def times(work: Work, n: Count) -> Work:
    """The same work n times."""
    def repeated(accesses: tuple[Access, ...] | None) -> tuple[Access, ...]:
        return tuple(Access(a.tensor, a.elements * n, a.format, a.kind) for a in accesses or ())

    return Work(work.tasks * n, work.multiply_accumulates * n, None, repeated(work.reads), repeated(work.writes))


def _network(op: Operator, name: str) -> Network:
    network = op.attributes.get(name)
    if not isinstance(network, Network):
        raise bad(op, f"its attribute {name} holds no network")
    return network


@register("If")
class If(Rule):
    """One of two networks."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(t.shape, t.format) for t in _network(op, "then_branch").outputs]

    def work(self, op: Operator) -> Work:
        chosen = op.attributes.get("branch")
        if chosen is not None:
            return nested_work(_network(op, chosen))
        then, other = (nested_work(_network(op, name)) for name in ("then_branch", "else_branch"))
        return max(then, other, key=lambda work: _effort(op, work))


def _effort(op: Operator, work: Work) -> Any:
    """What branches are compared by: their tasks, then what they move."""
    effort = work.tasks.total(), sum(a.elements for a in (*(work.reads or ()), *(work.writes or ())))
    if not all(map(is_known, effort)):
        raise Refused(f"{op.operator} '{op.name}': which branch is dearer depends on symbolic dimensions; bind them "
                      "with --dim or choose a branch")
    return effort


@register("Loop")
class Loop(Rule):
    """Its body as often as its trip count, a constant operand or the attribute ``trip_count``, says."""

    def work(self, op: Operator) -> Work:
        count = op.attributes.get("trip_count")
        stated = integers(op.input(0))
        if count is None and stated is not None:
            count = stated[0]
        if count is None or (is_known(count) and count >= 2**31):
            raise Refused(f"{op.operator} '{op.name}': its trip count is not known; give --trips {op.name}=N")
        if is_known(count) and count < 0:
            raise bad(op, f"cannot run {count} times")
        return times(nested_work(_network(op, "body")), count)


@register("Scan")
class Scan(Rule):
    """Its body for each slice of the operands that it scans."""

    def work(self, op: Operator) -> Work:
        scanned = op.attributes["num_scan_inputs"]
        first = op.given(len(op.inputs) - scanned)
        axes = op.attributes.get("scan_input_axes") or (0,)
        return times(nested_work(_network(op, "body")), first.shape[axis_of(op, axes[0], len(first.shape))])


@register("SequenceMap")
class SequenceMap(Rule):
    """Its body for each element of a sequence, whose length the attribute ``trip_count`` binds."""

    def work(self, op: Operator) -> Work:
        if "trip_count" not in op.attributes:
            raise Refused(f"{op.operator} '{op.name}': the length of its sequence is not known; "
                          f"give --trips {op.name}=N")
        return times(nested_work(_network(op, "body")), op.attributes["trip_count"])
