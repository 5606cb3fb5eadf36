"""Everything that is true of an operator family, one file for each; this file is the register.

A rule says what one operator does: the shapes of its results (for the builder and the frontends), its ALU
tasks, its products and loop bounds, the bits it moves, and the same for its gradient. ``register`` files a
rule under its ONNX names; a name filed twice is an error.
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from alu_library.formats import parse
from alu_library.tasks import Count, Tasks, check_count

if TYPE_CHECKING:
    from tocompiler.tensors import Dimension, Operator, Shape

__all__ = ["Access", "Loops", "Refused", "Rule", "Unmodelled", "Work", "add_rule", "forward_work", "gradient_work",
           "names", "register", "rule"]


class Unmodelled(Exception):  # noqa: N818 - it is a verdict about the operator, not an error of the program
    """No rule is registered for the operator; it is listed under ``unmodelled``."""


class Refused(ValueError):  # noqa: N818
    """A rule knows the operator and says why this use of it cannot be counted."""


@dataclass(frozen=True, slots=True)
class Loops:
    """Loop bounds of a contraction, in the letters of the accelerator literature (Yang et al., Timeloop):
    n batch, g groups, m output channels per group, c input channels per group, p x q output, r x s kernel.

    A 1-D or 3-D convolution folds its other axes into q and s; a matrix product is p rows, m columns, c summed.
    """

    n: Dimension = 1
    g: Dimension = 1
    m: Dimension = 1
    c: Dimension = 1
    p: Dimension = 1
    q: Dimension = 1
    r: Dimension = 1
    s: Dimension = 1
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        for bound in (self.n, self.g, self.m, self.c, self.p, self.q, self.r, self.s):
            check_count(bound, "a loop bound")

    @property
    def products(self) -> Dimension:
        """All products: n g m c p q r s."""
        return self.n * self.g * self.m * self.c * self.p * self.q * self.r * self.s


@dataclass(frozen=True, slots=True)
class Access:
    """One tensor crossed once: how many of its elements, and the bits of each."""

    tensor: str
    elements: Dimension
    format: str
    kind: str = "activation"

    def __post_init__(self) -> None:
        check_count(self.elements, f"the elements of '{self.tensor}' that are moved")


@dataclass(frozen=True, slots=True)
class Work:
    """What an operator does, before pricing: exact integers (or sympy expressions).

    ``reads`` and ``writes`` of None mean: every operand once and every result once. Views (Reshape) say
    ``reads=(), writes=()``. An operator of several steps (attention) lists in ``inner_writes`` and ``inner_reads`` what
    moves between them where a runtime runs each step as a kernel of its own; where it fuses them, nothing of it does.
    """

    tasks: Tasks = field(default_factory=Tasks)
    multiply_accumulates: Count = 0
    loops: Loops | None = None
    reads: tuple[Access, ...] | None = None
    writes: tuple[Access, ...] | None = None
    inner_reads: tuple[Access, ...] = ()
    inner_writes: tuple[Access, ...] = ()

    def __post_init__(self) -> None:
        check_count(self.multiply_accumulates, "multiply-accumulates")


class Rule:
    """What is true of one operator. Subclasses override what applies to them.

    ``data_only`` gives the reason why an operator has no ALU task (it only moves or renames data); ``refused`` the
    reason why an operator that is known cannot be counted at all.
    """

    data_only: str | None = None
    refused: str | None = None

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        """Shape and number format of each result. Raises ValueError naming the operator on a misfit."""
        raise Refused(f"{op.operator} '{op.name}': no shape rule; give its results' shapes")

    def work(self, op: Operator) -> Work:
        """The forward pass of one operator whose tensors have their shapes."""
        if self.data_only is not None:
            return Work()
        if self.refused is not None:
            raise Refused(f"{op.operator} '{op.name}': {self.refused}")
        raise NotImplementedError(type(self).__name__)

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        """The backward pass: gradients of the inputs whose ``needed`` is True, given those of the results."""
        if self.data_only is not None:
            return Work()
        raise Refused(f"{op.operator} '{op.name}': its gradient is not modelled")


_RULES: dict[str, Rule] = {}
_R = TypeVar("_R", bound=type[Rule])


def register(*operators: str, **options: Any) -> Callable[[_R], _R]:
    """Class decorator: file one instance of the rule (made with ``options``) under each ONNX operator name."""

    def file(cls: _R) -> _R:
        for name in operators:
            add_rule(name, cls(**options))
        return cls

    return file


def add_rule(name: str, instance: Rule) -> None:
    """File a rule under an operator name; KeyError if the name is taken."""
    if name in _RULES:
        raise KeyError(f"operator {name} is registered twice")
    _RULES[name] = instance


_COMMON = ("convolution", "normalisation", "activation", "pooling", "matmul", "softmax", "movement", "reduction")
"""Rooms that most networks enter. Rooms are opened one after the other until the operator asked for is found."""

_LOCK = threading.Lock()


@cache
def _closed() -> list[str]:
    """Rooms not opened yet, the next one last."""
    rooms = sorted({module.name for module in pkgutil.iter_modules(__path__)}.difference(_COMMON))
    return [*reversed(rooms), *reversed(_COMMON)]


def _open_room() -> bool:
    """Import the next room; False where all are open."""
    if not _closed():
        return False
    importlib.import_module(f"{__name__}.{_closed()[-1]}")
    _closed().pop()
    return True


def rule(operator: str) -> Rule:
    """The rule of an ONNX operator; Unmodelled where there is none."""
    if operator not in _RULES:
        with _LOCK:
            while operator not in _RULES:
                if not _open_room():
                    raise Unmodelled(operator)
    return _RULES[operator]


def forward_work(op: Operator) -> Work:
    """The forward pass of one operator by its rule.

    Raises Unmodelled without one; Refused where the rule refuses this use, or where a tensor holds no numbers that
    this program knows (text, complex numbers); ValueError naming the operator where its operands or attributes are
    not those of its definition.
    """
    found = rule(op.operator)
    try:
        work = found.work(op)
    except (Refused, Unmodelled):
        raise
    except Exception as misfit:
        if _names(op, misfit):
            raise
        raise _misfit(op, misfit) from misfit
    for tensor in (*op.inputs, *op.outputs):
        if tensor is not None and not _is_countable(tensor.format):
            raise Refused(f"{op.operator} '{op.name}': '{tensor.name}' holds {tensor.format}, which is no number")
    return work


def gradient_work(op: Operator, needed: Sequence[bool]) -> Work:
    """The backward pass of one operator by its rule; raises as ``forward_work`` does."""
    try:
        return rule(op.operator).gradient(op, needed)
    except (Refused, Unmodelled):
        raise
    except Exception as misfit:
        if _names(op, misfit):
            raise
        raise _misfit(op, misfit) from misfit


def _names(op: Operator, misfit: Exception) -> bool:
    return isinstance(misfit, ValueError) and f"'{op.name}'" in str(misfit)


def _misfit(op: Operator, misfit: Exception) -> ValueError:
    """What a rule came to grief over, as an error that names the operator."""
    return ValueError(f"{op.operator} '{op.name}': its operands or attributes are not as ONNX defines them "
                      f"({type(misfit).__name__}: {misfit})")


@cache
def _is_countable(format: str) -> bool:
    try:
        parse(format)
    except ValueError:
        return False
    return True


def names() -> list[str]:
    """Every operator name that has a rule, sorted."""
    with _LOCK:
        while _open_room():
            pass
    return sorted(_RULES)
