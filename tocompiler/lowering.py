"""Lowering: from operators to ALU tasks. Every row says what one operator does, in exact counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from alu_library import formats
from alu_library.functions import function
from alu_library.tasks import PRIMITIVES, Count, Tasks
from tocompiler.network import Network
from tocompiler.operators import Access, Loops, Refused, Unmodelled, Work, forward_work
from tocompiler.tensors import Operator, Statistics, Tensor
from tocompiler.traffic import crossing_bit
from tocompiler.training import PHASES, backward_work, optimizer_work

__all__ = ["AluProgram", "AluRow", "UnmodelledOperator", "lower"]

_DENSE = Statistics()
_BOTH_DENSE = (_DENSE, _DENSE)


@dataclass(frozen=True, slots=True)
class AluRow:
    """One operator in one phase (``forward``, ``backward``, ``optimizer``, ``recompute``), lowered.

    ``tasks`` holds primitives only; ``functions`` the elementary functions they were expanded from. ``operands`` are
    the statistics of the two tensors that meet in the arithmetic (activation, weight). ``source`` names the network's
    operator that the row came from, whatever its phase (None: it came from a tensor, as a step and a sum of gradients
    do), ``parameter`` the tensor that a step updates. ``inner_writes`` and ``inner_reads`` move besides where a runtime
    runs the steps of one operator as kernels of their own (eager attention), one kernel more than there are inner
    results; ``traffic_bit`` leaves them out, and which of the two happens is the runtime's rule. A row's own ``name``
    is for reading: nothing is parsed from it.
    """

    name: str
    operator: str
    phase: str
    tasks: Tasks
    functions: Tasks
    multiply_accumulates: Count
    loops: Loops | None
    reads: tuple[Access, ...]
    writes: tuple[Access, ...]
    operands: tuple[Statistics, Statistics] = _BOTH_DENSE
    source: str | None = None
    parameter: str | None = None
    inner_reads: tuple[Access, ...] = ()
    inner_writes: tuple[Access, ...] = ()

    @property
    def traffic_bit(self) -> Count:
        """Compulsory traffic of this operator alone: every operand read once, every result written once."""
        return sum(_stored(a) for a in (*self.reads, *self.writes))

    @property
    def inner_bit(self) -> Count:
        """What moves besides where each step is a kernel of its own: inner results, written and read."""
        return sum(_stored(a) for a in (*self.inner_reads, *self.inner_writes))

    def traffic(self, capacities_bit: Sequence[int]) -> list[Count]:
        """Bits that cross each memory level, given the levels' capacities in bit (see tocompiler.traffic)."""
        products = self.loops.products if self.loops is not None else 0
        word = _storage_bits(self.reads[0].format) if self.reads else 1
        return [crossing_bit(self.traffic_bit, products, word, capacity) for capacity in capacities_bit]


@dataclass(frozen=True, slots=True)
class UnmodelledOperator:
    """An operator that was not counted, and why."""

    name: str
    operator: str
    reason: str


@dataclass(frozen=True)
class AluProgram:
    """The second level: ALU tasks per operator. ``parameters`` are trainable elements, tied ones once; ``passes`` names
    those that ran on the network and on the rows, in order, with what they were told."""

    network: Network
    format: str
    phase: str
    parameters: Count
    rows: tuple[AluRow, ...]
    unmodelled: tuple[UnmodelledOperator, ...] = ()
    options: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<AluProgram {self.network.name} {self.format} {self.phase}: {len(self.rows)} rows>"

    def _repr_html_(self) -> str:
        from tocompiler.report.notebook import alu_html

        return alu_html(self)

    @property
    def tasks(self) -> Tasks:
        """All ALU tasks together."""
        return _sum_tasks(row.tasks for row in self.rows)

    @property
    def multiply_accumulates(self) -> Count:
        return sum(row.multiply_accumulates for row in self.rows)

    @property
    def traffic_bit(self) -> Count:
        return sum(row.traffic_bit for row in self.rows)


def lower(network: Network, *, format: str, phase: str = "inference", parameters: Count | None = None,
          activation_error_ulp: float | None = None, optimizer: str = "sgd",
          options: tuple[str, ...] = (), passes: tuple[str, ...] = ()) -> AluProgram:
    """Lower a network whose tensors have their shapes.

    ``parameters`` overrides the count taken from ``network`` where a pass has folded weights away.
    ``activation_error_ulp`` bounds the error of every elementary function; None takes the shipped default.
    Operators without a rule, and uses that a rule refuses, are listed in ``unmodelled`` with the reason.
    """
    if phase not in PHASES:
        raise ValueError(f"unknown phase '{phase}'; use one of {', '.join(PHASES)}")
    unmodelled: list[UnmodelledOperator] = []
    rows: list[AluRow] = []
    alike: dict[Tasks, Tasks] = {}  # most layers occur many times, and a row is mostly its tasks
    if "forward" in PHASES[phase]:
        for op in network.operators:
            try:
                work = forward_work(op)
            except (Unmodelled, Refused) as reason:
                unmodelled.append(_unmodelled(op, reason))
                continue
            rows.append(_row(op, "forward", op.name, work, activation_error_ulp, op.name, alike))
    if "backward" in PHASES[phase]:
        for item in backward_work(network):
            if isinstance(item.work, Exception):
                unmodelled.append(_unmodelled(item.operator, item.work))
                continue
            rows.append(_row(item.operator, "backward", item.name, item.work, activation_error_ulp, item.source, alike))
    if "optimizer" in PHASES[phase]:
        rows += [
            AluRow(f"{step.parameter}.step", optimizer, "optimizer", step.work.tasks, Tasks(), 0, None,
                   step.work.reads or (), step.work.writes or (), parameter=step.parameter)
            for step in optimizer_work(network, optimizer)
        ]
    return AluProgram(network, format, phase, network.parameters if parameters is None else parameters,
                      tuple(rows), tuple(unmodelled), options, passes)


def _unmodelled(op: Operator, reason: Exception) -> UnmodelledOperator:
    why = "no rule for this operator" if isinstance(reason, Unmodelled) else str(reason)
    return UnmodelledOperator(op.name, op.operator, why)


def _row(op: Operator, phase: str, name: str, work: Work, error_ulp: float | None, source: str | None,
         alike: dict[Tasks, Tasks]) -> AluRow:
    """A row; tasks that an earlier row has are that row's own."""
    tasks, functions = expand(work.tasks, error_ulp)
    reads = work.reads if work.reads is not None else tuple(_accesses(op.inputs))
    writes = work.writes if work.writes is not None else tuple(_accesses(op.outputs))
    # An elementary function's own tasks work on values in between, which are dense whatever its argument was.
    operands = _BOTH_DENSE if functions and work.multiply_accumulates == 0 else _operand_statistics(op)
    tasks, functions = alike.setdefault(tasks, tasks), alike.setdefault(functions, functions)
    return AluRow(name, op.operator, phase, tasks, functions, work.multiply_accumulates, work.loops, reads, writes,
                  operands, source, None, work.inner_reads, work.inner_writes)


def _accesses(tensors: Sequence[Tensor | None]) -> Iterator[Access]:
    seen: set[str] = set()
    for t in tensors:
        if t is not None and t.name not in seen:
            seen.add(t.name)
            yield Access(t.name, t.elements, t.format, t.kind)


def _operand_statistics(op: Operator) -> tuple[Statistics, Statistics]:
    if not any(t is not None and t.statistics for t in op.inputs[:2]):
        return _BOTH_DENSE
    first, second, *_ = (*(t.statistics or _DENSE for t in op.inputs[:2] if t is not None), _DENSE, _DENSE)
    return first, second


def expand(tasks: Tasks, error_ulp: float | None = None) -> tuple[Tasks, Tasks]:
    """Replace elementary functions by their programs' tasks; return (primitives, the functions replaced).

    ValueError names a function that no shipped program computes in that format.
    """
    if all(task in PRIMITIVES for task, _ in tasks):
        return tasks, Tasks()
    functions = {key: n for key, n in tasks.items() if key[0] not in PRIMITIVES}
    primitives = Tasks({key: n for key, n in tasks.items() if key[0] in PRIMITIVES})
    return _sum_tasks([primitives, *(_program(*key, error_ulp) * n for key, n in functions.items())]), Tasks(functions)


@cache
def _program(name: str, format: str, error_ulp: float | None) -> Tasks:
    """Primitive tasks of one evaluation.

    An integer of up to 8 bits has at most 256 arguments, so any function of it is one table read (as integer
    runtimes do); a wider integer is converted to fp32 and back.
    """
    kind = formats.parse(format)
    if kind.kind == "float":
        return function(name, format, max_error_ulp=error_ulp).tasks
    if kind.bits <= 8:
        return Tasks({("table_read", f"{2 ** kind.bits}x{kind.bits}"): 1})
    return function(name, "fp32", max_error_ulp=error_ulp).tasks + Tasks({("convert", "fp32"): 2})


def _sum_tasks(parts: Iterator[Tasks] | Sequence[Tasks]) -> Tasks:
    total: dict[tuple[str, str], Count] = {}
    for part in parts:
        for key, n in part.items():
            total[key] = total.get(key, 0) + n
    return Tasks(total)


def _stored(access: Access) -> Count:
    """Bits of what is accessed, the scales of blocks included."""
    bits: Count = _parsed(access.format).storage_bits(access.elements)
    return bits


@cache
def _storage_bits(format: str) -> int:
    return formats.parse(format).bits


_parsed = cache(formats.parse)

