"""Families: the networks that measurement tables name, built with the layer methods.

A ``model`` cell is a layer with its arguments (``conv2d 64x56x56 out_channels=64 kernel_size=3``), a family with its
arguments (``qutibench:cnv,width=0.5``), or anything that ``tocompiler.load`` knows: a zoo name or a model file.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from hardware.measurement import MeasurementRow
from tocompiler.network import Network

__all__ = ["FAMILIES", "build", "network_of"]

FAMILIES = ("nasbench101", "nasbench201", "qutibench", "flexibert", "operator", "transformer")


def network_of(row: MeasurementRow, folder: Path = Path()) -> Network:
    """The network of a table's row; a relative model file is looked up in ``folder``.

    ValueError says what the cell lacks.
    """
    return build(row.model, row.batch, row.format, folder)


def build(model: str, batch: int = 1, format: str = "fp32", folder: Path = Path()) -> Network:
    """The network that a ``model`` cell names."""
    if " " in model:
        from tocompiler.families.layer import layer

        return layer(model, batch)
    family, _, arguments = model.partition(":")
    if family in FAMILIES:
        network: Network = importlib.import_module(f"tocompiler.families.{family}").build(_options(arguments), batch)
        return network
    import tocompiler

    path = folder / model
    return tocompiler.load(path if path.is_file() else model, batch=batch)


def _options(text: str) -> dict[str, str]:
    """``cnv,width=0.5`` as a dictionary; the first word without '=' is filed under ``name``."""
    options: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if equals:
            options[key.strip()] = value.strip()
        elif "name" not in options:
            options["name"] = part.strip()
        else:
            raise ValueError(f"'{part}' in '{text}': write name=value")
    return options
