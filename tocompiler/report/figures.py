"""Figures as image files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardware.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["KINDS", "save_figure"]

KINDS = (".pdf", ".png", ".svg")
"""Suffixes of the images that are drawn."""


def save_figure(figure: Figure, path: str | Path, **options: Any) -> None:
    """Write an image, whole or not at all; ValueError where the path's suffix is none of ``KINDS``."""
    kind = Path(path).suffix.lower()
    if kind not in KINDS:
        raise ValueError(f"{path}: ends in none of {', '.join(KINDS)}")
    with replacing(path) as beside:
        figure.savefig(beside, format=kind[1:], **options)
