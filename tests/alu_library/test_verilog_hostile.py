"""Verilog that no circuit is: refused in one line, in time and memory that its length allows."""

from __future__ import annotations

import time

import pytest

from alu_library.circuits.verilog_reader import VerilogError, from_verilog


def module(body: str, ports: str = "input a, input b, output y") -> str:
    return f"module m({ports}); {body} endmodule\n"


def doubling(levels: int) -> str:
    """Modules that contain the one below twice."""
    ports = "input a, input b, output y"
    text = f"module m0({ports}); nand(y, a, b); endmodule\n"
    return text + "".join(f"module m{i}({ports}); wire t; m{i - 1} u(a, b, t); m{i - 1} v(b, t, y); endmodule\n"
                          for i in range(1, levels))


@pytest.mark.parametrize(("text", "message"), [
    (module("m u(a, b, y);"), "contain each other"),
    ("module p(input a, output y); q u(a, y); endmodule module q(input a, output y); p u(a, y); endmodule"
     " module t(input a, output y); p u(a, y); endmodule", "contains itself"),
    (module("not(y, a);") * 2, "two modules m"),
    (module("wire t; not(t, a);"), "nothing drives its output y"),
    (module("not(y, a);", "input a, input a, output y"), "declares port a twice"),
    ("module m(a, a, y); input a; output y; not(y, a); endmodule", "two ports a"),
    (module("assign y = 1000000000000'h0;"), "no literal of up to 65536 bits"),
    (module(f"assign y = 'd{'9' * 5000};"), "no literal"),
    (module("assign y = 1'b7;"), "digits that its base lacks"),
    (module("wire [999999999:0] w; not(y, a);"), "a bus has 1 to 65536 bits"),
    (module("wire [0:3] w; not(y, a);"), "the highest first"),
    (module("wire [1'b1:0] w; not(y, a);"), "where the number of a bit belongs"),
    (module(f"assign y = {'(' * 5000}a{')' * 5000};"), "nests deeper than 64"),
    (module(f"assign y = {'a ? b : ' * 5000}a;"), "nests deeper than 64"),
    (module("assign y = {a, b}[1];"), "expected"),
    (module("assign 1'b0 = a; not(y, a);"), "drives a constant"),
    (module("not(y);"), "not of 1 bits"),
    (module("and(y, a);"), "and of 2 bits"),
    (module("/* no end"), "a comment has no end"),
    (module("h u(.a(a), .a(b), .y(y));"), "binds port a twice"),
    ("module h(input a, output y); not(y, a); endmodule " + module("h u(.a(a), .z(y));"), "h has no port z"),
    ("module h(input a, output y); not(y, a); endmodule " + module("h u(a, y, b);"), "h has 2 ports, and 3 are bound"),
    (doubling(40), "gates; up to 500000 are read"),
    ("module", "ends inside a module"),
])
def test_what_no_circuit_is(text: str, message: str) -> None:
    begun = time.process_time()
    with pytest.raises(VerilogError, match=message) as caught:
        from_verilog(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("text", ["/*" * 200_000, "(*" * 200_000, "(" * 200_000, "~" * 200_000, "//" * 200_000 + "\n",
                                  "(*)" * 100_000, "module m(" + "a," * 20_000])
def test_no_text_takes_longer_than_its_length_allows(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(VerilogError):
        from_verilog(text)
    assert time.process_time() - begun < 5


def test_comments_and_attributes_are_blanks_wherever_they_stand() -> None:
    plain = from_verilog(module("wire t; not(t, a); and(y, t, b);"))
    body = "(* keep *) wire /* t */ t; not(t, a); // t\n and(y, t /**/, b);"
    dressed = from_verilog(f"// m\n{module(body)}// end")
    assert dressed.instances == plain.instances


def test_many_inversions_are_no_recursion() -> None:
    even, odd = (from_verilog(module(f"assign y = {'~' * n}a;")) for n in (2000, 2001))
    assert even.outputs["y"] == even.inputs["a"]
    assert sum(odd.counts.values()) == 1


def test_modules_inside_each_other_are_flattened() -> None:
    assert sum(from_verilog(doubling(6)).counts.values()) == 32
