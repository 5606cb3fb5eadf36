"""Numbers for people: SI prefixes, four significant digits."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

__all__ = ["si"]

_PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""),
             (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"), (1e-15, "f"))


@lru_cache(maxsize=4096, typed=True)  # a network's layers repeat; 12 and 12.0 are written differently
def si(value: Any, unit: str = "") -> str:
    """A number with an SI prefix and four significant digits; integers below 1000 stay exact.

    >>> si(4089184256), si(0.0123, "J"), si(0), si(12), si(999_960)
    ('4.089 G', '12.30 mJ', '0', '12', '1.000 M')
    """
    if value is None:
        return "-"
    if not isinstance(value, (int, float)):
        return f"{value} {unit}".strip()
    if value == 0 or (isinstance(value, int) and abs(value) < 1000):
        return f"{value:.0f} {unit}".strip()
    size = float(f"{abs(value):.3e}")
    at = 0
    while size < _PREFIXES[at][0] and at < len(_PREFIXES) - 1:
        at += 1
    scale, prefix = _PREFIXES[at]
    scaled = value / scale
    digits = max(0, 3 - len(str(int(abs(scaled)))) + 1)
    return f"{scaled:.{digits}f} {prefix}{unit}".strip()
