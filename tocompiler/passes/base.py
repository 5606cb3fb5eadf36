"""What a pass is: one step within a level, with a name, its options as fields, and a contract that is checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from tocompiler.network import Network
from tocompiler.tensors import Statistics

if TYPE_CHECKING:
    from tocompiler.lowering import AluProgram

__all__ = ["AluPass", "Condition", "Kept", "NetworkPass", "Pass", "Request", "apply"]

L = TypeVar("L", Network, "AluProgram")


@dataclass(frozen=True, slots=True)
class Request:
    """What a compilation asks for: a number format for all floats (None: each keeps its own), the phase, options by
    name, and what is known of tensors' values, by name or shell pattern."""

    format: str | None = None
    phase: str = "inference"
    options: tuple[str, ...] = ()
    statistics: Mapping[str, Statistics] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition(Generic[L]):
    """Something that holds of a level; ``broken`` says in words what breaks it, or None."""

    name: str
    broken: Callable[[L], str | None]


@dataclass(frozen=True, slots=True)
class Kept(Generic[L]):
    """Something that a pass leaves as it was."""

    name: str
    value: Callable[[L], Any]


class Pass:
    """A step within one level. Subclasses are frozen dataclasses whose fields are the pass's options.

    ``name`` is what is printed; ``after`` names the passes that it follows where they run. An ``optional`` pass runs
    where its name is among the options, every other one unless the option ``unless`` is.
    """

    name: ClassVar[str]
    optional: ClassVar[bool] = False
    unless: ClassVar[str | None] = None
    after: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def chosen(cls, request: Request) -> Self | None:
        """The pass with the options that a compilation asks for; None where it does not run."""
        if not cls.optional:
            return None if cls.unless in request.options else cls()
        given = [option.partition(":")[2] for option in request.options if option.partition(":")[0] == cls.name]
        return cls(**cls._fields(given[-1])) if given else None

    @classmethod
    def switches(cls) -> dict[str, str]:
        """The option that switches it, if there is one, and what that does in a line."""
        line = (cls.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        if cls.optional:
            return {cls.name: line}
        return {} if cls.unless is None else {cls.unless: f"without: {line}"}

    @classmethod
    def _fields(cls, text: str) -> dict[str, Any]:
        """``width=8,exact=true`` as the fields of the pass, each of the type of its default."""
        known: dict[str, Any] = {f.name: f.default for f in _fields_of(cls)}
        found: dict[str, Any] = {}
        for part in filter(None, text.split(",")):
            key, _, value = part.partition("=")
            if key not in known:
                raise ValueError(f"option {cls.name} has no field '{key}'; it has {', '.join(known) or 'none'}")
            try:
                found[key] = value == "true" if isinstance(known[key], bool) else type(known[key])(value)
            except ValueError:
                raise ValueError(f"option {cls.name}: '{value}' is no value of '{key}'") from None
        return found

    def __str__(self) -> str:
        """The name, with the fields that are not at their defaults: ``fold_constants:parameters=false``."""
        stated = [f"{f.name}={str(getattr(self, f.name)).lower()}" for f in _fields_of(type(self))
                  if f.repr and getattr(self, f.name) != f.default]
        return f"{self.name}:{','.join(stated)}" if stated else self.name


def _fields_of(cls: type[Pass]) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()


class NetworkPass(Pass):
    """A pass from Network to Network. ``requires`` holds before it, ``ensures`` after it, ``keeps`` is untouched."""

    requires: ClassVar[tuple[Condition[Network], ...]] = ()
    ensures: ClassVar[tuple[Condition[Network], ...]] = ()
    keeps: ClassVar[tuple[Kept[Network], ...]] = ()

    def run(self, network: Network) -> Network:
        """The network after the pass; the same object where nothing changes."""
        raise NotImplementedError(type(self).__name__)


class AluPass(Pass):
    """A pass from AluProgram to AluProgram, with the same contract."""

    requires: ClassVar[tuple[Condition[AluProgram], ...]] = ()
    ensures: ClassVar[tuple[Condition[AluProgram], ...]] = ()
    keeps: ClassVar[tuple[Kept[AluProgram], ...]] = ()

    def run(self, program: AluProgram) -> AluProgram:
        """The program after the pass."""
        raise NotImplementedError(type(self).__name__)


def apply(passes: Iterable[Any], subject: L) -> L:
    """Run passes of one level in order.

    ValueError names the pass and the condition where one does not hold: before it (the input is not what it takes) or
    after it (the pass is at fault). A condition is looked at again only where the subject has changed since.
    """
    holds: dict[str, L] = {}
    for each in passes:
        _check(each.name, "requires", each.requires, subject, holds)
        before = [kept.value(subject) for kept in each.keeps]
        result = each.run(subject)
        if result is not subject:
            for kept, value in zip(each.keeps, before, strict=True):
                if kept.value(result) != value:
                    raise ValueError(f"pass {each.name} does not keep {kept.name}")
        _check(each.name, "does not ensure", each.ensures, result, holds)
        subject = result
    return subject


def _check(name: str, verb: str, conditions: Iterable[Condition[L]], subject: L, holds: dict[str, L]) -> None:
    for condition in conditions:
        if holds.get(condition.name) is subject:
            continue
        broken = condition.broken(subject)
        if broken is not None:
            raise ValueError(f"pass {name} {verb} {condition.name}: {broken}")
        holds[condition.name] = subject
