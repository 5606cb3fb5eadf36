"""``--explain``: every constant behind a compiled program's figures, with its source and how it was obtained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabulate import tabulate

from alu_library.formats import accumulator
from alu_library.functions import function
from alu_library.pricing import Operands, price
from hardware.terms import TERMS
from tocompiler.assumptions import assumptions
from tocompiler.costing import TransistorProgram, operand_summary

if TYPE_CHECKING:
    from hardware.device import Device
    from hardware.energy_model import EnergyModel
    from tocompiler.execution import ExecutionProgram

__all__ = ["explanation"]


def explanation(program: TransistorProgram, device: Device | None = None,
                execution: ExecutionProgram | None = None) -> str:
    """Sections of text: passes, circuits, elementary functions, assumptions and, with them, what a runtime changed and
    the device."""
    sections = [f"Passes, in order: {', '.join(program.alu.passes) or 'none'}", _circuits(program), _functions(program),
                _assumptions()]
    if execution is not None:
        from tocompiler.report.execution import trace

        sections.append(trace(execution))
    if device is not None:
        sections.append(_device(device))
    return "\n\n".join(section for section in sections if section)


def _circuits(program: TransistorProgram) -> str:
    """One line for each task and format: the circuit, at the default operands."""
    keys = sorted({key for row in program.rows for key in row.alu.tasks})
    rows = []
    for task, format in keys:
        p = price(task, format, Operands(), program.circuits, program.basis)
        sums = accumulator(format) if task == "multiply_accumulate" else ""
        rows.append((task, format, sums, p.circuit, f"{p.transistors}", f"{p.transistor_operations:.1f}",
                     f"{p.glitch_factor:.2f}", f"{100 * p.error:.1f} %"))
    table = tabulate(rows, disable_numparse=True, headers=(
        "task", "format", "accumulator", "circuit", "transistors", "TO, dense normal", "glitch factor", "table error"))
    return (f"Circuits (set '{program.circuits}', basis {program.basis}; derived: counted and simulated from netlists, "
            f"`tocompiler circuits`; this program's operands: {operand_summary(program.alu)})\n{table}")


def _functions(program: TransistorProgram) -> str:
    keys = sorted({key for row in program.rows for key in row.alu.functions})
    rows = []
    for name, format in keys:
        f = function(name, format)
        tasks = ", ".join(f"{n} {task}.{fmt}" for (task, fmt), n in sorted(f.tasks.items()))
        rows.append((name, format, f.algorithm, f.internal_format, f"{f.max_error_ulp:.3g}", tasks, f.program_hash))
    if not rows:
        return ""
    table = tabulate(rows, disable_numparse=True, headers=(
        "function", "format", "algorithm", "internal", "max error, ulp", "tasks", "program"))
    return f"Elementary functions (measured error over the format, `tocompiler activations`)\n{table}"


def _assumptions() -> str:
    rows = [(a.name, f"{a.value:g}", a.unit, a.obtained, a.year, a.meaning, a.source) for a in assumptions().values()]
    return "Assumptions\n" + tabulate(rows, disable_numparse=True,
                                      headers=("name", "value", "unit", "obtained", "year", "meaning", "source"))


def _device(device: Device) -> str:
    lines = [f"Device {device.name}: {device.description}",
             f"fitted to {device.rows} measurements (data {device.data_hash}); {device.source}"]
    lines += [f"  {level.name}: {level.capacity_byte or 'unbounded'} byte ({level.source})" for level in device.memory]
    for name, model in device.models.items():
        lines += [f"  {name}: {term} {value:.4g} J per {TERMS[term].unit} ({TERMS[term].meaning}; fitted)"
                  for term, value in zip(model.terms, model.coefficients, strict=True) if value]
        lines.append(f"  {name}: power of the sum {model.exponent:.4g}; {_correction(model)}; interval of "
                     f"{100 * model.interval.level:g} % from residuals worth {model.interval.rows} "
                     "independent rows")
    return "\n".join(lines)


def _correction(model: EnergyModel) -> str:
    if model.kernel is None:
        return "no correction"
    return f"correction learned from {len(model.kernel.centres)} rows, looking at {', '.join(model.kernel.inputs)}"
