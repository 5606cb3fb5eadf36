"""Tensors and operators: what a network is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from alu_library.tasks import check_count

if TYPE_CHECKING:
    import numpy
    from sympy import Expr

__all__ = ["Dimension", "Operator", "Shape", "Statistics", "Tensor"]

Dimension: TypeAlias = "int | Expr"
"""An int, or a sympy expression where the dimension is symbolic (it prints as its name)."""
Shape: TypeAlias = tuple[Dimension, ...]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is known of a tensor's values: the fraction that is exactly zero, and how the rest is distributed."""

    zeros: float = 0.0
    distribution: str = "normal"

    def __post_init__(self) -> None:
        if not 0 <= self.zeros <= 1:
            raise ValueError(f"the fraction of zeros cannot be {self.zeros}")


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A tensor by name: shape (no dimension is negative), number format, and where its values come from.

    ``kind`` is ``input`` (given to the network), ``parameter`` (trainable), ``buffer`` (running
    statistics: stored, not trained), ``constant`` (any other stored value) or ``activation`` (computed).
    ``value`` holds small constants only (shape arithmetic); weights are never read.
    """

    name: str
    shape: Shape
    format: str = "fp32"
    kind: str = "activation"
    value: numpy.ndarray[Any, Any] | None = None
    statistics: Statistics | None = None

    def __post_init__(self) -> None:
        for d in self.shape:
            if d.__class__ is not int or d < 0:  # most are sizes, and need no more than this look
                check_count(d, f"a dimension of tensor '{self.name}'")

    @property
    def elements(self) -> Dimension:
        """How many elements; 1 for a scalar."""
        n: Dimension = 1
        for d in self.shape:
            n = n * d
        return n

    @property
    def is_stored(self) -> bool:
        """Whether the value belongs to the model (a weight, a statistic, a constant) rather than to a run."""
        return self.kind in ("parameter", "buffer", "constant")


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """One operator: its ONNX name (``com.microsoft.Attention`` outside the standard domain), the tensors it
    reads (None where an optional one is absent) and writes, and its attributes under their ONNX names."""

    name: str
    operator: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def input(self, index: int) -> Tensor | None:
        """The tensor at that position, or None where it is absent."""
        return self.inputs[index] if index < len(self.inputs) else None

    def given(self, index: int) -> Tensor:
        """The tensor at that position; ValueError that names the operator where it is absent."""
        tensor = self.input(index)
        if tensor is None:
            raise ValueError(f"{self.operator} '{self.name}' lacks its input {index}")
        return tensor
