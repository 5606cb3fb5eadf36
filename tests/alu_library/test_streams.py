"""Operand streams have the statistics they are named after."""

import numpy as np
import pytest

from alu_library.circuits import streams
from alu_library.circuits.streams import DISTRIBUTIONS

COUNT = 20_000


def _rng():
    return np.random.default_rng(11)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("width", [2, 8, 24, 53, 63, 64])
def test_values_fit_the_width(name, signed, width):
    drawn = [int(v) for v in DISTRIBUTIONS[name](_rng(), COUNT, width, signed)]
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
    assert low <= min(drawn)
    assert max(drawn) <= high
    assert max(drawn) > high / 2


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.9, 1.0])
def test_the_share_of_zeros_is_kept(name, zeros):
    drawn = DISTRIBUTIONS[name](_rng(), COUNT, 16, True, zeros=zeros)
    assert np.mean(drawn == 0) == pytest.approx(zeros, abs=0.02)


def test_streams_repeat_for_a_seed():
    assert (streams.normal(_rng(), 100, 8, True) == streams.normal(_rng(), 100, 8, True)).all()


def test_normal_has_its_spread():
    drawn = streams.normal(_rng(), COUNT, 16, True, spread=0.1).astype(float)
    assert drawn.std() == pytest.approx(0.1 * 32767, rel=0.02)
    assert abs(drawn.mean()) < 0.05 * drawn.std()


def test_relu_is_half_zeros_and_never_negative():
    drawn = streams.relu(_rng(), COUNT, 8, True)
    assert drawn.min() == 0
    assert np.mean(drawn == 0) == pytest.approx(0.5, abs=0.03)  # rounding adds a few zeros of its own


def test_weights_are_held():
    assert streams.weight_stationary(np.arange(10), 4).tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]


def test_constant():
    assert streams.constant(3, 7).tolist() == [7, 7, 7]
    assert streams.constant(2, -7).tolist() == [-7, -7]


def test_accumulators_meet_the_sum_before_them():
    a, b = np.array([1, 2, 3, -4, 5]), np.array([1, 1, 2, 2, 3])
    # Dot products of three terms: sums before each are 0, 1, 3 and 0, -8.
    assert streams.accumulating(a, b, 8, 3).tolist() == [0, 1, 3, 0, 256 - 8]


def test_an_impossible_share_is_refused():
    with pytest.raises(ValueError, match=r"1\.5"):
        streams.uniform(_rng(), 10, 8, zeros=1.5)
