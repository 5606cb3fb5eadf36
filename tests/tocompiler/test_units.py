"""Numbers for people."""

from __future__ import annotations

import pytest

from tocompiler.report.units import si


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (7, "7"), (999, "999"), (1000, "1.000 k"), (12_345, "12.35 k"), (999_999, "1.000 M"),
    (4_089_184_256, "4.089 G"), (118.25e9, "118.2 G"), (0.00123, "1.230 m"), (9.9996e-4, "1.000 m"), (None, "-"),
])
def test_four_significant_digits(value: float | None, text: str) -> None:
    assert si(value) == text


def test_unit_follows_the_prefix() -> None:
    assert (si(2.5e-3, "J"), si(12, "bit"), si(1e-6, "J")) == ("2.500 mJ", "12 bit", "1.000 µJ")
