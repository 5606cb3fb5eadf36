"""``tocompiler zoo``: the networks that have a name."""

from __future__ import annotations

from typing import Any

import click

from tocompiler.commands.output import put, put_json

__all__ = ["command"]


@click.command()
@click.option("--json", "json_path", metavar="PATH", help="Write JSON; - is standard output.")
@click.option("--figures", is_flag=True, help="Compile each as well: MACs and parameters (takes a few seconds).")
def command(json_path: str | None, figures: bool) -> None:
    """List the networks that every command takes by name, with the options that --dim sets.

    \b
    Example: tocompiler zoo
             tocompiler compile bert_base --dim sequence=256
    """
    from tocompiler import zoo
    from tocompiler.report.columns import columns
    from tocompiler.report.units import si

    entries: list[dict[str, Any]] = [{"name": name, "options": dict(zoo.options(name)),
                **(_figures(name) if figures and name != "mlp" else {})} for name in zoo.names()]
    if put_json({"networks": entries}, json_path):
        return
    headers = ("network", "options", *(("MACs", "parameters") if figures else ()))
    rows = [(e["name"], ", ".join(f"{k}={v}" for k, v in e["options"].items()),
             *((si(e.get("multiply_accumulates")), si(e.get("parameters"))) if figures else ())) for e in entries]
    put(columns(rows, headers, left=2))


def _figures(name: str) -> dict[str, object]:
    import tocompiler

    totals = tocompiler.compile(tocompiler.load(name)).totals
    return {"multiply_accumulates": totals.multiply_accumulates, "parameters": totals.parameters}
