"""Passes within a level: one file for each, with a name, options and a contract; this file is their register.

Constant folding and dead code run by default, as do recognition (operators that an exporter took apart count as the
operator they are), integer arithmetic for quantised models, and the passes that only annotate. Whatever else changes
what is executed is an option, by name, and is named in the output. What a user may switch is stated by the passes
themselves (``optional``, ``unless``), and the compiler, the command line and the report read it here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from tocompiler.network import Network
from tocompiler.passes.base import AluPass, NetworkPass, Pass, Request, apply
from tocompiler.registers import in_order, open_files
from tocompiler.tensors import Statistics

__all__ = ["GROUPS", "AluPass", "NetworkPass", "Request", "apply", "check_options", "expanded", "names", "options",
           "pipeline", "register", "selected"]

_PASSES: dict[str, type[Pass]] = {}
_P = TypeVar("_P", bound=type[Pass])
_S = TypeVar("_S", bound=Pass)


def register(cls: _P) -> _P:
    """Class decorator: file a pass under its name; KeyError if the name, or the option that switches it, is taken."""
    if cls.name in _PASSES:
        raise KeyError(f"pass {cls.name} is registered twice")
    taken = {option for other in _PASSES.values() for option in other.switches()}.intersection(cls.switches())
    if taken:
        raise KeyError(f"option {taken.pop()} of pass {cls.name} belongs to another pass")
    _PASSES[cls.name] = cls
    return cls


def names() -> list[str]:
    """Every pass, in the order in which they run: those on networks first, each behind those it names in ``after``.

    ValueError where these go round in a circle.
    """
    open_files(__name__)
    order = in_order({name: cls.after for name, cls in _PASSES.items()}, "passes")
    return sorted(order, key=lambda name: issubclass(_PASSES[name], AluPass))


def options() -> Mapping[str, str]:
    """What may be switched by name, with a line on each, in the order of the passes."""
    return {option: line for name in names() for option, line in _PASSES[name].switches().items()}


GROUPS: Mapping[str, tuple[str, ...]] = {
    "inference_runtime": ("fold_batch_norm", "flash_attention", "fuse_activations"),
}
"""Several options by one name: a framework runs a graph as it is exported, an inference runtime prepares it first."""


def expanded(given: Sequence[str]) -> tuple[str, ...]:
    """Options with those of a group in its place, each once.

    >>> expanded(("im2col", "inference_runtime", "im2col"))
    ('im2col', 'fold_batch_norm', 'flash_attention', 'fuse_activations')
    """
    return tuple(dict.fromkeys(option for name in given for option in GROUPS.get(name, (name,))))


def check_options(given: Sequence[str]) -> None:
    """ValueError names an option that no pass knows."""
    known = options()
    for option in given:
        if option.partition(":")[0] not in known:
            raise ValueError(f"unknown option '{option}'; use one of {', '.join((*known, *GROUPS))}")


def selected(request: Request, kind: type[_S]) -> list[_S]:
    """The passes of one kind that a compilation runs, in order, each with its options."""
    found = (_PASSES[name].chosen(request) for name in names() if issubclass(_PASSES[name], kind))
    return [each for each in found if isinstance(each, kind)]


def pipeline(network: Network, *, format: str | None = None, phase: str = "inference", options: Sequence[str] = (),
             statistics: Mapping[str, Statistics] | None = None) -> Network:
    """The network that is lowered, after its passes.

    ValueError names an unknown option, format or pattern, or the pass whose contract is broken.
    """
    options = expanded(options)
    check_options(options)
    request = Request(format, phase, options, statistics or {})
    return apply(selected(request, NetworkPass), network)
