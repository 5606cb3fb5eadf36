"""``tocompiler sweep``: every configuration of a space, compiled and priced."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from tocompiler.commands.output import image, note, put

__all__ = ["command"]

_KEYS = {"model", "device", "constraints", "method", "count", "seed", "space"}


@click.command("sweep")
@click.argument("spec", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the table as .parquet or .csv; without it CSV on standard output.")
@click.option("--device", help="A calibrated device by name, or its TOML file, instead of the specification's.")
@click.option("--scheduler", metavar="ADDRESS", help="Run on a Dask cluster, as in tcp://10.0.0.1:8786.")
@click.option("--workers", type=click.IntRange(min=1), help="Run on so many processes of this machine (needs Dask).")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), callback=image,
              help="Draw configurations and their Pareto front (.png, .svg, .pdf).")
@click.option("--plot-against", default="parameters", show_default=True, help="Column that is to be large.")
def command(spec: Path, output: Path | None, device: str | None, scheduler: str | None, workers: int | None,
            plot: Path | None, plot_against: str) -> int:
    """Compile and price every configuration that SPEC (a TOML file) names.

    \b
    model = "resnet{depth}"          # a zoo name, an ONNX file, a config.json
    device = "jetson_tx2_maxn"
    constraints = ["width % 8 == 0"]
    [space]
    depth = [18, 50]
    width = {low = 32, high = 128, step = 8}
    batch = [1, 8]

    \b
    Example: tocompiler sweep space.toml -o found.csv
    """
    from tocompiler.sweeping import sweep
    from tocompiler.sweeping.table import as_csv, check_path

    if output is not None:
        check_path(output)
    given = _read(spec)
    if device is not None:
        given["device"] = device
    model, space = given.pop("model"), given.pop("space")
    if scheduler is not None or workers is not None:
        from tocompiler.sweeping.cluster import sweep_on

        if output is None:
            raise ValueError("a sweep on several processes needs --output: its parts are kept beside it")
        table = sweep_on(model, space, folder=output.with_name(f"{output.name}.parts"), scheduler=scheduler,
                         workers=workers, progress=note, **given)
    else:
        table = sweep(model, space, **given)
    if output is None:
        put(as_csv(table.columns))
    else:
        table.write(output)
    if plot is not None:
        table.plot(plot, "energy_joule" if "energy_joule" in table else "transistor_operations", plot_against)
    reasons = table["reason"][table["reason"] != ""]
    note(f"{len(table['reason'])} configurations, {len(reasons)} without figures (column reason)")
    if len(reasons) < len(table["reason"]):
        return 0
    note(f"tocompiler: {spec}: no configuration has figures; the first: {reasons[0]}")
    return 1


def _read(spec: Path) -> dict[str, Any]:
    """The specification; ValueError names what it lacks or has too much."""
    try:
        given = tomllib.loads(spec.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{spec}: is not TOML ({error})") from None
    unknown = sorted(given.keys() - _KEYS)
    if unknown:
        raise ValueError(f"{spec}: unknown key '{unknown[0]}'; there are {', '.join(sorted(_KEYS))}")
    if not isinstance(given.get("model"), str) or not isinstance(given.get("space"), Mapping):
        raise ValueError(f"{spec}: give a model and a table [space]")
    for key, kind in (("device", str), ("method", str), ("count", int), ("seed", int), ("constraints", list)):
        if key in given and not isinstance(given[key], kind):
            raise ValueError(f"{spec}: '{key}' is not {'a list' if kind is list else kind.__name__}")
    beside = spec.parent / given["model"]
    if beside.is_file():
        given["model"] = str(beside)
    return given
