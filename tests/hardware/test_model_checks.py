"""An energy model that no calibration could have given is refused by its first impossible figure."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hardware.device import device_names, load_device
from hardware.energy_model import EnergyModel, Interval, Kernel, Trees
from hardware.model_checks import check_model

INTERVAL = Interval(0.9, 1.5, (0.0, 1.0), (0.1, 0.2), 40)
KERNEL = Kernel(("log_joule", "batch"), np.array([1.0, 2.0]), np.zeros((3, 2)), np.ones(3))
TREES = Trees(("log_joule",), np.array([0.0, 3.0]), np.array([0.0, -1, -1, -1]), np.array([0.5, 1, 2, 3]))
MODEL = EnergyModel("operator", ("compute", "constant"), (2.0, 0.5), INTERVAL, ((1.0, 0.5), (0.5, 1.0)), ("Conv",),
                    "forward", 1.1, (0.0, 0.0), (5.0, 0.0), {"mape": 7.0}, KERNEL, TREES)


def test_what_calibration_gave_passes() -> None:
    check_model(MODEL)
    for name in device_names():
        for model in load_device(name).models.values():
            check_model(model)


@pytest.mark.parametrize(("changes", "message"), [
    ({"level": "row"}, "level is 'row'"), ({"operators": (3,)}, "not names"), ({"exponent": 1e300}, "exponent is 1e"),
    ({"coefficients": (math.inf, 0.5)}, "coefficient is inf"), ({"kernel_share": 2.0}, "kernel_share is 2.0"),
    ({"low": (6.0, 0.0)}, r"range of compute is \[6.0, 5.0\]"), ({"high": (math.nan, 0.0)}, "range of compute"),
    ({"covariance": ((1.0, 0.5), (0.4, 1.0))}, "not symmetric"),
    ({"covariance": ((1.0, 2.0), (2.0, 1.0))}, "larger than its variances allow"),
    ({"covariance": ((-1.0, 0.0), (0.0, 1.0))}, "a variance is negative"),
    ({"covariance": ((math.nan, 0.0), (0.0, 1.0))}, "not finite"),
    ({"metrics": {"mape": "good"}}, "metric mape is 'good'"), ({"kernel": None}, "trees need a kernel"),
])
def test_a_model_s_figures(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_model(replace(MODEL, **changes))


@pytest.mark.parametrize(("changes", "message"), [
    ({"level": 1.5}, "level is 1.5"), ({"quantile": -1.0}, "quantile is -1.0"),
    ({"novelty": math.inf}, "novelty is inf"),
    ({"correlation": 2}, "correlation is 2"), ({"scale": ()}, "scale is not a list"),
    ({"scale": (0.1,)}, "differ in length"), ({"log_joule": (1.0, 0.0)}, "does not ascend"),
    ({"scale": (0.1, math.nan)}, "scale is nan"), ({"rows": True}, "rows is True"),
])
def test_an_interval_s_figures(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_model(replace(MODEL, interval=replace(INTERVAL, **changes)))


@pytest.mark.parametrize(("changes", "message"), [
    ({"lengths": np.array([1.0])}, "other numbers of lengths"), ({"lengths": np.array([1.0, 0.0])}, "not positive"),
    ({"centres": np.zeros((2, 2))}, "not 3 rows of 2"), ({"weights": np.array([1.0, np.nan, 1.0])}, "not finite"),
    ({"weights": (1.0, 1.0, 1.0)}, "not finite"),
])
def test_a_kernel_s_tables(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_model(replace(MODEL, kernel=replace(KERNEL, **changes)))


@pytest.mark.parametrize(("changes", "message"), [
    ({"value": np.zeros(3)}, "differ in number"), ({"roots": np.array([0.0, 9.0])}, "roots do not ascend"),
    ({"roots": np.array([1.0])}, "roots do not ascend"), ({"feature": np.array([1.0, -1, -1, -1])}, "does not have"),
    ({"feature": np.array([-1.0, 0, -1, -1])}, "two for each inner node"),
    ({"feature": np.array([0.0, 0, -1, -1])}, "two for each inner node"),
])
def test_every_walk_through_a_tree_ends(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_model(replace(MODEL, trees=replace(TREES, **changes)))
