"""The simulator against a plain one that takes one vector and one cell at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alu_library.circuits import simulation
from alu_library.circuits.adders import ADDERS, adder
from alu_library.circuits.cells import CELLS
from alu_library.circuits.combinational import leading_zero_counter, maximum, shifter
from alu_library.circuits.dividers import divider
from alu_library.circuits.multipliers import MULTIPLIERS, multiplier, multiply
from alu_library.circuits.netlist import ONE, Builder
from alu_library.circuits.roots import square_rooter
from alu_library.circuits.simulation import evaluate, probe, switchings, terminals
from alu_library.circuits.words import pack, to_signed, unpack


def _pipelined():
    b = Builder("pipelined")
    x, y = b.input("a", 5), b.input("b", 5)
    b.output("y", b.register(multiply(b, "dadda", b.register(x), y)))
    return b.build()


NETLISTS = [
    *(adder(kind, 7) for kind in ADDERS),
    *(multiplier(kind, 5, signed) for kind in MULTIPLIERS for signed in (False, True)),
    divider("restoring", 5), divider("non_restoring", 5, True), square_rooter(9), leading_zero_counter(11),
    shifter(9, "arithmetic"), maximum(6, True),
    *(multiplier("dadda", 4, full_adder_style=s) for s in (24, 20, 16, 14, 10)), _pipelined(),
]


def _operands(netlist, count, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.integers(0, 1 << len(bus), count) for name, bus in netlist.inputs.items()}


def _slow_nodes(netlist, operands, vector):
    """All node values for one vector: nets, and internal nodes by (cell place, name)."""
    nets = {0: 0, ONE: 1}
    for name, bus in netlist.inputs.items():
        nets.update({net: int(operands[name][vector]) >> k & 1 for k, net in enumerate(bus)})
    inner = {}
    for place, (kind, inputs, outputs) in enumerate(netlist.instances):
        cell = CELLS[kind]
        results = [v & 1 for v in cell.function(*(nets[n] for n in inputs))]
        nets.update(zip(outputs, results, strict=False))
        inner.update({(place, node): v for node, v in zip(cell.internal, results[len(outputs):], strict=True)})
    return nets, inner


def _slow_transistor_operations(netlist, operands, count):
    on_nets = terminals(netlist)
    total = 0
    before = _slow_nodes(netlist, operands, 0)
    for vector in range(1, count):
        after = _slow_nodes(netlist, operands, vector)
        total += sum(int(on_nets[n]) for n in after[0] if after[0][n] != before[0][n])
        total += sum(CELLS[netlist.instances[place].cell].terminals.get(node, 0)
                     for (place, node), v in after[1].items() if v != before[1][place, node])
        before = after
    return total / (count - 1)


@pytest.mark.parametrize("netlist", NETLISTS, ids=lambda n: n.name)
def test_switching_equals_the_plain_simulator(netlist):
    operands = _operands(netlist, 150)
    assert switchings(netlist, operands).transistor_operations == pytest.approx(
        _slow_transistor_operations(netlist, operands, 150), rel=1e-12)


@pytest.mark.parametrize("netlist", NETLISTS, ids=lambda n: n.name)
def test_transistors_are_the_gate_terminals_of_all_nets(netlist):
    inner = sum(CELLS[i.cell].terminals.get(n, 0) for i in netlist.instances for n in CELLS[i.cell].internal)
    assert int(terminals(netlist).sum()) + inner == netlist.transistors("static_cmos")


@pytest.mark.parametrize("netlist", NETLISTS, ids=lambda n: n.name)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 300))
def test_transistor_operations_never_exceed_transistors(netlist, seed, count):
    counted = switchings(netlist, _operands(netlist, count, seed))
    assert 0 <= counted.transistor_operations <= netlist.transistors("static_cmos")
    assert int(counted.nets.max()) <= counted.operations == count - 1


def test_blocks_change_nothing(monkeypatch):
    operands = _operands(multiplier("dadda", 6), 40_000)
    whole = switchings(multiplier("dadda", 6), operands)
    products = evaluate(multiplier("dadda", 6), operands)["product"]
    monkeypatch.setattr(simulation, "_GROUP_BYTES", 8)  # blocks of 64 words
    parts = switchings(multiplier("dadda", 6), operands)
    assert (whole.nets == parts.nets).all()
    assert whole.transistor_operations == parts.transistor_operations
    assert (evaluate(multiplier("dadda", 6), operands)["product"] == products).all()


def test_a_resting_circuit_switches_nothing():
    netlist = multiplier("wallace", 8)
    assert switchings(netlist, {"a": [77] * 100, "b": [201] * 100}).transistor_operations == 0


def test_one_alternating_input_switches_every_step():
    b = Builder("inverter")
    b.output("y", [b.not_(b.input("x", 1)[0])])
    counted = switchings(b.build(), {"x": [0, 1] * 500})
    assert counted.operations == 999
    assert counted.transistor_operations == 2


def test_one_vector_is_no_stream():
    with pytest.raises(ValueError, match="two vectors"):
        switchings(adder("ripple_carry", 4), {"a": [1], "b": [2]})


def test_operands_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        evaluate(adder("ripple_carry", 4), {"a": [1], "b": [2, 3]})


def test_what_is_no_operand_is_refused():
    netlist = adder("ripple_carry", 4)
    with pytest.raises(ValueError, match="no operands"):
        evaluate(netlist, {"a": np.array([], dtype=int), "b": np.array([], dtype=int)})
    with pytest.raises(TypeError, match="float64"):
        evaluate(netlist, {"a": [1.5], "b": [2.0]})
    with pytest.raises(KeyError, match="'b'"):
        evaluate(netlist, {"a": [1]})


def test_operands_are_taken_modulo_the_width():
    got = evaluate(adder("ripple_carry", 4), {"a": [-1, 17], "b": [16, 2]})["sum"]
    assert got.tolist() == [15 + 0, 1 + 2]


def test_probe_shows_inner_nets():
    netlist = adder("ripple_carry", 2)
    carry = netlist.instances[0].outputs[1]
    assert probe(netlist, {"a": [0, 1, 1, 3], "b": [3, 1, 2, 3]}, [carry]).tolist() == [[0, 1, 0, 1]]


@given(st.integers(1, 130), st.integers(1, 200), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_packing_round_trips(width, count, seed):
    rng = np.random.default_rng(seed)
    values = [int.from_bytes(rng.bytes(17), "little") % (1 << width) for _ in range(count)]
    assert unpack(list(pack(np.array(values, dtype=object), width)), count).tolist() == values


def test_lanes_overlap_by_one_vector():
    """With an overlap, the steps inside lanes are all steps of the stream, each once."""
    values = np.arange(1000) % 2
    words = pack(values, 1, overlap=1)
    assert simulation.changes(words).tolist() == [999]


@pytest.mark.parametrize("width", [1, 5, 31, 63, 64, 80])
def test_signed_reading(width):
    low, high = -(1 << (width - 1)), (1 << (width - 1)) - 1
    values = np.array([v % (1 << width) for v in (low, -1, 0, high)], dtype=object)
    as_words = values if width > 64 else values.astype(np.uint64)
    assert to_signed(as_words, width).tolist() == [low, -1, 0, high]
