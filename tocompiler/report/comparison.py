"""Comparison: programs side by side, each with the ratio of its energy to the first's and that ratio's own interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tocompiler.report.columns import columns
from tocompiler.report.compiled import plain
from tocompiler.report.units import si

if TYPE_CHECKING:
    from hardware.device import Device
    from tocompiler.costing import TransistorProgram
    from tocompiler.energy.prediction import Prediction, Ratio
    from tocompiler.report.planning import Plan

__all__ = ["Compared", "as_json", "as_table", "ratio_of"]


@dataclass(frozen=True)
class Compared:
    """One column of a comparison: a program on a device, and the samples of one execution."""

    label: str
    program: TransistorProgram
    device: Device
    prediction: Prediction
    batch: int

    @property
    def joule_per_sample(self) -> float:
        """Energy of one sample."""
        return self.prediction.energy_joule / self.batch


def ratio_of(one: Compared, base: Compared) -> Ratio:
    """Energy of one sample over the base's. Errors of two devices are independent; those of one cancel in part
    (``tocompiler.energy.prediction.ratio``)."""
    from tocompiler.energy.prediction import Ratio, ratio

    samples = base.batch / one.batch
    if one.device is base.device or one.device == base.device:
        found = ratio(one.program, base.program, one.device)
        return Ratio(found.value * samples, found.low * samples, found.high * samples)
    value = one.joule_per_sample / base.joule_per_sample
    half = math.hypot(one.prediction.half_width, base.prediction.half_width)
    return Ratio(value, value * math.exp(-half), value * math.exp(half))


def as_table(compared: Sequence[Compared], plan: Plan | None = None) -> str:
    """Every program in a line, then where the energies of the first two part, by kind of operator."""
    base, several = compared[0], len({c.batch for c in compared}) > 1
    rows = []
    for one in compared:
        p, totals = one.prediction, one.program.totals
        found = ratio_of(one, base)
        said = "1" if one is base else f"{found.value:.3g} ({found.low:.3g} to {found.high:.3g})"
        rows.append((one.label, si(totals.multiply_accumulates), si(totals.transistor_operations),
                     si(totals.traffic_bit, "bit"), si(p.energy_joule, "J"),
                     f"{si(p.low_joule, 'J')} to {si(p.high_joule, 'J')}",
                     *((si(one.joule_per_sample, "J"),) if several else ()), said, "" if p.in_domain else "outside"))
    headers = ["subject", "MACs", "transistor ops", "traffic", "energy", "90 % interval",
               *(("per sample",) if several else ()), "ratio to the first" + (", per sample" if several else ""),
               "domain"]
    lines = [columns(rows, headers)]
    if len(compared) > 1:
        lines += ["", columns(_kinds(base, compared[1]), ("operator", base.label, compared[1].label, "difference"))]
    for one in compared:
        if plan is not None:
            lines.append(f"{one.label}: {plan.sentence(plan.figures(one.prediction))}")
        if not one.prediction.in_domain:
            lines.append(f"{one.label} lies {one.prediction.statement}.")
    return "\n".join(lines)


def _kinds(a: Compared, b: Compared) -> list[tuple[str, str, str, str]]:
    """Energy by kind of operator in two programs, the greatest difference first."""
    first, second = _by_kind(a), _by_kind(b)
    kinds = sorted({*first, *second}, key=lambda kind: -abs(second.get(kind, 0.0) - first.get(kind, 0.0)))
    return [(kind, si(first.get(kind, 0.0), "J"), si(second.get(kind, 0.0), "J"),
             si(second.get(kind, 0.0) - first.get(kind, 0.0), "J")) for kind in kinds]


def _by_kind(one: Compared) -> dict[str, float]:
    found = {"per execution": one.prediction.execution_joule} if one.prediction.execution_joule else {}
    for operator in one.prediction.operators:
        found[operator.operator] = found.get(operator.operator, 0.0) + operator.energy_joule
    return found


def as_json(compared: Sequence[Compared], plan: Plan | None = None) -> dict[str, Any]:
    """Every figure of a comparison, with units in the key names."""
    entries = []
    for one in compared:
        p, totals, found = one.prediction, one.program.totals, ratio_of(one, compared[0])
        entries.append({
            "label": one.label, "network": one.program.name, "format": one.program.alu.format,
            "phase": one.program.alu.phase, "batch": one.batch, "device": one.device.name,
            "multiply_accumulates": plain(totals.multiply_accumulates),
            "transistor_operations": plain(totals.transistor_operations), "traffic_bit": plain(totals.traffic_bit),
            "energy_joule": p.energy_joule, "energy_low_joule": p.low_joule, "energy_high_joule": p.high_joule,
            "energy_per_sample_joule": one.joule_per_sample, "in_domain": p.in_domain, "reasons": list(p.reasons),
            "ratio": found.value, "ratio_low": found.low, "ratio_high": found.high,
            "energy_by_operator_joule": _by_kind(one),
            "planning": plan.figures(p) if plan is not None else None,
        })
    return {"base": compared[0].label, "compared": entries}
