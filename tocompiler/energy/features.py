"""Features: the physical terms of every operator of a program, as a runtime executes it.

One row per operator, one column per term:

===========  ==============================================================================================
term         unit and meaning
===========  ==============================================================================================
compute      transistor operations, padded to the runtime's channel blocks, scaled by its format ratios
near         bytes of operands and results that are touched, those that a library reads again included
far          the part of these, and of weights, that the last cache does not keep (soft step in the working set)
fresh        bytes of freshly mapped or copied memory
weights      bytes of parameters (fp32 elements where the runtime stores them wide); once per execution
branches     branches that depend on data, as expected on independent values: a running maximum's updates
kernels      kernels that the runtime launches
samples      samples of the batch, where the runtime's host handles each by itself
constant     1 per execution: host and process time; never per layer
===========  ==============================================================================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from alu_library import formats
from alu_library.pricing import Operand, Operands, price
from hardware.runtime import Runtime
from tocompiler.costing import TransistorProgram, TransistorRow
from tocompiler.energy.geometry import Geometry, byte_of, geometry
from tocompiler.tensors import Operator

__all__ = ["FACTS", "TERMS", "Features", "features"]

TERMS = ("compute", "near", "far", "fresh", "weights", "branches", "kernels", "samples", "constant")
FACTS = ("batch", "channels_in", "channels_out", "kernel", "stride", "size_in", "size_out", "padding_waste",
         "log_products", "log_touched", "log_read", "log_written", "log_copied", "log_weights", "reach", "intensity",
         "channel_remainder", "width_remainder", "log_working_set", "small_input", "result_remainder",
         "log_result_blocks", "log_sample", "log_sample_result", "log_summed", "log_tile_growth", "log_tile_weights",
         "log_inside", "blocked")
"""What a correction may look at, per operator; sizes are natural logarithms."""

Array = np.ndarray[Any, np.dtype[np.float64]]
_REFERENCE = Operands()
_UNIFORM = Operands(Operand("uniform"), Operand("uniform"))
_IN_PLACE = 2 / 3  # lines of a result that overwrites its operand are not fetched first: two transfers, not three
_ATTENTION_BLOCK = 128  # queries that fused attention handles together (Dao 2023, FlashAttention-2, section 3.3)


@dataclass(frozen=True)
class Features:
    """Terms and facts of one program: ``terms`` is (rows, TERMS), ``facts`` (rows, FACTS).

    ``own`` (TERMS) is what an execution costs beside its operators: its constant, samples and transfers.
    ``unit`` numbers the layer that a row belongs to: an operator's backward pass and the optimizer's steps on its
    parameters are one layer, as they are when a layer is measured alone.
    """

    rows: tuple[TransistorRow, ...]
    terms: Array
    facts: Array
    unit: tuple[int, ...]
    own: Array

    @cached_property
    def leaders(self) -> tuple[int, ...]:
        """The first row of each unit, which names it."""
        first: dict[int, int] = {}
        for row, unit in enumerate(self.unit):
            first.setdefault(unit, row)
        return tuple(first[u] for u in range(len(first)))

    @cached_property
    def unit_terms(self) -> Array:
        """Terms of each unit, its rows together; the constant once."""
        summed = np.zeros((len(self.leaders), len(TERMS)))
        np.add.at(summed, list(self.unit), self.terms)
        summed[:, -1] = 1.0
        return summed

    @cached_property
    def unit_facts(self) -> Array:
        """Facts of each unit's first row."""
        return np.asarray(self.facts[list(self.leaders)])

    @cached_property
    def program_facts(self) -> Array:
        """What a correction of whole programs may look at: the mean width of the products, in log2 of bits."""
        weights = {f: 0.0 for row in self.rows for _, f in row.alu.tasks}
        for row in self.rows:
            for (task, format), n in row.alu.tasks.items():
                weights[format] += float(n) if task == "multiply_accumulate" else 0.0
        total = sum(weights.values())
        width = sum(n * math.log2(byte_of(f) * 8) for f, n in weights.items() if n) / total if total else 0.0
        return np.array([width])

    @cached_property
    def total(self) -> Array:
        """Terms of the whole program."""
        return np.asarray(self.terms.sum(0) + self.own)


def features(program: TransistorProgram, runtime: Runtime, last_cache_byte: float | None = None,
             compute: str = "transistor_operations") -> Features:
    """Physical terms of a compiled program under a runtime and a last-level cache (byte; None: everything fits).

    ``compute`` is ``transistor_operations``, or ``multiply_accumulates`` to see what the former are worth.
    ValueError where a dimension is still symbolic.
    """
    operators = {op.name: op for op in program.network.operators}
    loaded = _loaded(program) if runtime.loads_parameters else None
    terms = np.zeros((len(program.rows), len(TERMS)))
    facts = np.zeros((len(program.rows), len(FACTS)))
    for i, row in enumerate(program.rows):
        if not isinstance(row.transistor_operations, (int, float)):
            raise ValueError(f"operator '{row.name}' has a symbolic dimension: bind it (--dim NAME=N)")
        op = operators.get(row.name.removesuffix(".gradient"))
        shape = geometry(row, op, runtime)
        if loaded is not None:
            shape = replace(shape, weight_byte=loaded.get(row.name, 0.0))
        work = _compute(row, runtime, compute) * shape.waste * shape.inside * _executed(op, runtime)
        terms[i] = _terms(row, shape, runtime, last_cache_byte, _passes(row, op, runtime), work)
        facts[i] = _facts(row, shape)
    return Features(program.rows, terms, facts, _units(program), _own(program, runtime))


def _own(program: TransistorProgram, runtime: Runtime) -> Array:
    """What an execution costs beside its operators."""
    own = dict.fromkeys(TERMS, 0.0) | {"constant": float(runtime.execution_constant)}
    network = program.network
    if runtime.host_per_sample and network.inputs:
        transfers = len(network.inputs) + len(network.outputs)
        own |= {"samples": float(network.inputs[0].shape[0]), "kernels": float(transfers)}
    return np.array(list(own.values()))


def _loaded(program: TransistorProgram) -> dict[str, float]:
    """Bytes of the parameters that each operator is the first to read, whole tables even where it gathers rows."""
    seen: set[str] = set()
    loaded: dict[str, float] = {}
    for op in program.network.operators:
        new = {t.name: t for t in op.inputs if t is not None and t.kind in ("parameter", "buffer")}
        loaded[op.name] = sum(byte_of(t.format) * float(t.elements) for name, t in new.items() if name not in seen)
        seen |= set(new)
    return loaded


def _units(program: TransistorProgram) -> tuple[int, ...]:
    """The number of each row's unit: steps join the backward pass of the first operator that reads the parameter."""
    reader: dict[str, str] = {}
    for op in program.network.operators:
        for t in op.inputs:
            if t is not None and t.kind == "parameter":
                reader.setdefault(f"{t.name}.step", f"{op.name}.gradient")
    number: dict[str, int] = {}
    return tuple(number.setdefault(reader.get(row.name, row.name), len(number)) for row in program.rows)


def _terms(row: TransistorRow, shape: Geometry, runtime: Runtime, cache_byte: float | None,
           passes: float, compute: float) -> list[float]:
    moves = 0.0 if row.operator in runtime.fused else 1.0
    over = moves * passes * (_IN_PLACE if row.operator in runtime.in_place else 1.0)
    return [compute, shape.near_byte * over, shape.far_byte(cache_byte) * over, shape.fresh_byte * moves,
            shape.weight_byte, shape.branches, _kernels(row, runtime) * passes, 0.0, 0.0]


def _compute(row: TransistorRow, runtime: Runtime, compute: str) -> float:
    """Transistor operations on dense operands; a product in a format whose ratio the runtime fixes costs that share
    of an fp32 one.

    Operand zeros are left out: layers measured alone on dense data add up to networks measured whole, whose
    activations are half zeros, within a percent (Xeon 5120), so these devices' energy does not follow them.
    """
    if compute == "multiply_accumulates":
        return float(row.multiply_accumulates)
    total = 0.0
    for (task, format), n in row.alu.tasks.items():
        share = _ratio(format, runtime) if task == "multiply_accumulate" else None
        each = _price(task, format) if share is None else share * _price(task, "fp32")
        total += float(n) * each
    return total


def _executed(op: Operator | None, runtime: Runtime) -> float:
    """Cost of the arithmetic that the runtime executes relative to what the operator states."""
    if op is None:
        return 1.0
    share = runtime.compute_scale.get(op.operator, 1.0)
    if runtime.skips_masked and op.operator == "Attention" and op.attributes.get("is_causal"):
        queries, keys = float(op.given(0).shape[-2]), float(op.given(1).shape[-2])
        share *= min(1.0, (max(keys - queries, 0.0) + (queries + _ATTENTION_BLOCK) / 2) / keys)
    return share


@cache
def _price(task: str, format: str) -> float:
    return price(task, format, _REFERENCE).transistor_operations


def _ratio(format: str, runtime: Runtime) -> float | None:
    """A product's cost relative to fp32 where the runtime fixes it."""
    if format in runtime.format_ratio:
        return runtime.format_ratio[format]
    return _significand(format) / _significand("fp32") if runtime.shared_exponents else None


@cache
def _significand(format: str) -> float:
    """Transistor operations of multiplying two significands of a format (an integer is one).

    The significands of normalised numbers are spread nearly evenly, hence uniform operands.
    """
    kind = formats.parse(format)
    bits = kind.mantissa_bits + 1 if kind.kind == "float" else kind.bits
    return price("multiply", f"uint{bits}", _UNIFORM).transistor_operations


def _passes(row: TransistorRow, op: Operator | None, runtime: Runtime) -> float:
    """How many kernels the runtime makes of an operator, each passing over the data (0: none at all)."""
    if op is None:
        return 1.0
    variant = op.attributes.get("approximate", "training" if op.attributes.get("training_mode") else "")
    for key in (f"{row.operator}.{row.phase}", f"{row.operator}.{variant}"):
        if key in runtime.passes:
            return runtime.passes[key]
    return 1.0


def _kernels(row: TransistorRow, runtime: Runtime) -> float:
    return runtime.kernels.get(row.operator, runtime.default_kernels)


def _facts(row: TransistorRow, g: Geometry) -> list[float]:
    products = float(row.multiply_accumulates) or float(sum(row.alu.tasks.values())) or 1.0

    def log(x: float) -> float:
        return math.log(max(x, 1.0))

    moved = g.touched_byte + g.written_byte
    return [log(g.batch), log(g.channels[0]), log(g.channels[1]), g.kernel, g.stride, log(g.size[0]), log(g.size[1]),
            log(g.waste), log(products), log(g.touched_byte), log(g.read_byte), log(g.written_byte),
            log(g.copied_byte), log(g.weight_byte), g.kernel / g.stride, math.log(products / max(moved, 1.0)),
            g.channels[0] / 8 % 1, g.size[1] / 16 % 1, log(g.working_set_byte), float(g.channels[0] < 8),
            *_tiles(g), math.log(g.inside), float(g.blocked)]


def _tiles(g: Geometry) -> list[float]:
    """What one image is, and how its result fills blocks; nothing for an operator that has no images."""
    if g.size == (1, 1):
        return [0.0] * 7
    sizes = (math.ceil(g.channels[1] / 8), g.read_byte / g.batch, g.written_byte / g.batch, g.channels[0] * g.kernel**2,
             g.tiled, g.tile_weight_byte)
    return [g.channels[1] / 8 % 1, *(math.log(max(x, 1.0)) for x in sizes)]


