"""The printed counts and their identities, against a walk over every product."""

from __future__ import annotations

from collections import Counter
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from tocompiler.estimators.puangpontip_hewett import (
    ALEXNET,
    MINI_ALEXNET,
    Plan,
    PuangpontipHewett,
    access_counts,
    power_watt,
    uses,
)
from tocompiler.operators import Loops

SMALL = [Loops(m=3, c=2, p=4, q=5, r=3, s=2), Loops(n=2, m=2, c=3, p=3, q=3, r=5, s=5, stride=(2, 3)),
         Loops(m=2, c=1, p=3, q=3, r=2, s=2, stride=(3, 3)), Loops(g=2, m=2, c=2, p=3, q=3, r=3, s=3, dilation=(2, 2)),
         Loops(m=7, c=5), Loops(m=1, c=4, p=2, q=2, r=2, s=2)]


def _walk(layer: Loops) -> Counter[int]:
    """Visit every product of one sample and see how often each input is used."""
    used: Counter[tuple[int, ...]] = Counter()
    for g, _m, c, p, q, r, s in product(*map(range, (layer.g, layer.m, layer.c, layer.p, layer.q, layer.r, layer.s))):
        used[g, c, p * layer.stride[0] + r * layer.dilation[0], q * layer.stride[1] + s * layer.dilation[1]] += 1
    return Counter(used.values())


@pytest.mark.parametrize("layer", SMALL)
def test_uses_are_those_of_every_product(layer: Loops) -> None:
    assert uses(layer) == dict(_walk(layer))


@pytest.mark.parametrize("layer", [*ALEXNET, *MINI_ALEXNET, *SMALL])
def test_identities(layer: Loops) -> None:
    counts = access_counts(layer)
    assert counts.products == layer.products
    assert counts.weight == layer.products  # a_weight = n2^2 m f k^2
    assert counts.output == 2 * layer.products  # a_output = k^2 f (2 n2^2 m)
    assert counts.bias == layer.n * layer.g * layer.m * layer.p * layer.q  # a_bias = f k^2
    assert counts.input_exact == layer.products  # every product reads one input


@pytest.mark.parametrize(("before", "after"), [(5, 7), (4096, 1000), (9216, 4096)])
def test_connected_is_the_case_of_one_position(before: int, after: int) -> None:
    connected = access_counts(Loops(m=after, c=before))
    as_convolution = access_counts(Loops(m=after, c=before, p=1, q=1, r=1, s=1))
    assert connected == as_convolution
    assert (connected.input_printed, connected.weight, connected.bias, connected.output) == (
        before * after, before * after, after, 2 * before * after)


def test_printed_input_count_adds_the_window_and_drops_single_uses() -> None:
    layer = Loops(m=1, c=4, p=2, q=2, r=2, s=2)  # 3x3 inputs: corners once, edges twice, centre four times
    counts = access_counts(layer)
    assert uses(layer) == {1: 16, 2: 16, 4: 4}
    assert counts.input_printed == 2 * 2 * 4 + 16 * 2 + 4 * 4
    assert counts.input_exact == 16 + 32 + 16 == layer.products


def test_alexnet_has_its_products() -> None:
    assert [layer.products for layer in ALEXNET] == [105415200, 223948800, 149520384, 112140288, 74760192, 37748736,
                                                     16777216, 4096000]


def test_energy_is_linear_in_the_samples_but_for_the_weights() -> None:
    method = PuangpontipHewett()
    one, two, three = (method.normalised_energy(Loops(n=n, m=8, c=8, p=6, q=6, r=3, s=3)) for n in (1, 2, 3))
    assert three - two == pytest.approx(two - one)
    weights = 8 * 8 * 9 * (2 + 6 + 200)
    assert 2 * one - two == pytest.approx(weights)


def test_printed_power_is_energy_over_the_implied_time() -> None:
    assert power_watt(5237.13, 2.0) == pytest.approx(2618.56, abs=0.01)
    assert power_watt(76.42, 1.354) == pytest.approx(56.44, abs=0.01)
    with pytest.raises(ValueError, match="give a positive time"):
        power_watt(1.0, 0.0)


def test_plan() -> None:
    plan = Plan(energy_joule=3600.0, executions_per_day=1000, price_per_kwh=0.3, grid_gram_per_kwh=400)
    assert plan.kwh_per_year == pytest.approx(365)  # 1 Wh a thousand times a day
    assert plan.cost_per_year == pytest.approx(109.5)
    assert plan.co2e_kg_per_year == pytest.approx(146)


def _measured(layer: Loops | None, joule: float) -> Any:
    program = SimpleNamespace(rows=[SimpleNamespace(alu=SimpleNamespace(loops=layer))])
    return SimpleNamespace(program=program, joule_per_execution=joule)


def test_fit_learns_one_factor_and_needs_products() -> None:
    method = PuangpontipHewett().fit([_measured(ALEXNET[0], 5.0), _measured(None, 1.0)])
    assert method.predict(_measured(ALEXNET[0], 1.0).program) == pytest.approx(5.0)
    with pytest.raises(ValueError, match="no measurement has any"):
        PuangpontipHewett().fit([_measured(None, 1.0)])
