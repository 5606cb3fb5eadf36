"""load: one door for every kind of model. This file is the register of front ends, one file of this package for each.

A front end says what it takes and reads it; the libraries that it needs it imports when it reads. Every front end is
asked in turn, each behind those that it names in ``after``, and the first that takes a source reads it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from tocompiler.errors import explained
from tocompiler.registers import in_order, open_files

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Dimension

__all__ = ["FrontEnd", "Given", "front_ends", "load", "made_by", "register"]


@dataclass(frozen=True, slots=True)
class Given:
    """What ``load`` was given beside the source (see there)."""

    batch: int | None = None
    dims: Mapping[str, int] = field(default_factory=dict)
    example_inputs: Any = None
    symbolic: bool = False
    values: Mapping[str, Any] | None = None
    trips: Mapping[str, int] = field(default_factory=dict)

    @property
    def size(self) -> Dimension:
        """The batch for what has no batch of its own: 1, or a symbol, unless it is given."""
        batch = self.dims.get("batch", self.batch)
        if batch is None and self.symbolic:
            import sympy

            return sympy.Symbol("batch", integer=True, positive=True)
        return 1 if batch is None else batch

    @property
    def options(self) -> dict[str, int]:
        """The dimensions beside the batch, as options by name."""
        return {name: size for name, size in self.dims.items() if name != "batch"}


class FrontEnd:
    """A way in. ``name`` files it, ``gives`` says in words what it takes, as in "a torch module"."""

    name: ClassVar[str]
    gives: ClassVar[str]
    after: ClassVar[tuple[str, ...]] = ()

    def takes(self, source: Any) -> bool:
        """Whether it reads this source: a text (paths come as texts) or any other object."""
        raise NotImplementedError(type(self).__name__)

    def read(self, source: Any, given: Given) -> Network:
        """The network; ValueError, in one line, on anything that cannot be read."""
        raise NotImplementedError(type(self).__name__)


_FRONT_ENDS: dict[str, FrontEnd] = {}
_F = TypeVar("_F", bound=type[FrontEnd])


def register(cls: _F) -> _F:
    """Class decorator: file a front end under its name; KeyError if the name is taken."""
    if cls.name in _FRONT_ENDS:
        raise KeyError(f"front end {cls.name} is registered twice")
    _FRONT_ENDS[cls.name] = cls()
    return cls


def front_ends() -> list[FrontEnd]:
    """Every front end, in the order in which they are asked."""
    open_files(__name__)
    return [_FRONT_ENDS[name] for name in in_order({n: f.after for n, f in _FRONT_ENDS.items()}, "front ends")]


def load(source: Any, batch: int | None = None, dims: Mapping[str, int] | None = None, example_inputs: Any = None,
         symbolic: bool = False, values: Mapping[str, Any] | None = None,
         trips: Mapping[str, int] | None = None) -> Network:
    """The Network of a model.

    ``source`` is the path of an ONNX file (or its ``ModelProto``), of a ``.keras`` archive, an HDF5, a TFLite or a
    ``.pt2`` file, the name of a zoo model, a Hugging Face ``config.json`` (or its folder), a ``torch.nn.Module`` (with
    ``example_inputs``) or a Keras model.
    ``batch`` and ``dims`` bind symbolic dimensions (for a zoo model or a configuration: its options, as in
    ``sequence=128``); ``symbolic`` keeps unbound ones as sympy symbols instead of refusing them. ``values`` gives
    inputs of an ONNX model that decide shapes or choose a branch (``{"sr": 16000}``), ``trips`` how often its loops run
    where data decide that, by their names.

    ValueError, in one line, on anything that cannot be loaded.
    """
    if isinstance(source, os.PathLike):
        source = os.fspath(source)
    given = Given(batch, dict(dims or {}), example_inputs, symbolic, values, dict(trips or {}))
    known = front_ends()
    with explained(f"{source} is no model that can be read") if isinstance(source, str) else nullcontext():
        for front_end in known:
            if front_end.takes(source):
                return front_end.read(source, given)
    ways = [front_end.gives for front_end in known if front_end.name != "others"]
    raise ValueError(f"cannot load a {type(source).__name__}; give {', '.join(ways[:-1])} or {ways[-1]}")


def made_by(source: Any, package: str) -> bool:
    """Whether the source is an object of a class of that package, without importing it."""
    return any(cls.__module__.split(".")[0] == package for cls in type(source).__mro__)
