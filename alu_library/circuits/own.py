"""A user's own circuit: a netlist or Verilog, priced under given operands like ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from alu_library.circuits.characterisation import GLITCH_VECTORS, VECTORS, draw, operands_at
from alu_library.circuits.netlist import Netlist
from alu_library.circuits.pipelining import stage_glitch_factor
from alu_library.circuits.side_by_side import switched, transistor_operations
from alu_library.circuits.verilog_reader import from_verilog
from alu_library.circuits.words import LANES
from alu_library.formats import Format, parse
from alu_library.pricing import DEFAULT, DEFAULT_BASIS, Operands, Price

__all__ = ["from_file", "price_netlist"]

_BUSES = ("a", "b", "c")


def price_netlist(
    source: Netlist | str | Path, *, format: str | None = None, ports: Mapping[str, str] | None = None,
    operands: Operands | Mapping[str, npt.ArrayLike] = DEFAULT, top: str | None = None, basis: str = DEFAULT_BASIS,
    vectors: int = VECTORS,
) -> Price:
    """Price a circuit that is not ours: a netlist, Verilog text, or the path of a Verilog file (``top`` its module).

    ``ports`` names the circuit's inputs by what they are here (``{"a": "multiplicand", "b": "multiplier"}``; default:
    in order). ``operands`` are statistics, drawn in ``format`` (default: unsigned integers of each input's width, the
    first with the statistics of a, all others with those of b; a stream in which a or b is held is simulated as it is),
    or arrays of integers by input. ValueError where ports or widths do not fit; VerilogError (a ValueError) where the
    text is not structure.

    >>> text = "module m(input [1:0] x, y, output [1:0] z); assign z = x & y; endmodule"
    >>> price_netlist(text, operands={"a": [0, 3, 3, 0], "b": [3, 3, 0, 0]}).transistors
    12
    """
    netlist = with_ports(_netlist(source, top), ports)
    if isinstance(operands, Operands):
        buses = _drawn(netlist, format, operands, vectors)
    else:
        buses = {name: np.asarray(operands[name]) for name in netlist.inputs}
    found = switched(netlist, [buses])[0]
    few = {name: values[:GLITCH_VECTORS] for name, values in buses.items()}
    moves = transistor_operations(netlist, [few])[0] > 0
    return Price(netlist.name, netlist.transistors(basis), found.transistor_operations,
                 stage_glitch_factor(netlist, few) if moves else 1.0, 0.0, found.load)


def _drawn(netlist: Netlist, format: str | None, operands: Operands, vectors: int) -> dict[str, npt.NDArray[Any]]:
    """Operands in a format, or integers of each bus's own width."""
    widths = {netlist.width(bus) for bus in netlist.inputs}
    if format is not None or (len(widths) == 1 and set(netlist.inputs) <= {*_BUSES} and 2 <= min(widths) <= LANES):
        kind = parse(format or f"uint{min(widths)}")
        _check_widths(netlist, kind)
        return drawn_operands(netlist, kind, operands, vectors)
    rng, found = np.random.default_rng(0), {}
    for place, bus in enumerate(netlist.inputs):
        width, of = netlist.width(bus), operands.b if place else operands.a
        if width <= LANES:
            drawn = draw(parse(f"uint{max(2, width)}"), of.distribution, place, vectors).a & np.uint64(2**width - 1)
            found[bus] = np.where(rng.random(vectors) < of.zeros, np.uint64(0), drawn)
        else:
            found[bus] = np.array([int.from_bytes(rng.bytes(-(-width // 8))) >> -width % 8 for _ in range(vectors)],
                                  dtype=object)
    return found


def drawn_operands(netlist: Netlist, format: Format, operands: Operands, vectors: int) -> dict[str, npt.NDArray[Any]]:
    """Operands with given statistics; held where their stream holds them."""
    drawn = draw(format, f"{operands.a.distribution}/{operands.b.distribution}", 0, vectors)
    which = {"weight": "a", "input": "b"}.get(operands.stream)
    if which is not None:
        drawn = drawn.holding(which, operands.hold)
    return operands_at(netlist, drawn, operands.a.zeros, operands.b.zeros)


@cache
def from_file(path: str, top: str | None, format: Format) -> Netlist:
    """The netlist of a Verilog file for operands of a format, its inputs in order called a, b and c."""
    netlist = with_ports(_netlist(Path(path), top), None)
    _check_widths(netlist, format)
    return netlist


def _netlist(source: Netlist | str | Path, top: str | None) -> Netlist:
    if isinstance(source, Netlist):
        return source
    if isinstance(source, Path) or (source.endswith(".v") and "\n" not in source):
        try:
            source = Path(source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"cannot read Verilog: {error}") from None
    return from_verilog(source, top)


def with_ports(netlist: Netlist, ports: Mapping[str, str] | None) -> Netlist:
    """The same circuit with its inputs called a, b and c; as they were where there are more and none is named."""
    if ports is None and len(netlist.inputs) > len(_BUSES):
        return netlist
    named = dict(zip(_BUSES, netlist.inputs, strict=False)) if ports is None else dict(ports)
    if sorted(named.values()) != sorted(netlist.inputs):
        raise ValueError(f"{netlist.name} has the inputs {', '.join(netlist.inputs)}: name each once in ports, as a, b "
                         "or c")
    return replace(netlist, inputs={bus: netlist.inputs[name] for bus, name in named.items()})


def _check_widths(netlist: Netlist, format: Format) -> None:
    wrong = [f"{bus} of {netlist.width(bus)} bits" for bus in ("a", "b")
             if bus in netlist.inputs and netlist.width(bus) != format.bits]
    if wrong:
        raise ValueError(f"{netlist.name} takes {', '.join(wrong)}, and {format.name} has {format.bits}")
