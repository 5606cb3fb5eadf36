"""The figures in docs/circuits.md are what the circuits give."""

from pathlib import Path

import numpy as np
import pytest

from alu_library.circuits import streams
from alu_library.circuits.cells import BASES, CELLS
from alu_library.circuits.multipliers import MULTIPLIERS, multiplier
from alu_library.circuits.simulation import switchings

TEXT = (Path(__file__).parents[2] / "docs" / "circuits.md").read_text(encoding="utf-8")


def _row(name: str) -> list[str]:
    (line,) = [line for line in TEXT.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def _switching(kind: str, zeros_a: float, zeros_b: float) -> float:
    rng = np.random.default_rng(7)
    shares = {"a": zeros_a, "b": zeros_b}
    operands = {name: streams.uniform(rng, 50_000, 8, zeros=share) for name, share in shares.items()}
    return switchings(multiplier(kind, 8), operands).transistor_operations


@pytest.mark.parametrize("kind", MULTIPLIERS)
def test_data_dependence(kind):
    transistors, dense, *ratios = _row(kind)
    assert int(transistors) == multiplier(kind, 8).transistors("textbook")
    assert int(dense) == round(_switching(kind, 0, 0))
    shares = [(z, 0) for z in (0.5, 0.9, 1.0)] + [(0, z) for z in (0.5, 0.9, 1.0)]
    measured = [_switching(kind, *share) / _switching(kind, 0, 0) for share in shares]
    assert [float(r) for r in ratios] == pytest.approx(measured, abs=0.0051)


@pytest.mark.parametrize("basis", BASES)
def test_bases(basis):
    cells = ("FULL_ADDER_28", "HALF_ADDER", "AND2", "XOR2", "MUX2")
    assert [int(n) for n in _row(f"`{basis}`")] == [CELLS[c].transistors(basis) for c in cells]
