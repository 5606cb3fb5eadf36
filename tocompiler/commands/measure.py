"""``tocompiler measure``: energy of many workloads on this machine, as a table that ``calibrate`` reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tocompiler.commands.output import note

if TYPE_CHECKING:
    from hardware.meters import Meter
    from tocompiler.measuring.progress import Progress
    from tocompiler.measuring.runtimes import Executor
    from tocompiler.measuring.session import Chooser

__all__ = ["command", "duration", "meter_for", "no_meter"]

_PRIORS = {"cpu": "cpu_raptorlake", "gpu": "gpu_rtx4090_laptop"}


def duration(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """Option callback: ``90``, ``90s``, ``10m`` or ``2h`` in seconds."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if match is None or float(match[1]) <= 0:
        raise click.BadParameter(f"'{text}' is no time; write 90s, 10m or 2h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


@click.command()
@click.option("--plan", "plan_name", default="quick", show_default=True, metavar="NAME|FILE",
              help="What to measure: quick, layers, models, activations, operands, getzner, or a TOML file.")
@click.option("--runtime", default="onnxruntime", show_default=True,
              help="What executes it: onnxruntime, torch, torch:cpu, torch:cuda.")
@click.option("--meter", "meter_name", default="auto", show_default=True, metavar="NAME[:ARGUMENT]",
              help="nvidia, rapl, amd, jetson, ina, hwmon, apple, zeus, codecarbon, external:LOG.csv, replay:LOG.csv.")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="The table (CSV); what it holds already is not measured again.")
@click.option("--budget", callback=duration, metavar="TIME", help="Stop after 90s, 10m, 2h; default: the plan's.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of a CPU runtime; default: all.")
@click.option("--above-idle", is_flag=True, help="Subtract what the machine draws idle, read before and after.")
@click.option("--time-only", is_flag=True, help="Without a meter: run times, for `calibrate --time`.")
@click.option("--again", is_flag=True, help="Measure rows once more that are marked as disturbed.")
@click.option("--prior", metavar="DEVICE", help="Device that tells which workloads are informative.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of weights and inputs.")
def command(plan_name: str, runtime: str, meter_name: str, output: Path, budget: float | None, threads: int | None,
            above_idle: bool, time_only: bool, again: bool, prior: str | None, seed: int) -> int:
    """Measure this machine's energy, workload by workload; a second start goes on where the first stopped.

    \b
    Example: tocompiler measure -o measurements.csv
             tocompiler calibrate measurements.csv --name my-board -o my-board.toml
    """
    from dataclasses import replace

    from hardware.meters import MeterError
    from tocompiler.measuring.plan import load_plan
    from tocompiler.measuring.progress import Progress
    from tocompiler.measuring.runtimes import executor
    from tocompiler.measuring.session import Session, measure
    from tocompiler.measuring.table import AppendTable, columns
    from tocompiler.measuring.window import TIMED, Settings

    if above_idle and time_only:
        raise click.UsageError("--above-idle needs a meter, and --time-only has none")
    plan = load_plan(plan_name)
    if budget is not None:
        plan = replace(plan, budget_second=budget)
    execute = executor(runtime, threads)
    try:
        meter = None if time_only else meter_for(execute, meter_name)
    except MeterError as error:
        return no_meter(error)
    if again:
        AppendTable(output, columns(time_only)).forget_disturbed()
    session = Session(execute, meter, settings=TIMED if time_only else Settings(), above_idle=above_idle, seed=seed,
                      folder=output.parent)
    progress = Progress(plan, session.clock)
    note(f"plan {plan.name}: {len(plan.workloads)} workloads on {execute.device}, {execute.versions}, "
         f"{execute.threads} threads; {f'meter {meter.name}: {meter.scope}' if meter else 'no meter: seconds only'}")
    try:
        for outcome in measure(plan, output, session, _chooser(plan.order, prior, execute)):
            note(progress.line(outcome))
    except MeterError as error:
        note(f"tocompiler: {error}")
        return _ended(progress, output, time_only, 1)
    except KeyboardInterrupt:
        return _ended(progress, output, time_only, 130)
    finally:
        if meter is not None:
            meter.close()
    return _ended(progress, output, time_only, 0)


def meter_for(execute: Executor, name: str) -> Meter:
    """The meter by name, or the one for where the runtime executes; MeterError says how to gain access."""
    from hardware.meters import open_meter

    return open_meter(name, execute.covers)


def _chooser(order: str, prior: str | None, execute: Executor) -> Chooser | None:
    if order != "informative":
        return None
    from hardware.device import load_device
    from tocompiler.measuring.design import Informative

    return Informative(load_device(prior or _PRIORS[execute.covers]))


def no_meter(error: ValueError) -> int:
    """Say what was looked for and what may be done instead; the exit status."""
    for line in f"tocompiler: {error}".split("\n"):
        note(line)
    note("Any power meter that logs to a CSV file will do: --meter external:LOG.csv (columns second, watt).")
    note("Without one, --time-only collects run times, for `tocompiler calibrate --time`: seconds, not joules.")
    return 1


def _ended(progress: Progress, output: Path, timed: bool, status: int) -> int:
    note(f"{output}: {progress.written} new rows" + ("; the same command goes on from here" if status else ""))
    if progress.disturbed:
        note(f"{progress.disturbed} of them are marked as disturbed, which calibrate leaves out; "
             "--again measures them once more")
    if progress.written and not status:
        note(f"next: tocompiler calibrate {output}{' --time' if timed else ''} --name my-board -o my-board.toml")
    if progress.failed:
        note(f"{progress.failed} workloads gave no row; the reasons stand above")
    return status
