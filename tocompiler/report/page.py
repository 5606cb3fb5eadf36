"""The report: one page of HTML that needs no network, with every figure of the JSON that it carries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from hardware.terms import TERMS
from tocompiler.extras import needs
from tocompiler.report.compiled import as_json
from tocompiler.report.tree import Node, tree
from tocompiler.report.units import si

if TYPE_CHECKING:
    from hardware.device import Device
    from tocompiler.costing import TransistorProgram
    from tocompiler.network import Network
    from tocompiler.report.planning import Plan

__all__ = ["Report", "figures", "page", "render"]

_SMALL = 5e-4  # share of the energy below which a module has no place in the chart
_NAMES = {"compute": "arithmetic", "near": "bytes in the caches", "far": "bytes from memory",
          "fresh": "memory newly mapped",
          "weights": "bytes of weights", "branches": "branches", "kernels": "launches",
          "collective": "exchange between devices",
          "samples": "handling of samples", "constant": "start-up and host"}


@dataclass(frozen=True)
class Report:
    """What a report is made of: a program on a device, how the model was named, and what to plan and to try.

    ``batched`` holds the same network at other batches, for what they would save.
    """

    program: TransistorProgram
    device: Device
    model: str = ""
    batch: int = 1
    plan: Plan | None = None
    batched: Mapping[int, Network] = field(default_factory=dict)


def figures(report: Report) -> dict[str, Any]:
    """Everything that the page shows, with units in the key names: the figures of compile, and what explains them."""
    from tocompiler.energy.prediction import predict
    from tocompiler.energy.shares import term_energies
    from tocompiler.report.savings import savings

    prediction = predict(report.program, report.device)
    terms = term_energies(report.program, report.device, prediction)
    found = as_json(report.program, prediction, report.model or report.program.name, report.batch, report.device,
                    report.plan)
    for row, shares in zip(found["operators"], terms[:-1], strict=True):
        row["energy_by_term_joule"] = {name: float(e) for name, e in zip(TERMS, shares, strict=True) if e > 0}
    return {**found, "statement": prediction.statement, "network": report.program.name,
            "energy_by_term_joule": {name: float(e) for name, e in zip(TERMS, terms.sum(0), strict=True) if e > 0},
            "device_description": report.device.description, "device_rows": report.device.rows,
            "runtime": report.device.runtime.name,
            "savings": [s.as_json() for s in savings(report.program, report.device, report.batch, report.batched)]}


def page(report: Report) -> str:
    """The page as HTML text. ImportError, in one line, without the packages of the extra ``report``."""
    return render(figures(report), report.plan)


@needs("report", "a report")
def render(found: Mapping[str, Any], plan: Plan | None = None) -> str:
    """The page of what ``figures`` found, as HTML text."""
    import jinja2
    import vl_convert

    if not all(isinstance(row["multiply_accumulates"], (int, float)) for row in found["operators"]):
        raise ValueError("a report needs numbers: bind the symbolic dimensions with --batch or --dim")
    energy = found["totals"]["energy_joule"]
    rows = [(row["name"], row["operator"], [row["energy_joule"], row["multiply_accumulates"],
                                            row["transistor_operations"], row["traffic_bit"] / 8])
            for row in found["operators"]]
    top = tree(found["network"], rows)
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True,
                                     loader=jinja2.FunctionLoader(_template))
    environment.filters.update(si=si, share=lambda part: f"{100 * part / energy:.1f} %" if energy else "")
    return environment.get_template("page.html").render(
        figures=found, top=top, names=_NAMES, energy=energy, terms={n: t.meaning for n, t in TERMS.items()},
        plan=plan.sentence(found["planning"]) if plan is not None else "",
        data=_embedded({"figures": found, "icicle": list(_icicle(top, energy)), "points": list(_points(found))}),
        library=_library(vl_convert), script=_template("page.js"), style=_template("page.css"))


def _template(name: str) -> str:
    return resources.files("tocompiler").joinpath(f"report/{name}").read_text(encoding="utf-8")


@cache
def _library(vl_convert: Any) -> str:
    """Vega, Vega-Lite and vega-embed, as text that may stand between script tags."""
    text: str = vl_convert.javascript_bundle()
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _embedded(data: Any) -> str:
    """JSON that may stand between script tags, whatever a stranger's file calls its operators."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _icicle(top: Node, energy: float) -> Iterable[dict[str, Any]]:
    """The tree for Vega's stratify: what is too small to be seen is left out of its module."""
    def walk(node: Node, parent: int | None, group: str) -> Iterable[dict[str, Any]]:
        number = next(numbers)
        children = [c for c in node.children if c.figures[0] >= _SMALL * energy]
        shown = sum(c.figures[0] for c in children)
        yield {"id": number, "parent": parent, "name": node.name + (f" x{node.count}" if node.count > 1 else ""),
               "group": group or node.name, "operator": node.operator, "joule": node.figures[0],
               "value": max(node.figures[0] - shown, 0.0), "text": f"{si(node.figures[0], 'J')}, "
                                                                   f"{100 * node.figures[0] / energy:.1f} %"}
        for child in children:
            yield from walk(child, number, group or (child.name if parent is None else ""))

    numbers = iter(range(1_000_000))
    yield from walk(top, None, "")


def _points(found: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Operators on the energy roofline: products per byte moved, joule per product (Choi et al. 2013)."""
    for row in found["operators"]:
        products, byte = row["multiply_accumulates"], row["traffic_bit"] / 8
        if products and byte and row["energy_joule"]:
            yield {"name": row["name"], "operator": row["operator"], "intensity": products / byte,
                   "picojoule": 1e12 * row["energy_joule"] / products, "joule": row["energy_joule"]}
