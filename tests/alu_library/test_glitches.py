"""Glitches: known pulses, registers that stop them, and models that order as they must."""

import numpy as np
import pytest

from alu_library.circuits.adders import adder
from alu_library.circuits.glitches import MODELS, glitch_factor
from alu_library.circuits.multipliers import multiplier, multiply
from alu_library.circuits.netlist import Builder, Netlist


def _uniform(netlist, count=400):
    rng = np.random.default_rng(5)
    return {name: rng.integers(0, 1 << len(bus), count) for name, bus in netlist.inputs.items()}


def _hazard(inverters: int) -> Netlist:
    """x AND (x through an odd number of inverters), read by one more: settled it is 0, and it pulses when x rises."""
    b = Builder("hazard")
    x = b.input("x", 1)[0]
    y = x
    for _ in range(inverters):
        y = b.cell("NOT", y)[0]
    b.output("y", b.cell("NOT", *b.cell("AND2", x, y)))
    return b.build()


@pytest.mark.parametrize(("inverters", "passes"), [(1, False), (3, True)])
def test_a_pulse_shorter_than_the_gate_dies_in_it_and_a_longer_one_passes(inverters, passes):
    """The pulse is as long as the inverters; the NAND in the AND has one stage of delay, the AND two."""
    steps = {"x": [0, 1] * 50}
    settled = 2 * inverters + 2 + 2  # terminals of the inverters and of the AND's two inputs change in every step
    pulse = 2 + 2 * passes  # terminals on the NAND, and on the reader of the AND, change twice when x rises
    rises = 50 / 99
    assert glitch_factor(_hazard(inverters), steps) == pytest.approx(1 + 2 * pulse * rises / settled)


def test_a_tree_of_equal_paths_has_no_glitches():
    b = Builder("balanced")
    x = b.input("x", 8)
    b.output("y", [b.and_(*x)])
    netlist = b.build()
    assert glitch_factor(netlist, _uniform(netlist)) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("kind", ["array", "dadda", "booth"])
def test_inertial_glitches_are_fewer_than_transported_ones(kind):
    netlist = multiplier(kind, 8)
    inertial, transport = (glitch_factor(netlist, _uniform(netlist), model) for model in MODELS)
    assert 1.0 < inertial < transport


def test_an_array_glitches_more_than_a_tree():
    array, tree = (multiplier(kind, 12) for kind in ("array", "dadda"))
    assert glitch_factor(array, _uniform(array)) > glitch_factor(tree, _uniform(tree)) + 0.2


def test_registers_stop_glitches():
    def product(registered: bool) -> Netlist:
        b = Builder("two_products")
        x, y, z = b.input("x", 6), b.input("y", 6), b.input("z", 6)
        first = multiply(b, "array", x, y)[:6]
        b.output("p", multiply(b, "array", b.register(first) if registered else first, z))
        return b.build()
    plain, pipelined = product(False), product(True)
    assert glitch_factor(pipelined, _uniform(pipelined)) < glitch_factor(plain, _uniform(plain)) - 0.1


def test_unknown_models_and_resting_circuits_are_refused():
    netlist = adder("ripple_carry", 4)
    with pytest.raises(ValueError, match="'spice'"):
        glitch_factor(netlist, _uniform(netlist), "spice")
    with pytest.raises(ValueError, match="nothing switches"):
        glitch_factor(netlist, {"a": [3, 3], "b": [1, 1]})
