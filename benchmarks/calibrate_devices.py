"""Calibrate every shipped device again from its shipped table: python benchmarks/calibrate_devices.py [NAME ...].

No device is in its own prior: it is learned again without its chip.
"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

import numpy as np

import hardware
import tocompiler

_EVIDENCE = 150  # rows of a table that are compiled for the prior of others


def main(names: list[str]) -> None:
    """Write ``hardware/devices/NAME.toml`` for each table named (default: all that ship a device)."""
    folder = Path(str(resources.files("hardware"))) / "devices"
    evidence = {name: _evidence(name) for name in hardware.shipped_tables() if hardware.facts_of(name).complete}
    for name in names or hardware.device_names():
        known, facts = hardware.shipped_tables()[name], hardware.facts_of(name)
        prior = tocompiler.learn_prior([e for e in evidence.values() if e.facts.chip != facts.chip])
        device = tocompiler.calibrate(tocompiler.read_measurements(name), name, memory=known.memory, facts=facts,
                                      prior=prior, description=known.scope,
                                      source=f"{known.source} ({known.licence}); {known.meter}")
        device.write(folder / f"{name}.toml")
        for label, model in device.models.items():
            print(f"{name}, {label}: held-out MAPE {model.metrics.get('mape', float('nan')):.1f} %", flush=True)


def _evidence(name: str) -> tocompiler.Evidence:
    table = hardware.read_table(hardware.shipped_table(name))
    part = [table[i] for i in np.random.default_rng(1).permutation(len(table))[:_EVIDENCE]]
    measured = []
    for row in part:
        program = tocompiler.compile(tocompiler.network_of(row), format=row.format, phase=row.phase)
        measured.append(row.measurement(program))
    runtime = hardware.load_runtime(part[0].runtime or "generic")
    return tocompiler.Evidence(measured, hardware.facts_of(name), hardware.shipped_tables()[name].memory, runtime)


if __name__ == "__main__":
    main(sys.argv[1:])
