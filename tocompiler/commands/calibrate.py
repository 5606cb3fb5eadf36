"""``tocompiler calibrate``: fit a device's coefficients to measured energy."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command()
@click.argument("table")
@click.option("--name", required=True, help="Name of the device.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the device here (TOML).")
@click.option("--runtime", help="Runtime preset; default: the one that the table names.")
@click.option("--cache", "cache_byte", type=click.IntRange(min=1), help="Capacity of the last-level cache in byte.")
@click.option("--from", "origin", help="Start from a calibrated device (name or file): few rows then rescale it.")
@click.option("--rows", type=click.IntRange(min=1), help="Use the first N rows only.")
def command(table: str, name: str, output: Path | None, runtime: str | None, cache_byte: int | None,
            origin: str | None, rows: int | None) -> None:
    """Calibrate a device on TABLE: a CSV file of measurements, or the name of a shipped table."""
    from hardware.device import load_device
    from hardware.memory import MemoryLevel
    from hardware.provenance import provenance
    from hardware.runtime import preset
    from tocompiler.calibration import calibrate
    from tocompiler.tables import read_measurements
    from tocompiler.transfer import transfer

    measurements = read_measurements(table)[:rows]
    if origin:
        device = transfer(load_device(origin), measurements, name)
    else:
        known = provenance(table)
        memory = (MemoryLevel("last", cache_byte, source="given on the command line"),) if cache_byte else ()
        device = calibrate(measurements, name, runtime=preset(runtime) if runtime else None,
                           memory=memory or (known.memory if known else ()),
                           description=known.scope if known else "",
                           source=f"{known.source} ({known.licence}); {known.meter}" if known else str(table))
    for label, model in device.models.items():
        figures = ", ".join(f"{k} {v:.3g}" for k, v in model.metrics.items())
        click.echo(f"{label}: held out {figures}" if figures else f"{label}: too few groups to hold any out", err=True)
    if output:
        device.write(output)
    else:
        click.echo(device.to_toml())
