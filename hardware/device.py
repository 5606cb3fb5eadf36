"""Device: everything that was learned about one machine and its runtime, as plain data that a TOML file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from pathlib import Path

from hardware.energy_model import EnergyModel
from hardware.facts import Facts
from hardware.files import write_text
from hardware.memory import MemoryLevel
from hardware.runtime import Runtime
from hardware.terms import TERMS

__all__ = ["Device", "device_names", "load_device"]


@dataclass(frozen=True)
class Device:
    """One machine with one runtime, calibrated or known from its data sheet alone.

    name: of the device
    runtime: what its software does to a network
    memory: levels from near to far
    models: what calibration learned, by a label; none where the device is not calibrated
    data_hash: SHA-256 of the measurements, first 16 digits; rows: how many they were
    description: what one joule of it stands for
    source: of the measurements
    times: models of run times, that give seconds where ``models`` give joules; none where no run was timed
    facts: what its data sheet says
    measured_watt: least and largest mean power of a timed run
    """

    name: str
    runtime: Runtime
    memory: tuple[MemoryLevel, ...]
    models: Mapping[str, EnergyModel]
    data_hash: str = ""
    rows: int = 0
    description: str = ""
    source: str = ""
    times: Mapping[str, EnergyModel] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    measured_watt: tuple[float, float] | None = None

    def __repr__(self) -> str:
        return f"<Device {self.name}: {self.rows} rows, runtime {self.runtime.name}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: every coefficient of every model, with its unit."""
        cells = [(label, term, f"{value:.4g}", TERMS[term].unit) for label, model in self.models.items()
                 for term, value in zip(model.terms, model.coefficients, strict=True) if value]
        rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
        return (f"<table><caption>{escape(self.name)}: {escape(self.description)}</caption><thead><tr><th>model</th>"
                f"<th>term</th><th>joule</th><th>per</th></tr></thead><tbody>{rows}</tbody></table>")

    @property
    def last_cache_byte(self) -> int | None:
        """Capacity of the last level that has one."""
        sizes = [level.capacity_byte for level in self.memory if level.capacity_byte is not None]
        return sizes[-1] if sizes else None

    def to_toml(self) -> str:
        """The device as TOML text; ``Device.from_toml`` reads it back equal."""
        from hardware.device_file import written

        return written(self)

    def write(self, path: str | Path) -> None:
        """Write the device to a TOML file."""
        write_text(path, self.to_toml())

    @staticmethod
    def from_toml(text: str) -> Device:
        """Read a device; ValueError says what is missing or wrong."""
        from hardware.device_file import read

        return read(text)


def device_names() -> list[str]:
    """Names of the shipped devices, sorted."""
    folder = resources.files("hardware").joinpath("devices")
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))


def load_device(name_or_path: str | Path) -> Device:
    """A shipped device by name, or a device file by path (``.toml``); ValueError where there is none."""
    path = Path(name_or_path)
    if path.suffix == ".toml":
        try:
            return Device.from_toml(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ValueError(f"{path}: cannot be read ({error.strerror}); give a device file or one of "
                             f"{', '.join(device_names())}") from None
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    if str(name_or_path) not in device_names():
        from difflib import get_close_matches

        near = get_close_matches(str(name_or_path), device_names(), n=3, cutoff=0.6)
        hint = f"did you mean {', '.join(near)}? else " if near else ""
        raise ValueError(f"unknown device '{name_or_path}'; {hint}use one of {', '.join(device_names())} "
                         "or the path of a device file (.toml)")
    text = resources.files("hardware").joinpath(f"devices/{name_or_path}.toml").read_text(encoding="utf-8")
    return Device.from_toml(text)
