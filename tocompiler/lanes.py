"""Lanes: one number for every point of a sweep, which the whole compiler computes with as if it were one number.

A program that was written for integers is run once for many: arithmetic is done at all points together, a comparison
that all points answer alike is answered, and where their ways part ``Divided`` says which points go which way, so that
each part can be run by itself. What cannot be computed at once (``range(n)``, an index) divides the points by value.
Every point thus takes the very path it would take alone, and gets the very numbers.

Integers are exact: int64 while the bounds that every result carries prove that it holds them, Python's own beyond.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, TypeAlias, cast

import numpy as np

__all__ = ["Array", "Divided", "Lane", "anywhere", "either", "larger", "log", "real", "smaller", "values"]

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
_MOST = 2**63 - 1
_EXACT = 2**53  # integers up to here are floats without rounding


class Divided(BaseException):
    """The points part: ``labels`` says for each where it belongs. It must reach who laid the lanes, hence its base."""

    def __init__(self, labels: Array) -> None:
        super().__init__("points of a sweep part")
        self.labels = labels


def _arithmetic(name: str, swapped: bool = False) -> Callable[[Lane, Any], Any]:
    function = getattr(operator, name)

    def method(self: Lane, other: Any) -> Any:
        return NotImplemented if type(other) is not int and not _is_number(other) else (
            _apply(name, function, other, self) if swapped else _apply(name, function, self, other))

    return method


def _comparison(name: str) -> Callable[[Lane, Any], Any]:
    function, at_equals = getattr(operator, name), name in ("eq", "le", "ge")

    def method(self: Lane, other: Any) -> Any:
        if self is other:
            return at_equals
        if type(other) is not int and not _is_number(other):
            return NotImplemented
        (low, high), (least, most) = _bounds(self), _bounds(other)
        if low > most or high < least:
            return bool(function(low, least))
        return _agreed(function(self.values, values(other)))

    return method


class Lane:
    """A number for each point: ``values`` is an array of int64, Python integers or float64 that broadcasts with others.

    It passes for an int or a float where one is asked for (``isinstance``), and is immutable. Made by ``Lane.of``.

    >>> n = Lane.of([3, 5, 8])
    >>> (2 * n + 1).values.tolist(), n > 2
    ([7, 11, 17], True)
    """

    __slots__ = ("_hash", "_high", "_low", "values")
    __array_ufunc__ = None  # a NumPy scalar leaves arithmetic with a lane to the lane

    def __init__(self, values: Array, low: Any = None, high: Any = None) -> None:
        self.values = values
        self._low, self._high, self._hash = low, high, 0

    @staticmethod
    def of(values: Any) -> Any:
        """A lane of these integers or floats; the number itself where all are the same."""
        array = np.asarray(values)
        if array.dtype.kind in "bu":
            array = array.astype(np.int64)
        low, high = array.min(), array.max()
        if array.dtype.kind != "f":
            low, high = int(low), int(high)
        return array.reshape(-1)[0].item() if array.size and low == high and array.dtype != object else Lane(
            array, low, high) if low != high else low

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # what isinstance believes
        return float if self.values.dtype.kind == "f" else int

    __add__, __radd__ = _arithmetic("add"), _arithmetic("add", True)
    __sub__, __rsub__ = _arithmetic("sub"), _arithmetic("sub", True)
    __mul__, __rmul__ = _arithmetic("mul"), _arithmetic("mul", True)
    __truediv__, __rtruediv__ = _arithmetic("truediv"), _arithmetic("truediv", True)
    __floordiv__, __rfloordiv__ = _arithmetic("floordiv"), _arithmetic("floordiv", True)
    __mod__, __rmod__ = _arithmetic("mod"), _arithmetic("mod", True)
    __pow__, __rpow__ = _arithmetic("pow"), _arithmetic("pow", True)
    __lt__, __le__ = _comparison("lt"), _comparison("le")
    __gt__, __ge__ = _comparison("gt"), _comparison("ge")
    __eq__, __ne__ = _comparison("eq"), _comparison("ne")

    def __neg__(self) -> Any:
        return 0 - self

    def __pos__(self) -> Lane:
        return self

    def __abs__(self) -> Any:
        return self if self >= 0 else -self

    def __hash__(self) -> int:
        if not self._hash:
            shown = repr(self.values.tolist()) if self.values.dtype == object else self.values.tobytes()
            self._hash = hash((shown, self.values.shape)) or 1
        return self._hash

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __round__(self, digits: int | None = None) -> Any:
        return _rounded(self, np.rint) if digits is None else round(self.only(), digits)

    def __ceil__(self) -> Any:
        return _rounded(self, np.ceil)

    def __floor__(self) -> Any:
        return _rounded(self, np.floor)

    def __trunc__(self) -> Any:
        return _rounded(self, np.trunc)

    def is_integer(self) -> bool:
        """As of a number."""
        return self.values.dtype.kind != "f" or _agreed(self.values == np.rint(self.values))

    def only(self) -> Any:
        """Its one value; where it has more, each is for a run by itself: what cannot be computed for all at once."""
        if self.values.min() == self.values.max():
            return self.values.reshape(-1)[0]
        raise Divided(self.values)

    def __index__(self) -> int:
        return operator.index(self.only())

    def __int__(self) -> int:
        return int(self.only())

    def __float__(self) -> float:
        return float(self.only())

    def __str__(self) -> str:
        low, high = _bounds(self)
        return f"{low}..{high}"

    __repr__ = __str__

    def __format__(self, how: str) -> str:
        return str(self)


def _is_number(n: Any) -> bool:
    return type(n) is Lane or isinstance(n, int | float | np.number)


def values(n: Any) -> Any:
    """The array of a lane; any other number as it is."""
    return n.values if type(n) is Lane else n


def _bounds(n: Any) -> tuple[Any, Any]:
    """The least and the largest of its values, or what is known to bound them."""
    if type(n) is not Lane:
        return n, n
    if n._low is None:
        n._low, n._high = n.values.min(), n.values.max()
    return n._low, n._high


def _agreed(answers: Any) -> bool:
    """The answer of all points."""
    if not isinstance(answers, np.ndarray):
        return bool(answers)
    if answers.all():
        return True
    if not answers.any():
        return False
    raise Divided(answers.astype(bool))


def _is_whole(n: Any) -> bool:
    return n.values.dtype.kind != "f" if type(n) is Lane else isinstance(n, int | np.integer)


def _apply(name: str, function: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """The result, the same lane where the same lanes met before: shapes are computed, and compared, many times."""
    key = (name, id(a) if type(a) is Lane else (a.__class__, a), id(b) if type(b) is Lane else (b.__class__, b))
    met = _MET.get(key)
    if met is not None:
        return met[0]
    made = _computed(name, function, a, b)
    large = type(made) is Lane and made.values.size > _SMALL
    if large:
        _LARGE.append(key)
        if len(_LARGE) > _RECENT:
            _MET.pop(_LARGE.pop(0), None)
    elif len(_MET) >= _REMEMBERED:
        _MET.clear()
    _MET[key] = made, a, b  # its operands live as long as their places are its key
    return made


_MET: dict[Any, tuple[Any, Any, Any]] = {}
_LARGE: list[Any] = []
_SMALL, _RECENT, _REMEMBERED = 2048, 32, 1 << 15


def _computed(name: str, function: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    whole = _is_whole(a) and _is_whole(b)
    if name in ("floordiv", "mod", "truediv") and b == 0:
        raise ZeroDivisionError("division by zero")
    if not whole:
        if name == "pow" and type(b) is not Lane and not isinstance(b, int | float):
            b = float(b)
        return Lane(_float(function(_real_values(a), _real_values(b))))
    if name == "truediv":
        wide = max(map(abs, (*_bounds(a), *_bounds(b)))) > _EXACT
        x, y = (_wide(a), _wide(b)) if wide else (values(a), values(b))
        return Lane(_float(function(x, y)))
    low, high = _bounds_after(name, a, b)
    fits = low >= -_MOST and high <= _MOST and all(_is_narrow(n) for n in (a, b))
    made = function(values(a), values(b)) if fits else function(_wide(a), _wide(b))
    if not fits:
        return Lane.of(_narrowed(made))
    return Lane(made, low, high) if low != high else low


def _bounds_after(name: str, a: Any, b: Any) -> tuple[int, int]:
    """Bounds of a result, by interval arithmetic."""
    (a0, a1), (b0, b1) = _bounds(a), _bounds(b)
    if name == "add":
        return a0 + b0, a1 + b1
    if name == "sub":
        return a0 - b1, a1 - b0
    if name == "mod":
        return (0, b1 - 1) if b0 > 0 else (b0 + 1, max(b1 - 1, 0)) if b1 < 0 else (b0, b1)
    if name == "pow":
        return (a0**b0, a1**b1) if a0 >= 1 and b0 >= 0 and b1 < 64 and a1 < 2**32 else (-_MOST - 1, _MOST + 1)
    if name == "floordiv" and b0 < 0 < b1:
        return min(-abs(a0), -abs(a1)), max(abs(a0), abs(a1))
    corners = [getattr(operator, name)(x, y) for x in (a0, a1) for y in (b0, b1)]
    return min(corners), max(corners)


def _is_narrow(n: Any) -> bool:
    return n.values.dtype != object if type(n) is Lane else -_MOST <= n <= _MOST


def _wide(n: Any) -> Any:
    """As Python's integers, which nothing overflows."""
    return n.values.astype(object) if type(n) is Lane else int(n)


def _narrowed(values: Array) -> Array:
    """Integers as int64 where that holds them all."""
    fits = values.size and values.min() >= -_MOST and values.max() <= _MOST
    return values.astype(np.int64) if fits else values


def _float(values: Any) -> Array:
    return np.asarray(values, dtype=np.float64)


def _real_values(n: Any) -> Any:
    if type(n) is Lane:
        return n.values if n.values.dtype != object else n.values.astype(np.float64)
    return float(n)


def _rounded(n: Lane, function: Callable[[Array], Array]) -> Any:
    if n.values.dtype.kind != "f":
        return n
    whole = function(n.values)
    if not np.isfinite(whole).all():
        raise OverflowError("no integer is infinite")
    narrow = bool((np.abs(whole) < _MOST / 2).all())
    return Lane.of(whole.astype(np.int64) if narrow else _narrowed(np.asarray(np.frompyfunc(int, 1, 1)(whole))))


def real(n: Any) -> float:
    """A number as a float, or as a lane of them."""
    if type(n) is not Lane:
        return float(n)
    return cast("float", n if n.values.dtype.kind == "f" else Lane(_float(n.values)))


def log(x: Any) -> float:
    """Natural logarithm."""
    if type(x) is not Lane:
        return math.log(x)
    return cast("float", Lane(np.log(_real_values(x))) if x > 0 else math.log(x.only()))


def larger(a: Any, b: Any) -> Any:
    """The larger of two numbers at every point."""
    return _extreme(np.maximum, max, a, b)


def smaller(a: Any, b: Any) -> Any:
    """The smaller of two numbers at every point."""
    return _extreme(np.minimum, min, a, b)


def _extreme(each: Any, one: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    if Lane not in (type(a), type(b)):
        return one(a, b)
    if _is_whole(a) and _is_whole(b):
        (a0, a1), (b0, b1) = _bounds(a), _bounds(b)
        return _lane(each(values(a), values(b)), one(a0, b0), one(a1, b1))
    return Lane(_float(each(_real_values(a), _real_values(b))))


def _lane(values: Array, low: Any, high: Any) -> Any:
    return Lane(values, low, high) if low != high else low


def anywhere(n: Any) -> bool:
    """Whether a number is not 0 at some point."""
    return bool(n.values.any() if type(n) is Lane else n)


def either(condition: Callable[[Any], Any], n: Any, then: Any, otherwise: Any) -> Any:
    """``then`` where the condition holds of n, else ``otherwise``: at every point by itself."""
    if type(n) is not Lane:
        return then if condition(n) else otherwise
    return Lane(_float(np.where(condition(n.values), _real_values(then), _real_values(otherwise))))
