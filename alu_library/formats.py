"""Number formats: integers of 2 to 64 bits and binary floating point, with exact conversion to and from bit patterns.

A format is a value. ``encode`` rounds real numbers to the nearest representable one, ties to even (IEEE 754-2019,
section 4.3.1), and returns bit patterns; ``decode`` returns what a pattern stands for, exactly. Formats named by a
standard are in a table with their source; any other binary format is written ``eXmY``: X exponent bits and Y fraction
bits with IEEE 754 conventions, as in ``e8m31``. A name ending in ``_ftz`` flushes subnormals to zero. In a block format
(``mxfp4``, ``nvfp4``) some elements of one narrow format share a scale.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # numpy is imported where arrays are converted: naming a format must stay free of it
    import numpy as np
    import numpy.typing as npt

    Patterns = npt.NDArray[np.uint64]

__all__ = ["BLOCKS", "FLUSHED", "NAMED", "Format", "accumulator", "decode", "encode", "parse", "quantize"]

FLUSHED = "_ftz"
"""Suffix of a format name whose subnormal numbers are read, and written, as zero."""

Specials = Literal["ieee", "nan", "none"]

NAMED: dict[str, tuple[int, int, Specials]] = {
    # name: exponent bits, fraction bits, what the top exponent holds beside numbers
    "fp4_e2m1": (2, 1, "none"),  # Open Compute Project MX 1.0 (2023): numbers only
    "fp6_e2m3": (2, 3, "none"),  # Open Compute Project MX 1.0 (2023)
    "fp6_e3m2": (3, 2, "none"),  # Open Compute Project MX 1.0 (2023)
    "fp8_e4m3": (4, 3, "nan"),  # Open Compute Project OFP8 1.0 (2023): no infinity, one NaN for each sign
    "fp8_e5m2": (5, 2, "ieee"),  # Open Compute Project OFP8 1.0 (2023): as IEEE 754
    "bf16": (8, 7, "ieee"),  # the upper half of binary32
    "fp16": (5, 10, "ieee"),  # IEEE 754-2019 binary16
    "tf32": (8, 10, "ieee"),  # 19 bits of binary32, as NVIDIA's A100 multiplies them (2020)
    "fp32": (8, 23, "ieee"),  # IEEE 754-2019 binary32
    "fp64": (11, 52, "ieee"),  # IEEE 754-2019 binary64
}
"""Floating-point formats that have a name of their own."""

BLOCKS: dict[str, tuple[str, int, str]] = {
    # name: element, elements a scale, scale
    "mxfp8_e4m3": ("fp8_e4m3", 32, "e8m0"),  # Open Compute Project MX 1.0 (2023), table 1, as the next five
    "mxfp8_e5m2": ("fp8_e5m2", 32, "e8m0"),
    "mxfp6_e2m3": ("fp6_e2m3", 32, "e8m0"),
    "mxfp6_e3m2": ("fp6_e3m2", 32, "e8m0"),
    "mxfp4": ("fp4_e2m1", 32, "e8m0"),
    "mxint8": ("int8", 32, "e8m0"),
    "nvfp4": ("fp4_e2m1", 16, "fp8_e4m3"),  # NVIDIA Blackwell (2024); one more scale a tensor, in fp32
}
"""Formats whose elements share scales, block by block."""

_SHORT = {"mxfp8": "mxfp8_e4m3", "mxfp6": "mxfp6_e2m3"}


@dataclass(frozen=True)
class Format:
    """A number format: an integer in two's complement (``int``), an unsigned one (``uint``), or a binary float.

    ``exponent_bits``, ``mantissa_bits`` (the stored fraction, without the hidden bit) and ``bias`` are 0 for integers
    (``e8m0``, an exponent alone, has its bias).
    ``finite_only`` formats have no infinity and a single NaN magnitude, all ones: what overflows becomes NaN; where
    they are ``saturating`` too, all ones is the largest number, and what overflows or is no number becomes that.
    ``bits`` are those of an element; of a block format, ``block`` elements share one number of format ``scale``.
    """

    name: str
    kind: Literal["int", "uint", "float"]
    bits: int
    exponent_bits: int = 0
    mantissa_bits: int = 0
    bias: int = 0
    flush_subnormals: bool = False
    finite_only: bool = False
    saturating: bool = False
    element: str = ""
    block: int = 0
    scale: str = ""

    @property
    def is_float(self) -> bool:
        """Whether this is a floating-point format."""
        return self.kind == "float"

    def storage_bits(self, elements: Any) -> Any:
        """Bits of a number of elements (an int, or a formula) with the scales that they share."""
        if not self.block:
            return elements * self.bits
        return elements * self.bits + -(-elements // self.block) * parse(self.scale).bits

    @property
    def minimum_exponent(self) -> int:
        """Exponent of the smallest normal number: 1 - bias."""
        return 1 - self.bias

    @property
    def nan_pattern(self) -> int:
        """The NaN that operations return: quiet, positive, fraction 100…0; all ones where there is only one NaN, or
        none."""
        if self.finite_only:
            return (1 << (self.bits - 1)) - 1
        return self.infinity_pattern | (1 << (self.mantissa_bits - 1))

    @property
    def infinity_pattern(self) -> int:
        """Magnitude that overflow produces: infinity, NaN where a format has none, its largest number without NaN."""
        if self.finite_only:
            return (1 << (self.bits - 1)) - 1
        return ((1 << self.exponent_bits) - 1) << self.mantissa_bits

    @property
    def maximum(self) -> float | int:
        """Largest finite value."""
        if self.kind == "int":
            return (1 << (self.bits - 1)) - 1
        if self.kind == "uint":
            return (1 << self.bits) - 1
        pattern = self.infinity_pattern - (not self.saturating)
        fraction = pattern & ((1 << self.mantissa_bits) - 1) | (1 << self.mantissa_bits)
        return float(fraction * 2.0 ** ((pattern >> self.mantissa_bits) - self.bias - self.mantissa_bits))

    @property
    def minimum(self) -> float | int:
        """Smallest (most negative) finite value."""
        if self.kind == "uint":
            return 0
        return -self.maximum - (1 if self.kind == "int" else 0)

    @property
    def epsilon(self) -> float:
        """Distance from 1 to the next larger number: 2^-mantissa_bits."""
        return float(2.0**-self.mantissa_bits)

    def flushed(self) -> Format:
        """The same format with its subnormals flushed to zero."""
        return self if self.flush_subnormals else replace(self, name=self.name + FLUSHED, flush_subnormals=True)


@cache
def parse(name: str) -> Format:
    """The format called ``name``; ValueError with one line that lists the possible names otherwise.

    >>> parse("fp16").maximum, parse("fp8_e4m3").maximum, parse("int8").minimum, parse("e8m31").bits
    (65504.0, 448.0, -128, 40)
    """
    if name in ("bool", "e8m0"):  # a truth value, stored as runtimes do; an exponent alone (OCP MX 1.0, 2023)
        return Format(name, "uint", 8, bias=127 if name == "e8m0" else 0)
    if name.endswith(FLUSHED):
        base = parse(name.removesuffix(FLUSHED))
        if base.is_float:
            return base.flushed()
    elif (integer := re.fullmatch(r"(u?int)([1-9]\d?)", name)) and 2 <= int(integer[2]) <= 64:
        return Format(name, "uint" if integer[1] == "uint" else "int", int(integer[2]))
    elif name in NAMED:
        return _float(name, *NAMED[name])
    elif (full := _SHORT.get(name, name)) in BLOCKS:
        element, block, scale = BLOCKS[full]
        return replace(parse(element), name=full, element=element, block=block, scale=scale)
    elif (wider := re.fullmatch(r"e([1-9]\d?)m([1-9]\d?)", name)) and 2 <= int(wider[1]) <= 11 and int(wider[2]) <= 52:
        return _float(name, int(wider[1]), int(wider[2]), "ieee")
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), (*NAMED, *BLOCKS), n=3, cutoff=0.6)
    hint = f"did you mean {', '.join(near)}? else " if near else ""
    raise ValueError(
        f"unknown number format {name!r}: {hint}write int2..int64, uint2..uint64, {', '.join((*NAMED, *BLOCKS))}, "
        f"or eXmY with 2 to 11 exponent and 1 to 52 fraction bits; a float may end in {FLUSHED} (subnormals flushed)"
    )


def _float(name: str, exponent_bits: int, mantissa_bits: int, specials: Specials) -> Format:
    bias = (1 << (exponent_bits - 1)) - 1
    bits = 1 + exponent_bits + mantissa_bits
    return Format(name, "float", bits, exponent_bits, mantissa_bits, bias, finite_only=specials != "ieee",
                  saturating=specials == "none")


def accumulator(name: str) -> str:
    """Format in which products of format ``name`` are summed.

    fp32 for floats of 16 bits and fewer, for blocks, and for tf32 (whose tensor cores sum in fp32), int32 for integers
    of 8 bits and fewer, int64 for wider integers, otherwise the format itself.
    """
    format = parse(name)
    if format.block:
        return "fp32"
    if format.is_float:
        return "fp32" if format.bits <= 16 or format.name.startswith("tf32") else name
    return "int32" if format.bits <= 8 else "int64"


def encode(format: Format | str, values: npt.ArrayLike) -> Patterns:
    """Bit patterns of ``values`` rounded to ``format``: nearest, ties to even; an array of uint64 of the same shape.

    Floats overflow to infinity (NaN in a finite-only format); a flushed format returns a zero of the same sign for
    what is below the smallest normal number after rounding with an unbounded exponent. Integers saturate at the
    ends of their range; NaN has no integer and raises ValueError.
    """
    format = parse(format) if isinstance(format, str) else format
    return _encode_float(format, values) if format.is_float else _encode_integer(format, values)


def decode(format: Format | str, patterns: npt.ArrayLike) -> npt.NDArray[Any]:
    """Values of bit ``patterns``, exactly: float64 for floats, int64 for signed and uint64 for unsigned integers."""
    import numpy as np

    format = parse(format) if isinstance(format, str) else format
    words = np.asarray(patterns, dtype=np.uint64)
    if format.kind == "uint":
        return words
    if format.kind == "int":
        unused = np.uint64(64 - format.bits)  # moved out at the top and back, which copies the sign
        return (words << unused).view(np.int64) >> np.int64(64 - format.bits)
    return _decode_float(format, words)


def quantize(format: Format | str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """The numbers of ``format`` nearest to ``values``: ``decode(encode(values))``.

    >>> quantize("bf16", [1 / 3, 1e39]).tolist()
    [0.333984375, inf]
    """
    return decode(format, encode(format, values))


def _encode_integer(format: Format, values: npt.ArrayLike) -> Patterns:
    import numpy as np

    array = np.asarray(values)
    mask = np.uint64((1 << format.bits) - 1)
    if array.dtype.kind in "iub":  # without a detour through float64, which holds 53 bits only
        array = array.astype(np.uint8) if array.dtype.kind == "b" else array
        ends = np.iinfo(array.dtype)
        low, high = max(int(format.minimum), ends.min), min(int(format.maximum), ends.max)
        return np.asarray(np.clip(array, low, high).astype(np.uint64) & mask)
    if np.isnan(array).any():
        raise ValueError(f"NaN cannot be written as {format.name}")
    rounded = np.rint(array.astype(np.float64))
    inside = np.clip(rounded, float(format.minimum), np.nextafter(float(format.maximum) + 1, 0))
    whole = inside.astype(np.uint64 if format.kind == "uint" else np.int64).astype(np.uint64)
    whole = np.where(rounded >= float(format.maximum), np.uint64(format.maximum), whole)
    return np.asarray(whole & mask)


def _encode_float(format: Format, values: npt.ArrayLike) -> Patterns:
    import numpy as np

    x = np.asarray(values, dtype=np.float64)
    sign = np.signbit(x).astype(np.uint64) << np.uint64(format.bits - 1)
    magnitude = np.abs(np.where(np.isfinite(x), x, 0.0))
    exponent = np.frexp(magnitude)[1].astype(np.int64) - 1
    if not format.flush_subnormals:  # below the smallest normal exponent the spacing no longer shrinks
        exponent = np.maximum(exponent, format.minimum_exponent)
    significand = np.rint(_scaled(magnitude, format.mantissa_bits - exponent)).astype(np.int64)
    # The hidden bit is part of the significand and adds one to the exponent field; so does a carry from rounding.
    pattern = ((exponent - format.minimum_exponent) << np.int64(format.mantissa_bits)) + significand
    smallest = 1 << format.mantissa_bits if format.flush_subnormals else 0
    pattern = np.where((magnitude == 0) | (pattern < smallest), 0, np.minimum(pattern, format.infinity_pattern))
    pattern = np.where(np.isinf(x), format.infinity_pattern, pattern)
    pattern = np.where(np.isnan(x), format.nan_pattern, pattern)
    return pattern.astype(np.uint64) | sign


def _decode_float(format: Format, words: Patterns) -> npt.NDArray[np.float64]:
    import numpy as np

    negative = (words >> np.uint64(format.bits - 1)) & np.uint64(1) == 1
    magnitude = words & np.uint64((1 << (format.bits - 1)) - 1)
    field = (magnitude >> np.uint64(format.mantissa_bits)).astype(np.int64)
    fraction = (magnitude & np.uint64((1 << format.mantissa_bits) - 1)).astype(np.int64)
    normal = field > 0
    significand = np.where(normal, fraction + (1 << format.mantissa_bits), 0 if format.flush_subnormals else fraction)
    exponent = np.maximum(field, 1) - format.bias - format.mantissa_bits
    if format.saturating:
        special = np.zeros(magnitude.shape)
    elif format.finite_only:
        special = np.where(magnitude == np.uint64(format.nan_pattern), np.nan, 0.0)
    else:
        special = np.where(field < (1 << format.exponent_bits) - 1, 0.0, np.where(fraction == 0, np.inf, np.nan))
    finite = _scaled(significand.astype(np.float64), np.where(special == 0, exponent, 0))
    value = np.where(special == 0, finite, special)
    return np.where(negative, -value, value)


def _scaled(x: npt.NDArray[np.float64], power: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """x · 2^power in two steps, so that neither step leaves the range of float64 before the product is in it."""
    import numpy as np

    half = power // 2
    return np.asarray(np.ldexp(np.ldexp(x, half), power - half))
