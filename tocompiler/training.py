"""Training: which tensors need a gradient, what each operator's backward pass does, and the optimizer's step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from alu_library.formats import parse
from alu_library.tasks import Count, Tasks
from tocompiler.network import Network
from tocompiler.operators import Access, Refused, Unmodelled, Work, gradient_work
from tocompiler.tensors import Operator, Tensor

__all__ = ["OPTIMIZERS", "PHASES", "BackwardWork", "StepWork", "backward_work", "check_optimizer", "optimizer_work"]

PHASES: Mapping[str, tuple[str, ...]] = {
    "inference": ("forward",),
    "training": ("forward", "backward", "optimizer"),
    "backward": ("backward", "optimizer"),
}
"""What each phase runs: ``backward`` is the backward pass and optimizer step alone, as some measurements are."""


@dataclass(frozen=True, slots=True)
class Step:
    """An optimizer's update of one parameter element: its tasks and how many state words it keeps.

    K products summed are K multiply-accumulates, as everywhere; no weight decay unless the name says so.
    """

    tasks: Mapping[str, int]
    state_words: int
    equation: str


OPTIMIZERS: Mapping[str, Step] = {
    "sgd": Step({"multiply_accumulate": 1}, 0, "w -= lr g"),
    "momentum": Step({"multiply_accumulate": 2}, 1, "v = mu v + g; w -= lr v (Sutskever et al. 2013, PyTorch form)"),
    "rmsprop": Step({"multiply": 1, "multiply_accumulate": 3, "sqrt": 1, "add": 1, "divide": 1}, 1,
                    "s = a s + (1-a) g g; w -= lr g / (sqrt(s) + eps) (Hinton 2012)"),
    "adam": Step({"multiply": 3, "multiply_accumulate": 5, "sqrt": 1, "add": 1, "divide": 1}, 2,
                 "m = b1 m + (1-b1) g; v = b2 v + (1-b2) g g; w -= lr m^ / (sqrt(v^) + eps) (Kingma and Ba 2015)"),
    "adamw": Step({"multiply": 3, "multiply_accumulate": 6, "sqrt": 1, "add": 1, "divide": 1}, 2,
                  "w -= lr wd w, then adam (Loshchilov and Hutter 2019)"),
}


@dataclass(frozen=True, slots=True)
class BackwardWork:
    """The backward pass of one operator; ``work`` is the exception where it is not modelled, ``source`` the name of the
    network's operator (None for a sum of gradients, which belongs to a tensor)."""

    name: str
    operator: Operator
    work: Work | Unmodelled | Refused
    source: str | None = None


@dataclass(frozen=True, slots=True)
class StepWork:
    """The optimizer's update of one parameter tensor, by its name."""

    parameter: str
    work: Work


def backward_work(network: Network) -> Iterator[BackwardWork]:
    """Gradients in reverse order. A tensor needs one if it is a parameter or depends on one.

    Where several operators read one tensor, their gradients are summed: one ``add`` per element and further reader.
    The gradient of the loss with respect to the network's outputs is given: a loss is not part of the graph.
    """
    needing, readers = _needing_gradient(network)
    for op in reversed(network.operators):
        for t in op.outputs:
            yield from _gradient_sum(t, readers.get(t.name, 0))
        needed = [t is not None and t.name in needing for t in op.inputs]
        if any(needed):
            yield BackwardWork(f"{op.name}.gradient", op, _gradient(op, needed), op.name)
    for t in network.stored_tensors():
        yield from _gradient_sum(t, readers.get(t.name, 0))


def _gradient(op: Operator, needed: list[bool]) -> Work | Unmodelled | Refused:
    try:
        work = gradient_work(op, needed)
    except (Unmodelled, Refused) as reason:
        return reason
    if work.reads is not None and work.writes is not None:
        return work
    return replace(work, reads=_gradient_reads(op), writes=_gradient_writes(op, needed))


def _gradient_reads(op: Operator) -> tuple[Access, ...]:
    """Unless its rule says otherwise, a backward pass reads the operands and the gradients of the results."""
    operands = {t.name: Access(t.name, t.elements, t.format, t.kind) for t in op.inputs if t is not None}
    return (*operands.values(), *(Access(f"{t.name}.gradient", t.elements, t.format) for t in op.outputs))


def _gradient_writes(op: Operator, needed: list[bool]) -> tuple[Access, ...]:
    return tuple(Access(f"{t.name}.gradient", t.elements, t.format)
                 for t, wanted in zip(op.inputs, needed, strict=True) if t is not None and wanted)


def _gradient_sum(t: Tensor, readers: int) -> Iterator[BackwardWork]:
    if readers < 2:
        return
    work = Work(Tasks({("add", t.format): (readers - 1) * t.elements}),
                reads=(Access(t.name, readers * t.elements, t.format),),
                writes=(Access(t.name, t.elements, t.format),))
    name = f"{t.name}.gradient_sum"
    yield BackwardWork(name, Operator(name, "GradientSum", (t,), (t,)), work)


def _needing_gradient(network: Network) -> tuple[set[str], dict[str, int]]:
    """Names of the tensors that need a gradient, and how many operators pass one back to each."""
    needing: set[str] = set()
    readers: dict[str, int] = {}
    for op in network.operators:
        through = [t for t in op.inputs if t is not None and (t.kind == "parameter" or t.name in needing)]
        for t in through:
            needing.add(t.name)
            readers[t.name] = readers.get(t.name, 0) + 1
        if through:
            needing.update(t.name for t in op.outputs if parse(t.format).kind == "float")
    return needing, readers


def check_optimizer(name: str) -> None:
    """ValueError, listing what there is, for an unknown optimizer."""
    if name not in OPTIMIZERS:
        raise ValueError(f"unknown optimizer '{name}'; use one of {', '.join(OPTIMIZERS)}")


def optimizer_work(network: Network, optimizer: str) -> Iterator[StepWork]:
    """One step per parameter tensor. State is kept in the parameter's format.

    ValueError names an unknown optimizer.
    """
    check_optimizer(optimizer)
    step = OPTIMIZERS[optimizer]
    for t in network.stored_tensors():
        if t.kind != "parameter":
            continue
        n: Count = t.elements
        own = Access(t.name, n, t.format, t.kind)
        gradient = Access(f"{t.name}.gradient", n, t.format)
        state = tuple(Access(f"{t.name}.state{i}", n, t.format, "buffer") for i in range(step.state_words))
        tasks = Tasks({(task, t.format): k * n for task, k in step.tasks.items()})
        yield StepWork(t.name, Work(tasks, reads=(own, gradient, *state), writes=(own, *state)))
