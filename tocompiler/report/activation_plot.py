"""Cost against error of activation algorithms, with the Pareto front of each function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tocompiler.extras import needs
from tocompiler.report.figures import save_figure

__all__ = ["draw", "pareto"]


def pareto(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points (error, cost) that no other point undercuts in both, by rising cost.

    >>> pareto([(1.0, 5.0), (2.0, 4.0), (2.5, 4.5), (0.5, 9.0)])
    [(2.0, 4.0), (1.0, 5.0), (0.5, 9.0)]
    """
    front: list[tuple[float, float]] = []
    for error, cost in sorted(points, key=lambda p: (p[1], p[0])):
        if not front or error < front[-1][0]:
            front.append((error, cost))
    return front


@needs("plot", "a figure")
def draw(entries: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """Write the figure to ``path``; its suffix chooses the kind of file."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 6))
    names = sorted({e["name"] for e in entries})
    for i, name in enumerate(names):
        # An error of 0 (a comparison is exact) is drawn at the left edge of the logarithmic axis.
        points = [(max(e["max_error_absolute"], 1e-9), e["relative_to_multiply"]) for e in entries if e["name"] == name]
        colour = plt.get_cmap("tab20")(i % 20)
        front = pareto(points)
        axes.scatter([e for e, _ in points], [c for _, c in points], s=12, color=colour, alpha=0.4)
        axes.step([e for e, _ in front], [c for _, c in front], where="post", color=colour, label=name)
    axes.set(xscale="log", yscale="log", xlabel="largest absolute error measured",
             ylabel="transistor operations / those of one multiply", title=f"Activations in {entries[0]['format']}")
    axes.legend(fontsize=7, ncol=2)
    figure.tight_layout()
    save_figure(figure, path, dpi=150)
    plt.close(figure)
