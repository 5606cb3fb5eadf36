"""Constants of the programs: minimax polynomials and constants split into parts, computed once and kept in a file.

Nothing here is pasted: a coefficient is computed from the definition in ``FITS`` (or ``VALUES``) when it is first
asked for, and kept in ``data/coefficients.json`` under the name of what it is. ``python -m alu_library.elementary.table
--refit`` computes all of them again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["FITS", "TAIL_CENTRE", "VALUES", "Fit", "coefficients", "forget", "kept", "polynomial", "split", "store"]


@dataclass(frozen=True)
class Fit:
    """A function to approximate, in mpmath: ``function(mp, x)``, and the weight of its error.

    The weight turns an error of this function into a relative error of the result it is part of.
    """

    function: Callable[[Any, Any], Any]
    weight: Callable[[Any, Any], Any] | None = None


def _log1p_tail(mp: Any, f: Any) -> Any:
    return (mp.log1p(f) - f + f * f / 2) / f**3


TAIL_CENTRE = 3.0
"""Where the two halves of the tail's argument meet: any value near 3 gives the shortest polynomials."""


def _scaled_tail(mp: Any, a: Any) -> Any:
    """e^(a^2/2) Q(a), which falls slowly from 1/2."""
    return mp.exp(a * a / 2) * mp.erfc(a / mp.sqrt(2)) / 2


FITS: Mapping[str, Fit] = {
    # e^r = 1 + r + r^2 p(r)
    "exp": Fit(lambda mp, r: (mp.expm1(r) - r) / r**2, lambda mp, r: r**2 * mp.exp(-r)),
    # the same for e^r - 1, whose relative error counts
    "expm1": Fit(lambda mp, r: (mp.expm1(r) - r) / r**2, lambda mp, r: abs(r**2 / mp.expm1(r))),
    # 2^r = 1 + r p(r)
    "exp2": Fit(lambda mp, r: (mp.power(2, r) - 1) / r, lambda mp, r: abs(r) * mp.power(2, -r)),
    # log(1 + f) = f - f^2/2 + f^3 p(f)
    "log1p": Fit(_log1p_tail, lambda mp, f: abs(f**3 / mp.log1p(f))),
    # log((1 + s)/(1 - s)) = 2 s + s u p(u), u = s^2
    "atanh": Fit(lambda mp, u: (2 * mp.atanh(mp.sqrt(u)) / mp.sqrt(u) - 2) / u, lambda mp, u: u / 2),
    # sin r = r + r u p(u); cos r = 1 - u/2 + u^2 p(u); tan, asin, atan as sin; u = r^2
    "sin": Fit(lambda mp, u: (mp.sin(mp.sqrt(u)) / mp.sqrt(u) - 1) / u, lambda mp, u: u),
    "cos": Fit(lambda mp, u: (mp.cos(mp.sqrt(u)) - 1 + u / 2) / u**2, lambda mp, u: u**2 / mp.cos(mp.sqrt(u))),
    "asin": Fit(lambda mp, u: (mp.asin(mp.sqrt(u)) / mp.sqrt(u) - 1) / u, lambda mp, u: u),
    "atan": Fit(lambda mp, u: (mp.atan(mp.sqrt(u)) / mp.sqrt(u) - 1) / u,
                lambda mp, u: u * mp.sqrt(u) / mp.atan(mp.sqrt(u))),
    # erf a = a p(u), u = a^2
    "erf": Fit(lambda mp, u: mp.erf(mp.sqrt(u)) / mp.sqrt(u)),
    # log erfc(1 + a), by an absolute error: it is an exponent
    "log_erfc": Fit(lambda mp, a: mp.log(mp.erfc(1 + a)), lambda mp, a: mp.mpf(1)),
    # Q(a) = e^(-a^2/2) p(t), t = (c - a)/(c + a)
    "normal_tail": Fit(lambda mp, t: _scaled_tail(mp, TAIL_CENTRE * (1 - t) / (1 + t))),
}
"""What the programs approximate; the comments say how a program puts the polynomial p to use."""


VALUES: Mapping[str, Callable[[Any], Any]] = {
    "ln2": lambda mp: mp.ln(2), "log10_2": lambda mp: mp.log10(2), "half_pi": lambda mp: mp.pi / 2,
    "log2_e": lambda mp: 1 / mp.ln(2), "log10_e": lambda mp: mp.log10(mp.e),
}
"""Constants that are used in several parts."""

_FILE = "data/coefficients.json"


@cache
def kept() -> dict[str, list[str]]:
    """The file's contents: name to numbers in hexadecimal. What is computed meanwhile is added to it."""
    path = files("alu_library").joinpath(_FILE)
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def store() -> None:
    """Write what is known back into the package's file."""
    from hardware.files import write_text

    lines = [f"{json.dumps(name)}: {json.dumps(kept()[name])}" for name in sorted(kept())]
    write_text(str(files("alu_library").joinpath(_FILE)), "{\n" + ",\n".join(lines) + "\n}\n")


def forget() -> None:
    """Drop what was read, so that everything is computed anew."""
    kept().clear()


def _remembered(name: str, compute: Callable[[], Sequence[float]]) -> list[float]:
    if name not in kept():
        kept()[name] = [float(v).hex() for v in compute()]
    return [float.fromhex(v) for v in kept()[name]]


def coefficients(name: str, low: float, high: float, degree: int) -> tuple[list[float], float]:
    """Minimax coefficients of ``FITS[name]`` on [low, high], constant first, and the weighted error they leave."""
    def compute() -> list[float]:
        import mpmath

        from alu_library.elementary.remez import remez

        fit = FITS[name]
        weight = fit.weight
        found, error = remez(lambda x: fit.function(mpmath.mp, x), low, high, degree,
                             None if weight is None else lambda x: weight(mpmath.mp, x))
        return [*(float(c) for c in found), error]

    *found, error = _remembered(f"{name} [{low:.9g}, {high:.9g}] degree {degree}", compute)
    return found, error


def polynomial(name: str, low: float, high: float, bits: float) -> list[float]:
    """The shortest minimax polynomial of ``FITS[name]`` whose weighted error is below 2^-bits."""
    for degree in range(30):
        found, error = coefficients(name, low, high, degree)
        if error < 2.0**-bits:
            return found
    raise ValueError(f"no polynomial of degree below 30 reaches {bits} bits for {name} on [{low}, {high}]")


def split(name: str, *widths: int) -> list[float]:
    """``VALUES[name]`` as a sum of parts of the given widths in bits; the last part is all that is left, in float64."""
    def compute() -> list[float]:
        import mpmath

        with mpmath.workdps(80):
            rest, parts = VALUES[name](mpmath), []
            for width in widths:
                spacing = mpmath.mpf(2) ** (math.floor(mpmath.log(abs(rest), 2)) + 1 - width)
                parts.append(mpmath.floor(rest / spacing) * spacing)
                rest -= parts[-1]
            return [*(float(p) for p in parts), float(rest)]

    return _remembered(f"{name} {' + '.join(map(str, widths))} bits", compute)
