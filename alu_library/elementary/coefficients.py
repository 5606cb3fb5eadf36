"""Constants of the programs: minimax polynomials and constants split into parts, computed once and kept in a file.

Nothing here is pasted: a coefficient is computed from its ``Fit`` (or from ``VALUES``) when it is first
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

__all__ = ["VALUES", "Fit", "coefficients", "forget", "kept", "polynomial", "split", "store"]


@dataclass(frozen=True)
class Fit:
    """A function to approximate, in mpmath: ``function(mp, x)``, and the weight of its error.

    The weight turns an error of this function into a relative error of the result it is part of. ``name`` is what the
    file knows its polynomials by.
    """

    name: str
    function: Callable[[Any, Any], Any]
    weight: Callable[[Any, Any], Any] | None = None


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


def coefficients(fit: Fit, low: float, high: float, degree: int) -> tuple[list[float], float]:
    """Minimax coefficients of ``fit`` on [low, high], constant first, and the weighted error they leave."""
    def compute() -> list[float]:
        import mpmath

        from alu_library.elementary.remez import remez

        weight = fit.weight
        found, error = remez(lambda x: fit.function(mpmath.mp, x), low, high, degree,
                             None if weight is None else lambda x: weight(mpmath.mp, x))
        return [*(float(c) for c in found), error]

    *found, error = _remembered(f"{fit.name} [{low:.9g}, {high:.9g}] degree {degree}", compute)
    return found, error


def polynomial(fit: Fit, low: float, high: float, bits: float) -> list[float]:
    """The shortest minimax polynomial of ``fit`` whose weighted error is below 2^-bits."""
    for degree in range(30):
        found, error = coefficients(fit, low, high, degree)
        if error < 2.0**-bits:
            return found
    raise ValueError(f"no polynomial of degree below 30 reaches {bits} bits for {fit.name} on [{low}, {high}]")


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
