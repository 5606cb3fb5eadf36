"""One interface, chosen by name."""

from __future__ import annotations

import inspect

import pytest

from tocompiler.estimators import estimator, names


@pytest.mark.parametrize("name", names())
def test_every_name_makes_an_estimator_that_knows_its_name(name: str) -> None:
    made = estimator(name)
    assert made.name == name
    assert callable(made.fit)
    assert callable(made.predict)


@pytest.mark.parametrize("name", names())
def test_every_module_states_its_equation_and_unit(name: str) -> None:
    text = (inspect.getmodule(type(estimator(name))).__doc__ or "") + (type(estimator(name)).__doc__ or "")
    assert "E = " in text or " = " in text
    assert "joule" in text.lower()


def test_unknown_name_is_one_clear_line() -> None:
    with pytest.raises(ValueError, match="unknown estimator 'crystal_ball'; known: transistor_operations") as raised:
        estimator("crystal_ball")
    assert "\n" not in str(raised.value)


def test_options_reach_the_class() -> None:
    with pytest.raises(ValueError, match="unknown memory 'tape'"):
        estimator("toml", memory="tape")
