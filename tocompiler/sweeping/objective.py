"""What other searches call: one configuration's figures as a pure function, and as an objective of Optuna."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tocompiler.sweeping.models import model_of
from tocompiler.sweeping.run import Runner
from tocompiler.sweeping.space import space_of

if TYPE_CHECKING:
    import optuna

__all__ = ["Evaluation", "Objective"]


@dataclass(frozen=True)
class Evaluation:
    """``tocompiler.sweep`` of one configuration as a function that can be pickled, as Ray and process pools need it.

    >>> Evaluation("resnet{depth}")({"depth": 18, "batch": 2})["multiply_accumulates"]
    3628146688
    """

    model: Any
    device: Any = None
    _runner: list[Runner] = field(default_factory=list, compare=False, repr=False)

    def __call__(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The figures by name, or their ``reason`` alone."""
        if not self._runner:
            self._runner.append(Runner(model_of(self.model), space_of(values), self.device))
        runner = self._runner[0]
        runner = Runner(runner.model, space_of(values), self.device, runner.memory)
        found = runner.run([0])
        return {name: column[0].item() if hasattr(column[0], "item") else column[0]
                for name, column in found.items() if name != "place"}

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self.model, "device": self.device, "_runner": []}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Objective:
    """What Optuna minimises: one figure of a configuration that it suggests from a space.

    A configuration without figures is pruned, its reason kept as the trial's ``reason``; ``constraint`` says the same
    to samplers that take constraints.
    """

    model: Any
    space: Mapping[str, Any]
    device: Any = None
    figure: str = "energy_joule"

    def __call__(self, trial: optuna.Trial) -> float:
        import optuna

        axes = space_of(self.space).axes
        values = {name: trial.suggest_categorical(name, axis.tolist()) for name, axis in axes.items()}
        found = Evaluation(self.model, self.device)(values)
        if "reason" in found:
            trial.set_user_attr("reason", found["reason"])
            raise optuna.TrialPruned(found["reason"])
        for name, value in found.items():
            trial.set_user_attr(name, value)
        return float(found[self.figure])

    @staticmethod
    def constraint(trial: optuna.trial.FrozenTrial) -> tuple[float]:
        """Above 0 where a configuration has no figures, as Optuna's ``constraints_func``."""
        return (float("reason" in trial.user_attrs),)
