"""Verilog out and in: the same circuit comes back, and foreign structure is read."""

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
    ("module m(a, y); input a; output y; assign y = a + a; endmodule", r"'\+'"),
    ("module m(a, y); input a; output y; reg y; endmodule", "'reg'"),
    ("module m(a, y); input a; output y; always @(a) y = a; endmodule", "'always'"),
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
