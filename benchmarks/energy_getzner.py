"""Networks from layers: calibrated on the random layers of the Xeon 5120 study, layers of networks and networks are
predicted, all by ``tocompiler.calibrate`` and ``tocompiler.predict``.

What the study's rows are is written into the table's conditions before anything is calibrated: its ReLU layers write
to new memory where torchvision's networks apply them in place, and layers that were measured one after another in one
process found some pages recycled. ``python benchmarks/energy_getzner.py TABLE.csv`` writes the table.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from claims import Claim, datasets
from energy_rows import Array, Rows, Scored, mape, predictions

import hardware
import tocompiler

__all__ = ["CACHE_BYTE", "calibrated", "claims", "networks", "table"]

FILE, NAME = "cpu_xeon5120_getzner.csv", "cpu_xeon5120"
CACHE_BYTE = 20185088  # 19.25 MiB, last-level cache of a Xeon Gold 5120 socket, Intel's data sheet
_ALWAYS_PAID_BYTE = 4_000_000_000  # of one tensor: what no process keeps between executions on these machines
_THRESHOLD_BYTE = 32 * 2**20  # glibc's largest: smaller allocations are not mapped by themselves
_APART = 2.0  # a row's pages are called recycled only if the two readings lie this many typical errors apart


@cache
def table(folder: Path) -> tuple[hardware.MeasurementRow, ...]:
    """The study's rows."""
    return tuple(hardware.published_tables(folder, FILE)[NAME])


def measured(rows: Sequence[hardware.MeasurementRow]) -> Rows:
    """Rows compiled as ``tocompiler calibrate TABLE.csv`` would."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        hardware.write_table(path, rows)
        return Rows(tocompiler.read_measurements(path),
                    (hardware.MemoryLevel("l3", CACHE_BYTE, source="Intel, Xeon Gold 5120 data sheet"),))


def of(rows: Sequence[hardware.MeasurementRow], split: str, *kinds: str) -> list[hardware.MeasurementRow]:
    """Rows of one split; of some kinds of layer, or of networks where none is named."""
    return [r for r in rows if r.conditions["split"] == split
            and (r.model.split(" ")[0] in kinds if kinds else " " not in r.model)]


def cleaned(rows: Sequence[hardware.MeasurementRow]) -> list[hardware.MeasurementRow]:
    """The random layers with the conditions under which they were measured."""
    conv = of(rows, "random", "conv2d")
    page = measured(conv).calibrated(np.arange(len(conv))).models["convolution, forward"].coefficient("fresh")
    pools = _with_pages(of(rows, "random", "max_pool2d"), page)
    relu = [_under(r, in_place="false") for r in of(rows, "random", "relu")]
    return [*conv, *of(rows, "random", "linear"), *pools, *_with_pages(relu, page),
            *of(rows, "random", "sigmoid", "tanh", "softmax")]


def _under(row: hardware.MeasurementRow, **conditions: str) -> hardware.MeasurementRow:
    return replace(row, conditions={**row.conditions, **conditions})


def _with_pages(rows: list[hardware.MeasurementRow], page_joule_per_byte: float) -> list[hardware.MeasurementRow]:
    """Rows whose energy says that pages served again, marked as recycled.

    What a fresh page costs does not depend on the operator, and convolutions know it. A model of the rows that are
    certain, with no allocation mapped by itself or with more than any process keeps, reads every other row both ways.
    """
    every = measured(rows)
    largest = np.array([max(float(t.elements) * 4 for t in m.program.network.outputs) for m in every.measured])
    certain = (2 * largest <= _THRESHOLD_BYTE) | (largest > _ALWAYS_PAID_BYTE)
    known = every.take(certain)
    device = tocompiler.calibrate(known.measured, "certain", memory=every.memory, known={"fresh": page_joule_per_byte})
    fitted = predictions(device, known, np.arange(len(known)))
    typical = float(np.median(np.abs(np.log(fitted.predicted / fitted.joule))))
    return [row if sure else _nearer(row, m, device, typical)
            for row, m, sure in zip(rows, every.measured, certain, strict=True)]


def _nearer(row: hardware.MeasurementRow, m: hardware.Measurement, device: hardware.Device,
            typical: float) -> hardware.MeasurementRow:
    fresh, recycled = (np.log(tocompiler.predict(m.program, device, {**m.conditions, "pages": pages}).energy_joule
                              / m.joule_per_execution) for pages in ("fresh", "recycled"))
    paid = abs(fresh) <= abs(recycled) or fresh - recycled <= _APART * typical
    return row if paid else _under(row, pages="recycled")


@cache
def calibrated(folder: Path, smoke: bool = False) -> hardware.Device:
    """The device that a user gets who calibrates on the cleaned table."""
    rows = measured(cleaned(table(folder)[::12] if smoke else table(folder)))
    return rows.calibrated(np.arange(len(rows)))


def networks(folder: Path) -> Rows:
    """The networks, measured whole or layer by layer and summed."""
    return measured(of(table(folder), "arch_full") + of(table(folder), "arch_layerwise"))


def claims(folder: Path, smoke: bool) -> Iterator[tuple[Claim, int]]:
    """The four claims of this data set."""
    device, rows = calibrated(folder, smoke), table(folder)
    nets = networks(folder)
    yield Claim("getzner_network_mape", *_network(predictions(device, nets, np.arange(len(nets))), nets, folder)), len(
        nets)
    for name, kind in (("conv", "conv2d"), ("linear", "linear"), ("maxpool", "max_pool2d")):
        layers = measured(of(rows, "arch_layerwise", kind) + of(rows, "arch_layer_config", kind))
        found = predictions(device, layers, np.arange(len(layers)))
        yield Claim(f"getzner_{name}_layer_mape", found.mape, "%", found.summary(), "calibrated on random layers"), len(
            layers)


def _network(found: Scored, nets: Rows, folder: Path) -> tuple[float, str, dict[str, float], str]:
    whole = np.array([m.conditions["split"] == "arch_full" for m in nets.measured])
    conv = measured(of(table(folder), "random", "conv2d"))
    rate = float(np.median(conv.joule / _products(conv)))
    figures = {**found.summary(), "networks_measured_whole": found.take(whole).mape,
               "networks_measured_layerwise": found.take(~whole).mape,
               "macs_only": mape(nets.joule, rate * _products(nets))}
    return found.mape, "%", figures, "sum of layers; ReLU in place as in torchvision; random layers under conditions"


def _products(rows: Rows) -> Array:
    return np.array([float(m.program.totals.multiply_accumulates) for m in rows.measured])


if __name__ == "__main__":
    home = datasets()
    if home is None or len(sys.argv) != 2:
        sys.exit(f"{__doc__}\nIt needs TOCOMPILER_DATASETS and a path to write to.")
    hardware.write_table(sys.argv[1], cleaned(table(home)))
