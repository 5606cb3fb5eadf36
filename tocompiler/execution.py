"""The fourth level: what a runtime makes the machine do for every row, amount by amount, and which rule said so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from alu_library.pricing import Operand, Operands
from hardware.program import Program
from hardware.runtime import RuleUse, Runtime, load_runtime
from tocompiler.costing import TransistorProgram, TransistorRow, compiled
from tocompiler.lanes import larger, real
from tocompiler.layering import joined_operators
from tocompiler.network import Network
from tocompiler.runtimes import Applied, applied
from tocompiler.runtimes.draft import AMOUNTS, Draft, byte_of
from tocompiler.runtimes.facts import facts_of
from tocompiler.runtimes.window import window_of
from tocompiler.tensors import Operator

__all__ = ["Change", "ExecutionProgram", "ExecutionRow", "execute", "executed_rows", "execution_row", "rules_of",
           "stated_row"]

_STORED = ("parameter", "buffer")


@dataclass(frozen=True, slots=True)
class Change:
    """What one rule made of one amount of a row."""

    rule: str
    amount: str
    before: float
    after: float


@dataclass(frozen=True)
class ExecutionRow:
    """One row: the draft before any rule, and what each rule that changed something made of it.

    stated: the draft of what the operator states
    history: names of the rules that changed the draft, each with its result
    """

    stated: Draft
    history: tuple[tuple[str, Draft], ...]

    @property
    def draft(self) -> Draft:
        """The row as every rule left it."""
        return self.history[-1][1] if self.history else self.stated

    @property
    def name(self) -> str:
        return self.stated.name

    @property
    def operator(self) -> str:
        return self.stated.operator

    @property
    def phase(self) -> str:
        return self.stated.phase

    @property
    def source(self) -> TransistorRow | None:
        """The priced row that this one executes; None for what belongs to an execution as a whole."""
        return self.stated.row

    def __getitem__(self, amount: str) -> float:
        """One of ``tocompiler.runtimes.draft.AMOUNTS``."""
        return self.draft.amount(amount)

    @cached_property
    def facts(self) -> Mapping[str, float]:
        """What a correction may look at, by the names of ``hardware.terms.FACTS``."""
        return facts_of(self.draft)

    @property
    def trace(self) -> Iterator[Change]:
        """Which rule moved which amount from what to what, in order."""
        before = self.stated
        for name, after in self.history:
            for amount in AMOUNTS:
                was, is_ = before.amount(amount), after.amount(amount)
                if was != is_:
                    yield Change(name, amount, was, is_)
            before = after


@dataclass(frozen=True)
class ExecutionProgram:
    """The rows of a program under a runtime; ``execution`` is what belongs to an execution and to no operator.

    layer: a number for each row; an operator's backward pass and the optimizer's steps on its parameters are one
    layer, as they are when a layer is measured alone
    """

    program: TransistorProgram
    runtime: Runtime
    rows: tuple[ExecutionRow, ...]
    execution: ExecutionRow
    layer: tuple[int, ...]

    def __repr__(self) -> str:
        return f"<ExecutionProgram {self.name} on {self.runtime.name}: {len(self.rows)} rows>"

    def _repr_html_(self) -> str:
        from tocompiler.report.notebook import execution_html

        return execution_html(self)

    @property
    def name(self) -> str:
        """The network's name."""
        return self.program.name

    @property
    def rules(self) -> tuple[RuleUse, ...]:
        return self.runtime.rules


def execute(program: Program, runtime: Runtime | str = "generic", *, last_cache_byte: float | None = None,
            conditions: Mapping[str, str] | None = None) -> ExecutionProgram:
    """What a runtime (or a shipped one's name, or a runtime file) makes of a compiled program.

    ``last_cache_byte`` is the capacity of the last cache (None: everything fits); ``conditions`` are those of a
    measured row, and override the rules' parameters of their names. ValueError where a dimension is still symbolic,
    or names a rule or parameter that is unknown.
    """
    program = compiled(program)
    known = _known(runtime, last_cache_byte)
    heard = {k: v for k, v in (conditions or {}).items() if k != "runtime"}
    key = ("execution", known.key, tuple(sorted(heard.items())))
    found = program.remembered.get(key)
    if not isinstance(found, ExecutionProgram):
        found = program.remembered[key] = _executed(program, known, applied(known, heard))
    return found


def _known(runtime: Runtime | str, last_cache_byte: float | None) -> Runtime:
    known = runtime if isinstance(runtime, Runtime) else load_runtime(runtime)
    if last_cache_byte is None or any(r.name == "last_cache" for r in known.rules):
        return known
    return replace(known, rules=(*known.rules, RuleUse(
        "last_cache", {"capacity_byte": float(last_cache_byte)}, "the device's memory")))


def rules_of(runtime: Runtime | str, last_cache_byte: float | None = None) -> tuple[Runtime, tuple[Applied, ...]]:
    """A runtime with its last cache, and its rules ready for rows."""
    known = _known(runtime, last_cache_byte)
    return known, applied(known, {})


def _executed(program: TransistorProgram, runtime: Runtime, rules: tuple[Applied, ...]) -> ExecutionProgram:
    for row in program.rows:
        if not all(isinstance(n, int | float) for n in (row.transistor_operations, row.traffic_bit)):
            raise ValueError(f"operator '{row.name}' has a symbolic dimension: bind it (--dim NAME=N)")
    network = program.network
    operators = {op.name: op for op in network.operators}
    first_read = _first_reads(network)
    stated = [stated_row(row, operators.get(row.source or ""), first_read.get(row.source or "", 0.0))
              for row in program.rows]
    rows = executed_rows(stated, [1] * len(stated), rules)
    return ExecutionProgram(program, runtime, rows, execution_row(network, rules), _layers(program))


def executed_rows(stated: Sequence[Draft], counts: Sequence[int], rules: tuple[Applied, ...]
                  ) -> tuple[ExecutionRow, ...]:
    """What the rules make of the rows of one execution, each of which occurs so many times."""
    held = sum(count * (draft.weight_byte + draft.input_byte) for draft, count in zip(stated, counts, strict=True))
    return tuple(_through(replace(draft, held_byte=held), rules) for draft in stated)


def execution_row(network: Network, rules: tuple[Applied, ...]) -> ExecutionRow:
    """What belongs to an execution of the network and to none of its operators."""
    return _through(Draft(network.name, "execution", "forward", network=network, constant=1.0), rules)


def _through(draft: Draft, rules: tuple[Applied, ...]) -> ExecutionRow:
    history = []
    stated = draft
    for rule in rules:
        if rule.concerns(draft.operator):
            changed = rule(draft)
            if changed is not draft:
                draft = changed
                history.append((rule.rule.name, draft))
    return ExecutionRow(stated, tuple(history))


def stated_row(row: TransistorRow, op: Operator | None, first_read_byte: float) -> Draft:
    """What a row states: its arithmetic as priced, every operand touched and every result written once, one kernel.
    It is the first to read parameters of ``first_read_byte``."""
    alu = row.alu
    stored = [a for a in alu.reads if a.kind in _STORED]
    read = sum(byte_of(a.format) * a.elements for a in alu.reads if a.kind not in _STORED)
    written = sum(byte_of(a.format) * a.elements for a in alu.writes)
    activation, weight = (Operand(s.distribution, s.zeros) for s in alu.operands)
    draft = Draft(
        row.name, row.operator, row.phase, row, op, operands=Operands(weight, activation),
        executed=real(row.transistor_operations), products=real(row.multiply_accumulates), touched_byte=read,
        written_byte=written, read_byte=read, working_set_byte=read + written, kernels=1.0,
        allocations=(written,) if op is not None else (),
        first_read_byte=first_read_byte if row.phase == "forward" else 0.0,
        input_byte=sum(byte_of(a.format) * a.elements for a in alu.reads if a.kind == "input"),
        weight_byte=sum(byte_of(a.format) * a.elements for a in stored))
    return _windowed(draft, op) if op is not None else draft


def _windowed(draft: Draft, op: Operator) -> Draft:
    """A convolution or pooling touches only the lines of its image that its window meets.

    What it moves beyond the image and the result is a gradient's, and written.
    """
    window = window_of(op)
    if window is None:
        return draft
    image, result = (byte_of(t.format) * real(t.elements) for t in (op.given(0), op.outputs[0]))
    written = result + larger(draft.working_set_byte - image - result, 0.0)
    return replace(draft, window=window, touched_byte=image * window.touched, read_byte=image, written_byte=written,
                   working_set_byte=image + written, allocations=(result,))


def _first_reads(network: Network) -> dict[str, float]:
    """Bytes of the parameters that each operator is the first to read, whole tables even where it gathers rows."""
    seen: set[str] = set()
    loaded: dict[str, float] = {}
    for op in network.operators:
        new = {t.name: t for t in op.inputs if t is not None and t.kind in _STORED and t.name not in seen}
        loaded[op.name] = sum(byte_of(t.format) * real(t.elements) for t in new.values())
        seen |= new.keys()
    return loaded


def _layers(program: TransistorProgram) -> tuple[int, ...]:
    """The number of each row's layer: steps join the backward pass of the first operator that reads the parameter, and
    what a library runs with a product joins it (tocompiler.layering)."""
    readers: dict[str, str] = {}
    backward = {row.source for row in program.rows if row.phase == "backward"}
    for op in program.network.operators:
        for t in op.inputs:
            if t is not None and t.kind == "parameter" and op.name in backward:
                readers.setdefault(t.name, op.name)
    joined = joined_operators(program.network)
    number: dict[tuple[str, str], int] = {}
    keys = (_layer(row, readers) for row in program.rows)
    return tuple(number.setdefault((phase, joined.get(name, name)), len(number)) for phase, name in keys)


def _layer(row: TransistorRow, readers: Mapping[str, str]) -> tuple[str, str]:
    if row.parameter is not None and row.parameter in readers:
        return "backward", readers[row.parameter]
    return row.phase, row.name if row.source is None else row.source
