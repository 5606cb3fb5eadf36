"""Multipliers of 8 by 8 bits proved equal to a * b by SAT: a minute or more each (``python -m pytest tests/slow``)."""

import pytest

from alu_library.circuits.multipliers import MULTIPLIERS, multiplier
from alu_library.circuits.proofs import prove, yosys_command


@pytest.mark.skipif(yosys_command() is None, reason="Yosys is not installed")
@pytest.mark.parametrize("kind", MULTIPLIERS)
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
def test_multipliers_of_8_bits_are_proved(kind, signed):
    prove(multiplier(kind, 8, signed), {"product": "a * b"}, signed, timeout_second=1800)
