"""The table of ATen operators: each row turns one call into ONNX operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from tocompiler.registers import filing, open_files

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Shape, Tensor

__all__ = ["Call", "NotTabled", "aten", "handlers"]


class NotTabled(Exception):  # noqa: N818 - a verdict about one call
    """A row cannot express this use of its operator; the call is kept under its ATen name."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an ATen operator: the network that is built, what torch says of its results, and the names of the
    parameters that this call alone reads."""

    net: Network
    name: str
    results: tuple[tuple[Shape, str], ...]
    own: frozenset[str] = frozenset()

    @property
    def shape(self) -> Shape:
        """Shape of the first result."""
        return self.results[0][0]

    @property
    def format(self) -> str:
        """Number format of the first result."""
        return self.results[0][1]

    def emit(self, operator: str, inputs: Sequence[Tensor | None],
             attributes: Mapping[str, Any] | None = None) -> Tensor:
        """An operator with one result, shaped by its rule."""
        return self.net.emit(operator, inputs, attributes, outputs=1)[0]

    def shaped(self, operator: str, inputs: Sequence[Tensor | None],
               attributes: Mapping[str, Any] | None = None) -> Tensor:
        """An operator whose one result is this call's, where its rule cannot know the shape."""
        return self.net.emit(operator, inputs, attributes, results=self.results[:1])[0]

    def constant(self, value: Any, format: str = "int64") -> Tensor:
        """A small constant."""
        return self.net.constant(value, format)

    def cast(self, x: Tensor, format: str) -> Tensor:
        """The tensor in a number format."""
        return x if x.format == format else self.net.emit("Cast", [x], {"to": format},
                                                          results=[(x.shape, format)])[0]


_Handler: TypeAlias = "Callable[..., Tensor | Sequence[Tensor]]"
_Row = TypeVar("_Row", bound=Callable[..., Any])
_TABLE: dict[str, _Handler] = {}


def aten(*names: str) -> Callable[[_Row], _Row]:
    """Decorator: file a row under ATen names (without overload); it takes a Call and the operator's arguments."""
    return filing(_TABLE, "aten.", names)


def handlers() -> Mapping[str, _Handler]:
    """The whole table."""
    open_files(__name__.rpartition(".")[0], "aten_")
    return _TABLE
