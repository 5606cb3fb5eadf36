"""Whether a program is even or odd by its construction, read off its trace: then half of its arguments say it all.

Rounding to nearest is symmetric, so that signs alone decide: each line of the trace is even (the same for x and -x),
odd (of opposite sign), the sign of something odd, or none of these. A zero or NaN is even and odd at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["parity"]

_EVEN, _ODD, _BOTH, _SIGN, _NONE = "even", "odd", "both", "sign", "none"
_PRODUCTS = ("multiply", "divide", "multiply_signs")
_SUMS = ("add", "subtract")
_KEPT = ("convert", "negate", "scale", "scale_gradually", "truncate", "nearest_integer", "to_float")
_OF_SIZE = ("absolute", "is_finite", "is_infinite", "is_nan", "is_zero", "exponent", "significand", "pattern_index")


def parity(trace: Sequence[str]) -> int:
    """1 for a program that is even in its one argument, -1 for one that is odd, 0 where its trace does not show it."""
    kinds: list[str] = []
    lines = [line.split() for line in trace]
    for words in lines:
        kind, operands = words[0], [int(word) for word in words[2:] if word.isdigit()] if words[0] != "constant" else []
        kinds.append(_kind(words, kind, operands, kinds, lines))
    return {_EVEN: 1, _ODD: -1, _BOTH: 1}.get(kinds[-1], 0)


def _kind(words: Sequence[str], kind: str, operands: Sequence[int], kinds: Sequence[str],
          lines: Sequence[Sequence[str]]) -> str:
    if kind == "input":
        return _ODD
    if kind == "constant":
        value = float.fromhex(words[2])
        return _BOTH if value == 0 or math.isnan(value) else _EVEN
    of = [kinds[k] for k in operands]
    if all(k in (_EVEN, _BOTH) for k in of):
        return _EVEN
    if kind == "select":
        return _chosen(operands, of, lines)
    if kind == "is_negative" and of == [_ODD]:
        return _SIGN
    if _SIGN in of or _NONE in of:
        return _NONE
    if kind in _OF_SIZE:
        return _EVEN
    if kind == "copy_sign":
        return of[1]
    if kind in _PRODUCTS:
        return _ODD if of.count(_ODD) % 2 else _EVEN
    if kind in _SUMS and all(k in (_ODD, _BOTH) for k in of):
        return _ODD
    return _ODD if kind in _KEPT and of[0] == _ODD and all(k != _ODD for k in of[1:]) else _NONE


def _chosen(operands: Sequence[int], of: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Of two alternatives by a condition: alike under an even one; under a sign, something even and its negative."""
    first, second, condition = of
    if condition == _SIGN:
        negative = any(lines[a][0] == "negate" and int(lines[a][2]) == b
                       for a, b in ((operands[0], operands[1]), (operands[1], operands[0])))
        return _ODD if negative and {first, second} <= {_EVEN, _BOTH} else _NONE
    if condition not in (_EVEN, _BOTH):
        return _NONE
    kinds = {first, second} - {_BOTH}
    return _NONE if len(kinds) > 1 else next(iter(kinds), _BOTH)
