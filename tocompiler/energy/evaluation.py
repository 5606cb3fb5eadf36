"""Evaluation: a device's predictions held against measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hardware.device import Device
from hardware.measurement import Measurement
from tocompiler.energy.metrics import coverage, metrics
from tocompiler.energy.prediction import Prediction, predict
from tocompiler.extras import needs
from tocompiler.report.figures import save_figure

__all__ = ["Evaluation", "evaluate", "plot"]


@dataclass(frozen=True)
class Evaluation:
    """Predictions of every measurement on one device."""

    device: str
    names: tuple[str, ...]
    measured_joule: tuple[float, ...]
    predictions: tuple[Prediction, ...]

    @property
    def figures(self) -> dict[str, float]:
        """Errors, correlations and interval coverage."""
        measured = np.array(self.measured_joule)
        found = metrics(measured, np.array([p.energy_joule for p in self.predictions]))
        low, high = (np.array([getattr(p, f"{end}_joule") for p in self.predictions]) for end in ("low", "high"))
        return {**found, "coverage": coverage(measured, low, high)}

    def worst(self, count: int = 10) -> list[int]:
        """Rows with the largest relative error, largest first."""
        errors = [abs(p.energy_joule / m - 1) for m, p in zip(self.measured_joule, self.predictions, strict=True)]
        return sorted(range(len(errors)), key=lambda i: -errors[i])[:count]

    def as_json(self) -> dict[str, Any]:
        """The keys that scripts rely on; ``row`` counts from 1."""
        rows = [{"row": i, "measured_joule": m, "predicted_joule": p.energy_joule, "low_joule": p.low_joule,
                 "high_joule": p.high_joule, "in_domain": p.in_domain}
                for i, (m, p) in enumerate(zip(self.measured_joule, self.predictions, strict=True), 1)]
        return {"device": self.device, "rows": len(rows), **self.figures, "predictions": rows}


def evaluate(measurements: Sequence[Measurement], device: Device) -> Evaluation:
    """Predict every measurement from its program alone."""
    return Evaluation(device.name, tuple(m.program.name for m in measurements),
                      tuple(m.joule_per_execution for m in measurements),
                      tuple(predict(m.program, device, m.conditions) for m in measurements))


@needs("plot", "a figure")
def plot(evaluation: Evaluation, path: Path) -> None:
    """Predicted against measured energy, and log residuals over predicted energy, as one image."""
    from matplotlib.figure import Figure

    measured = np.array(evaluation.measured_joule)
    predicted = np.array([p.energy_joule for p in evaluation.predictions])
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    ends = [min(measured.min(), predicted.min()), max(measured.max(), predicted.max())]
    left.loglog(measured, predicted, ".", alpha=0.5)
    left.loglog(ends, ends, "k-", linewidth=0.8)
    left.set(xlabel="measured (J)", ylabel="predicted (J)", title=evaluation.device)
    right.semilogx(predicted, np.log(predicted / measured), ".", alpha=0.5)
    right.axhline(0, color="k", linewidth=0.8)
    right.set(xlabel="predicted (J)", ylabel="log(predicted / measured)", title="residuals")
    save_figure(figure, path)
