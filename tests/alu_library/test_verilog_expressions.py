"""Expressions of Verilog against pyslang, which evaluates them as constants, on random widths, signs and operators."""

from __future__ import annotations

import importlib
import random

import pytest

from alu_library.circuits import evaluate, from_verilog

NAMES = {"a": (4, False), "b": (6, False), "c": (1, False), "s": (4, True), "t": (7, True)}
BINARY = ("+", "-", "&", "|", "^", "~^", "==", "!=", "&&", "||")
UNARY = ("~", "-", "!", "&", "|", "^", "~&", "~|", "+")
CASES = 120


def drawn(rng: random.Random, depth: int) -> str:
    """A random expression, every operation in parentheses or left to precedence."""
    kind = rng.random()
    if depth == 0 or kind < 0.15:
        name = rng.choice([*NAMES, *NAMES])
        width = NAMES[name][0]
        return rng.choice([name, name, f"{name}[{rng.randrange(width)}]" if width > 1 else name, "3'd5", "4'sd3", "1",
                           "6'h2a"])
    if kind < 0.3:
        return f"{rng.choice(UNARY)}({drawn(rng, depth - 1)})"
    if kind < 0.4:
        return f"({drawn(rng, depth - 1)} ? {drawn(rng, depth - 1)} : {drawn(rng, depth - 1)})"
    if kind < 0.5:
        names = ", ".join(rng.choice(list(NAMES)) for _ in range(2))
        return rng.choice([f"{{{names}}}", f"{{{rng.randrange(1, 4)}{{{rng.choice(list(NAMES))}}}}}"])
    inside = f"{drawn(rng, depth - 1)} {rng.choice(BINARY)} {drawn(rng, depth - 1)}"
    return f"({inside})" if rng.random() < 0.6 else inside


def constants(expression: str, width: int, signed: bool, values: list[dict[str, int]]) -> list[int]:
    """What pyslang makes of an expression assigned to so many bits."""
    ast, syntax = importlib.import_module("pyslang.ast"), importlib.import_module("pyslang.syntax")
    modules = []
    for k, each in enumerate(values):
        given = " ".join(f"localparam {'signed ' * NAMES[n][1]}[{NAMES[n][0] - 1}:0] {n} = {NAMES[n][0]}'d{v};"
                         for n, v in each.items())
        result = f"localparam {'signed ' * signed}[{width - 1}:0] y = {expression};"
        modules.append(f"module m{k}; {given} {result} endmodule")
    compilation = ast.Compilation()
    compilation.addSyntaxTree(syntax.SyntaxTree.fromText("\n".join(modules)))
    found = {top.name: int(next(m for m in top.body if m.name == "y").value.value) % (1 << width)
             for top in compilation.getRoot().topInstances}
    return [found[f"m{k}"] for k in range(len(values))]


@pytest.mark.parametrize("seed", range(CASES))
def test_expressions_have_verilogs_widths_signs_and_values(seed: int) -> None:
    pytest.importorskip("pyslang.ast")
    rng = random.Random(seed)
    expression, width, signed = drawn(rng, 3), rng.randrange(1, 12), rng.random() < 0.5
    values = [{n: rng.randrange(1 << w) for n, (w, _) in NAMES.items()} for _ in range(12)]
    ports = ", ".join(f"input {'signed ' * NAMES[n][1]}[{NAMES[n][0] - 1}:0] {n}" for n in NAMES)
    text = f"module m({ports}, output {'signed ' * signed}[{width - 1}:0] y); assign y = {expression}; endmodule"
    netlist = from_verilog(text)
    got = evaluate(netlist, {n: [v[n] for v in values] for n in NAMES})["y"]
    assert [int(v) for v in got] == constants(expression, width, signed, values), text


def test_a_subtracter_written_with_a_complement_keeps_its_borrow() -> None:
    text = "module m(input [7:0] a, b, output [8:0] y, z); assign y = a + ~b + 1'b1, z = a - b; endmodule"
    got = evaluate(from_verilog(text), {"a": [5, 200], "b": [9, 100]})
    assert got["y"].tolist() == got["z"].tolist() == [(5 - 9) % 512, 100]


def test_conditions_and_negations_take_whole_vectors() -> None:
    text = "module m(input [1:0] a, output y, z); assign y = !a, z = a ? 1'b1 : 1'b0; endmodule"
    got = evaluate(from_verilog(text), {"a": [0, 1, 2, 3]})
    assert (got["y"].tolist(), got["z"].tolist()) == ([1, 0, 0, 0], [0, 1, 1, 1])


def test_what_extends_a_number_costs_no_adder() -> None:
    sums = [from_verilog(f"module m(input [7:0] a, b, output [{w - 1}:0] y); assign y = a + b; endmodule")
            for w in (9, 32)]
    assert [netlist.transistors("textbook") for netlist in sums] == [210, 210]
