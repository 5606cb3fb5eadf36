"""compile: a network through the passes, lowered and costed."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence

from alu_library.pricing import DEFAULT_BASIS, chosen_circuit
from tocompiler.costing import TransistorProgram, cost
from tocompiler.errors import UnmodelledWarning, explained
from tocompiler.lowering import lower
from tocompiler.network import Network
from tocompiler.passes import AluPass, NetworkPass, Request, apply, check_options, expanded, selected
from tocompiler.tensors import Statistics
from tocompiler.training import check_optimizer

__all__ = ["compile"]


def compile(network: Network, format: str | None = None, phase: str = "inference", *, circuits: str = "default",
            basis: str = DEFAULT_BASIS, activation_error_ulp: float | None = None, optimizer: str = "sgd",
            options: Sequence[str] = (), statistics: Mapping[str, Statistics] | None = None,
            strict: bool = False) -> TransistorProgram:
    """Compile a network to transistor operations.

    ``format`` converts every floating-point tensor to one number format (None keeps each as it is); ``phase`` is
    ``inference``, ``training`` or ``backward``; ``circuits`` names the circuit set; ``activation_error_ulp``
    bounds the error of elementary functions; ``options`` (``tocompiler.passes.options()``) change what is executed or
    moved; ``inference_runtime`` stands for those that an inference runtime applies to a graph before it runs it;
    ``statistics`` says what is known of tensors' values, by name or shell pattern (``{"*.weight": Statistics(0.8)}``).
    Operators without a rule are listed in the result's ``unmodelled``.

    A program with operators that are not modelled (its ``unmodelled``) gives one UnmodelledWarning that lists them: its
    totals leave them out. ``strict`` raises a ValueError instead.

    ValueError on an unknown format, phase, circuit set, optimizer or option, whether or not it matters to this
    network, and in one line on a network that cannot be compiled.

    >>> net = Network("tiny")
    >>> net.output(net.linear(net.input((1, 4)), out_features=3))
    >>> compile(net).totals.multiply_accumulates
    12
    """
    options = expanded(options)
    check_options(options)
    check_optimizer(optimizer)
    chosen_circuit("add", "fp32", circuits)
    if activation_error_ulp is not None and not 0 < activation_error_ulp < math.inf:
        raise ValueError(f"no error is within {activation_error_ulp} ulp; give a positive number for activations")
    request = Request(format, phase, options, statistics or {})
    on_network, on_rows = selected(request, NetworkPass), selected(request, AluPass)
    with explained(f"network {network.name} cannot be compiled"):
        alu = lower(apply(on_network, network), format=format or _formats_of(network), phase=phase,
                    parameters=network.parameters, activation_error_ulp=activation_error_ulp, optimizer=optimizer,
                    options=options, passes=tuple(str(each) for each in (*on_network, *on_rows)))
        priced = cost(apply(on_rows, alu), circuits, basis)
    if priced.unmodelled:
        counts = Counter(u.operator for u in priced.unmodelled)
        named = ", ".join(name if n == 1 else f"{n} {name}" for name, n in sorted(counts.items()))
        told = f"{network.name}: {counts.total()} operators are not modelled ({named})"
        if strict:
            raise ValueError(f"{told}; register rules for them or compile without strict")
        warnings.warn(f"{told}; totals are without them", UnmodelledWarning, stacklevel=2)
    return priced


def _formats_of(network: Network) -> str:
    """The number format of a network's weights and inputs, or ``mixed``."""
    found = {t.format for t in (*network.inputs, *network.stored_tensors())
             if t.kind in ("input", "parameter") and t.format.startswith(("fp", "bf", "tf"))}
    return found.pop() if len(found) == 1 else "mixed" if found else "fp32"
