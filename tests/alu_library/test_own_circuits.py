"""A user's own circuit, from Verilog to the cost of a network; sets, cells and generators of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import alu_library
import tocompiler
from alu_library import Operand, Operands, circuits, price, price_netlist
from alu_library.circuits import characterise, to_verilog
from alu_library.circuits.cells import CELLS, add_cell

EXAMPLE = Path(__file__).parents[1] / "data" / "circuits"
UNIFORM = Operands(Operand("uniform"), Operand("uniform"))


def test_the_example_is_an_approximate_multiplier() -> None:
    a, b = (g.ravel() for g in np.meshgrid(np.arange(256), np.arange(256)))
    netlist = circuits.from_verilog((EXAMPLE / "truncated.v").read_text())
    wrong = a * b - circuits.evaluate(netlist, {"a": a, "b": b})["product"].astype(int)
    assert (wrong.min(), wrong.max()) == (0, 49)


def test_verilog_changes_the_cost_of_a_network() -> None:
    """Drop in Verilog, see ResNet-18's cost change: the products of its convolutions become cheaper, sums stay."""
    net = tocompiler.load("resnet18")
    plain, approximate = (tocompiler.compile(net, format="uint8", circuits=c).totals
                          for c in ("default", str(EXAMPLE / "approximate.toml")))
    assert approximate.multiply_accumulates == plain.multiply_accumulates == 1814073344
    saved = price("multiply", "uint8").transistor_operations - price(
        "multiply", "uint8", circuits=str(EXAMPLE / "approximate.toml")).transistor_operations
    assert saved > 0
    assert 0.8 < approximate.transistor_operations / plain.transistor_operations < 0.9
    assert plain.transistor_operations - approximate.transistor_operations > 0.5 * saved * 1814073344


def test_a_netlist_is_priced_as_the_table_has_it() -> None:
    netlist = circuits.build("multiplier/dadda:ripple_carry", "uint8")
    ours = price("multiply", "uint8", UNIFORM)
    for source in (netlist, circuits.to_verilog(netlist)):
        found = price_netlist(source, operands=UNIFORM)
        assert found.transistors == ours.transistors
        assert found.transistor_operations == pytest.approx(ours.transistor_operations, rel=0.02)
        assert found.load == pytest.approx(ours.load, rel=0.02)


def test_ports_are_named_and_operands_may_be_arrays() -> None:
    netlist = circuits.build("multiplier/booth:ripple_carry", "int8")
    held = Operands(UNIFORM.a, UNIFORM.b, "input", 64)
    recoded = price_netlist(netlist, format="int8", operands=held).transistor_operations
    exchanged = price_netlist(netlist, format="int8", ports={"a": "b", "b": "a"}, operands=held).transistor_operations
    assert recoded < 0.8 * exchanged  # Booth rests while the operand that it recodes stays
    still = price_netlist(netlist, operands={"a": [5, 5, 5], "b": [7, 7, 7]})
    assert still.transistor_operations == 0
    with pytest.raises(ValueError, match="has the inputs a, b"):
        price_netlist(netlist, ports={"a": "x", "b": "b"})
    with pytest.raises(ValueError, match="takes a of 8 bits, b of 8 bits, and int16 has 16"):
        price_netlist(netlist, format="int16")
    with pytest.raises(ValueError, match="cannot read Verilog"):
        price_netlist(Path("nowhere.v"))


def test_cells_and_generators_of_a_set(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from alu_library.circuits import Builder, register\n\n\n@register('adder/lazy')\ndef lazy(format):\n"
        "    b = Builder('lazy')\n    x, y = b.input('a', format.bits), b.input('b', format.bits)\n"
        "    b.output('sum', [b.or_(p, q) for p, q in zip(x, y)])\n    return b.build()\n")
    (tmp_path / "nands.v").write_text("module nands(input [3:0] a, b, output [3:0] y);\n" + "".join(
        f"  NAND2_TWIN u{k}(.a(a[{k}]), .b(b[{k}]), .y(y[{k}]));\n" for k in range(4)) + "endmodule\n")
    chosen = tmp_path / "set.toml"
    chosen.write_text("""generators = ["mine.py"]
[[cell]]
name = "NAND2_TWIN"
inputs = "a b"
outputs = "y"
logic = "y = ~(a & b)"
terminals = "a:4 b:4"
[[circuit]]
tasks = ["add"]
formats = ["uint4"]
circuit = "adder/lazy"
[[circuit]]
tasks = ["logic"]
formats = ["uint4"]
circuit = "nands.v:nands"
""")
    assert price("logic", "uint4", UNIFORM, str(chosen)).transistors == 4 * 8
    assert price("add", "uint4", UNIFORM, str(chosen)).circuit == "adder/lazy"
    assert price("add", "uint4", UNIFORM, str(chosen)).transistor_operations > 0


@pytest.mark.parametrize(("logic", "message"), [
    ("y = a + b", "not 'a \\+ b'"), ("y = __import__", "not '__import__'"), ("y", "logic is"),
    ("lambda = a", "logic is"),
])
def test_cells_say_nothing_but_logic(logic: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        add_cell("BAD", "a b", "y", logic, "a:2 b:2")
    assert "BAD" not in CELLS


def test_a_set_that_is_not_whole_is_refused_in_one_line(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    missing.write_text("[[circuit]]\ntasks = ['add']\nformats = ['*']\ncircuit = 'gone.v'\n")
    with pytest.raises(ValueError, match=r"no Verilog file .*gone\.v"):
        price("add", "uint8", UNIFORM, str(missing))
    bad = tmp_path / "bad.toml"
    bad.write_text("[[cell]]\nname = 'X'\ninputs = 'a'\noutputs = 'y'\nlogic = 'y = a +'\nterminals = 'a:2'\n")
    with pytest.raises(ValueError, match=r"bad\.toml: \[\[cell\]\] X"):
        price("add", "uint8", UNIFORM, str(bad))
    assert alu_library.price("add", "uint8").transistors > 0


def test_a_deep_circuit_from_a_file_keeps_its_width(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alu_library.circuits.characterisation.DEEPEST", 3)
    path = tmp_path / "adder.v"
    path.write_text(to_verilog(circuits.build("adder/ripple_carry", "uint8")))
    assert characterise(str(path), "uint8").glitch_factor > 1


def test_inputs_of_any_width_are_drawn_bit_by_bit_where_no_format_is_named() -> None:
    text = "module fa(input a, b, cin, output s, cout); assign {cout, s} = a + b + cin; endmodule"
    assert price_netlist(text, operands=UNIFORM).transistor_operations > 5
    several = "module m(input sel, input [6:0] x, y, output [6:0] z); assign z = sel ? x : y; endmodule"
    assert price_netlist(several, operands=UNIFORM).transistor_operations > 20
    with pytest.raises(ValueError, match="takes a of 1 bits"):
        price_netlist(text, format="int8")
    wide = "module w(input [69:0] a, input b, c, d, output [69:0] y); assign y = b ? a : c ? ~a : d; endmodule"
    assert price_netlist(wide, operands=UNIFORM).transistor_operations > 100


CHOICE = "[[circuit]]\ntasks = {tasks}\nformats = ['*']\ncircuit = 'adder/ripple_carry'\n"


@pytest.mark.parametrize(("text", "message"), [
    ("straem = 'weight'", "has no 'straem': there are base, stream"),
    ("hold = '64'", "needs hold as a whole number"),
    ("hold = true", "needs hold as a whole number"),
    ("base = 3", "needs base as a string"),
    ("base = 'set.toml'", "is based on itself"),
    ("generators = 'mine.py'", "needs generators as a list of strings"),
    ("generators = ['gone.py']", r"generators: .*gone\.py: No such file"),
    ("generators = ['boom.py']", r"generators: .*boom\.py: RuntimeError: no"),
    ("cell = 3", r"needs cell as \[\[cell\]\]"),
    ("[[cell]]\nname = 'X'", r"\[\[cell\]\]: needs inputs as a string"),
    (CHOICE.format(tasks="'add'"), r"\[\[circuit\]\]: needs tasks as a list of strings"),
    (CHOICE.format(tasks="['addd']"), "no task 'addd': there are add, multiply"),
    (CHOICE.format(tasks="['add']") + "wy = 'x'", "has no 'wy': there are tasks"),
    (CHOICE.format(tasks="['add']").replace("circuit = ", "cirquit = "), "needs circuit as a string"),
    ("[circuit]\ntasks = ['add']", r"needs circuit as \[\[circuit\]\]"),
])
def test_what_a_set_cannot_mean_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "boom.py").write_text("raise RuntimeError('no')\n")
    chosen = tmp_path / "set.toml"
    chosen.write_text(text + "\n")
    with pytest.raises(ValueError, match=message) as refused:
        price("add", "uint8", UNIFORM, str(chosen))
    assert "set.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_base_is_named_from_where_its_set_stands(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text("base = 'default'\n" + CHOICE.format(tasks="['add']").replace(
        "ripple_carry", "kogge_stone"))
    (tmp_path / "set.toml").write_text("base = 'base.toml'\n")
    assert price("add", "uint8", UNIFORM, str(tmp_path / "set.toml")).circuit == "adder/kogge_stone"


def test_what_an_array_holds_changes_its_products_and_nothing_else(tmp_path: Path) -> None:
    held = tmp_path / "held.toml"
    held.write_text("base = 'default'\nstream = 'weight'\nhold = 64\n")
    row = alu_library.function("gelu", "fp32")
    assert alu_library.cost(row, str(held)) == alu_library.cost(row)
    net = tocompiler.Network("products and an elementwise one")
    x = net.input((8, 64), format="int8")
    net.output(net.mul(net.linear(x, 32), net.linear(x, 32)))
    free, stays = ({r.name: r.transistor_operations for r in tocompiler.compile(net, circuits=name).rows}
                   for name in ("default", str(held)))
    changed = {name for name in free if free[name] != stays[name]}
    assert changed == {name for name in free if name.startswith("linear")}
    assert all(stays[name] < free[name] for name in changed)
