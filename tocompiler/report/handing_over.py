"""Programs as others take them: a data frame, a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hardware.device import Device, load_device
from hardware.files import write_text

if TYPE_CHECKING:
    import pandas

    from tocompiler.costing import TransistorProgram

__all__ = ["dataframe", "report"]


def dataframe(program: TransistorProgram, device: Device | str | None = None) -> pandas.DataFrame:
    """One record for each row; energies are empty without a device (or its name or file)."""
    from tocompiler.energy.prediction import predict
    from tocompiler.report.compiled import as_json
    from tocompiler.report.records import frame

    known = _device(device) if device is not None else None
    return frame(as_json(program, predict(program, known) if known else None, program.name, _batch(program), known))


def report(program: TransistorProgram, device: Device | str, path: str | Path | None = None) -> str:
    """The page as HTML text, written to a file where a path is given."""
    from tocompiler.report.page import Report, page

    text = page(Report(program, _device(device), batch=_batch(program)))
    if path is not None:
        write_text(path, text + "\n")
    return text


def _device(device: Device | str) -> Device:
    return device if isinstance(device, Device) else load_device(device)


def _batch(program: TransistorProgram) -> int:
    first = next((t.shape[0] for t in program.network.inputs if t.shape), 1)
    return first if isinstance(first, int) else 1
