"""The result of ``tocompiler compile``: the per-layer table and its JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alu_library.tasks import Count
from tocompiler.costing import TransistorProgram, TransistorRow, operand_summary
from tocompiler.operators.grouped_matmul import active_parameters
from tocompiler.report.columns import columns
from tocompiler.report.grouping import LONG, Group, grouped
from tocompiler.report.planning import Plan
from tocompiler.report.units import si

if TYPE_CHECKING:
    from hardware.device import Device
    from tocompiler.energy.prediction import Prediction
    from tocompiler.execution import ExecutionProgram

__all__ = ["SCHEMA_VERSION", "as_json", "as_table"]

_A_SIZE = 128  # of every open dimension, where formulas are to be ranked
SCHEMA_VERSION = 1
"""Of ``data/compile.schema.json``: counts up where a key goes or changes its meaning; new keys leave it."""


def as_table(program: TransistorProgram, prediction: Prediction | None, device: str | None,
             top: int | None = None, execution: ExecutionProgram | None = None, plan: Plan | None = None) -> str:
    """One line for each row of the program (or the ``top`` dearest; blocks that are alike together in a long one), the
    totals, and what they mean."""
    energies = _energies(program, prediction)
    total = program.totals
    groups = _groups(program)
    if top is not None:
        groups = [groups[i] for i in sorted(_dearest(program, energies, groups, top))]
    whole = prediction.energy_joule if prediction else total.transistor_operations
    repeated = any(len(rows) > 1 for _, rows in groups)
    rows = []
    for name, members in groups:
        row, energy = program.rows[members[0]], energies[members[0]]
        part = _sum(energies, members) if prediction else row.transistor_operations * len(members)
        rows.append((name, row.operator, *((f"x{len(members)}",) if repeated else ()), si(row.multiply_accumulates),
                     si(row.alu.tasks.total()), si(row.transistor_operations), si(row.traffic_bit, "bit"),
                     *((si(energy, "J"),) if prediction else ()), _share(part, whole)))
    if prediction is not None and prediction.execution_joule:
        rows.append(("per execution", "", *(("",) if repeated else ()), "", "", "", "",
                     si(prediction.execution_joule, "J"), _share(prediction.execution_joule, whole)))
    rows.append(("total", "", *(("",) if repeated else ()), si(total.multiply_accumulates),
                 si(program.alu.tasks.total()), si(total.transistor_operations), si(total.traffic_bit, "bit"),
                 *((si(prediction.energy_joule, "J"),) if prediction else ()), ""))
    headers = ["layer", "operator", *(("count",) if repeated else ()), "MACs", "ALU tasks", "transistor ops", "traffic",
               *(("energy",) if prediction else ()), "share"]
    table = columns(rows, headers, left=2)
    if top is not None and not isinstance(total.transistor_operations, (int, float)):
        table += f"\nThe dearest where every open dimension is {_A_SIZE}."
    return "\n".join([_heading(program, device), "", table, "", *_meaning(program, prediction, device, execution,
                                                                          plan)])


def as_json(program: TransistorProgram, prediction: Prediction | None, model: str, batch: int | None,
            device: Device | None, plan: Plan | None = None) -> dict[str, Any]:
    """Every figure, with units in the key names; energies and traffic by level are None without a device."""
    total = program.totals
    levels = [_by_level(row, device) for row in program.rows]
    energies = _energies(program, prediction)
    return {
        "schema_version": SCHEMA_VERSION,
        "model": model,
        "format": program.alu.format,
        "phase": program.alu.phase,
        "batch": batch,
        "circuits": program.circuits,
        "basis": program.basis,
        "operands": operand_summary(program.alu),
        "options": list(program.alu.options),
        "passes": list(program.alu.passes),
        "notes": list(program.network.notes),
        "device": device.name if device is not None else None,
        "totals": {
            "multiply_accumulates": plain(total.multiply_accumulates),
            "parameters": plain(total.parameters),
            "active_parameters": plain(active_parameters(program.network.operators, total.parameters)),
            "alu_tasks": {task: plain(n) for task, n in total.alu_tasks.items()},
            "transistor_operations": plain(total.transistor_operations),
            "traffic_bit": plain(total.traffic_bit),
            "traffic_by_level_bit": _level_totals(levels),
            "energy_joule": prediction.energy_joule if prediction else None,
            "energy_low_joule": prediction.low_joule if prediction else None,
            "energy_high_joule": prediction.high_joule if prediction else None,
            "execution_joule": prediction.execution_joule if prediction else None,
            "latency_second": prediction.second if prediction else None,
            "latency_low_second": prediction.low_second if prediction else None,
            "latency_high_second": prediction.high_second if prediction else None,
            "power_watt": prediction.watt if prediction else None,
        },
        "planning": plan.figures(prediction) if plan is not None and prediction is not None else None,
        "in_domain": prediction.in_domain if prediction else None,
        "reasons": list(prediction.reasons) if prediction else None,
        "flags": list(prediction.flags) if prediction else None,
        "operators": [
            {
                "name": row.name,
                "operator": row.operator,
                "source": row.source,
                "phase": row.phase,
                "multiply_accumulates": plain(row.multiply_accumulates),
                "alu_tasks": {task: plain(n) for task, n in row.alu_tasks.items()},
                "transistor_operations": plain(row.transistor_operations),
                "glitch_factor": row.glitch_factor,
                "traffic_bit": plain(row.traffic_bit),
                "traffic_by_level_bit": by_level,
                "energy_joule": energy,
            }
            for row, energy, by_level in zip(program.rows, energies, levels, strict=True)
        ],
        "unmodelled": [{"name": u.name, "operator": u.operator, "reason": u.reason} for u in program.unmodelled],
    }


def _by_level(row: TransistorRow, device: Device | None) -> dict[str, int | float | str] | None:
    """Bits that cross each memory level that has a capacity, at the least (``AluRow.traffic``)."""
    if device is None:
        return None
    sized = {level.name: 8 * level.capacity_byte for level in device.memory if level.capacity_byte is not None}
    return dict(zip(sized, map(plain, row.alu.traffic(list(sized.values()))), strict=True))


def _level_totals(rows: list[dict[str, Any] | None]) -> dict[str, Any] | None:
    found = [row for row in rows if row is not None]
    return {level: sum(row[level] for row in found) for level in found[0]} if found else None


def plain(count: Count) -> int | float | str:
    """A count as JSON can hold it: symbolic ones as their expression's text."""
    return count if isinstance(count, (int, float)) else str(count)


def _groups(program: TransistorProgram) -> list[Group]:
    """Each row by itself, or in a long table the rows of blocks that are alike together."""
    names = [row.name for row in program.rows]
    if len(names) <= LONG:
        return [(name, [i]) for i, name in enumerate(names)]
    return grouped(names, [(row.operator, row.multiply_accumulates, row.transistor_operations, row.traffic_bit)
                           for row in program.rows])


def _dearest(program: TransistorProgram, energies: list[float | None], groups: list[Group], top: int) -> list[int]:
    single = [row.transistor_operations if e is None else e for e, row in zip(energies, program.rows, strict=True)]
    weights = [_at_a_size(sum(single[i] for i in rows)) for _, rows in groups]
    return sorted(range(len(weights)), key=lambda i: -weights[i])[:top]


def _at_a_size(cost: Any) -> float:
    """A number, or what an expression is where every open dimension is ``_A_SIZE``."""
    if isinstance(cost, (int, float)):
        return cost
    return float(cost.subs(dict.fromkeys(cost.free_symbols, _A_SIZE)))


def _sum(energies: list[float | None], rows: list[int]) -> float:
    return sum(e for i in rows if (e := energies[i]) is not None)


def _energies(program: TransistorProgram, prediction: Prediction | None) -> list[float | None]:
    if prediction is None:
        return [None] * len(program.rows)
    return [operator.energy_joule for operator in prediction.operators]


def _share(part: Any, whole: Any) -> str:
    known = isinstance(part, (int, float)) and isinstance(whole, (int, float)) and whole
    return f"{100 * part / whole:.1f} %" if known else ""


def _heading(program: TransistorProgram, device: str | None) -> str:
    every = program.totals.parameters
    active = active_parameters(program.network.operators, every)
    counted = f"{si(every)} parameters" + ("" if active == every else f" ({si(active)} active for a token)")
    parts = [program.name, program.alu.format, program.alu.phase, counted]
    if program.alu.options:
        parts.append("options " + ", ".join(program.alu.options))
    if device is not None:
        parts.append(f"device {device}")
    return " · ".join(parts)


def _meaning(program: TransistorProgram, prediction: Prediction | None, device: str | None,
             execution: ExecutionProgram | None, plan: Plan | None) -> list[str]:
    lines = [f"Circuits: set '{program.circuits}', basis {program.basis}; operands: {operand_summary(program.alu)}."]
    if program.network.notes:
        lines.append(f"Formats: {'; '.join(program.network.notes)}.")
    if execution is not None:
        from tocompiler.report.execution import attention_note

        lines += attention_note(execution)
    macs = program.totals.multiply_accumulates
    tasks = program.alu.tasks
    if isinstance(macs, int) and macs > 0 and program.alu.phase == "inference":
        beyond = 1 - _products_share(program)
        lines.append(f"{100 * beyond:.1f} % of the transistor operations are in operators that a MAC counter "
                     f"leaves out ({si(tasks.total() - macs)} ALU tasks beside {si(macs)} MACs).")
    if prediction is not None:
        lines.append(f"One {program.alu.phase} pass takes {si(prediction.energy_joule, 'J')} on {device} "
                     f"(90 % interval {si(prediction.low_joule, 'J')} to {si(prediction.high_joule, 'J')}).")
        if prediction.second is not None:
            lines.append(f"It lasts {si(prediction.second, 's')} ({si(prediction.low_second, 's')} to "
                         f"{si(prediction.high_second, 's')}): {si(prediction.watt, 'W')} on average.")
        lines += [f"The device's data sheet says otherwise: {flag}." for flag in prediction.flags]
        if prediction.execution_joule > 0.005 * prediction.energy_joule:
            lines.append(f"{si(prediction.execution_joule, 'J')} of it belong to the execution and to no operator: "
                         "start-up, host, idle.")
        if plan is not None:
            lines.append(plan.sentence(plan.figures(prediction)))
        if not prediction.in_domain:
            lines.append(f"Take it as an extrapolation: it lies {prediction.statement}.")
    if program.unmodelled:
        lines.append("Not counted: " + "; ".join(f"{u.name} ({u.operator}: {u.reason})" for u in program.unmodelled))
    return lines


def _products_share(program: TransistorProgram) -> float:
    counted = sum(r.transistor_operations for r in program.rows if r.multiply_accumulates != 0)
    return float(counted / program.totals.transistor_operations) if program.totals.transistor_operations else 1.0
