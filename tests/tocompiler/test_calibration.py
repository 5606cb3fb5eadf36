"""Calibration: coefficients of a made-up truth are found again, groups stay whole, latency is never read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hardware.measurement import Measurement
from hardware.terms import FACTS, TERMS
from tocompiler import Network, calibrate, compile, predict
from tocompiler.costing import TransistorProgram
from tocompiler.energy.columns import Columns
from tocompiler.energy.fitting import Choices, HeldOut, Rows, fit, folds, held_out
from tocompiler.energy.inference import interval_half_width
from tocompiler.energy.inference import joule as energy_of
from tocompiler.energy.intervals import conformal
from tocompiler.energy.regression import fit_log, fit_relative, infer
from tocompiler.execution import execute

RANDOM = np.random.default_rng(0)
TRUTH = np.array([2e-3, 5e-2, 0.7])


def made_up(rows: int, noise: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    terms = np.column_stack([np.exp(random.uniform(3, 12, rows)), np.exp(random.uniform(0, 6, rows)), np.ones(rows)])
    return terms, terms @ TRUTH * np.exp(noise * random.normal(size=rows))


def rows_of(terms: np.ndarray, joule: np.ndarray, names: tuple[str, ...] = ("compute", "near", "constant"),
            facts: np.ndarray | None = None) -> Rows:
    """Rows with some terms and the first facts, each its own group."""
    every = np.zeros((len(joule), len(TERMS)))
    every[:, [list(TERMS).index(n) for n in names]] = terms
    known = np.zeros((len(joule), len(FACTS)))
    if facts is not None:
        known[:, :facts.shape[1]] = facts
    return Rows(every, known, joule, np.arange(len(joule)).astype(str))


def amounts(program: TransistorProgram) -> dict[str, float]:
    return dict(zip(TERMS, Columns(execute(program)).total, strict=True))


def mlp(width: int, depth: int, batch: int = 1) -> TransistorProgram:
    net = Network(f"mlp_{width}_{depth}")
    x = net.input((batch, width))
    for _ in range(depth):
        x = net.relu(net.linear(x, width))
    net.output(x)
    return compile(net)


def measured(noise: float = 0.0) -> list[Measurement]:
    """Energy that follows 1 fJ per transistor operation, 20 pJ per byte of weights and 1 mJ per execution."""
    random = np.random.default_rng(1)
    found = []
    for width in (16, 32, 64, 128, 256, 512):
        for depth in (1, 2, 4, 8):
            program = mlp(width, depth)
            total = amounts(program)
            joule = 1e-15 * total["compute"] + 2e-11 * total["weights"] + 1e-3
            found.append(Measurement(program, joule * float(np.exp(noise * random.normal())), latency_second=1.0,
                                     group=f"w{width}"))
    return found


@pytest.mark.parametrize("solve", [fit_relative, fit_log])
def test_coefficients_of_a_known_truth_are_found(solve: object) -> None:
    terms, joule = made_up(200)
    assert solve(terms, joule) == pytest.approx(TRUTH, rel=1e-3)  # type: ignore[operator]


def test_coefficients_are_never_negative() -> None:
    terms, _ = made_up(50)
    joule = np.maximum(terms @ np.array([2e-3, -5e-3, 0.7]), 0.1)
    assert (fit_relative(terms, joule) >= 0).all()
    assert (fit_log(terms, joule) >= 0).all()


def test_inference_agrees_with_the_textbook() -> None:
    """On two columns: the inverse normal matrix times the residual variance, written out."""
    terms, joule = made_up(80, noise=0.05)
    weighted = terms / joule[:, None]
    coefficients = fit_relative(terms, joule)
    found = infer(("a", "b", "c"), terms, joule, coefficients)
    best = np.linalg.lstsq(weighted, np.ones(80), rcond=None)[0]
    variance = ((1 - weighted @ best) ** 2).sum() / (80 - 3)
    expected = variance * np.linalg.inv(weighted.T @ weighted)
    assert found.covariance == pytest.approx(expected, rel=1e-6)
    assert found.t_values[0] == pytest.approx(coefficients[0] / np.sqrt(expected[0, 0]), rel=1e-6)
    assert 0.9 < found.precision < 1


def test_groups_are_never_split() -> None:
    groups = np.array(list("aabbccddeeffgg"))
    for train, test in folds(groups, 4, seed=3):
        assert not set(groups[train]) & set(groups[test])
    held = np.concatenate([test for _, test in folds(groups, 4, seed=3)])
    assert sorted(held) == list(range(len(groups)))


def test_intervals_cover_what_they_promise() -> None:
    terms, joule = made_up(400, noise=0.2)
    rows = rows_of(terms, joule)
    choices = Choices(exponent=False, correction=False)
    interval = conformal(held_out(rows, choices))
    fresh, truth = made_up(2000, noise=0.2, seed=9)
    new = rows_of(fresh, truth)
    predicted = energy_of(fit(rows, choices), new.terms, new.facts)
    covered = np.mean(np.abs(np.log(predicted / truth)) <= interval_half_width(interval, predicted))
    # 2000 draws: the standard error of a share of 0.9 is 0.007; the quantile itself comes from 400.
    assert 0.86 < covered < 0.94


def test_rows_of_a_group_that_err_together_count_as_few() -> None:
    groups = np.repeat(np.arange(10), 40)
    alone, common = RANDOM.normal(size=400), np.repeat(RANDOM.normal(size=10), 40)
    joule = np.exp(RANDOM.uniform(0, 5, 400))
    for error, wider in ((0.1 * alone, False), (0.1 * common + 0.02 * alone, True)):
        known, ignored = (conformal(HeldOut(joule, joule * np.exp(error), np.zeros(400), g))
                          for g in (groups, np.arange(400)))
        assert (known.quantile > 1.02 * ignored.quantile) is wider


def test_novel_rows_get_wider_intervals_where_they_err_more() -> None:
    random = np.random.default_rng(7)
    joule, novelty, normal = np.exp(random.uniform(0, 5, 3000)), random.uniform(0, 1, 3000), random.normal(size=3000)
    error = normal * (0.1 + 0.2 * novelty)
    interval = conformal(HeldOut(joule, joule * np.exp(error), novelty, np.arange(3000)))
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0)):
        rows = (novelty >= low) & (novelty < high)
        covered = np.mean(np.abs(error[rows]) <= interval_half_width(interval, joule[rows], 0.0, novelty[rows]))
        # Some 900 rows: the standard error of a share of 0.9 is 0.01; one width for all would cover 0.99 and 0.79.
        assert 0.86 < covered < 0.94
    even = conformal(HeldOut(joule, joule * np.exp(0.1 * normal), novelty, np.arange(3000)))
    assert even.novelty < 0.3 * interval.novelty


def test_with_few_rows_all_bytes_cost_the_same() -> None:
    terms = RANDOM.uniform(1, 10, (40, 4))
    names = ("compute", "near", "far", "fresh")
    rows = rows_of(terms, terms @ np.array([1.0, 2.0, 3.0, 4.0]), names)
    few = fit(rows.take(np.arange(12)), Choices(correction=False))
    assert few.coefficient("near") == few.coefficient("far") == few.coefficient("fresh") > 0
    many = fit(rows, Choices(correction=False))
    assert [many.coefficient(n) for n in names] == pytest.approx((1, 2, 3, 4), rel=1e-3)


def test_an_exponent_is_taken_only_where_it_helps() -> None:
    terms, joule = made_up(40)
    rows = rows_of(terms, joule)
    assert fit(rows, Choices(correction=False)).exponent == 1.0
    bent = fit(replace(rows, joule=joule**0.7), Choices(correction=False))
    assert bent.exponent == pytest.approx(0.7)


def test_a_correction_learns_what_the_terms_leave_over() -> None:
    terms, joule = made_up(300)
    facts = RANDOM.uniform(-1, 1, (300, 2))
    joule = joule * np.exp(0.4 * np.sin(3 * facts[:, 0]))
    rows = rows_of(terms, joule, facts=facts)
    errors = [np.abs(held_out(rows, Choices(exponent=False, correction=c)).predicted / rows.joule - 1).mean()
              for c in (False, True)]
    assert errors[1] < 0.35 * errors[0]


def test_a_device_calibrated_on_networks_predicts_a_network_it_has_not_seen() -> None:
    device = calibrate(measured(), "made-up")
    program = mlp(200, 3)
    total = amounts(program)
    expected = 1e-15 * total["compute"] + 2e-11 * total["weights"] + 1e-3
    assert predict(program, device).energy_joule == pytest.approx(expected, rel=0.02)
    assert device.rows == 24
    assert device.models["program"].terms == tuple(TERMS)


def test_measured_latency_changes_nothing() -> None:
    rows = measured(noise=0.1)
    order = np.random.default_rng(2).permutation(len(rows))
    shuffled = [replace(m, latency_second=float(order[i] + 1)) for i, m in enumerate(rows)]
    first, second = calibrate(rows, "board"), calibrate(shuffled, "board")
    assert first.to_toml() == second.to_toml()
    assert predict(rows[0].program, first) == predict(shuffled[0].program, second)


def test_measurements_of_two_runtimes_are_refused() -> None:
    rows = measured()[:2]
    mixed = [replace(rows[0], conditions={"runtime": "pytorch_cuda"}), rows[1]]
    with pytest.raises(ValueError, match="several runtimes"):
        calibrate(mixed, "board")
    with pytest.raises(ValueError, match="no measurements"):
        calibrate([], "board")
