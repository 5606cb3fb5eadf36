"""Dot-product units: several narrow products, aligned and added at once to a wide running sum with one rounding.

Products are exact. They and the running sum are aligned to the largest exponent among them, in a window that drops
what lies below it, and added as integers by one carry-save tree; the sum is normalised and rounded once. That is what
tests of tensor cores show they do (Fasi, Higham, Mikaitis, Pranesh 2021, "Numerical behavior of NVIDIA tensor cores",
PeerJ Computer Science 7:e330), and what published units for block-scaled formats do (Cuyckens et al. 2025,
arXiv:2511.06313). Where the elements share a scale, their sum is formed first, without regard to the running sum, and
scaled: its exponent by the sum of two powers of two (E8M0), its significand too where scales have fractions (E4M3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from alu_library.circuits.adders import add as integer_add
from alu_library.circuits.adders import negate_if, subtract
from alu_library.circuits.combinational import less_than, select, shift_right
from alu_library.circuits.floating_parts import Parts, Unrounded, constant, extend, finish, normalise, unpack
from alu_library.circuits.multipliers import REDUCTION_OF, constant_row, multiply, product_rows, sum_rows
from alu_library.circuits.netlist import ZERO, Builder, Bus, Net
from alu_library.formats import Format

__all__ = ["GUARD", "dot_product", "integer_dot_product"]

GUARD = 3
"""Bits that the window keeps below the significand of the running sum, as an A100 does (Fasi et al. 2021, table 1)."""


@dataclass(frozen=True)
class _Term:
    """(-1)^sign · magnitude, with the exponent of the magnitude's top bit above the unit's common offset."""

    sign: Net
    exponent: Bus
    magnitude: Bus


@dataclass(frozen=True)
class _Specials:
    """Whether a sum is not a number, and whether positive and negative infinities are among its terms."""

    nan: Net = ZERO
    positive: Net = ZERO
    negative: Net = ZERO


def dot_product(
    b: Builder, element: Format, wide: Format, x: Sequence[Bus], y: Sequence[Bus], total: Bus,
    scales: tuple[Format, Bus, Bus] | None = None, multiplier: str = "dadda", adder: str = "kogge_stone",
    window: int = 24 + GUARD,
) -> Bus:
    """``total + Σ x·y`` in the format ``wide``; ``scales`` are the format of the block scales and that of each block.

    Rounded to nearest, ties to even, after truncation below the window.
    """
    lowest = 2 * (element.bias + element.mantissa_bits + _POINT) + (2 * scales[0].bias if scales else 0)
    offset = max(lowest, wide.bias)
    highest = 2 * _top_field(element) + _top_field(wide) + (2 << scales[0].bits if scales else 0) + 2 * len(x)
    width = (offset + highest + 64).bit_length()
    addend, special = unpack(b, wide, total), ZERO
    running = _Term(addend.sign, _raised(b, addend.exponent, offset - wide.bias, width, adder), addend.significand)
    if scales is not None:
        block, lift, factors = _block(b, element, x, y, width, multiplier, adder)
        block, special = _scaled(b, block, scales, width, multiplier, adder)
        lift += offset - 2 * scales[0].bias
        terms = [replace(block, exponent=_raised(b, block.exponent, lift, width, adder)), running]
    else:
        factors = [(unpack(b, element, p), unpack(b, element, q)) for p, q in zip(x, y, strict=True)]
        products = [_product(b, p, q, width, multiplier, adder) for p, q in factors]
        lift = offset - 2 * element.bias + 1
        terms = [*(replace(t, exponent=_raised(b, t.exponent, lift, width, adder)) for t in products), running]
    sign, exponent, significand, empty = _aligned_sum(b, terms, window, adder)
    exponent = integer_add(b, adder, extend(exponent, width + 2), constant(wide.bias - offset - 1, width + 2))[0]
    shifted, count, _ = normalise(b, significand)
    exponent = subtract(b, adder, exponent, extend(count, width + 2))[0]
    specials = _specials(b, [*factors], addend, special)
    infinity = b.or_(specials.positive, specials.negative)
    nan = b.or_(specials.nan, b.and_(specials.positive, specials.negative))
    sign = b.mux(infinity, b.and_(sign, b.not_(empty)), specials.negative)
    return finish(b, wide, Unrounded(sign, exponent, shifted, ZERO, empty, infinity, nan))


def integer_dot_product(b: Builder, element: Format, x: Sequence[Bus], y: Sequence[Bus], total: Bus,
                        multiplier: str = "dadda", adder: str = "ripple_carry") -> Bus:
    """``total + Σ x·y`` modulo 2**len(total): all partial products in one carry-save tree."""
    signed, width = element.kind == "int", len(total)
    rows = [row for p, q in zip(x, y, strict=True) for row in product_rows(b, multiplier, p, q, signed, width)]
    return sum_rows(b, [total, *rows], REDUCTION_OF[multiplier], adder)


def _top_field(format: Format) -> int:
    return (1 << format.exponent_bits) - 1


def _raised(b: Builder, exponent: Bus, by: int, width: int, adder: str) -> Bus:
    wide = extend(exponent, width)
    return integer_add(b, adder, wide, constant(by, width))[0] if by else wide


def _product(b: Builder, p: Parts, q: Parts, width: int, multiplier: str, adder: str) -> _Term:
    """An exact product; its exponent is the sum of the fields."""
    with b.part("multiplier"):
        magnitude = multiply(b, multiplier, p.significand, q.significand, final_adder=adder)
    exponent = integer_add(b, adder, extend(p.exponent, width), extend(q.exponent, width))[0]
    return _Term(b.xor(p.sign, q.sign), exponent, magnitude)


_POINT = 6
"""Places after the point of an integer element (MXINT8: Open Compute Project MX 1.0, section 5.3.4)."""

_BLOCK_WINDOW = 40
"""Widest sum of a block before it is scaled; narrower where the elements' products need less to be exact."""


def _block(b: Builder, element: Format, x: Sequence[Bus], y: Sequence[Bus], width: int, multiplier: str, adder: str
           ) -> tuple[_Term, int, list[tuple[Parts, Parts]]]:
    """The sum of a block of products, what its exponent lacks, and the operands that may be no numbers."""
    if not element.is_float:
        growth = (len(x) - 1).bit_length()
        zero = [ZERO] * (2 * element.bits + growth)
        with b.part("multiplier"):
            total = integer_dot_product(b, element, x, y, zero, multiplier, adder)
        magnitude = negate_if(b, total[:-1], total[-1])
        return _Term(total[-1], [ZERO] * width, magnitude), len(magnitude) - 1 - 2 * _POINT, []
    factors = [(unpack(b, element, p), unpack(b, element, q)) for p, q in zip(x, y, strict=True)]
    products = [_product(b, p, q, width, multiplier, adder) for p, q in factors]
    exact = len(products[0].magnitude) + 2 * (_top_field(element) - 1)
    sign, exponent, magnitude, _ = _aligned_sum(b, products, min(exact, _BLOCK_WINDOW), adder)
    return _Term(sign, exponent[:width], magnitude), 1 - 2 * element.bias, factors


def _scaled(b: Builder, block: _Term, scales: tuple[Format, Bus, Bus], width: int, multiplier: str, adder: str
            ) -> tuple[_Term, Net]:
    """The sum of a block times both its scales, the biases of which are still to be taken off; and whether a scale is
    not a number."""
    format, first, second = scales
    magnitude, carried = block.magnitude, 0
    if not format.mantissa_bits:  # powers of two
        fields = integer_add(b, adder, extend(first, width), extend(second, width))[0]
        nan = b.or_(b.and_(*first), b.and_(*second))
    else:
        p, q = unpack(b, format, first), unpack(b, format, second)
        factor = multiply(b, multiplier, p.significand, q.significand, final_adder=adder)
        magnitude = multiply(b, multiplier, magnitude, factor, final_adder=adder)
        fields = integer_add(b, adder, extend(p.exponent, width), extend(q.exponent, width))[0]
        nan, carried = b.or_(p.nan, q.nan), 2
    magnitude, count, _ = normalise(b, magnitude)  # lest the window cut off a small sum
    exponent = integer_add(b, adder, extend(block.exponent, width), fields)[0]
    exponent, _ = subtract(b, adder, exponent, extend(count, width))
    sign = b.xor(block.sign, *([p.sign, q.sign] if format.mantissa_bits else []))
    return _Term(sign, _raised(b, exponent, carried, width, adder) if carried else exponent, magnitude), nan


def _aligned_sum(b: Builder, terms: Sequence[_Term], window: int, adder: str) -> tuple[Net, Bus, Bus, Net]:
    """Sign, exponent of the top bit, magnitude and emptiness of a sum of terms in a window."""
    live = [[b.and_(e, b.or_(*t.magnitude)) for e in t.exponent] for t in terms]  # lest a zero raise the maximum
    largest = _maximum(b, live)
    head = (len(terms) - 1).bit_length() + 1
    rows = [constant_row(-(len(terms) << window), window + head)]
    for term, exponent in zip(terms, live, strict=True):
        distance, _ = subtract(b, adder, largest, exponent)
        rows += _signed_row(b, _placed(b, term.magnitude, distance, window), term.sign, head)
    total = sum_rows(b, rows, "dadda", adder)
    magnitude = negate_if(b, total[:-1], total[-1])
    exponent = integer_add(b, adder, [*largest, ZERO], constant(head - 1, len(largest) + 1))[0]
    return total[-1], exponent, magnitude, b.not_(b.or_(*magnitude))


def _maximum(b: Builder, values: Sequence[Bus]) -> Bus:
    layer = list(values)
    while len(layer) > 1:
        merged = [select(b, less_than(b, p, q), p, q) for p, q in zip(layer[::2], layer[1::2], strict=False)]
        layer = merged + layer[2 * len(merged):]
    return layer[0]


def _placed(b: Builder, magnitude: Bus, distance: Bus, window: int) -> Bus:
    """The magnitude at the top of the window, shifted right; what leaves it is dropped."""
    wide = [*[ZERO] * (window - len(magnitude)), *magnitude][-max(window, len(magnitude)):]
    useful = (len(wide) - 1).bit_length()
    shifted = shift_right(b, wide, distance[:useful])
    inside = b.not_(b.or_(*distance[useful:]))
    return [b.and_(n, inside) for n in shifted[-window:]]


def _signed_row(b: Builder, magnitude: Bus, negative: Net, head: int) -> list[Bus]:
    """Rows that add ±magnitude: its complement and one where negative, and the extension of its sign as a constant."""
    row = [*[b.xor(n, negative) for n in magnitude], b.not_(negative), *[ZERO] * (head - 1)]
    return [row, [negative, *[ZERO] * (len(row) - 1)]]


def _specials(b: Builder, factors: Sequence[tuple[Parts, Parts]], addend: Parts, nan: Net) -> _Specials:
    """What infinities and NaNs among products and addend make of the sum."""
    found = [nan, addend.nan]
    positive = [b.and_(addend.infinity, b.not_(addend.sign))]
    negative = [b.and_(addend.infinity, addend.sign)]
    for p, q in factors:
        infinity = b.or_(p.infinity, q.infinity)
        found += [p.nan, q.nan, b.and_(infinity, b.or_(p.zero, q.zero))]
        sign = b.xor(p.sign, q.sign)
        positive.append(b.and_(infinity, b.not_(sign)))
        negative.append(b.and_(infinity, sign))
    return _Specials(b.or_(*found), b.or_(*positive), b.or_(*negative))
