"""``tocompiler devices``: list the calibrated devices."""

from __future__ import annotations

from typing import Any

import click

from tocompiler.commands.output import put, put_json

__all__ = ["command"]


@click.command()
@click.option("--json", "json_path", metavar="PATH", help="Write JSON; - is standard output.")
def command(json_path: str | None) -> None:
    """List the devices that ship calibrated, with the error they were found to make on held-out groups."""
    from tabulate import tabulate

    from hardware.device import device_names, load_device

    entries: list[dict[str, Any]] = []
    for device in map(load_device, device_names()):
        errors = {label: model.metrics.get("mape") for label, model in device.models.items()}
        entries.append({"name": device.name, "rows": device.rows, "runtime": device.runtime.name,
                        "mape": errors, "description": device.description, "source": device.source})
    if put_json({"devices": entries}, json_path):
        return
    lines = [(e["name"], e["rows"], e["runtime"],
              "\n".join(f"{k}: {v:.1f} %" for k, v in e["mape"].items() if v is not None)) for e in entries]
    put(tabulate(lines, headers=("device", "rows", "runtime", "held-out MAPE")))
