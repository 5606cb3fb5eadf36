"""Verilog out and in: the same circuit comes back, and foreign structure is read."""

import importlib

import numpy as np
import pytest

from alu_library.circuits.adders import adder
from alu_library.circuits.combinational import leading_zero_counter
from alu_library.circuits.dividers import divider
from alu_library.circuits.multipliers import MULTIPLIERS, multiplier
from alu_library.circuits.simulation import evaluate, switchings
from alu_library.circuits.verilog import to_verilog
from alu_library.circuits.verilog_reader import Equivalent, VerilogError, from_verilog

NETLISTS = [adder("kogge_stone", 16), divider("restoring", 6), leading_zero_counter(12),
            *(multiplier(kind, 6, True) for kind in MULTIPLIERS)]


@pytest.mark.parametrize("netlist", NETLISTS, ids=lambda n: n.name)
def test_round_trip(netlist):
    read = from_verilog(to_verilog(netlist))
    assert read.counts == netlist.counts
    assert {n: len(b) for n, b in read.outputs.items()} == {n: len(b) for n, b in netlist.outputs.items()}
    rng = np.random.default_rng(0)
    operands = {name: rng.integers(0, 1 << len(bus), 500) for name, bus in netlist.inputs.items()}
    before, after = evaluate(netlist, operands), evaluate(read, operands)
    assert all((before[name] == after[name]).all() for name in before)
    assert switchings(read, operands).transistor_operations == switchings(netlist, operands).transistor_operations


FOREIGN = """
/* a four-bit adder out of all that is read */
module top(A, B, O, P);
  input [3:0] A;  input [3:0] B;
  output [4:0] O; output P;
  wire c1, c2, t;
  HAX1 h0(.A(A[0]), .B(B[0]), .YS(O[0]), .YC(c1));
  FULL_ADDER_28 f1(A[1], B[1], c1, O[1], c2);
  xor g1(t, A[2], B[2]), g2(O[2], t, c2);   // primitives
  assign c3 = (A[2] & B[2]) | (t & c2);
  wire [3:0] k = {1'b0, A[3] & B[3], A[3] ^ B[3], 1'b1} & 4'hf;
  assign O[3] = k[1] ^ c3, O[4] = k[2] | k[1] & c3;
  choose pick(.s(A[1:0]), .x(B), .y(P));
endmodule
module choose(input [1:0] s, input [3:0] x, output y);
  assign y = s[1] ? (s[0] ? x[3] : x[2]) : (s[0] ? x[1] : x[0]);
endmodule
"""
HALF_ADDER = {"HAX1": Equivalent("HALF_ADDER", {"a": "A", "b": "B", "sum": "YS", "carry": "YC"})}


def test_foreign_structure_is_read():
    netlist = from_verilog(FOREIGN, equivalents=HALF_ADDER)
    x, y = np.arange(256) % 16, np.arange(256) // 16
    got = evaluate(netlist, {"A": x, "B": y})
    assert (got["O"] == x + y).all()
    assert (got["P"] == y >> x % 4 & 1).all()
    assert netlist.counts["HALF_ADDER"] == netlist.counts["FULL_ADDER_28"] == 1
    assert netlist.transistors() > 0


def test_any_module_can_be_the_top():
    assert from_verilog(FOREIGN, "choose").counts == {"MUX2": 3}


def test_wide_primitives_become_trees():
    text = """module g(a, y, z); input [3:0] a; output y, z;
    nand(y, a[0], a[1], a[2], a[3]); xnor(z, a[0], a[1], a[2]); endmodule"""
    got = evaluate(from_verilog(text), {"a": range(16)})
    assert got["y"].tolist() == [int(v != 15) for v in range(16)]
    assert got["z"].tolist() == [1 - (v & 7).bit_count() % 2 for v in range(16)]


@pytest.mark.parametrize(("text", "message"), [
    ("module m(a, y); input a; output y; assign y = a * a; endmodule", r"'\*'"),
    ("module m(a, y); input a; output y; reg y; endmodule", "'reg'"),
    ("module m(a, y); input a; output y; always @(a) y = a; endmodule", "'always'"),
    ("module m(input c, output reg [7:0] q); endmodule", "'reg' in module m: only structure is read; synthesis"),
    ("module m #(parameter W = 8)(input [W-1:0] a); endmodule", "parameters of module m: only structure"),
    ("module m(input [3:0] a, output [7:0] y); assign y = a << 1; endmodule", "'<<'.*synthesis makes gates"),
    ("module m(a, y); input a; output y; assign y = b; endmodule", "nothing drives b"),
    ("module m(a, y); input a; output y; wire p, q; not(p, q); not(q, p); and(y, p, a); endmodule", "loop"),
    ("module m(a, y); input a; output y; not(y, a); buf(y, a); endmodule", "two gates drive y"),
    ("module m(a, y); input a; output y; ADDX7 u(.P(a), .Q(y)); endmodule", "'ADDX7'"),
    ("module m(a, y); input [1:0] a; output y; assign y = a[2]; endmodule", r"a\[2\]"),
    ("module m(a, y); input a; output y;", "ends"),
    ("module m(a, y); input a; output y; AND2 u(.a(a), .y(y)); endmodule", "nothing on b"),
    ("", "no module"),
])
def test_what_is_not_structure_is_refused(text, message):
    with pytest.raises(VerilogError, match=message):
        from_verilog(text)


ARITHMETIC = """`timescale 1ns / 1ps
module sums(input signed [3:0] a, b, input [3:0] u, output signed [4:0] s, output [5:0] t, output [3:0] n, output c);
  assign s = a + b, t = u + u + 2'd3;
  assign {c, n} = {1'b0, u + 4'd9};
endmodule
"""


def test_sums_of_vectors_have_verilogs_widths_and_signs():
    a, b = (g.ravel() for g in np.meshgrid(np.arange(16), np.arange(16)))
    got = evaluate(from_verilog(ARITHMETIC), {"a": a, "b": b, "u": a})
    signed = [v - 16 * (v > 7) for v in range(16)]
    assert got["s"].tolist() == [(signed[p] + signed[q]) % 32 for p, q in zip(a, b, strict=True)]
    assert (got["t"] == 2 * a + 3).all()
    assert (got["n"] == (a + 9) % 16).all()
    assert not got["c"].any()  # a sum inside braces has the width of its terms


LIBRARIES = """module m(input [2:0] a, output [5:0] y);
  NAND2_X1 u0(.A1(a[0]), .A2(a[1]), .ZN(y[0]));
  sky130_fd_sc_hd__a21oi_1 u1(.A1(a[0]), .A2(a[1]), .B1(a[2]), .Y(y[1]));
  AOI21X1 u2(.A(a[0]), .B(a[1]), .C(a[2]), .Y(y[2]));
  MUX2X1 u3(.A(a[0]), .B(a[1]), .S(a[2]), .Y(y[3]));
  FA_X1 u4(.A(a[0]), .B(a[1]), .CI(a[2]), .S(y[4]), .CO(y[5]));
endmodule"""


def test_cells_of_common_libraries_are_known_by_name():
    p, q, r = (np.arange(8) >> k & 1 for k in range(3))
    y = evaluate(from_verilog(LIBRARIES), {"a": np.arange(8)})["y"]
    expected = [1 - (p & q), 1 - (p & q | r), 1 - (p & q | r), np.where(r, q, p), p ^ q ^ r, (p + q + r) > 1]
    for bit, values in enumerate(expected):
        assert (y >> bit & 1 == values).all()


def test_several_modules_without_a_top_are_listed():
    text = "module one(input a, output y); assign y = a; endmodule " + \
           "module two(input a, output y); assign y = ~a; endmodule"
    with pytest.raises(VerilogError, match="several modules could be the top: name one of one, two"):
        from_verilog(text)
    assert from_verilog(text, "two").counts == {"NOT": 1}


@pytest.mark.parametrize(
    "text", [ARITHMETIC, to_verilog(adder("brent_kung", 5)), to_verilog(multiplier("booth", 4, True))],
    ids=["arithmetic", "adder", "multiplier"])
def test_another_reader_sees_the_same_ports(text):
    pytest.importorskip("pyslang.ast")
    compilation = importlib.import_module("pyslang.ast").Compilation()
    compilation.addSyntaxTree(importlib.import_module("pyslang.syntax").SyntaxTree.fromText(text))
    assert not [d for d in compilation.getAllDiagnostics() if d.isError()]
    (top,) = compilation.getRoot().topInstances
    theirs = {p.name: (str(p.direction).rpartition(".")[2], p.type.bitWidth) for p in top.body.portList}
    ours = from_verilog(text)
    assert theirs == {name: (kind, len(bus)) for kind, buses in (("In", ours.inputs), ("Out", ours.outputs))
                      for name, bus in buses.items()}
