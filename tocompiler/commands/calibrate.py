"""``tocompiler calibrate``: fit a device's coefficients to measured energy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tocompiler.commands.output import note, put
from tocompiler.commands.tables import as_table_option, rewrite, say_remarks, template_option, where_option

if TYPE_CHECKING:
    from hardware.device import Device

__all__ = ["command"]


@click.command()
@click.argument("table", required=False)
@click.option("--name", help="Name of the device (default: of the table's file).")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the device here (TOML).")
@click.option("--runtime", metavar="NAME|FILE",
              help="A shipped runtime or a runtime file; default: the one that the table names.")
@click.option("--cache", "cache_byte", type=click.IntRange(min=1), help="Capacity of the last-level cache in byte.")
@click.option("--from", "origin", help="Start from a calibrated device (name or file): few rows then rescale it.")
@click.option("--rows", type=click.IntRange(min=1), help="Use the first N rows only.")
@where_option
@as_table_option
@template_option
@click.option("--technology", help="Without TABLE: estimate from the process, such as 7nm.")
@click.option("--tdp", "tdp_watt", type=float, help="Without TABLE: power limit in watt.")
@click.option("--bandwidth", "bandwidth_byte_per_second", type=float, help="Without TABLE: memory bandwidth in byte/s.")
@click.option("--idle", "idle_watt", type=float, help="Without TABLE: idle power in watt.")
def command(table: str | None, name: str | None, output: Path | None, runtime: str | None, cache_byte: int | None,
            origin: str | None, rows: int | None, where: dict[str, str], as_table: str | None,
            technology: str | None, tdp_watt: float | None, bandwidth_byte_per_second: float | None,
            idle_watt: float | None) -> None:
    """Calibrate a device on TABLE: a file of measurements, or the name of a shipped table.

    TABLE has a row for each run: model (zoo name, model file or layer) and energy_joule, and where they are not 1 or
    fp32, executions (how often it ran within that energy), batch and format. energy_mJ, energy_wh and power_watt with
    latency_ms are understood, and so are semicolons, decimal commas, JSON, CodeCarbon's emissions.csv, logs of Zeus and
    folders of MLPerf results. --template prints one to fill in.

    Without TABLE the device is estimated from its process or data sheet, with a wide interval.

    \b
    Example: tocompiler calibrate measurements.csv --name my-board -o my-board.toml
    """
    name = name or (Path(table).stem if table else None)
    if name is None:
        raise click.UsageError("give a TABLE, or --name with what is known of the device")
    measured = {"--from": origin, "--rows": rows, "--where": where or None, "--as-table": as_table}
    estimated = {"--technology": technology, "--tdp": tdp_watt, "--bandwidth": bandwidth_byte_per_second,
                 "--idle": idle_watt}
    for option, value in (measured if table is None else estimated).items():
        if value is not None:
            raise click.UsageError(f"{option} is for a calibration {'with' if table is None else 'without'} a TABLE")
    if table is not None and as_table is not None:
        rewrite(table, where, as_table)
        return
    if table is None:
        from hardware.runtime import load_runtime
        from tocompiler.energy.transfer import zero_shot

        device = zero_shot(name, technology, tdp_watt=tdp_watt, idle_watt=idle_watt, last_cache_byte=cache_byte,
                           bandwidth_byte_per_second=bandwidth_byte_per_second,
                           runtime=load_runtime(runtime) if runtime else None)
    else:
        device = _measured(table, name, runtime, cache_byte, origin, rows, where)
    note(f"{name}: {device.description or f'calibrated on {device.rows} rows'}")
    for label, model in device.models.items():
        figures = ", ".join(f"{k} {v:.3g}" for k, v in model.metrics.items())
        if figures:
            note(f"{label}: held out {figures}")
    if output:
        device.write(output)
    else:
        put(device.to_toml())


def _measured(table: str, name: str, runtime: str | None, cache_byte: int | None, origin: str | None,
              rows: int | None, where: dict[str, str]) -> Device:
    from hardware.device import load_device
    from hardware.memory import MemoryLevel
    from hardware.provenance import provenance
    from hardware.runtime import load_runtime
    from tocompiler.energy.calibration import calibrate
    from tocompiler.energy.tables import left_out, read_measurements
    from tocompiler.energy.transfer import transfer

    measurements = read_measurements(table, where)[:rows]
    if said := left_out(table, where):
        note(said)
    say_remarks(table, where, measurements)
    if origin:
        return transfer(load_device(origin), measurements, name)
    known = provenance(table)
    memory = (MemoryLevel("last", cache_byte, source="given on the command line"),) if cache_byte else ()
    return calibrate(measurements, name, runtime=load_runtime(runtime) if runtime else None,
                     memory=memory or (known.memory if known else ()), description=known.scope if known else "",
                     source=f"{known.source} ({known.licence}); {known.meter}" if known else str(table))
