"""The table of TFLite operators: each row turns one into ONNX operators."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from tocompiler.network import Network
    from tocompiler.tensors import Shape, Tensor

__all__ = ["Call", "Value", "row", "tflite_operator"]


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the model; ``first`` where it is kept channels-first although the file has its channels last."""

    tensor: Tensor
    first: bool = False

    @property
    def shape(self) -> Shape:
        """The shape in the file's order."""
        s = self.tensor.shape
        return (s[0], *s[2:], s[1]) if self.first else s


@dataclass(frozen=True)
class Call:
    """One operator: the network that is built, what the file says of its results, and its table of options."""

    net: Network
    kind: str
    results: tuple[tuple[Shape, str], ...]
    table: Any
    indices: tuple[int, ...]

    @property
    def shape(self) -> Shape:
        """Shape of the first result, in the file's order."""
        return self.results[0][0]

    def options(self, name: str) -> Any:
        """The operator's options as that class of the schema; what a file leaves out has its default."""
        import tflite

        made = getattr(tflite, name)()
        if self.table is None:
            raise self.refuse("it has no options in the file")
        made.Init(self.table.Bytes, self.table.Pos)
        return made

    def refuse(self, reason: str) -> ValueError:
        """An error that names the operator."""
        return ValueError(f"TFLite operator {self.kind} '{self.net.scope_name}': {reason}")

    def numbers(self, value: Value | None) -> list[int]:
        """The values of a small stored operand; ValueError where the file computes them."""
        if value is None or value.tensor.value is None:
            raise self.refuse("an operand that decides its shape is not stored in the file")
        return [int(n) for n in value.tensor.value.reshape(-1)]

    def first(self, value: Value) -> Tensor:
        """The tensor with its channels first."""
        if value.first or len(value.tensor.shape) < 3:
            return value.tensor
        n = len(value.tensor.shape)
        return self.net.permute(value.tensor, (0, n - 1, *range(1, n - 1)))

    def last(self, value: Value) -> Tensor:
        """The tensor in the file's order."""
        if not value.first:
            return value.tensor
        return self.net.permute(value.tensor, (0, *range(2, len(value.tensor.shape)), 1))

    def shaped(self, operator: str, inputs: Sequence[Tensor | None], attributes: Any = None) -> Value:
        """An operator in the file's order whose one result is as the file says."""
        return Value(self.net.emit(operator, inputs, attributes, results=self.results[:1])[0])

    def axis(self, axis: int, value: Value) -> int:
        """Where an axis of the file's order stands in the tensor."""
        rank = len(value.shape)
        axis %= max(rank, 1)
        return (0, *range(2, rank), 1)[axis] if value.first else axis


_Row: TypeAlias = "Callable[..., Value | Sequence[Value]]"
_TABLE: dict[str, _Row] = {}


def tflite_operator(*names: str) -> Callable[[_Row], _Row]:
    """Decorator: file a row under names of TFLite's BuiltinOperator; it takes a Call and the operands."""

    def file(function: _Row) -> _Row:
        for name in names:
            if name in _TABLE:
                raise KeyError(f"TFLite operator {name} has two rows")
            _TABLE[name] = function
        return function

    return file


@cache
def _load_rows() -> None:
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if module.name.startswith("rows_"):
            importlib.import_module(f"{package}.{module.name}")


def row(kind: str) -> _Row:
    """The row of an operator; without one it is kept under its name and listed as unmodelled."""
    _load_rows()
    return _TABLE.get(kind, _unknown)


def _unknown(call: Call, *operands: Value | None) -> Sequence[Value]:
    inputs = [None if v is None else call.last(v) for v in operands]
    name = call.kind.lower().replace(" ", ".")
    return [Value(t) for t in call.net.emit(f"tflite.{name}", inputs, results=call.results)]
