"""What a model says of rows: terms and inputs found by name, corrections that fade, intervals that widen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hardware.energy_model import EnergyModel, Interval, Kernel, Trees
from hardware.terms import FACTS, TERMS
from tocompiler.energy.inference import (
    distance,
    half_width,
    input_names,
    inputs,
    interval_half_width,
    joule,
    sum_half_width,
    tree_sum,
)

KERNEL = Kernel(("log_joule", "share of constant"), np.array([1.0, 2.0]), np.array([[0.0, 0.0], [1.0, 0.5]]),
                np.array([0.3, -0.1]))
# One tree: above 1.0 in its input it adds 0.5, otherwise -0.25.
TREES = Trees(("log_joule",), np.array([0.0]), np.array([0.0, -1.0, -1.0]), np.array([1.0, -0.25, 0.5]))
MODEL = EnergyModel("operator", ("compute", "constant"), (2.0, 0.5), Interval(0.9, 1.5, (0.0, 1.0), (0.1, 0.2), 40),
                    exponent=1.1, low=(0.0, 0.0), high=(5.0, 0.0), kernel=KERNEL, trees=TREES)


def terms(compute: float, constant: float, **others: float) -> np.ndarray:
    named = {"compute": compute, "constant": constant, **others}
    return np.array([[named.get(t, 0.0) for t in TERMS]])


NOTHING = np.zeros((1, len(FACTS)))


def test_the_order_of_terms_in_a_model_means_nothing() -> None:
    turned = replace(MODEL, terms=MODEL.terms[::-1], coefficients=MODEL.coefficients[::-1], low=MODEL.low[::-1],
                     high=MODEL.high[::-1])
    row = terms(3.0, 1.0)
    assert joule(turned, row, NOTHING) == pytest.approx(joule(MODEL, row, NOTHING), rel=1e-12)
    assert half_width(turned, np.ones(1), row, NOTHING) == pytest.approx(half_width(MODEL, np.ones(1), row, NOTHING))


def test_inputs_are_found_by_name() -> None:
    facts = NOTHING.copy()
    facts[0, list(FACTS).index("stride")] = 7.0
    found = inputs(MODEL, terms(3.0, 1.0), facts, ("stride", "share of constant", "log_joule"))
    assert found[0] == pytest.approx([7.0, 0.5 / 6.5, np.log(6.5)])
    assert len(input_names(MODEL)) == 1 + 2 + len(FACTS)
    with pytest.raises(ValueError, match="looks at 'share of far', of which this model has no term"):
        inputs(MODEL, terms(3.0, 1.0), facts, ("share of far",))


def test_a_tree_sends_an_input_to_the_side_its_threshold_says() -> None:
    assert tree_sum(TREES, np.array([[1.0], [1.1]])).tolist() == [-0.25, 0.5]


def test_breadth_first_trees_find_their_children() -> None:
    # Two trees; the second splits its left child again: root, inner, leaf, leaf, leaf.
    trees = Trees(("log_joule",), np.array([0.0, 3.0]), np.array([0.0, -1, -1, 0, 0, -1, -1, -1]),
                  np.array([0.0, 1.0, 2.0, 5.0, 3.0, 10.0, 20.0, 30.0]))
    # x = -1: 1 + 20; x = 4: 2 + 30; x = 6: 2 + 10.
    assert tree_sum(trees, np.array([[-1.0], [4.0], [6.0]])).tolist() == [21.0, 32.0, 12.0]


def test_a_correction_fades_away_from_the_data() -> None:
    near, far = terms(1.0, 0.0), terms(1e9, 0.0)
    plain = replace(MODEL, kernel=None, trees=None)
    assert joule(MODEL, near, NOTHING) != pytest.approx(joule(plain, near, NOTHING), rel=1e-3)
    assert joule(MODEL, far, NOTHING) == pytest.approx(joule(plain, far, NOTHING), rel=1e-9)


def test_distance_counts_e_folds_outside_the_data() -> None:
    rows = np.vstack([terms(np.exp(2.0), 1.0), terms(np.exp(7.0), 1.0), terms(0.0, 1.0)])
    assert distance(MODEL, rows) == pytest.approx([0.0, 2.0, 0.0])
    assert distance(MODEL, terms(1.0, 1.0, far=1.0))[0] > 100  # a term that the model has never met


def test_an_interval_widens_with_distance() -> None:
    interval = Interval(0.9, 2.0, (0.0, 1.0), (0.1, 0.3), 40, widening=0.5)
    assert interval_half_width(interval, np.array([1.0]))[0] == pytest.approx(0.2)
    assert interval_half_width(interval, np.array([np.e**0.5]))[0] == pytest.approx(0.4)
    assert interval_half_width(interval, np.array([1.0]), 3.0)[0] == pytest.approx(1.7)


def test_errors_of_a_sum_add_up_as_far_as_they_go_together() -> None:
    energy, half = np.array([3.0, 4.0]), np.array([0.1, 0.1])
    widths = [sum_half_width(Interval(0.9, 1.0, (0.0,), (0.1,), 100, correlation=c), energy, half)
              for c in (0.0, 0.5, 1.0)]
    assert widths[0] == pytest.approx(0.5)
    assert widths[2] == pytest.approx(0.7)
    assert widths[0] < widths[1] < widths[2]
