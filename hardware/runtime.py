"""Runtime: what the software that executes a network fixes, by preset; part of every device."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["Runtime", "preset", "presets"]


@dataclass(frozen=True)
class Runtime:
    """Facts about execution that the architecture does not tell.

    ``channel_block``: channels of a convolution are padded to a multiple of this (SIMD lanes); input channels only
    where there are at least ``pad_input_from``, or in a backward pass where their number is not among
    ``plain_channels_backward`` (None: as forward); unpadded ones are not copied either. Forward, a convolution
    computes tiles of ``width_tile`` values of a row by ``blocks_per_tile`` channel blocks, none faster than the
    ``products_in_flight`` that hide a product's latency; backward, the gradient of its result is passed over
    ``gradient_passes`` times. ``format_ratio``: what a multiply-accumulate of a format costs relative to fp32; a
    format that is absent costs the ratio of transistor operations (native narrow units); with ``shared_exponents``
    that of the significand multipliers alone, as where a unit aligns many products at once. ``compute_scale``: what
    the arithmetic of an operator costs relative to a matrix product's, by ONNX name, where its kernel keeps the units
    less busy; with ``skips_masked``, fused attention leaves out blocks above the diagonal. ``kernels``: kernels
    launched per operator, by ONNX name (``default_kernels`` elsewhere). ``passes``: how many kernels, each passing
    over the data, an operator really takes (``Gelu.tanh``: with that attribute; ``Add.backward``: in that pass;
    ``BatchNormalization.training``: forward, in training). ``in_place``: operators whose result overwrites their
    operand. ``fused``: operators that run inside their producer, so that their own operand and result do not move.
    ``fresh_pages_above_byte``: results larger than this are freshly mapped memory at every execution. ``weights_as``:
    ``bytes``, or ``elements`` where weights are stored, and inputs handed over, as fp32 whatever the format.
    ``loads_parameters``: every execution is a process that reads all parameters, embedding tables included.
    ``layout_copies``: whether convolution makes padded, blocked copies of its operand and result, and reads the
    operand again for every tile of channel blocks. ``skips_padding``: products with a convolution's (comparisons with
    a pooling's) padding are not executed. ``running_maximum``: max-pooling keeps a running maximum by a branch and
    stores its position as well. ``copied``: operators whose operands and results are copied through newly allocated
    memory at every execution. ``copies_inputs``: network inputs (images, key and value caches) come from outside the
    caches at every execution. ``host_per_sample``: the host spends time on each sample of a batch by itself, and a
    launch on every transfer of a network input or output. ``execution_constant``: False where an execution costs
    nothing beside its operators, samples and transfers.
    """

    name: str = "generic"
    source: str = "no runtime facts: nothing is padded, fused or in place"
    channel_block: int = 1
    pad_input_from: int = 1
    plain_channels_backward: tuple[int, ...] | None = None
    width_tile: int = 1
    blocks_per_tile: int = 1
    products_in_flight: int = 1
    gradient_passes: float = 1.0
    format_ratio: Mapping[str, float] = field(default_factory=dict)
    shared_exponents: bool = False
    compute_scale: Mapping[str, float] = field(default_factory=dict)
    skips_masked: bool = False
    kernels: Mapping[str, float] = field(default_factory=dict)
    default_kernels: float = 1.0
    passes: Mapping[str, float] = field(default_factory=dict)
    in_place: tuple[str, ...] = ()
    fused: tuple[str, ...] = ()
    fresh_pages_above_byte: int | None = None
    weights_as: str = "bytes"
    loads_parameters: bool = False
    layout_copies: bool = False
    copied: tuple[str, ...] = ()
    copies_inputs: bool = False
    skips_padding: bool = False
    running_maximum: bool = False
    host_per_sample: bool = False
    execution_constant: bool = True

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Runtime:
        """From a TOML table; ValueError names a key that is unknown."""
        unknown = set(values) - set(Runtime.__dataclass_fields__)
        if unknown:
            raise ValueError(f"runtime: unknown key {sorted(unknown)[0]}; "
                             f"use one of {', '.join(Runtime.__dataclass_fields__)}")
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return Runtime(**fields)


@cache
def presets() -> dict[str, Runtime]:
    """Every shipped preset, by name."""
    text = resources.files("hardware").joinpath("data/runtimes.toml").read_text(encoding="utf-8")
    return {name: Runtime.from_dict({"name": name, **values}) for name, values in tomllib.loads(text).items()}


def preset(name: str) -> Runtime:
    """A shipped preset; ValueError lists the names if there is none of that name."""
    try:
        return presets()[name]
    except KeyError:
        raise ValueError(f"unknown runtime '{name}'; use one of {', '.join(sorted(presets()))}") from None
