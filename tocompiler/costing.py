"""Costing: from ALU tasks to transistor operations, with the circuits of one circuit set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from alu_library.pricing import DEFAULT_BASIS, Operand, Operands, price
from alu_library.tasks import Count, Tasks, check_count
from tocompiler.lowering import AluProgram, AluRow, UnmodelledOperator
from tocompiler.network import Network
from tocompiler.tensors import Statistics

if TYPE_CHECKING:
    from pathlib import Path

    import pandas

    from hardware.device import Device

__all__ = ["Totals", "TransistorProgram", "TransistorRow", "compiled", "cost"]


@dataclass(frozen=True, slots=True)
class TransistorRow:
    """One row of an AluProgram, priced.

    ``transistor_operations`` is the expected number of transistor gate terminals that change value (zero delay);
    ``transistors_exercised`` the static transistors of each task's circuit times the number of tasks;
    ``glitch_factor`` what inertial switching would multiply the former by (a sensitivity).
    """

    alu: AluRow
    transistor_operations: Count
    transistors_exercised: Count
    glitch_factor: float

    def __post_init__(self) -> None:
        check_count(self.transistor_operations, f"the transistor operations of '{self.alu.name}'")

    @property
    def name(self) -> str:
        return self.alu.name

    @property
    def operator(self) -> str:
        return self.alu.operator

    @property
    def phase(self) -> str:
        return self.alu.phase

    @property
    def source(self) -> str | None:
        """Name of the network's operator that the row came from."""
        return self.alu.source

    @property
    def parameter(self) -> str | None:
        """Name of the tensor that an optimizer's step updates."""
        return self.alu.parameter

    @property
    def multiply_accumulates(self) -> Count:
        return self.alu.multiply_accumulates

    @property
    def alu_tasks(self) -> dict[str, Count]:
        """Counts by task name, number formats together."""
        return self.alu.tasks.by_task()

    @property
    def traffic_bit(self) -> Count:
        return self.alu.traffic_bit


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a program."""

    multiply_accumulates: Count
    parameters: Count
    alu_tasks: dict[str, Count]
    transistor_operations: Count
    traffic_bit: Count


@dataclass(frozen=True)
class TransistorProgram:
    """The third level: every row priced with one circuit set."""

    alu: AluProgram
    circuits: str
    basis: str
    rows: tuple[TransistorRow, ...]

    def __repr__(self) -> str:
        return (f"<TransistorProgram {self.name} {self.alu.format} {self.alu.phase}: {len(self.rows)} rows, circuits "
                f"{self.circuits}>")

    def _repr_html_(self) -> str:
        from tocompiler.report.notebook import transistors_html

        return transistors_html(self)

    def to_dataframe(self, device: Device | str | None = None) -> pandas.DataFrame:
        """One record for each row, with energies where a device (or its name or file) is given; needs pandas."""
        from tocompiler.report.handing_over import dataframe

        return dataframe(self, device)

    def report(self, device: Device | str, path: str | Path | None = None) -> str:
        """The page of ``tocompiler report`` as HTML text, written to a file where a path is given."""
        from tocompiler.report.handing_over import report

        return report(self, device, path)

    @property
    def name(self) -> str:
        """The network's name."""
        return self.alu.network.name

    @property
    def network(self) -> Network:
        """The network as it was lowered, after its passes."""
        return self.alu.network

    @property
    def operators(self) -> tuple[TransistorRow, ...]:
        """The rows; the name that users expect."""
        return self.rows

    @property
    def unmodelled(self) -> tuple[UnmodelledOperator, ...]:
        return self.alu.unmodelled

    @cached_property
    def remembered(self) -> dict[object, object]:
        """What later levels made of this program already, by keys of their own."""
        return {}

    @cached_property
    def totals(self) -> Totals:
        return Totals(self.alu.multiply_accumulates, self.alu.parameters, self.alu.tasks.by_task(),
                      sum(row.transistor_operations for row in self.rows), self.alu.traffic_bit)


def compiled(program: object) -> TransistorProgram:
    """The program itself; ValueError where it is anything but what ``compile`` returns."""
    if isinstance(program, TransistorProgram):
        return program
    raise ValueError(f"a {type(program).__name__} is not a compiled program: give what tocompiler.compile returns")


def cost(program: AluProgram, circuits: str = "default", basis: str = DEFAULT_BASIS) -> TransistorProgram:
    """Price every row. ValueError names a task and format that the circuit set has no circuit for."""
    return TransistorProgram(program, circuits, basis, tuple(_priced(program.rows, circuits, basis)))


def _priced(rows: Iterable[AluRow], circuits: str, basis: str) -> Iterable[TransistorRow]:
    alike: dict[tuple[Tasks, tuple[Statistics, Statistics]], tuple[Count, Count, float]] = {}
    for row in rows:
        key = row.tasks, row.operands
        if key not in alike:
            alike[key] = _switching(*key, circuits, basis)
        yield TransistorRow(row, *alike[key])


def _switching(tasks: Tasks, statistics: tuple[Statistics, Statistics], circuits: str, basis: str
               ) -> tuple[Count, Count, float]:
    """Transistor operations, transistors and glitch factor of a row's tasks on its operands."""
    # A Booth multiplier recodes its second operand and rests when that one is zero: it gets the activation.
    activation, weight = (Operand(s.distribution, s.zeros) for s in statistics)
    operands = Operands(weight, activation)
    passing = Operands(weight, activation, stream="output")  # an array holds operands of products that are summed
    switched: Count = 0
    glitched: Count = 0
    static: Count = 0
    for (task, format), n in tasks.items():
        p = price(task, format, operands if task == "multiply_accumulate" else passing, circuits, basis)
        switched += p.transistor_operations * n
        glitched += p.transistor_operations * p.glitch_factor * n
        static += p.transistors * n
    return switched, static, _ratio(glitched, switched)


def _ratio(glitched: Count, switched: Count) -> float:
    if switched == 0 or not isinstance(switched, (int, float)):
        return 1.0
    ratio: float = glitched / switched  # type: ignore[assignment]
    return ratio


def operand_summary(program: AluProgram) -> str:
    """The operand statistics that a program was priced with, in words: printed with every total."""
    zeros = sorted({s.zeros for row in program.rows for s in row.operands})
    distributions = sorted({s.distribution for row in program.rows for s in row.operands})
    return f"{'/'.join(distributions) or Statistics().distribution}, zeros {', '.join(f'{z:g}' for z in zeros) or '0'}"
