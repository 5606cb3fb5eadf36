"""Cost of integer circuits against their width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tocompiler.extras import needs
from tocompiler.report.figures import save_figure

__all__ = ["draw"]


@needs("plot", "a figure")
def draw(entries: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """Write the figure to ``path`` (its suffix chooses the kind of file): transistors beside transistor operations of
    the signed circuits among ``entries``, each over the width of its operands in bits."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(12, 6), sharex=True)
    shown = [e for e in entries if e["signed"]]
    names = sorted({e["name"] for e in shown if ":" not in e["name"]})
    for axes, key in zip(panels, ("transistors", "transistor_operations"), strict=True):
        for i, name in enumerate(names):
            points = sorted((e["width"], e[key]) for e in shown if e["name"] == name)
            axes.plot(*zip(*points, strict=True), marker="o", color=plt.get_cmap("tab20")(i % 20), label=name)
        axes.set(xscale="log", yscale="log", xlabel="width [bit]", ylabel=key.replace("_", " "))
        axes.set_xscale("log", base=2)
    panels[1].legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    save_figure(figure, path, dpi=150)
    plt.close(figure)
