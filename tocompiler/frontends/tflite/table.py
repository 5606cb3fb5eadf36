"""The table of TFLite operators: each row turns one into ONNX operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tocompiler.frontends.channels import Ordered, Value
from tocompiler.registers import filing, open_files

if TYPE_CHECKING:
    from tocompiler.tensors import Shape, Tensor

__all__ = ["Call", "Value", "row", "tflite_operator"]


@dataclass(frozen=True)
class Call(Ordered):
    """One operator: the network that is built, what the file says of its results, and its table of options."""

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
    return filing(_TABLE, "TFLite operator ", names)


def row(kind: str) -> _Row:
    """The row of an operator; without one it is kept under its name and listed as unmodelled."""
    open_files(__name__.rpartition(".")[0], "rows_")
    return _TABLE.get(kind, _unknown)


def _unknown(call: Call, *operands: Value | None) -> Sequence[Value]:
    inputs = [None if v is None else call.last(v) for v in operands]
    name = call.kind.lower().replace(" ", ".")
    return [Value(t) for t in call.net.emit(f"tflite.{name}", inputs, results=call.results)]
