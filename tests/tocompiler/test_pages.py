"""Pages: rows on recycled memory told apart by their energy, and coefficients known from elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from tocompiler.energy.fitting import Choices, Rows, fit
from tocompiler.energy.pages import resolved

PAGE = 30e-9


def mixed(count: int = 120) -> tuple[Rows, np.ndarray]:
    """Rows that cost 1 nJ per byte, with 2 % of noise, and 30 nJ per fresh byte where they pay for it."""
    random = np.random.default_rng(0)
    near = np.exp(random.uniform(np.log(1e6), np.log(20e9), count))
    fresh = np.where(near > 33e6, 0.1 * near, 0.0)
    paid = (random.random(count) < 0.5) | (fresh > 1e9)
    joule = (1e-9 * near + PAGE * fresh * paid) * np.exp(random.normal(0, 0.02, count))
    terms = np.column_stack([near, fresh])
    rows = Rows(terms, np.log(terms[:, :1]), joule, np.arange(count, dtype=float), ("near", "fresh"))
    return rows, paid | (fresh == 0)


def test_rows_on_recycled_pages_are_told_apart() -> None:
    rows, paid = mixed()
    settled = resolved(rows, Choices(exponent=False, correction=False), PAGE)
    assert (~paid).sum() > 20
    assert ((settled.terms[:, 1] > 0) == (paid & (rows.terms[:, 1] > 0))).mean() > 0.97
    assert settled.terms[:, 0] == pytest.approx(rows.terms[:, 0])


def test_a_held_coefficient_is_not_fitted() -> None:
    rows, paid = mixed()
    part = rows.take(np.flatnonzero(paid))
    model = fit(part, Choices(exponent=False, correction=False, held=(("fresh", PAGE),)), "operator")
    assert model.coefficients[1] == PAGE
    assert model.coefficients[0] == pytest.approx(1e-9, rel=0.02)
