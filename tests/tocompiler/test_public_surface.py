"""The public names exist, say what they do, and each module lists its own."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import alu_library
import hardware
import tocompiler

MODULES = sorted(
    module.name
    for package in (alu_library, hardware, tocompiler)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
)


@pytest.mark.parametrize("name", MODULES)
def test_every_listed_name_exists_and_is_documented(name: str) -> None:
    if name.startswith("tocompiler.frontends.torch."):  # it reads torch's own objects
        pytest.importorskip("torch")
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} has no docstring"
    for public in getattr(module, "__all__", ()):
        value = getattr(module, public)
        if callable(value) and getattr(value, "__module__", None) == name:
            assert value.__doc__, f"{name}.{public} has no docstring"


@pytest.mark.parametrize("name", ["Network", "load", "compile", "calibrate", "predict"])
def test_promised_names_are_callable(name: str) -> None:
    assert callable(getattr(tocompiler, name))


def test_devices_and_measurements_are_hardware() -> None:
    assert callable(hardware.Measurement)
    assert callable(hardware.Device)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="frobnicate"):
        tocompiler.frobnicate  # noqa: B018
