"""Sweeps: every configuration of a space compiled and priced, many in one run of the compiler.

Numbers that vary (batch, width, resolution, sequence) go through the compiler as lanes (``tocompiler.lanes``): one run
does the arithmetic of all configurations of one structure, and configurations part where the compiler would treat them
differently. Texts (format, circuits, device, which model) are structures of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tocompiler.sweeping.assembly import assembled
from tocompiler.sweeping.blocks import Blocks, NasBench201
from tocompiler.sweeping.cluster import sweep_on
from tocompiler.sweeping.models import model_of
from tocompiler.sweeping.objective import Evaluation, Objective
from tocompiler.sweeping.run import Runner
from tocompiler.sweeping.space import space_of
from tocompiler.sweeping.table import Table, pareto

if TYPE_CHECKING:
    from hardware.device import Device

__all__ = ["Blocks", "Evaluation", "NasBench201", "Objective", "Table", "pareto", "sweep", "sweep_on"]


def sweep(model: Any, space: Mapping[str, Any], *, device: Device | str | None = None,
          constraints: Sequence[str] = (), method: str = "grid", count: int | None = None, seed: int = 0) -> Table:
    """The counts and, with a device, the energy of every configuration of a space.

    ``model``: a zoo name or path, in which ``{name}`` stands for a value (``"resnet{depth}"``); the dictionary or path
    of a Hugging Face configuration; an ONNX file or Network with free dimensions; or a function of the values that
    gives a Network. ``space``: for each name one value, a list, or ``{"low", "high", "step"}``. The names ``format``,
    ``phase``, ``circuits``, ``optimizer``, ``option``, ``device`` and ``batch`` are those of ``compile`` and ``load``;
    any other is a dimension, an option or a configuration's field. ``constraints``: comparisons of names, as in
    ``"hidden_size % num_attention_heads == 0"``. ``method``: ``grid``, or a sample of ``count`` points, ``random`` or
    ``latin_hypercube``.

    Configurations that cannot be built, compiled or predicted stay in the table with the ``reason``. ValueError where
    the space itself is at fault.

    >>> table = sweep("resnet{depth}", {"depth": [18, 50], "batch": [1, 8], "format": ["fp32", "fp16"]})
    >>> table["multiply_accumulates"].tolist()[::2]
    [1814073344, 14512586752, 4089184256, 32713474048]
    """
    runner = Runner(model_of(model), space_of(space, method=method, count=count, seed=seed, constraints=constraints),
                    device)
    return assembled(runner.space, [runner.run(range(len(runner.structures)))])
