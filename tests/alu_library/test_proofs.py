"""Reductions proved stage by stage, and netlists proved by Yosys where it is installed."""

from dataclasses import replace

import numpy as np
import pytest

from alu_library.circuits.adders import ADDERS, adder
from alu_library.circuits.combinational import comparator, shifter
from alu_library.circuits.multipliers import MULTIPLIERS, multiplier, multiply
from alu_library.circuits.multiply_add import multiply_adder
from alu_library.circuits.netlist import Builder
from alu_library.circuits.proofs import (
    ProofError,
    check_adder_cells,
    check_reduction,
    cmos_estimate,
    prove,
    yosys_command,
)
from alu_library.circuits.simulation import probe

KINDS = pytest.mark.parametrize("kind", MULTIPLIERS)
SIGNED = pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
needs_yosys = pytest.mark.skipif(yosys_command() is None, reason="Yosys is not installed")


@KINDS
@SIGNED
@pytest.mark.parametrize("width", [2, 3, 4, 5, 8, 11, 16, 24, 32, 53, 64])
def test_reductions_conserve_the_weighted_sum(kind, signed, width):
    check_reduction(multiplier(kind, width, signed))


@KINDS
@SIGNED
def test_reductions_of_multiply_add_conserve_the_weighted_sum(kind, signed):
    check_reduction(multiply_adder(kind, 8, 32, signed))


def test_a_circuit_with_two_trees_is_checked_tree_by_tree():
    b = Builder("two_products")
    x, y, z = b.input("x", 4), b.input("y", 4), b.input("z", 4)
    b.output("p", multiply(b, "wallace", multiply(b, "dadda", x, y), z))
    netlist = b.build()
    assert len(netlist.reductions) == 2
    assert check_reduction(netlist) > 0


def test_adder_cells_add():
    check_adder_cells()


@KINDS
@SIGNED
def test_weighted_sums_in_simulation(kind, signed):
    """The same conservation, seen in values: every stage's columns sum to the product."""
    netlist = multiplier(kind, 6, signed)
    rng = np.random.default_rng(3)
    low, high = (-32, 32) if signed else (0, 64)
    a, b = rng.integers(low, high, 300), rng.integers(low, high, 300)
    for columns in netlist.reductions[0]:
        placed = [(k, net) for k, column in enumerate(columns) for net in column]
        bits = probe(netlist, {"a": a, "b": b}, [net for _, net in placed]).astype(np.int64)
        weights = np.array([1 << k for k, _ in placed])
        assert ((weights @ bits - a * b) % (1 << 12) == 0).all()


def test_a_wrong_wire_in_the_tree_is_found():
    netlist = multiplier("dadda", 8)
    # The adders of the tree feed others through the reduction; two of them exchange their inputs.
    tree = {net for columns in netlist.reductions[0][1:] for column in columns for net in column}
    adders = [k for k, i in enumerate(netlist.instances) if len(i.outputs) == 2 and tree & {*i.outputs}]
    first, second = adders[0], adders[len(adders) // 2]
    broken = list(netlist.instances)
    broken[first] = broken[first]._replace(inputs=netlist.instances[second].inputs[:len(broken[first].inputs)])
    with pytest.raises(ProofError, match="weighted sum"):
        check_reduction(replace(netlist, instances=tuple(broken)))


def test_a_wrong_cell_in_the_tree_is_found():
    netlist = multiplier("wallace", 6)
    instances = list(netlist.instances)
    place = next(k for k, i in enumerate(instances) if i.cell == "HALF_ADDER")
    carry, total = instances[place].outputs
    instances[place] = instances[place]._replace(outputs=(total, carry))
    with pytest.raises(ProofError):
        check_reduction(replace(netlist, instances=tuple(instances)))


def test_a_circuit_without_a_tree_has_nothing_to_check():
    with pytest.raises(ValueError, match="no reduction"):
        check_reduction(adder("ripple_carry", 8))


@needs_yosys
@pytest.mark.parametrize("kind", ADDERS)
@SIGNED
def test_adders_of_16_bits_are_proved(kind, signed):
    prove(adder(kind, 16, signed), {"sum": "a + b"}, signed)


@needs_yosys
@SIGNED
def test_a_multiplier_of_4_bits_is_proved(signed):
    prove(multiplier("booth", 4, signed), {"product": "a * b"}, signed)


@needs_yosys
def test_other_circuits_are_proved():
    prove(comparator(16, signed=True), {"less": "a < b", "equal": "a == b"}, signed=True)
    prove(shifter(16, "left"), {"y": "a << amount"})
    prove(multiply_adder("dadda", 3, 7), {"sum": "a * b + c"})


@needs_yosys
def test_a_wrong_claim_is_refuted():
    with pytest.raises(ProofError, match="not proved"):
        prove(adder("ripple_carry", 8), {"sum": "a - b"})


@needs_yosys
def test_yosys_estimates_transistors():
    # Yosys maps a full adder to 2 XOR of 12T, 2 AND and an OR of 6T, and a half adder to an XOR and an AND.
    assert cmos_estimate(adder("ripple_carry", 8)) == pytest.approx(7 * (2 * 12 + 3 * 6) + 12 + 6, rel=0.02)
