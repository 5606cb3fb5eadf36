"""What surrounds an operation: terms that add up, registers that are counted, words that are shared."""

import pytest

from alu_library import circuits, price
from alu_library.circuits import Surroundings
from alu_library.pricing import DEFAULT

FUSED = "floating_point/multiply_add:dadda,kogge_stone,full"


def test_terms_add_up_and_arithmetic_is_the_circuits() -> None:
    found = circuits.processing_element("multiplier/dadda:ripple_carry", "int8", Surroundings(stages=1))
    assert found.transistor_operations == pytest.approx(sum(found.terms.values()))
    plain = price("multiply", "int8", DEFAULT).transistor_operations
    assert found.terms["arithmetic"] == pytest.approx(plain, rel=0.05)
    assert found.terms["pipeline registers"] == 0
    assert found.terms["clock"] == 2 * 8 * (8 + 8 + 16)  # two edges, eight gates a register, a register a bit
    assert found.terms["isolation"] == found.terms["choice of a result"] == 0


def test_stages_and_formats_cost_registers_and_isolation() -> None:
    one, three = (circuits.processing_element(FUSED, "fp8_e5m2", Surroundings(stages=n)) for n in (1, 3))
    assert three.terms["clock"] > one.terms["clock"]
    assert three.terms["pipeline registers"] > 0
    assert three.transistors > one.transistors
    many = circuits.processing_element(FUSED, "fp8_e5m2", Surroundings(word_bits=64, formats=5))
    assert many.terms["isolation"] > 0
    with pytest.raises(ValueError, match="a word of 4 bits holds no fp8_e5m2"):
        circuits.processing_element(FUSED, "fp8_e5m2", Surroundings(word_bits=4))


def test_surroundings_narrow_the_span_between_formats() -> None:
    shared = Surroundings(word_bits=64, formats=5)
    wide, narrow = (circuits.processing_element(FUSED, f, shared) for f in ("fp64", "fp8_e5m2"))
    assert wide.transistor_operations / narrow.transistor_operations < 0.7 * (
        wide.terms["arithmetic"] / narrow.terms["arithmetic"])


def test_the_size_of_a_unit_and_its_cycle_cost_wires_and_leakage_once_a_word() -> None:
    plain, placed = (circuits.processing_element(FUSED, "fp8_e5m2", Surroundings(word_bits=64, **more))
                     for more in ({}, {"gate_equivalents": 1e5, "cycle_second": 1e-9, "control_bits": 4}))
    added = placed.transistor_operations - plain.transistor_operations
    assert added == pytest.approx(placed.terms["wires"] + placed.terms["leakage"] + placed.terms["control"])
    larger = circuits.processing_element(FUSED, "fp8_e5m2", Surroundings(
        word_bits=64, gate_equivalents=4e5, cycle_second=1e-9))
    assert larger.terms["wires"] == pytest.approx(2 * placed.terms["wires"])  # the side of four times the area
    assert larger.terms["leakage"] == pytest.approx(4 * placed.terms["leakage"])
    alone = circuits.processing_element(FUSED, "fp8_e5m2", Surroundings(gate_equivalents=1e5, cycle_second=1e-9))
    assert alone.terms["leakage"] == pytest.approx(8 * placed.terms["leakage"])  # eight lanes share what leaks
    assert placed.terms["control"] == 2 * 8 * 4 * 3  # two edges, eight gates a register, four bits, three stages


def test_surroundings_refuse_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="one stage or more"):
        Surroundings(stages=0)
    with pytest.raises(ValueError, match="not negative"):
        Surroundings(gate_equivalents=-1.0)
