"""Features: the physical terms of every operator of a program, as a runtime executes it.

One row per operator, one column per term:

===========  ==============================================================================================
term         unit and meaning
===========  ==============================================================================================
compute      transistor operations, padded to the runtime's channel blocks, scaled by its format ratios
near         bytes of operands and results that are touched, layout copies included
far          the part of ``near`` that the last cache does not keep (soft step in the working set)
fresh        bytes of freshly mapped or copied memory
weights      bytes of parameters (fp32 elements where the runtime stores them wide); once per execution
kernels      kernels that the runtime launches
samples      samples of the batch, where the runtime's host handles each by itself
constant     1 per execution: host and process time; never per layer
===========  ==============================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from alu_library import formats
from alu_library.pricing import Operand, Operands, price
from hardware.memory import beyond
from hardware.runtime import Runtime
from tocompiler.costing import TransistorProgram, TransistorRow
from tocompiler.tensors import Operator

__all__ = ["FACTS", "TERMS", "Features", "features"]

TERMS = ("compute", "near", "far", "fresh", "weights", "kernels", "samples", "constant")
FACTS = ("batch", "channels_in", "channels_out", "kernel", "stride", "size_in", "size_out", "padding_waste",
         "log_products", "log_touched", "log_read", "log_written", "log_copied", "log_weights", "reach", "intensity",
         "channel_remainder", "width_remainder", "log_working_set", "small_input")
"""What a correction may look at, per operator; sizes are natural logarithms."""

Array = np.ndarray[Any, np.dtype[np.float64]]
_REFERENCE = Operands()
_UNIFORM = Operands(Operand("uniform"), Operand("uniform"))
_ATTENTION_BLOCK = 128  # queries that fused attention handles together (Dao 2023, FlashAttention-2, section 3.3)
_WINDOWED = ("Conv", "MaxPool", "AveragePool", "ConvTranspose", "LpPool")


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
        width = sum(n * math.log2(_byte(f) * 8) for f, n in weights.items() if n) / total if total else 0.0
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
        shape = _geometry(row, op, runtime)
        if loaded is not None:
            shape = replace(shape, weight_byte=loaded.get(row.name, 0.0))
        terms[i] = _terms(row, shape, runtime, last_cache_byte, _passes(row, op, runtime))
        terms[i, 0] = _compute(row, runtime, compute) * shape.waste * _executed(op, runtime)
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
        loaded[op.name] = sum(_byte(t.format) * float(t.elements) for name, t in new.items() if name not in seen)
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


@dataclass(frozen=True)
class _Geometry:
    """An operator in the words of its runtime: bytes it touches, copies and stores, and its window if it has one."""

    batch: float = 1
    channels: tuple[float, float] = (1, 1)
    kernel: float = 1
    stride: float = 1
    size: tuple[float, float] = (1, 1)
    waste: float = 1
    touched_byte: float = 0
    read_byte: float = 0
    written_byte: float = 0
    copied_byte: float = 0
    fresh_byte: float = 0
    weight_byte: float = 0

    @property
    def near_byte(self) -> float:
        return self.touched_byte + self.written_byte + self.copied_byte

    @property
    def working_set_byte(self) -> float:
        return self.read_byte + self.written_byte


def _geometry(row: TransistorRow, op: Operator | None, runtime: Runtime) -> _Geometry:
    alu = row.alu
    stored = [a for a in alu.reads if a.kind in ("parameter", "buffer")]
    read = sum(_byte(a.format) * a.elements for a in alu.reads if a.kind not in ("parameter", "buffer"))
    written = sum(_byte(a.format) * a.elements for a in alu.writes)
    weights = sum(a.elements * _stored_byte(a.format, runtime) for a in stored)
    given = 0.0
    if runtime.copies_inputs:
        given = sum(a.elements * _stored_byte(a.format, runtime) for a in alu.reads if a.kind == "input")
    if op is None or op.operator not in _WINDOWED:
        batch, features = _matrix(op)
        return _Geometry(batch, features, touched_byte=read, read_byte=read, written_byte=written, weight_byte=weights,
                         fresh_byte=_fresh(op, runtime, read, written) + given)
    return _window(op, runtime, read + written, weights, given)


def _matrix(op: Operator | None) -> tuple[float, tuple[float, float]]:
    """Rows and (summed, written) features of an operator without a window."""
    if op is None or not op.outputs or not op.outputs[0].shape:
        return 1, (1, 1)
    x, y = op.input(0), op.outputs[0].shape
    inner = x.shape[-1] if x is not None and x.shape else 1
    return float(math.prod(y[:-1])) or 1.0, (float(inner) or 1.0, float(y[-1]) or 1.0)


def _window(op: Operator, runtime: Runtime, moved: float, weights: float, given: float) -> _Geometry:
    """Convolution and pooling: what is touched when the kernel is smaller than the stride, padded channels, copies.

    ``moved`` is all traffic of activations; what exceeds the image and the result is a gradient's.
    """
    x, y = op.given(0).shape, op.outputs[0].shape
    image, result = (_byte(t.format) * t.elements for t in (op.given(0), op.outputs[0]))
    kernel = op.attributes.get("kernel_shape") or (op.given(1).shape[2:] if op.input(1) is not None else (1,))
    stride = op.attributes.get("strides") or (1,) * len(kernel)
    share = _touched(x[2:], y[2:], kernel, stride, op.attributes.get("pads"))
    waste, copied = 1.0, 0.0
    if op.operator in ("Conv", "ConvTranspose"):
        grown_in, grown_out = _padded(x[1], y[1], op.attributes.get("group", 1), runtime)
        waste = grown_in * grown_out
        if runtime.layout_copies:
            copied = image * grown_in + result * grown_out
    written = result + max(moved - image - result, 0.0)
    return _Geometry(float(x[0]), (float(x[1]), float(y[1])), math.sqrt(math.prod(kernel)),
                     math.sqrt(math.prod(stride)), (float(x[-1]), float(y[-1])), waste, image * share, image, written,
                     copied, _fresh(op, runtime, image, result) + given, weights)


def _touched(size: Sequence[int], result: Sequence[int], kernel: Sequence[int], stride: Sequence[int],
             pads: Sequence[int] | None) -> float:
    """Share of an image whose lines a windowed operator reads; the lines are contiguous, so only the first axis
    can be skipped. A 1x1 convolution with a stride passes over the whole image (the runtime compacts it first)."""
    if not size or (math.prod(kernel) == 1 and not any(pads or ())):
        return 1.0
    lines = result[0] * min(kernel[0], stride[0]) + max(kernel[0] - stride[0], 0)
    return float(min(size[0], lines) / size[0])


def _padded(channels_in: int, channels_out: int, group: int, runtime: Runtime) -> tuple[float, float]:
    """Growth of input and output channels when they are padded to the runtime's blocks."""
    block = runtime.channel_block

    def grown(n: float) -> float:
        return math.ceil(n / block) * block / n

    if group > 1:
        return 1.0, grown(channels_out)
    return (grown(channels_in) if channels_in >= runtime.pad_input_from else 1.0), grown(channels_out)


def _fresh(op: Operator | None, runtime: Runtime, read: float, written: float) -> float:
    """Bytes of results (and of blocked copies) on freshly mapped pages, or that the runtime copies every time."""
    if op is None:
        return 0.0
    if op.operator in runtime.copied:
        return read + written
    threshold = runtime.fresh_pages_above_byte
    if threshold is None or op.operator in runtime.in_place:
        return 0.0
    sizes = (written, read) if op.operator == "Conv" and runtime.layout_copies else (written,)
    return float(sum(size for size in sizes if size > threshold))


def _terms(row: TransistorRow, shape: _Geometry, runtime: Runtime, cache_byte: float | None,
           passes: float) -> list[float]:
    inside = row.operator in runtime.fused
    near = 0.0 if inside else shape.near_byte * passes
    return [0.0, near, near * beyond(shape.working_set_byte, cache_byte),
            0.0 if inside else shape.fresh_byte, shape.weight_byte, _kernels(row, runtime) * passes, 0.0, 0.0]


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


def _stored_byte(format: str, runtime: Runtime) -> float:
    """Bytes of an element as parameters and inputs are stored outside the operators."""
    return 4.0 if runtime.weights_as == "elements" else _byte(format)


@cache
def _byte(format: str) -> float:
    return formats.parse(format).bits / 8


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


def _facts(row: TransistorRow, g: _Geometry) -> list[float]:
    products = float(row.multiply_accumulates) or float(sum(row.alu.tasks.values())) or 1.0

    def log(x: float) -> float:
        return math.log(max(x, 1.0))

    moved = g.touched_byte + g.written_byte
    return [log(g.batch), log(g.channels[0]), log(g.channels[1]), g.kernel, g.stride, log(g.size[0]), log(g.size[1]),
            log(g.waste), log(products), log(g.touched_byte), log(g.read_byte), log(g.written_byte),
            log(g.copied_byte), log(g.weight_byte), g.kernel / g.stride, math.log(products / max(moved, 1.0)),
            g.channels[0] / 8 % 1, g.size[1] / 16 % 1, log(g.working_set_byte), float(g.channels[0] < 8)]


