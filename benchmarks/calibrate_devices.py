"""Calibrate every shipped device again from its shipped table: python benchmarks/calibrate_devices.py [NAME ...]."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

import hardware
import tocompiler


def main(names: list[str]) -> None:
    """Write ``hardware/devices/NAME.toml`` for each table named (default: all)."""
    folder = Path(str(resources.files("hardware"))) / "devices"
    for name, known in hardware.shipped_tables().items():
        if names and name not in names:
            continue
        device = tocompiler.calibrate(tocompiler.read_measurements(name), name, memory=known.memory,
                                      description=known.scope,
                                      source=f"{known.source} ({known.licence}); {known.meter}")
        device.write(folder / f"{name}.toml")
        for label, model in device.models.items():
            print(f"{name}, {label}: held-out MAPE {model.metrics.get('mape', float('nan')):.1f} %", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
