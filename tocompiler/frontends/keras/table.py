"""The table of Keras layers: each row turns one call of a layer into ONNX operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from tocompiler.frontends.channels import Ordered, Value
from tocompiler.registers import filing, open_files

if TYPE_CHECKING:
    from tocompiler.tensors import Shape, Tensor

__all__ = ["Call", "Value", "keras_layer", "row"]


@dataclass(frozen=True)
class Call(Ordered):
    """One call of one layer: its configuration, the network that is built, and the layer's parameters so far (a layer
    called twice shares them)."""

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

    def images(self, value: Value) -> tuple[Tensor, bool]:
        """The tensor channels-first, and whether Keras has it channels-last."""
        if self.config.get("data_format") == "channels_first":
            return self.last(value), False
        return self.first(value), True


_Row: TypeAlias = "Callable[..., Value | Sequence[Value]]"
_TABLE: dict[str, _Row] = {}


def keras_layer(*names: str) -> Callable[[_Row], _Row]:
    """Decorator: file a row under Keras class names; it takes a Call and what the layer is called with."""
    return filing(_TABLE, "Keras layer ", names)


def row(call: Call) -> _Row:
    """The row of a layer; ValueError naming it where there is none."""
    open_files(__name__.rpartition(".")[0], "layers_")
    if call.kind not in _TABLE:
        raise call.refuse("this kind of layer is not modelled; export the model to ONNX instead")
    return _TABLE[call.kind]
