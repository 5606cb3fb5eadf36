"""Subjects: models as command lines name them, compiled and priced; what report, compare and check share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from hardware.device import Device
    from tocompiler.costing import TransistorProgram
    from tocompiler.energy.prediction import Prediction

__all__ = ["Subject", "dimensions", "extend", "model_options", "subject", "values"]

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Subject:
    """One compiled model on one device, under the name that a person gave it."""

    label: str
    model: str
    program: TransistorProgram
    device: Device
    prediction: Prediction

    @property
    def batch(self) -> int:
        """Samples of one execution: the first dimension of the first input."""
        first = next((t.shape[0] for t in self.program.network.inputs if t.shape), 1)
        return first if isinstance(first, int) else 1


def dimensions(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    """Option callback: ``sequence=128``, as often as it is given."""
    found: dict[str, int] = {}
    for text in values:
        name, _, number = text.partition("=")
        if not name or not number.isdecimal() or int(number) == 0:
            raise click.BadParameter(f"'{text}' is not NAME=N with a positive N, as in sequence=128")
        found[name] = int(number)
    return found


def values(ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    """Option callback: ``sr=16000`` or ``shape=1,64``, as often as it is given."""
    found: dict[str, Any] = {}
    for text in texts:
        name, _, given = text.partition("=")
        try:
            numbers = [_NAMED[n.strip()] if n.strip() in _NAMED else int(n) if n.strip().lstrip("-").isdecimal()
                       else float(n) for n in given.split(",")]
        except ValueError:
            numbers = []
        if not name or not numbers:
            raise click.BadParameter(f"'{text}' is not NAME=VALUE with a number or numbers, as in sr=16000")
        found[name] = numbers[0] if "," not in given else numbers
    return found


_NAMED = {"true": True, "false": False}


def extend(ctx: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Option callback: run Python files that register rules of operators (and whatever else has a register)."""
    import runpy

    for path in paths:
        try:
            runpy.run_path(path)
        except Exception as error:  # whatever a user's own file raises is shown as it is
            raise click.BadParameter(f"{path}: {type(error).__name__}: {error}") from error
    return paths


def model_options(command: _F) -> _F:
    """Decorator: what says how one model is compiled."""
    for option in (
        click.option("--circuits", default="default", show_default=True,
                     help="A circuit set by name, or its TOML file."),
        click.option("--optimizer", default="sgd", show_default=True, help="sgd, momentum, adam, adamw or rmsprop."),
        click.option("--dim", "dims", multiple=True, callback=dimensions, metavar="NAME=N",
                     help="Bind a dynamic dimension."),
    ):
        command = option(command)
    return command


def subject(model: str, device: Device, label: str = "", *, batch: int | None = None, format: str | None = None,
            phase: str = "inference", dims: Mapping[str, int] | None = None, optimizer: str = "sgd",
            circuits: str = "default") -> Subject:
    """Load, compile and predict. ValueError where an operator is not modelled: a budget must not pass without it."""
    from tocompiler.compiler import compile
    from tocompiler.energy.prediction import predict
    from tocompiler.loading import load

    program = compile(load(model, batch=batch, dims=dims), format=format, phase=phase, optimizer=optimizer,
                      circuits=circuits)
    if program.unmodelled:
        missing = program.unmodelled[0]
        raise ValueError(f"{model}: {len(program.unmodelled)} operators are not modelled, first {missing.name} "
                         f"({missing.operator}: {missing.reason}); no energy can be said for the whole")
    return Subject(label or model, model, program, device, predict(program, device))
