"""Bits that cross a memory level: never under the compulsory traffic, never more with a larger memory."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocompiler.lowering import AluRow, lower
from tocompiler.network import Network


def product(n: int) -> AluRow:
    net = Network("n")
    net.output(net.linear(net.input((n, n)), out_features=n, bias=False))
    return lower(net, format="fp32").rows[0]


def test_what_fits_crosses_once() -> None:
    row = product(64)
    assert row.traffic([3 * 64 * 64 * 32]) == [row.traffic_bit] == [3 * 64 * 64 * 32]


def test_what_does_not_fit_crosses_as_often_as_the_lower_bound_says() -> None:
    # 2 * 256^3 / sqrt(1024 words) = 1 048 576 words of 32 bit.
    assert product(256).traffic([1024 * 32]) == [1_048_576 * 32]


@settings(deadline=None, max_examples=50)
@given(n=st.integers(2, 300), capacity=st.integers(32, 1 << 30))
def test_compulsory_and_monotone(n: int, capacity: int) -> None:
    row = product(n)
    small, large = row.traffic([capacity, 2 * capacity])
    assert row.traffic_bit <= large <= small


def test_a_memory_without_capacity_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        product(2).traffic([0])
