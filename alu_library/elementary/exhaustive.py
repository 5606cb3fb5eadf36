"""The error of a program over all 2^32 numbers of fp32: ``python -m alu_library.elementary.exhaustive exp tanh``.

A program is compiled (:mod:`.compiled`), and so is its reference, in double; both run on every bit pattern. The
results are kept in ``data/exhaustive.json`` under the hash of the program, and :mod:`.table` states them in its rows:
a program that changes has a new hash, and its old result is no one's. One function takes a minute or two of one core,
of which what is done is kept (:mod:`alu_library.circuits.kept`): a search that was stopped goes on when called again.

The reference errs by some units of the 53rd bit, which moves an error by 1e-8 ulp; only next to a root of a function
that is no product is it worse, and then the error stated is too large.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from alu_library.circuits.kept import folder
from alu_library.elementary.accuracy import Accuracy
from alu_library.elementary.algorithms import Choice, choices, count, domain, names, two_arguments
from alu_library.elementary.compiled import PRELUDE, function_text, literal
from alu_library.elementary.numeric import Array
from alu_library.elementary.references import in_float64
from alu_library.elementary.register import find
from alu_library.elementary.symmetry import parity
from alu_library.functions import FunctionRow, function

__all__ = ["Searcher", "kept", "main", "used_rows"]

_FILE = "data/exhaustive.json"
_FLAGS = ("-O3", "-march=native", "-mprefer-vector-width=512", "-ffp-contract=off", "-fno-math-errno",
          "-fno-trapping-math", "-w", "-shared", "-fPIC")
_PATTERNS = 1 << 32
_BLOCK = 4096
_CHUNK = 1 << 28
_LARGEST = float(np.finfo(np.float32).max)
_NEAR = (2.0**-12, 2.0**8)
_NEAR_PATTERNS = 2 * 20 << 23  # of both signs
_STRIDE = 2654435761  # 2^32 over the golden ratio, odd (Knuth, The Art of Computer Programming 3, 6.4)

_LIBRARY = {"exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log", "log2": "log2", "log10": "log10",
            "log1p": "log1p", "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos",
            "arctan": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "arcsinh": "asinh", "arccosh": "acosh",
            "arctanh": "atanh", "erf": "erf", "erfc": "erfc"}
"""numpy's names and those of the C library, whose vector versions the compiler may call."""

_SEARCH = """
#define BLOCK 4096
typedef struct { double error, x, total, gap; int64_t counted; } result;
extern "C" void evaluate(const double *x, double *y, int64_t n) {
  for (int64_t i = 0; i < n; i += LANES) {
    V v = all(0); for (int k = 0; k < LANES && i + k < n; k++) v[k] = x[i + k];
    v = program(v); for (int k = 0; k < LANES && i + k < n; k++) y[i + k] = v[k];
  }
}
extern "C" void search(uint64_t start, uint64_t count, uint32_t stride, double low, double high, result *r) {
  static V x[BLOCK / LANES], e[BLOCK / LANES], error[BLOCK / LANES];
  V total = all(0), widest = all(0); I counted = {};
  for (uint64_t at = start; at < start + count; at += BLOCK) {
    double *xs = (double *)x, *es = (double *)e, *errors = (double *)error;
    for (int i = 0; i < BLOCK; i++) {
      union { uint32_t u; float f; } v; v.u = (uint32_t)(at + i) * stride; xs[i] = v.f;
    }
    for (int i = 0; i < BLOCK; i++) es[i] = reference(xs[i]);
    V most = all(-1);
    for (int i = 0; i < BLOCK / LANES; i++) {
      V y = program(x[i]);
      V exact = fabs(e[i]) > 0x1p128 ? copysign(all(0x1p128), e[i]) : e[i];
      V got = y != y ? all(0x1p128) : fabs(y) > 0x1p128 ? copysign(all(0x1p128), y) : y;
      V where = exponent_of(exact); where = where < -126 ? all(-126) : where > 127 ? all(127) : where;
      I valid = (x[i] >= low) & (x[i] <= high) & (exact == exact) & (fabs(x[i]) < 0x1p128);
      V gap = valid ? fabs(got - exact) : all(0);
      error[i] = gap * power(23 - where);
      counted -= valid; total += error[i];
      most = error[i] > most ? error[i] : most; widest = gap > widest ? gap : widest;
    }
    for (int k = 0; k < LANES; k++)
      if (most[k] > r->error)
        for (int i = 0; i < BLOCK; i++) if (errors[i] == most[k]) { r->error = most[k]; r->x = xs[i]; break; }
  }
  for (int k = 0; k < LANES; k++) {
    r->total += total[k]; r->counted += counted[k]; r->gap = widest[k] > r->gap ? widest[k] : r->gap;
  }
}
"""


class _Text:
    """An expression in double, built by Python's operators."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _with(self, other: Any, operator: str, swapped: bool = False) -> _Text:
        left, right = (_text(other), self.text) if swapped else (self.text, _text(other))
        return _Text(f"({left} {operator} {right})")

    def __add__(self, other: Any) -> _Text:
        return self._with(other, "+")

    def __radd__(self, other: Any) -> _Text:
        return self._with(other, "+", True)

    def __sub__(self, other: Any) -> _Text:
        return self._with(other, "-")

    def __rsub__(self, other: Any) -> _Text:
        return self._with(other, "-", True)

    def __mul__(self, other: Any) -> _Text:
        return self._with(other, "*")

    def __rmul__(self, other: Any) -> _Text:
        return self._with(other, "*", True)

    def __truediv__(self, other: Any) -> _Text:
        return self._with(other, "/")

    def __rtruediv__(self, other: Any) -> _Text:
        return self._with(other, "/", True)

    def __lt__(self, other: Any) -> _Text:
        return self._with(other, "<")

    def __gt__(self, other: Any) -> _Text:
        return self._with(other, ">")

    def __and__(self, other: Any) -> _Text:
        return self._with(other, "&")

    def __neg__(self) -> _Text:
        return _Text(f"(-{self.text})")


def _text(value: Any) -> str:
    return value.text if isinstance(value, _Text) else literal(float(value))


class _Functions:
    """What a reference is written in, as text."""

    def __getattr__(self, name: str) -> Any:
        return lambda *operands: _Text(_CALLS[name].format(*map(_text, operands)))


_CALLS = {name: f"{called}({{}})" for name, called in _LIBRARY.items()} | {
    "abs": "__builtin_fabs({})", "sqrt": "__builtin_sqrt({})", "minimum": "({0} < {1} ? {0} : {1})",
    "maximum": "({0} > {1} ? {0} : {1})", "where": "({} ? {} : {})", "expit": "(1.0 / (1.0 + exp(-{})))",
    "ndtr": "(0.5 * erfc(-{} * 0.70710678118654752440))",
}


class Searcher:
    """A compiled choice of one argument in fp32; OSError where there is no C++ compiler."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        reference = find(choice.name).reference
        if reference is None:
            raise ValueError(f"{choice.name} has no reference")
        declared = "".join(f'extern "C" __attribute__((const, simd("notinbranch"))) double {name}(double);\n'
                           for name in _LIBRARY.values())
        text = (f"{declared}{PRELUDE}{function_text(choice)}INLINE double reference(double x) {{ return "
                f"{_text(reference(_Functions(), _Text('x')))}; }}\n{_SEARCH}")
        self._folder = tempfile.TemporaryDirectory()
        source, library = Path(self._folder.name) / "program.cc", Path(self._folder.name) / "program.so"
        source.write_text(text, encoding="utf-8")
        subprocess.run(["c++", *_FLAGS, str(source), "-o", str(library), "-lmvec", "-lm"], check=True)
        self._library = ctypes.CDLL(str(library))

    def evaluate(self, x: Array) -> Array:
        """The program's results, which are ``accuracy.evaluate``'s."""
        x, y = np.ascontiguousarray(x, dtype=np.float64), np.empty(len(x))
        pointer = ctypes.POINTER(ctypes.c_double)
        self._library.evaluate(x.ctypes.data_as(pointer), y.ctypes.data_as(pointer), ctypes.c_int64(len(x)))
        return y

    def search(self, patterns: int = _PATTERNS) -> Accuracy:
        """Errors over bit patterns, a multiple of 4096; NaN, infinities and what is outside the domain aside.

        Fewer than 2^32 are the multiples of an odd number, which are spread evenly and never the same. Of a function
        and a program that are both even, or both odd, all numbers are those of one sign.
        """
        if patterns < _PATTERNS:
            return _together([self._part(0, patterns, _STRIDE)])
        parts = [self._remembered(start, count) for start, count in self._chunks()]
        return _together(parts * 2 if self._symmetric else parts)

    def _chunks(self) -> list[tuple[int, int]]:
        return [(at, min(_CHUNK, start + count - at)) for start, count in self._ranges()
                for at in range(start, start + count, _CHUNK)]

    def _remembered(self, start: int, count_of: int) -> Accuracy:
        """A part of the search, kept among this machine's caches: a search that is stopped goes on from there."""
        where = folder()
        if where is None:
            return self._part(start, count_of, 1)
        path = where / f"search_{count(self.choice).program_hash()}_{start:x}_{count_of:x}.json"
        with suppress(OSError, ValueError, TypeError):
            return Accuracy(*json.loads(path.read_text(encoding="utf-8")))
        found = self._part(start, count_of, 1)
        with suppress(OSError):
            from hardware.files import write_text

            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, json.dumps(astuple(found)))
        return found

    @cached_property
    def _symmetric(self) -> bool:
        low, high = domain(self.choice)
        of_program = parity(count(self.choice).trace)
        x = np.random.default_rng(0).standard_normal(1000)
        x = x[(x >= low) & (x <= high)]
        with np.errstate(all="ignore"):
            right, left = (in_float64(self.choice.name)(v) for v in (x, -x))
        return low == -high and of_program != 0 and np.array_equal(left, of_program * right, equal_nan=True)

    def _ranges(self) -> list[tuple[int, int]]:
        """First pattern and number of patterns, in whole blocks, of the domain's numbers of each sign."""
        low, high = (float(np.clip(end, -_LARGEST, _LARGEST)) for end in domain(self.choice))
        found = [(0, max(low, 0.0), abs(high))] if high >= 0 else []
        if low <= 0 and not self._symmetric:
            found.append((1 << 31, max(-high, 0.0), abs(low)))
        ends = [(sign + _pattern(near) // _BLOCK * _BLOCK, sign + _pattern(far) + 1) for sign, near, far in found]
        return [(start, -(-(end - start) // _BLOCK) * _BLOCK) for start, end in ends]

    def search_near(self, patterns: int) -> Accuracy:
        """Every number from 2^-12 to 2^8 of both signs, where a function bends, and other patterns spread evenly."""
        low, high = (int(np.float32(end).view(np.uint32)) for end in _NEAR)
        parts = [self._part(start, high - low, 1) for start in (low, low + (1 << 31))]
        return _together([*parts, self._part(0, patterns, _STRIDE)])

    def _part(self, start: int, patterns: int, stride: int) -> Accuracy:
        found = _Result()
        self._library.search(ctypes.c_uint64(start), ctypes.c_uint64(patterns), ctypes.c_uint32(stride),
                             *(ctypes.c_double(end) for end in domain(self.choice)), ctypes.byref(found))
        return Accuracy(found.error, found.total / max(found.counted, 1), found.gap, found.counted, found.x)


def _pattern(value: float) -> int:
    return int(np.float32(value).view(np.uint32))


def _together(parts: list[Accuracy]) -> Accuracy:
    worst = max(parts, key=lambda part: part.max_error_ulp)
    points = sum(part.points for part in parts)
    mean = sum(part.mean_error_ulp * part.points for part in parts) / max(points, 1)
    return Accuracy(worst.max_error_ulp, mean, max(part.max_error_absolute for part in parts), points, worst.worst)


class _Result(ctypes.Structure):
    _fields_ = (("error", ctypes.c_double), ("x", ctypes.c_double), ("total", ctypes.c_double),
                ("gap", ctypes.c_double), ("counted", ctypes.c_int64))


def _path() -> Path:
    return Path(str(files("alu_library"))) / _FILE


@cache
def kept() -> dict[str, dict[str, Any]]:
    """Results by program hash."""
    return dict(json.loads(_path().read_text(encoding="utf-8"))) if _path().is_file() else {}


def accuracy_of(program_hash: str) -> Accuracy | None:
    """What was found for a program on all of fp32, if it was searched."""
    found = kept().get(program_hash)
    return None if found is None else Accuracy(
        found["max_error_ulp"], found["mean_error_ulp"], found["max_error_absolute"], found["points"],
        float(found["worst"]))


def used_rows(name: str) -> list[FunctionRow]:
    """The fp32 rows of a function that the compiler uses: the default one and the cheapest within 1 ulp; none for a
    function of two arguments."""
    if two_arguments(name):
        return []
    default = function(name, "fp32")
    try:
        return list(dict.fromkeys((default, function(name, "fp32", max_error_ulp=1.0))))
    except ValueError:
        return [default]


def _programs(name: str, default: bool) -> Iterator[Choice]:
    used = {row.program_hash for row in used_rows(name)[: 1 if default else None]}
    yield from (choice for choice in choices(name, "fp32") if count(choice).program_hash() in used)


def _store() -> None:
    from hardware.files import write_text

    lines = (f"{json.dumps(key)}: {json.dumps(value)}"
             for key, value in sorted(kept().items(), key=lambda item: (item[1]["name"], item[0])))
    write_text(_path(), "{\n" + ",\n".join(lines) + "\n}\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="functions; all of one argument unless given")
    parser.add_argument("--default", action="store_true", help="only the default rows, not those within 1 ulp")
    parser.add_argument("--near", action="store_true", help="every number from 2^-12 to 2^8 of both signs, and N more")
    parser.add_argument("--patterns", type=int, default=_PATTERNS, metavar="N", help="fewer, spread evenly")
    options = parser.parse_args(arguments)
    for name in options.names or names():
        for choice in _programs(name, options.default):
            program_hash = count(choice).program_hash()
            searched = kept().get(program_hash, {}).get("patterns", 0)
            if searched >= options.patterns + (options.near * _NEAR_PATTERNS):
                continue
            started = time.monotonic()
            searcher = Searcher(choice)
            found = searcher.search_near(options.patterns) if options.near else searcher.search(options.patterns)
            kept()[program_hash] = {
                "name": name, "algorithm": choice.algorithm, "internal_format": choice.internal_format,
                "max_error_ulp": found.max_error_ulp, "worst": repr(found.worst),
                "mean_error_ulp": found.mean_error_ulp, "max_error_absolute": found.max_error_absolute,
                "points": found.points,
                "patterns": options.patterns + (options.near * _NEAR_PATTERNS)}
            _store()
            print(f"{name} {choice.algorithm} in {choice.internal_format}: {found.max_error_ulp:.4g} ulp at "
                  f"{found.worst!r}, {found.points} points, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
