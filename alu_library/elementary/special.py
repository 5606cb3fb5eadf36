"""What IEEE 754 and C99 (Annex F) say of infinities, NaN, zeros, poles and the range's ends, held against programs.

The expected values are those of the float64 reference, whose elementary functions are the C library's, and the limits
of the activations. NaN, infinities and what a zero gives are expected exactly, with the sign of zero where C99 states
it (not for activations and derivatives); any other value within half an ulp more than the row states.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from alu_library.elementary.accuracy import errors_of, evaluate
from alu_library.elementary.algorithms import Choice, domain, two_arguments
from alu_library.elementary.numeric import Array, round_to
from alu_library.elementary.references import in_float64
from alu_library.elementary.register import find
from alu_library.formats import parse

__all__ = ["arguments", "special_values_wrong"]

_PAIRED = (0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, np.inf, -np.inf, np.nan, 2.5, -2.5)


def arguments(choice: Choice) -> tuple[Array, ...]:
    """Special arguments of a choice: infinities, NaN, zeros, ±1, what is outside a domain, the largest and the smallest
    numbers; pairs of such values for a function of two, with an ordinary second one for an activation."""
    if two_arguments(choice.name):
        ordinary = find(choice.name).activation or choice.name.endswith("_derivative")
        second_ones = [y for y in _PAIRED if np.isfinite(y) and y] if ordinary else _PAIRED
        first, second = np.array(list(product(_PAIRED, second_ones))).T
        return round_to(first.copy(), choice.format), round_to(second.copy(), choice.format)
    f = parse(choice.format)
    least = 2.0 ** (f.minimum_exponent - f.mantissa_bits)
    tiny = [] if f.mantissa_bits > 30 else [least, 2.0**f.minimum_exponent - least]  # float64 cannot judge its own
    positive = np.array([np.inf, 0.0, 1.0, 2.0, 3.0, f.maximum, *tiny])
    rounded = round_to(np.concatenate([[np.nan], positive, -positive]), choice.format)
    return (np.where(np.isnan(rounded), np.nan, rounded),)  # of no sign


def special_values_wrong(choice: Choice, max_error_ulp: float) -> list[str]:
    """A line for every special argument whose result is wrong."""
    operands = arguments(choice)
    got = evaluate(choice, *operands)
    with np.errstate(all="ignore"):
        exact = np.broadcast_to(np.asarray(in_float64(choice.name)(*operands), dtype=np.float64), got.shape)
        expected = round_to(exact.copy(), choice.format)
        errors, _ = errors_of(choice, got, exact)
    errors = errors - 0.5  # what a row states was measured on other points, unless it was searched
    # A result that only rounds or tends to zero may err by what the row states; that of zero is zero.
    vanishing = (got != 0) & (operands[0] != 0)
    within = np.isfinite(expected) & np.isfinite(got) & (errors <= max_error_ulp) & ((expected != 0) | vanishing)
    same = (got == expected) & (_signs_agree(choice, got, expected) | (expected != 0))
    right = within | same | (np.isnan(got) & np.isnan(expected)) | ~_defined(choice, operands[0])
    # Rounding to zero is what the reference does to half of the smallest number.
    right |= (expected == 0) & (exact != 0) & (errors <= max_error_ulp)
    return [f"{choice.name}({', '.join(f'{o[i]:g}' for o in operands)}) in {choice.format} by {choice.algorithm} in "
            f"{choice.internal_format} is {got[i]:g}, not {expected[i]:g}" for i in np.flatnonzero(~right)]


def _signs_agree(choice: Choice, got: Array, expected: Array) -> Array:
    stated = not (find(choice.name).activation or choice.name.endswith("_derivative"))
    return np.asarray((np.signbit(got) == np.signbit(expected)) | (not stated or choice.name == "tanh"))


def _defined(choice: Choice, x: Array) -> Array:
    """Nothing is said of a derivative outside its domain, nor of fp64 beyond the arguments a program is meant for."""
    low, high = domain(choice)
    beyond = np.isfinite(x) & (x > high) & (high < find(choice.name).domain[1])
    partly = choice.name.endswith("_derivative") or (parse(choice.format).bits > 32 and find(choice.name).domain[0] < 0)
    return np.asarray((((x >= low) & (x <= high)) | ~np.isfinite(x) | (not partly)) & ~beyond)
