"""The table of Keras layers: each row turns one call of a layer into ONNX operators."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Shape, Tensor

__all__ = ["Call", "Value", "keras_layer", "row"]


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the model; ``first`` where it is kept channels-first although Keras has its channels last."""

    tensor: Tensor
    first: bool = False

    @property
    def shape(self) -> Shape:
        """The shape in Keras' order."""
        s = self.tensor.shape
        return (s[0], *s[2:], s[1]) if self.first else s


@dataclass(frozen=True)
class Call:
    """One call of one layer: its configuration, the network that is built, and the layer's parameters so far (a layer
    called twice shares them)."""

    net: Network
    kind: str
    path: str
    config: Mapping[str, Any]
    stored: dict[str, Tensor] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        try:
            return self.config[key]
        except KeyError:
            raise ValueError(f"Keras layer '{self.path}' ({self.kind}): its configuration lacks '{key}'") from None

    def refuse(self, reason: str) -> ValueError:
        """An error that names the layer."""
        return ValueError(f"Keras layer '{self.path}' ({self.kind}): {reason}")

    def parameter(self, role: str, shape: Shape, like: Tensor, kind: str = "parameter") -> Tensor:
        """A stored tensor of the layer, the same one at every call."""
        from tocompiler.tensors import Tensor

        name = f"{self.path}.{role}"
        return self.stored.setdefault(name, Tensor(name, shape, self.format(like), kind))

    def format(self, like: Tensor) -> str:
        """The format that the layer computes in: that of its input, unless that is an integer."""
        return "fp32" if "int" in like.format else like.format

    def first(self, value: Value) -> Tensor:
        """The tensor with its channels first."""
        if value.first or len(value.tensor.shape) < 3:
            return value.tensor
        n = len(value.tensor.shape)
        return self.net.permute(value.tensor, (0, n - 1, *range(1, n - 1)))

    def last(self, value: Value) -> Tensor:
        """The tensor in Keras' order."""
        if not value.first:
            return value.tensor
        return self.net.permute(value.tensor, (0, *range(2, len(value.tensor.shape)), 1))

    def images(self, value: Value) -> tuple[Tensor, bool]:
        """The tensor channels-first, and whether Keras has it channels-last."""
        if self.config.get("data_format") == "channels_first":
            return self.last(value), False
        return self.first(value), True


_Row: TypeAlias = "Callable[..., Value | Sequence[Value]]"
_TABLE: dict[str, _Row] = {}


def keras_layer(*names: str) -> Callable[[_Row], _Row]:
    """Decorator: file a row under Keras class names; it takes a Call and what the layer is called with."""

    def file(function: _Row) -> _Row:
        for name in names:
            if name in _TABLE:
                raise KeyError(f"Keras layer {name} has two rows")
            _TABLE[name] = function
        return function

    return file


@cache
def _load_rows() -> None:
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if module.name.startswith("layers_"):
            importlib.import_module(f"{package}.{module.name}")


def row(call: Call) -> _Row:
    """The row of a layer; ValueError naming it where there is none."""
    _load_rows()
    if call.kind not in _TABLE:
        raise call.refuse("this kind of layer is not modelled; export the model to ONNX instead")
    return _TABLE[call.kind]
