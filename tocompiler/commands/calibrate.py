"""``tocompiler calibrate``: fit a device's coefficients to measured energy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hardware.facts import KINDS
from tocompiler.commands.output import note, put
from tocompiler.commands.tables import as_table_option, rewrite, say_remarks, template_option, where_option

if TYPE_CHECKING:
    from hardware.device import Device
    from hardware.facts import Facts
    from hardware.memory import MemoryLevel

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
@click.option("--time", "timed", is_flag=True, help="Fit the run times of TABLE instead: seconds, not joules.")
@where_option
@as_table_option
@template_option
@click.option("--kind", type=click.Choice(KINDS), help="What the device is.")
@click.option("--technology", help="Its process, such as 7nm.")
@click.option("--tdp", "power_watt", type=float, help="Its power at full load in watt.")
@click.option("--peak", "product_per_second", type=float, help="Its peak rate in fp32 multiply-accumulates per second.")
@click.option("--bandwidth", "byte_per_second", type=float, help="Its memory bandwidth in byte/s.")
def command(table: str | None, name: str | None, output: Path | None, runtime: str | None, cache_byte: int | None,
            origin: str | None, rows: int | None, timed: bool, where: dict[str, str], as_table: str | None,
            **known: Any) -> None:
    """Calibrate a device on TABLE: a file of measurements, or the name of a shipped table.

    TABLE has a row for each run: model (zoo name, model file or layer) and energy_joule, and where they are not 1 or
    fp32, executions (how often it ran within that energy), batch and format. energy_mJ, energy_wh and power_watt with
    latency_ms are understood, and so are semicolons, decimal commas, JSON, CodeCarbon's emissions.csv, logs of Zeus and
    folders of MLPerf results. --template prints one to fill in.

    What a data sheet says helps where rows are few. Without TABLE it is all there is: an estimate with a wide interval.
    Of devices that are known by --name (gpu_h100, rpi4, ...) it is looked up.

    \b
    Example: tocompiler calibrate measurements.csv --name my-board -o my-board.toml
    """
    name = name or (Path(table).stem if table else None)
    if name is None:
        raise click.UsageError("give a TABLE, or --name with what is known of the device")
    measured = {"--from": origin, "--rows": rows, "--time": timed or None, "--where": where or None,
                "--as-table": as_table}
    for option, value in measured.items():
        if value is not None and table is None:
            raise click.UsageError(f"{option} is for a calibration with a TABLE")
    if table is not None and as_table is not None:
        rewrite(table, where, as_table)
        return
    if table is not None and timed:
        if origin is not None or rows is not None or cache_byte is not None or any(known.values()):
            raise click.UsageError("--time takes no other option than --name, --runtime, --where and --output")
        _timed(table, name, runtime, where, output)
        return
    from hardware.memory import MemoryLevel

    facts = _facts(name, **known)
    memory = (MemoryLevel("last", cache_byte, source="given on the command line"),) if cache_byte else ()
    if table is None:
        from hardware.runtime import load_runtime
        from tocompiler.energy.transfer import zero_shot

        device = zero_shot(name, facts, memory=memory, runtime=load_runtime(runtime) if runtime else None)
    else:
        device = _measured(table, name, runtime, memory, facts, origin, rows, where)
    note(f"{name}: {device.description or f'calibrated on {device.rows} rows'}")
    for label, model in device.models.items():
        figures = ", ".join(f"{k} {v:.3g}" for k, v in model.metrics.items())
        if figures:
            note(f"{label}: held out {figures}")
    for label, model in device.times.items():
        if "mape" in model.metrics:
            note(f"{label}: held out, run times are {model.metrics['mape']:.3g} % off")
    if output:
        device.write(output)
    else:
        put(device.to_toml())


def _timed(table: str, name: str, runtime: str | None, where: dict[str, str], output: Path | None) -> None:
    from hardware.runtime import load_runtime
    from tocompiler.energy.timing import calibrate_time

    found = calibrate_time(table, name, load_runtime(runtime) if runtime else None, where)
    note(f"{name}: {found.description}")
    for label, model in found.times.items():
        if "mape" in model.metrics:
            note(f"{label}: held out, run times are {model.metrics['mape']:.3g} % off")
    if output:
        found.write(output)
    else:
        put(found.to_toml())


def _facts(name: str, technology: str | None, **known: Any) -> Facts:
    """What is given, and of a device that is known by name the rest."""
    from hardware.facts import Facts, facts_of
    from hardware.technology import node

    given = {key: value for key, value in known.items() if value is not None}
    if technology:
        given["node_nm"] = node(technology).nm
    found = facts_of(name)
    if found == Facts():
        return Facts(source="given on the command line", **given)
    note(f"{name}: what is not given is taken from {found.source}")
    return replace(found, **given)


def _measured(table: str, name: str, runtime: str | None, memory: tuple[MemoryLevel, ...], facts: Facts,
              origin: str | None, rows: int | None, where: dict[str, str]) -> Device:
    from hardware.device import load_device
    from hardware.provenance import provenance
    from hardware.runtime import load_runtime
    from tocompiler.energy.calibration import calibrate
    from tocompiler.energy.transfer import transfer
    from tocompiler.tables import left_out, read_measurements

    measurements = read_measurements(table, where)[:rows]
    if said := left_out(table, where):
        note(said)
    say_remarks(table, where, measurements)
    if origin:
        return transfer(load_device(origin), measurements, name)
    known = provenance(table)
    return calibrate(measurements, name, runtime=load_runtime(runtime) if runtime else None, facts=facts,
                     memory=memory or (known.memory if known else ()), description=known.scope if known else "",
                     source=f"{known.source} ({known.licence}); {known.meter}" if known else str(table))
