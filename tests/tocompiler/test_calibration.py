"""Calibration: coefficients of a made-up truth are found again, groups stay whole, latency is never read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hardware.device import Device
from hardware.facts import Facts
from hardware.measurement import Measurement
from hardware.runtime import load_runtime
from hardware.terms import FACTS, TERMS
from tocompiler import Network, calibrate, compile, predict
from tocompiler.bayes.posterior import Normal, sample
from tocompiler.bayes.prior import shipped_prior
from tocompiler.costing import TransistorProgram
from tocompiler.energy.columns import Columns
from tocompiler.energy.fitting import Choices, HeldOut, Rows, fit, fit_and_hold_out, folds
from tocompiler.energy.inference import interval_half_width
from tocompiler.energy.inference import joule as energy_of
from tocompiler.energy.intervals import conformal
from tocompiler.energy.plain import shares
from tocompiler.execution import execute
from tocompiler.regression import fit_relative

RANDOM = np.random.default_rng(0)
TRUTH = np.array([2e-14, 5e-10, 1e-4])


def made_up(rows: int, noise: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    terms = np.column_stack([np.exp(random.uniform(20, 28, rows)), np.exp(random.uniform(9, 16, rows)), np.ones(rows)])
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


def test_coefficients_of_a_known_truth_are_found() -> None:
    terms, joule = made_up(200)
    assert fit_relative(terms, joule) == pytest.approx(TRUTH, rel=1e-3)
    found = fit(rows_of(terms, joule), Choices(exponent=False, correction=False))
    assert [found.coefficient(n) for n in ("compute", "near", "constant")] == pytest.approx(TRUTH, rel=0.05)


def test_coefficients_are_never_negative() -> None:
    terms, _ = made_up(50)
    joule = np.maximum(terms @ np.array([2e-14, -5e-11, 1e-4]), 1e-5)
    assert (fit_relative(terms, joule) >= 0).all()
    found = fit(rows_of(terms, joule), Choices(correction=False))
    assert all(c > 0 for c in found.coefficients)


def test_a_term_that_no_row_has_keeps_what_was_known_of_it() -> None:
    terms, joule = made_up(20)
    prior = shipped_prior().of(Facts("cpu", 10.0, 100.0, 1e12, 1e11), load_runtime("generic"), True)
    found = fit(rows_of(terms, joule), Choices(correction=False, prior=prior))
    # Branches are correlated with what was measured, so they move with it, but by less than it does.
    assert 1e-11 < found.coefficient("branches") < 1e-3
    held = fit(rows_of(terms, joule), Choices(False, False, prior=prior, known=(("near", 5e-10), ("far", 0.0))))
    assert held.coefficient("near") == pytest.approx(5e-10, rel=1e-3)
    assert held.coefficient("far") == pytest.approx(0.0, abs=1e-50)


def test_one_row_moves_every_coefficient() -> None:
    """A device that wastes energy wastes it on everything."""
    terms, joule = made_up(3)
    prior = shipped_prior().of(Facts("cpu", 10.0, 100.0, 1e12, 1e11), load_runtime("generic"), True)
    usual, wasteful = (fit(rows_of(terms[:1], factor * joule[:1]), Choices(prior=prior)) for factor in (1.0, 100.0))
    # A term that the row does not have, and one that it has.
    assert wasteful.coefficient("far") > 1.3 * usual.coefficient("far")
    assert wasteful.coefficient("compute") > 1.5 * usual.coefficient("compute")


def test_the_posterior_of_one_term_is_that_of_the_textbook() -> None:
    """With one term of unit size and a wide prior the posterior's mean is near the mean of the log energies."""
    noise = RANDOM.normal(size=400)
    prior = Normal(np.array([0.0, 0.0, np.log(0.1)]), np.diag([1.0, 1e-8, 0.25]))
    draws, _ = sample(prior, np.ones((400, 1)), 0.3 + 0.1 * noise, np.ones((1, 400)))
    assert draws[0, :, 0].mean() == pytest.approx(0.3 + 0.1 * noise.mean(), abs=0.005)
    # Standard error 0.1/20, and a normal's scale as a Student-t with 4 degrees of freedom sees it (0.83).
    assert draws[0, :, 0].std() == pytest.approx(0.005, rel=0.3)
    assert np.exp(draws[0, :, 2]).mean() == pytest.approx(0.083, rel=0.1)


def test_a_plain_model_counts_where_it_predicts_better() -> None:
    few = shares({"physical": [0.2, 0.2, 0.2], "bytes": [0.1, 0.1, 0.1]}, groups=3)
    many = shares({"physical": [0.2] * 20, "bytes": [0.1] * 20}, groups=20)
    # Odds 19 to 1 before, 2 to 1 for each group held out but one.
    assert few["bytes"] == pytest.approx(4 / 23)
    assert many["bytes"] > 0.99
    # As likely as the prior's after a hundred rows, if both err alike.
    alike = shares({"physical": [0.1] * 100, "bytes": [0.1] * 100, "every term": [0.1] * 100}, groups=5)
    assert alike == pytest.approx({"physical": 0.475, "bytes": 0.025, "every term": 0.5})
    terms = np.column_stack([RANDOM.uniform(1e6, 1e7, 12), np.exp(RANDOM.uniform(8, 14, 12))])
    rows = rows_of(terms, terms[:, 1] * 1e-9, ("compute", "near"))
    model = fit(rows, Choices(correction=False))
    assert energy_of(model, rows.terms, rows.facts) == pytest.approx(rows.joule, rel=0.02)


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
    interval = conformal(fit_and_hold_out(rows, choices)[1])
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


def test_a_power_of_the_sum_is_found_where_there_is_one() -> None:
    terms, joule = made_up(40)
    rows = rows_of(terms, joule)
    assert fit(rows, Choices(correction=False)).exponent == pytest.approx(1.0, abs=0.01)
    bent = fit(replace(rows, joule=joule**0.8 * joule.mean() ** 0.2), Choices(correction=False))
    assert bent.exponent == pytest.approx(0.8, abs=0.04)


def test_a_correction_learns_what_the_terms_leave_over() -> None:
    terms, joule = made_up(300)
    facts = RANDOM.uniform(-1, 1, (300, 2))
    joule = joule * np.exp(0.4 * np.sin(3 * facts[:, 0]))
    rows = rows_of(terms, joule, facts=facts)
    errors = []
    for corrected in (False, True):
        unseen = fit_and_hold_out(rows, Choices(exponent=False, correction=corrected))[1]
        errors.append(np.abs(unseen.predicted / unseen.joule - 1).mean())
    assert errors[1] < 0.35 * errors[0]


def test_a_device_calibrated_on_networks_predicts_a_network_it_has_not_seen() -> None:
    device = calibrate(measured(), "made-up")
    program = mlp(200, 3)
    total = amounts(program)
    expected = 1e-15 * total["compute"] + 2e-11 * total["weights"] + 1e-3
    assert predict(program, device).energy_joule == pytest.approx(expected, rel=0.02)
    assert device.rows == 24
    assert device.models["program"].terms == tuple(TERMS)


def test_measured_latency_changes_no_joule() -> None:
    rows = measured(noise=0.1)
    order = np.random.default_rng(2).permutation(len(rows))
    shuffled = [replace(m, latency_second=float(order[i] + 1)) for i, m in enumerate(rows)]
    first, second = calibrate(rows, "board"), calibrate(shuffled, "board")
    joules = [replace(device, times={}, measured_watt=None).to_toml() for device in (first, second)]
    assert joules[0] == joules[1]
    a, b = predict(rows[0].program, first), predict(rows[0].program, second)
    assert (a.energy_joule, a.low_joule, a.high_joule) == (b.energy_joule, b.low_joule, b.high_joule)
    assert a.second != b.second


def test_run_times_are_predicted_beside_joules_with_the_power_that_follows() -> None:
    rows = [replace(m, latency_second=m.joule_per_execution / 5.0) for m in measured()]
    device = calibrate(rows, "board", facts=Facts(power_watt=4.0))
    found = predict(mlp(200, 3), device)
    assert found.watt == pytest.approx(5.0, rel=0.05)
    assert found.low_second < found.second < found.high_second  # type: ignore[operator]
    assert not found.flags  # it was measured to take more than its data sheet says
    unmeasured = replace(device, measured_watt=None)
    assert predict(mlp(200, 3), unmeasured).flags == (
        f"{found.watt:.4g} W on average, and the device takes 4 W at full load",)
    bare = replace(unmeasured, facts=Facts(idle_watt=7.0, memory_byte=1e3))
    assert [flag.split(", ")[1] for flag in predict(mlp(200, 3), bare).flags] == [
        "and the device takes 7 W at rest", "and the device has 1e-06 GB of memory"]
    array = replace(unmeasured, facts=Facts(units={"array": {"int8": 1e12}}))
    emulated = predict(mlp(200, 3), array).flags[0]
    assert "products in fp32, which no unit of the device executes (array: int8)" in emulated
    assert predict(mlp(200, 3), Device.from_toml(device.to_toml())).second == pytest.approx(found.second, rel=1e-3)


def test_beyond_the_measured_energies_parts_add_up() -> None:
    terms, joule = made_up(40)
    rows = rows_of(terms, joule**0.8 * joule.mean() ** 0.2)
    model = fit(rows, Choices(correction=False))
    largest = rows.take(np.array([int(rows.joule.argmax())]))
    twice, four = (energy_of(model, factor * largest.terms, largest.facts)[0] for factor in (20.0, 40.0))
    assert four == pytest.approx(2 * twice)
    averaged = fit_and_hold_out(rows, Choices(correction=False))[0]
    few = energy_of(averaged, np.vstack([20 * largest.terms, 40 * largest.terms]),
                    np.vstack([largest.facts] * 2))
    assert few[1] == pytest.approx(2 * few[0], rel=1e-3)


def test_measurements_of_two_runtimes_are_refused() -> None:
    rows = measured()[:2]
    mixed = [replace(rows[0], conditions={"runtime": "pytorch_cuda"}), rows[1]]
    with pytest.raises(ValueError, match="several runtimes"):
        calibrate(mixed, "board")
    with pytest.raises(ValueError, match="no measurements"):
        calibrate([], "board")
