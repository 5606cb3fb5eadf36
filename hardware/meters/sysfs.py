"""Reading numbers from sysfs, with errors that say what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hardware.meters.base import MeterError

__all__ = ["number", "text", "watt_of"]


def text(path: Path) -> str:
    """The content of a file; MeterError where it vanished or is closed to this user."""
    try:
        return path.read_text(encoding="ascii").strip()
    except PermissionError:
        raise MeterError(f"{path}: permission denied; run: sudo chmod a+r {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "not text"
        raise MeterError(f"{path}: cannot be read ({said}): the domain vanished or never was") from None


def number(path: Path) -> float:
    """The content of a file as a number."""
    content = text(path)
    try:
        return float(content)
    except ValueError:
        raise MeterError(f"{path}: '{content}' is not a number") from None


def watt_of(folder: Path, channel: int) -> Callable[[], float] | None:
    """Power of one channel of a hwmon chip: its own reading in µW, or mV times mA (Linux, Documentation/hwmon/
    sysfs-interface). None where the channel has neither; ``power*_average`` is never read."""
    power = folder / f"power{channel}_input"
    volt, ampere = folder / f"in{channel}_input", folder / f"curr{channel}_input"
    if power.exists():
        return lambda: number(power) * 1e-6
    if volt.exists() and ampere.exists():
        return lambda: number(volt) * number(ampere) * 1e-6
    return None
