"""``tocompiler devices``: list the calibrated devices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from tocompiler.commands.output import put, put_json

if TYPE_CHECKING:
    from hardware.device import Device
    from hardware.energy_model import EnergyModel

__all__ = ["command"]

_FEW = 12  # networks below which a held-out error says little of others
_NINETY = 1.645  # standard deviations that bound nine tenths


@click.command()
@click.argument("names", nargs=-1, metavar="[DEVICE]...")
@click.option("--all", "everything", is_flag=True, help="Also what each model was calibrated on, and its coefficients.")
@click.option("--json", "json_path", metavar="PATH", help="Write JSON; - is standard output.")
def command(names: tuple[str, ...], everything: bool, json_path: str | None) -> None:
    """List devices (default: all that ship calibrated), with the error they were found to make on held-out groups.

    --all lists what each was calibrated on, and its coefficients beside the range in which nine in ten devices of its
    kind, process, power and rates lie.

    \b
    Example: tocompiler devices
             tocompiler devices rpi4 my-board.toml --all
    """
    from tabulate import tabulate

    from hardware.device import device_names, load_device

    devices = [load_device(name) for name in names or device_names()]
    entries = [_entry(device, everything) for device in devices]
    if put_json({"devices": entries}, json_path):
        return
    if everything:
        put("\n\n".join(_described(entry) for entry in entries))
        return
    lines = [(e["name"], e["rows"], _groups(e), e["runtime"],
              "\n".join(f"{k}: {v:.1f} %" for k, v in e["mape"].items() if v is not None),
              "\n".join(f"{v:.1f} %" for v in e["time_mape"].values() if v is not None)) for e in entries]
    put(tabulate(lines, headers=("device", "rows", "networks", "runtime", "held-out MAPE", "of run times")))


def _groups(entry: dict[str, Any]) -> str:
    count = entry["groups"]
    return "-" if count is None else f"{count} (few)" if count < _FEW else str(count)


def _entry(device: Device, everything: bool) -> dict[str, Any]:
    counts = [model.metrics["groups"] for model in device.models.values() if "groups" in model.metrics]
    entry = {"name": device.name, "rows": device.rows, "groups": int(max(counts)) if counts else None,
             "runtime": device.runtime.name,
             "mape": {label: model.metrics.get("mape") for label, model in device.models.items()},
             "time_mape": {label: model.metrics.get("mape") for label, model in device.times.items()},
             "description": device.description, "source": device.source}
    if everything:
        entry["units"] = {unit: dict(rates) for unit, rates in device.facts.units.items()}
        entry["models"] = {label: {
            "seen": {respect: list(found) for respect, found in model.seen.items()},
            "coefficients": list(_coefficients(device, model))} for label, model in device.models.items()}
    return entry


def _coefficients(device: Device, model: EnergyModel) -> Iterator[dict[str, Any]]:
    """Each coefficient with what is likely of it before any row (``tocompiler.bayes.prior``)."""
    from hardware.terms import TERMS
    from tocompiler.bayes.prior import NAMES, shipped_prior

    likely = shipped_prior().of(device.facts, device.runtime, device.last_cache_byte is not None)
    for term, value in zip(model.terms, model.coefficients, strict=True):
        if value:
            place = NAMES.index(term)
            spread = _NINETY * math.sqrt(likely.covariance[place, place])
            low, high = math.exp(likely.mean[place] - spread), math.exp(likely.mean[place] + spread)
            yield {"term": term, "joule": value, "per": TERMS[term].unit, "low_joule": low, "high_joule": high,
                   "inside": low <= value <= high}


def _described(entry: dict[str, Any]) -> str:
    from tabulate import tabulate

    from tocompiler.report.units import si

    parts = [f"{entry['name']}: {entry['description']}",
             f"  {entry['rows']} rows of {_groups(entry)} networks, runtime {entry['runtime']}; {entry['source']}"]
    parts += [f"  {unit.replace('_', ' ')}: {', '.join(f'{si(rate)} products/s in {f}' for f, rate in rates.items())}"
              for unit, rates in entry["units"].items()]
    for label, model in entry["models"].items():
        errors = [f"{error:.1f} % {what}" for what, error in (("of joules", entry["mape"][label]),
                                                            ("of run times", entry["time_mape"].get(label)))
                  if error is not None]
        parts.append(f"  {label}: held out {' and '.join(errors) or 'nothing'}; calibrated on "
                     + "; ".join(f"{respect} {', '.join(found)}" for respect, found in model["seen"].items()))
        rows = [(c["term"], si(c["joule"], "J"), c["per"], f"{si(c['low_joule'], 'J')} to {si(c['high_joule'], 'J')}",
                 "" if c["inside"] else "outside") for c in model["coefficients"]]
        table = tabulate(rows, headers=("term", "joule", "per", "nine in ten", ""), disable_numparse=True)
        parts.append("\n".join(f"    {line}" for line in table.splitlines()))
    return "\n".join(parts)
