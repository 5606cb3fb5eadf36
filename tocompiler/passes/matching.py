"""What patterns of operators are matched with: who uses which tensor, scalar constants, and what a match replaces."""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose

from tocompiler.network import Network
from tocompiler.operators.shapes import scalar
from tocompiler.tensors import Operator, Tensor

__all__ = ["Match", "Uses", "is_close", "one", "scaled_operand"]

_TOLERANCE = 1e-3
"""Relative. Constants are stored in half precision at worst: 2^-11 = 5e-4."""


@dataclass(frozen=True)
class Match:
    """Operators that one operator replaces, the last of them (whose place it takes), and that operator."""

    parts: tuple[Operator, ...]
    root: Operator
    whole: Operator


class Uses:
    """Who writes and who reads each tensor of a network."""

    def __init__(self, network: Network) -> None:
        self._writers = {t.name: op for op in network.operators for t in op.outputs}
        self._readers: dict[str, list[Operator]] = {}
        for op in network.operators:
            for name in {t.name for t in op.inputs if t is not None}:
                self._readers.setdefault(name, []).append(op)
        self._results = {t.name for t in network.outputs}

    def writer(self, tensor: Tensor | None, *operators: str) -> Operator | None:
        """The operator that makes a tensor, if it is one of these."""
        op = None if tensor is None else self._writers.get(tensor.name)
        return op if op is not None and (not operators or op.operator in operators) else None

    def readers(self, op: Operator) -> list[Operator]:
        """The operators that read its first result; the network's own results count as none."""
        return self._readers.get(op.outputs[0].name, []) if op.outputs else []

    def only_reader(self, op: Operator, *operators: str) -> Operator | None:
        """The one operator that uses its result, if it is one of these and nothing else uses it."""
        readers = self.readers(op)
        if len(readers) != 1 or op.outputs[0].name in self._results:
            return None
        return readers[0] if not operators or readers[0].operator in operators else None

    def inside(self, parts: tuple[Operator, ...], root: Operator) -> bool:
        """Whether nothing but these parts uses the result of any of them but the root."""
        names = {op.name for op in parts}
        return all(op.name == root.name or (op.outputs[0].name not in self._results
                                            and all(reader.name in names for reader in self.readers(op)))
                   for op in parts)


def one(operator: str, root: Operator, x: Tensor, *others: Tensor | None, **attributes: object) -> Operator:
    """The operator that takes the place of a pattern's last one."""
    return Operator(root.name, operator, (x, *others), root.outputs[:1], attributes)


def scaled_operand(op: Operator) -> tuple[float, Tensor] | None:
    """The scalar constant of a binary operator and its other operand."""
    for i in (1, 0):
        value, other = scalar(op.input(i)), op.input(1 - i)
        if value is not None and other is not None:
            return value, other
    return None


def is_close(value: float | None, expected: float) -> bool:
    """Whether a constant is the one expected, as far as half precision can tell."""
    return value is not None and isclose(value, expected, rel_tol=_TOLERANCE)
