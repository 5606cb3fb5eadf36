"""Wider circuits proved by Yosys: from seconds for an adder to minutes for a multiplier of 8 by 8 bits."""

import pytest

from alu_library.circuits.adders import ADDERS, adder
from alu_library.circuits.combinational import comparator, shifter
from alu_library.circuits.multipliers import MULTIPLIERS, multiplier
from alu_library.circuits.multiply_add import multiply_adder
from alu_library.circuits.proofs import prove, yosys_command

pytestmark = pytest.mark.skipif(yosys_command() is None, reason="Yosys is not installed")
SIGNED = pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])


@pytest.mark.parametrize("kind", ADDERS)
@SIGNED
def test_adders_of_64_bits_are_proved(kind, signed):
    prove(adder(kind, 64, signed), {"sum": "a + b"}, signed)


@pytest.mark.parametrize("kind", MULTIPLIERS)
@SIGNED
def test_multipliers_of_4_bits_are_proved(kind, signed):
    prove(multiplier(kind, 4, signed), {"product": "a * b"}, signed)


@pytest.mark.parametrize("kind", MULTIPLIERS)
@SIGNED
def test_multipliers_of_8_bits_are_proved(kind, signed):
    prove(multiplier(kind, 8, signed), {"product": "a * b"}, signed, timeout_second=1800)


def test_other_circuits_are_proved():
    prove(comparator(32, signed=True), {"less": "a < b", "equal": "a == b"}, signed=True)
    prove(shifter(32, "left"), {"y": "a << amount"})
    prove(multiply_adder("dadda", 4, 9), {"sum": "a * b + c"})
