"""Programs of a sweep: what an execution consists of, each distinct row lowered, priced and placed once.

Rows are told apart by what decides them: operator, attributes, shapes, formats, kinds and statistics of operands. What
was met before, in this network or in an earlier one of the same sweep, is taken from memory: a network that differs in
one layer costs that layer, and a stack of equal blocks costs one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hardware.runtime import RuleUse, Runtime
from hardware.terms import FACTS
from tocompiler.compiler import compile
from tocompiler.costing import cost
from tocompiler.energy.columns import amounts_of
from tocompiler.energy.domain import outside
from tocompiler.execution import ExecutionRow, execute, executed_rows, execution_row, rules_of, stated_row
from tocompiler.lanes import Lane, real
from tocompiler.layering import joined_operators
from tocompiler.lowering import UnmodelledOperator, lower
from tocompiler.network import Network
from tocompiler.passes import AluPass, NetworkPass, Request, apply, selected
from tocompiler.runtimes import Applied
from tocompiler.runtimes.draft import byte_of
from tocompiler.tensors import Operator, Tensor

if TYPE_CHECKING:
    from hardware.device import Device

__all__ = ["Memory", "Placed", "Program", "Row", "Setting", "placed", "summed"]


_OF_ALL_ROWS = ("inputs_held",)
"""Rules that make of a row what depends on all others."""


@dataclass(frozen=True)
class Setting:
    """How networks are compiled, and what executes them."""

    format: str | None = None
    phase: str = "inference"
    circuits: str = "default"
    optimizer: str = "sgd"
    options: tuple[str, ...] = ()
    device: Device | None = None

    @property
    def runtime(self) -> Runtime | str:
        return "generic" if self.device is None else self.device.runtime

    @property
    def last_cache_byte(self) -> float | None:
        return None if self.device is None else self.device.last_cache_byte

    @property
    def by_layer(self) -> bool:
        """Whether the device is predicted layer by layer, by facts of each."""
        return self.device is not None and all(m.level != "program" for m in self.device.models.values())

    @property
    def key(self) -> Any:
        return self.format, self.circuits, id(self.device)


@dataclass(frozen=True, slots=True)
class Row:
    """What is kept of an executed row.

    amounts: of each term (hardware.terms); facts: in their order, where the device looks at them
    products: multiply-accumulates by format; unlike: for each model, whether no measured row was of this kind
    """

    operator: str
    phase: str
    amounts: tuple[Any, ...]
    multiply_accumulates: Any
    traffic_bit: Any
    transistor_operations: Any
    executed_products: Any
    products: tuple[tuple[str, Any], ...]
    facts: tuple[Any, ...]
    unlike: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Placed:
    """The rows of one layer, which occurs ``count`` times."""

    count: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Program:
    """An execution: its distinct layers, and what belongs to none of them."""

    name: str
    layers: tuple[Placed, ...]
    execution: tuple[Any, ...]
    rules: tuple[RuleUse, ...]
    parameters: Any
    unmodelled: tuple[UnmodelledOperator, ...] = ()

    def total(self, of: str) -> Any:
        """The sum of one count of the rows, as in ``multiply_accumulates``."""
        return summed((layer.count, getattr(row, of)) for layer in self.layers for row in layer.rows)


def summed(parts: Iterable[tuple[int, Any]]) -> Any:
    """The sum of numbers, each as often as it is counted; those of one count are added up first."""
    by_count: dict[int, Any] = {}
    for count, n in parts:
        if type(n) is Lane or n != 0:
            by_count[count] = by_count.get(count, 0) + n
    return sum(count * n for count, n in by_count.items())


@dataclass
class Memory:
    """What was met before: the rows of each distinct operator under each setting, until they fill ``most_byte``."""

    most_byte: int = 512 * 2**20
    rows: dict[Any, Row | UnmodelledOperator] = field(default_factory=dict)
    rules: dict[Any, tuple[Runtime, tuple[Applied, ...]]] = field(default_factory=dict)
    _byte: int = 0

    def keep(self, key: Any, row: Row | UnmodelledOperator) -> None:
        """Remember a row, forgetting all others where there is no room."""
        size = 8 * sum(n.values.size for n in _kept(row) if type(n) is Lane) if isinstance(row, Row) else 0
        if self._byte + size > self.most_byte:
            self.rows.clear()
            self._byte = 0
        self.rows[key] = row
        self._byte += size

    def rules_of(self, setting: Setting) -> tuple[Runtime, tuple[Applied, ...]]:
        """The rules of a setting's runtime."""
        key = id(setting.device)
        if key not in self.rules:
            self.rules[key] = rules_of(setting.runtime, setting.last_cache_byte)
        return self.rules[key]


def _kept(row: Row) -> Iterator[Any]:
    """All numbers of a row."""
    yield from (*row.amounts, *row.facts, *(n for _, n in row.products))
    yield from (row.multiply_accumulates, row.traffic_bit, row.transistor_operations, row.executed_products)


def placed(network: Network, setting: Setting, memory: Memory) -> Program:
    """The program of a network. ValueError as ``compile`` raises it."""
    request = Request(setting.format, setting.phase, setting.options)
    if setting.phase != "inference" or selected(request, AluPass):
        return _whole(network, setting)
    made = apply(selected(request, NetworkPass), network)
    runtime, rules = memory.rules_of(setting)
    if joined_operators(made) or any(rule.rule.name in _OF_ALL_ROWS for rule in rules):
        return _whole(network, setting)
    counts: dict[Any, int] = {}
    found: dict[Any, Row | UnmodelledOperator] = {}
    seen: set[str] = set()
    for op in made.operators:
        new = [t for t in op.inputs if t is not None and t.kind in ("parameter", "buffer") and t.name not in seen]
        seen.update(t.name for t in new)
        key = (setting.key, _key(op, {t.name for t in new}))
        counts[key] = counts.get(key, 0) + 1
        if key not in found:
            if key not in memory.rows:
                memory.keep(key, _lowered(op, new, setting, rules))
            found[key] = memory.rows[key]
    layers = tuple(Placed(n, (row,)) for key, n in counts.items() if isinstance(row := found[key], Row))
    missing = tuple(row for row in found.values() if isinstance(row, UnmodelledOperator))
    return Program(made.name, layers, tuple(amounts_of(execution_row(made, rules))), runtime.rules,
                   network.parameters, missing)


def _whole(network: Network, setting: Setting) -> Program:
    """The program where rows depend on each other: training, passes on rows, operators that a library joins."""
    program = compile(network, setting.format, setting.phase, circuits=setting.circuits, optimizer=setting.optimizer,
                      options=setting.options)
    made = execute(program, setting.runtime, last_cache_byte=setting.last_cache_byte)
    layers: dict[int, list[Row]] = {}
    for number, row in zip(made.layer, made.rows, strict=True):
        layers.setdefault(number, []).append(_row(row, setting))
    return Program(program.name, tuple(Placed(1, tuple(rows)) for rows in layers.values()),
                   tuple(amounts_of(made.execution)), made.rules, program.alu.parameters, program.unmodelled)


def _lowered(op: Operator, new: list[Tensor], setting: Setting, rules: tuple[Applied, ...]
             ) -> Row | UnmodelledOperator:
    """One operator, lowered, priced and executed by itself."""
    alu = lower(Network(op.name, [op], outputs=op.outputs), format=setting.format or "fp32", parameters=0)
    if alu.unmodelled:
        return alu.unmodelled[0]
    (priced,) = cost(alu, setting.circuits).rows
    first_read_byte = sum(byte_of(t.format) * real(t.elements) for t in new)
    (executed,) = executed_rows([stated_row(priced, op, first_read_byte)], [1], rules)
    return _row(executed, setting)


def _row(row: ExecutionRow, setting: Setting) -> Row:
    assert row.source is not None
    models = {} if setting.device is None else setting.device.models
    facts = row.facts if setting.by_layer else {}
    products = tuple((format, real(n)) for (task, format), n in row.source.alu.tasks.items()
                     if task == "multiply_accumulate")
    return Row(row.operator, row.phase, tuple(amounts_of(row)), row.source.multiply_accumulates,
               row.source.traffic_bit, row.source.transistor_operations, row["products"], products,
               tuple(facts.get(name, 0.0) for name in FACTS) if facts else (),
               {name: any(True for _ in outside(model, row, 1.0, 0.0)) for name, model in models.items()})


def _key(op: Operator, new: set[str]) -> Any:
    """What decides the row of an operator."""
    names: dict[str, int] = {}
    operands = tuple(None if t is None else (names.setdefault(t.name, len(names)), t.name in new, *_tensor(t))
                     for t in op.inputs)
    return op.operator, _frozen(op.attributes), operands, tuple(_tensor(t) for t in op.outputs)


def _tensor(t: Tensor) -> Any:
    value = None if t.value is None else (t.value.shape, str(t.value.dtype), _frozen(t.value.reshape(-1).tolist()))
    return t.shape, t.format, t.kind, t.statistics, value


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple((k, _frozen(v)) for k, v in sorted(value.items()))
    if isinstance(value, list | tuple):
        return tuple(_frozen(v) for v in value)
    if isinstance(value, np.ndarray):
        return value.shape, str(value.dtype), _frozen(value.reshape(-1).tolist())
    return value if type(value).__hash__ is not None else repr(value)
