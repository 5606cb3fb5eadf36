"""Where a command's results go: standard output, or a file that is written whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from hardware.files import write_text
from tocompiler.report.columns import printable
from tocompiler.report.figures import KINDS

__all__ = ["image", "note", "put", "put_json"]


def image(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Option callback: the path of an image, whose suffix is checked before anything is computed."""
    if path is not None and path.suffix.lower() not in KINDS:
        raise click.BadParameter(f"'{path}' ends in none of {', '.join(KINDS)}")
    return path


def put(text: str, path: str | Path | None = None) -> None:
    """Text and a line's end, to a file or (None or ``-``) to standard output, where no name moves the cursor."""
    if path is None or str(path) == "-":
        click.echo("\n".join(map(printable, text.split("\n"))))
    else:
        write_text(path, text + "\n")


def note(text: str) -> None:
    """One line on standard error."""
    click.echo(printable(text), err=True)


def put_json(figures: Mapping[str, Any], path: str | None) -> bool:
    """Figures as JSON where a path is given; whether standard output is taken by them.

    ValueError where a figure is no number that JSON has.
    """
    if path is None:
        return False
    put(json.dumps(figures, indent=2, allow_nan=False), path)
    return path == "-"
