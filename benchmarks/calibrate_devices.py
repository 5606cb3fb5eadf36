"""Calibrate every shipped device again from its shipped table: python benchmarks/calibrate_devices.py [NAME ...].

No device is in its own prior: it is learned again without its chip.
"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

from energy_rows import prior_without

import hardware
import tocompiler


def main(names: list[str]) -> None:
    """Write ``hardware/devices/NAME.toml`` for each table named (default: all that ship a device)."""
    folder = Path(str(resources.files("hardware"))) / "devices"
    for name in names or sorted(hardware.shipped_tables().keys() & set(hardware.device_names())):
        known, facts = hardware.shipped_tables()[name], hardware.facts_of(name)
        device = tocompiler.calibrate(tocompiler.read_measurements(name), name, memory=known.memory, facts=facts,
                                      prior=prior_without(facts.chip), description=known.scope,
                                      source=f"{known.source} ({known.licence}); {known.meter}")
        device.write(folder / f"{name}.toml")
        for label, model in device.models.items():
            print(f"{name}, {label}: held-out MAPE {model.metrics.get('mape', float('nan')):.1f} %", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
