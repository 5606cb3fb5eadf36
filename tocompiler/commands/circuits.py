"""``tocompiler circuits``: what every circuit costs, from the shipped table; other widths are simulated on the spot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alu_library.circuits.cells import BASES
from alu_library.formats import NAMED, parse
from alu_library.pricing import Operand, Operands, Row, chosen_circuit, rows
from tocompiler.commands.output import image, put, put_json

if TYPE_CHECKING:
    from hardware.technology import TechnologyNode

__all__ = ["command", "entries", "shown_name"]

_UNITS = ("cuda_core", "tensor_core")
_WIDTHS = (8, 16, 32, 64)
_UNIFORM = Operands(Operand("uniform"), Operand("uniform"))
_FLOAT_TASKS = ("add", "accumulate", "multiply", "divide", "sqrt", "compare", "convert")


@click.command("circuits")
@click.option("--width", type=click.IntRange(2, 64), metavar="BITS", help="Integer circuits of this width, 2 to 64.")
@click.option("--format", "format_name", metavar="FORMAT", help="Circuits of one number format, as in fp16 or int8.")
@click.option("--basis", type=click.Choice(BASES), default="textbook", show_default=True,
              help="How transistors are counted; switching is always that of static_cmos.")
@click.option("--node", metavar="NODE|FILE", help="Add energy per operation at a technology node, as in 45nm, or of a "
                                                   "TOML file.")
@click.option("--gemm", nargs=2, metavar="A.npy B.npy", help="What the product of two stored matrices switches.")
@click.option("--unit", type=click.Choice(_UNITS), default="cuda_core", show_default=True,
              help="With --gemm: what computes it.")
@click.option("--verilog", metavar="FILE", help="A circuit of your own.")
@click.option("--top", metavar="MODULE", help="With --verilog: which module, where there are several.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), callback=image,
              metavar="FILE", help="Draw cost against width.")
@click.option("--json", "json_path", metavar="PATH", help="Write every figure as JSON; - is standard output.")
def command(width: int | None, format_name: str | None, basis: str, node: str | None, gemm: tuple[str, str] | None,
            unit: str, verilog: str | None, top: str | None, plot: Path | None, json_path: str | None) -> None:
    """List circuits: transistors, depth, and transistor operations per operation on uniform operands.

    \b
    Example: tocompiler circuits --width 16 --node 7nm
    """
    if top is not None and verilog is None:
        raise ValueError("--top names a module of the file that --verilog gives")
    if gemm is not None:
        from tocompiler.commands.circuit_inputs import gemm_as_text, gemm_entry

        entry = gemm_entry(gemm, unit, format_name or "fp16", _technology(node))
        if not put_json(entry, json_path):
            put(gemm_as_text(entry))
        return
    if verilog is not None:
        from tocompiler.commands.circuit_inputs import verilog_as_text, verilog_entry

        entry = verilog_entry(verilog, top, format_name, basis, _technology(node))
        if not put_json(entry, json_path):
            put(verilog_as_text(entry))
        return
    found = entries(_selected(width, format_name), basis, _technology(node))
    if plot is not None:
        from tocompiler.report.circuit_plot import draw

        draw(entries(_integer_rows(), basis, None), plot)
    if put_json({"circuits": found}, json_path):
        return
    put(_as_text(found))


def entries(selected: Iterable[Row], basis: str = "textbook", node: TechnologyNode | None = None
            ) -> list[dict[str, Any]]:
    """Rows as the command's JSON has them: sorted by name, then width or format."""
    found = []
    for row in selected:
        format = parse(row.format)
        switched = row.transistor_operations(_UNIFORM)
        entry: dict[str, Any] = {"name": shown_name(row), "circuit": row.circuit}
        entry |= {"format": row.format} if format.is_float or format.block else {"width": format.bits}
        entry |= {
            "signed": format.kind != "uint", "basis": basis, "transistors": row.transistors(basis),
            "depth": row.depth, "transistor_operations": round(switched, 1), "operands": "uniform, zeros 0",
            "glitch_factor": row.glitch_factor, "load_weighted_switching": round(row.load_weighted(_UNIFORM), 1),
        }
        if node is not None:
            entry |= {"node": node.name, "energy_joule": node.energy_joule(switched), "node_obtained": node.obtained}
            if node.femtojoule_per_load:
                entry["energy_joule_of_load"] = node.energy_joule_of_load(row.load_weighted(_UNIFORM))
        found.append(entry)
    return sorted(found, key=lambda e: (e["name"], e.get("width", 0), list(NAMED).index(e["format"])
                                        if e.get("format") in NAMED else 0, e["signed"]))


def shown_name(row: Row) -> str:
    """The circuit without its options where they are the usual ones: ripple-carry for the last adder of a multiplier,
    the default set's choice for floating point."""
    plain, _, options = row.circuit.partition(":")
    usual = {chosen_circuit(task, row.format) for task in _FLOAT_TASKS} if parse(row.format).is_float else set()
    return plain if not options or options == "ripple_carry" or row.circuit in usual else row.circuit


def _selected(width: int | None, format_name: str | None) -> list[Row]:
    if width is not None and format_name is not None:
        raise ValueError("choose --width or --format: an integer format such as int8 has its width in its name")
    if width is not None:
        return _of_formats([f"int{width}", f"uint{width}"])
    if format_name is not None:
        return _of_formats([parse(format_name).name])
    return [*_integer_rows(), *(r for r in rows() if r.format in NAMED)]


def _integer_rows() -> list[Row]:
    listed = {f"{kind}{n}" for n in _WIDTHS for kind in ("int", "uint")}
    return [r for r in rows() if r.format in listed]


def _of_formats(formats: Sequence[str]) -> list[Row]:
    """The table's rows in some formats, or those of the nearest listed format simulated in these."""
    found = [r for r in rows() if r.format in formats]
    whole = ("multiplier/booth", "floating_point/multiply", "block/")
    if any(r.circuit.startswith(whole) for r in found):
        return found
    from alu_library.circuits.kept import characterised  # brings numpy and the simulator

    like = {f: "fp32" if parse(f).is_float else f"{parse(f).kind}32" for f in formats}
    return [characterised(r.circuit, f) for f in formats for r in rows() if r.format == like[f]]


def _technology(name: str | None) -> TechnologyNode | None:
    from hardware.technology import node

    return None if name is None else node(name)


def _as_text(found: Sequence[dict[str, Any]]) -> str:
    from tabulate import tabulate

    energy = bool(found) and "energy_joule" in found[0]
    loaded = energy and "energy_joule_of_load" in found[0]
    head = ["circuit", "operand", "transistors", "depth", "TO/operation", "by load", "glitches"]
    head += ["energy [pJ]"] * energy + ["by load [pJ]"] * loaded
    body = [
        [e["name"], e.get("format") or f"{'' if e['signed'] else 'u'}int{e['width']}", e["transistors"], e["depth"],
         e["transistor_operations"], e["load_weighted_switching"], e["glitch_factor"],
         *(e[key] * 1e12 for key in ("energy_joule", "energy_joule_of_load") if key in e)]
        for e in found
    ]
    note = f"transistors: {found[0]['basis']}; TO: transistor operations, static_cmos, zero delay, uniform operands"
    if energy:
        note += f"; {found[0]['node']}: {found[0]['node_obtained']}"
    return tabulate(body, headers=head, floatfmt=".4g") + "\n" + note
