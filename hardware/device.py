"""Device: everything that was learned about one machine and its runtime, as plain data that a TOML file holds."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from hardware import toml
from hardware.energy_model import Array, EnergyModel, Interval, Kernel, Trees
from hardware.files import write_text
from hardware.memory import MemoryLevel
from hardware.runtime import Runtime

__all__ = ["Device", "device_names", "load_device"]


@dataclass(frozen=True)
class Device:
    """One machine with one runtime, calibrated (``models``) or known from its data sheet alone.

    ``data_hash`` identifies the measurements (SHA-256, first 16 digits); ``rows`` counts them.
    """

    name: str
    runtime: Runtime
    memory: tuple[MemoryLevel, ...]
    models: Mapping[str, EnergyModel]
    data_hash: str = ""
    rows: int = 0
    description: str = ""
    source: str = ""

    @property
    def last_cache_byte(self) -> int | None:
        """Capacity of the last level that has one."""
        sizes = [level.capacity_byte for level in self.memory if level.capacity_byte is not None]
        return sizes[-1] if sizes else None

    def to_toml(self) -> str:
        """The device as TOML text; ``Device.from_toml`` reads it back equal."""
        table = {k: v for k, v in asdict(self).items() if k not in ("models", "memory")}
        table["memory"] = {level.name: {k: v for k, v in asdict(level).items() if k != "name"} for level in self.memory}
        table["models"] = {name: _model_table(model) for name, model in self.models.items()}
        return toml.dumps(table)

    def write(self, path: str | Path) -> None:
        """Write the device to a TOML file."""
        write_text(path, self.to_toml())

    @staticmethod
    def from_toml(text: str) -> Device:
        """Read a device; ValueError says what is missing or wrong."""
        try:
            table = tomllib.loads(text)
            memory = tuple(MemoryLevel(name, **values) for name, values in table.pop("memory", {}).items())
            models = {name: _model(values) for name, values in table.pop("models", {}).items()}
            runtime = Runtime.from_dict(table.pop("runtime", {}))
            return Device(runtime=runtime, memory=memory, models=models, **table)
        except (tomllib.TOMLDecodeError, TypeError, KeyError) as error:
            raise ValueError(f"not a device file: {error}") from None


def _model_table(model: EnergyModel) -> dict[str, Any]:
    table = {k: v for k, v in asdict(model).items() if k not in ("kernel", "trees")}
    for name in ("kernel", "trees"):
        part = getattr(model, name)
        if part is not None:
            table[name] = {k: _text(v) if isinstance(v, np.ndarray) else v for k, v in _fields(part)}
    return table


def _fields(part: Any) -> list[tuple[str, Any]]:
    return [(f.name, getattr(part, f.name)) for f in fields(part)]


def _text(values: Array) -> str:
    """Numbers as text, one row a line: TOML's own arrays of thousands of numbers are slow to read."""
    return "\n".join(" ".join(f"{x:.5g}" for x in row) for row in np.atleast_2d(values)) + "\n"


def _array(text: str) -> Array:
    rows = [np.array(line.split(), dtype=float) for line in text.splitlines()]
    return rows[0] if len(rows) == 1 else np.array(rows)


def _model(table: dict[str, Any]) -> EnergyModel:
    interval = Interval(**_tuples(table.pop("interval")))
    kernel, trees = table.pop("kernel", None), table.pop("trees", None)
    return EnergyModel(
        interval=interval, **_tuples(table),
        kernel=None if kernel is None else Kernel(**_arrays(kernel)),
        trees=None if trees is None else Trees(**_arrays(trees)),
    )


def _arrays(table: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _array(v) if isinstance(v, str) else tuple(v) for k, v in table.items()}


def _tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    def frozen(value: Any) -> Any:
        return tuple(map(frozen, value)) if isinstance(value, list) else value

    return {k: frozen(v) for k, v in table.items()}


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
        raise ValueError(f"unknown device '{name_or_path}'; use one of {', '.join(device_names())} "
                         "or the path of a device file (.toml)")
    text = resources.files("hardware").joinpath(f"devices/{name_or_path}.toml").read_text(encoding="utf-8")
    return Device.from_toml(text)
