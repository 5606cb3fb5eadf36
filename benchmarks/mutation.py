"""Claims on the tests: of small changes of the sources, drawn by seed, how many some test notices.

Which test runs which function is observed first, once; then each mutant is shown to the tests that run its function,
the quickest first. ``--full`` draws 400 mutants and takes an hour, the default 24, ``--smoke`` 2; the last two observe
only test files near the mutants. Each end is printed on standard error with file, line and change. The environment
variable MUTATION_ROOM names a room to draw from, MUTATION_COUNT another number, MUTATION_SEED another draw, and
MUTATION_RESULTS a folder that what was found is kept in: a later run goes on from there, and shows survivors to the
tests again.
"""

from __future__ import annotations

import ast
import atexit
import json
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from claims import Claim, Options, main
from mutants import ROOMS, Mutant, drawn, room_of
from mutation_tests import anew, in_place, observed, preload

_PACKAGES = ("alu_library", "hardware", "tocompiler")


def _with_sources() -> Path:
    """The repository; where the packages are installed elsewhere, as for a wheel, a copy that has them beside the
    tests."""
    home = Path(__file__).resolve().parent.parent
    if all((home / name).is_dir() for name in _PACKAGES):
        return home
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    copy = Path(folder.name) / "repository"
    shutil.copytree(home, copy)
    for name in _PACKAGES:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise SystemExit(f"{name} is neither beside the benchmarks nor installed: install the project first")
        shutil.copytree(Path(spec.origin).parent, copy / name)
    return copy


_ROOT = _with_sources()
_COUNTS = {"full": 400, "default": 24, "smoke": 2}
_NEAR = {"default": 3, "smoke": 1}
"""Test files a mutant is shown to, the nearest; all of them in a full run."""


def run(options: Options) -> Iterator[Claim]:
    size = "full" if options.full else "smoke" if options.smoke else "default"
    count = int(os.environ.get("MUTATION_COUNT", _COUNTS[size]))
    wanted = os.environ.get("MUTATION_ROOM")
    mutants = drawn(_ROOT, count * (1 if wanted is None else 2 * (len(ROOMS) + 1)),
                    int(os.environ.get("MUTATION_SEED", "15")))
    chosen = [m for m in mutants if wanted in (None, room_of(m.path))][:count]
    files = _tests() if size == "full" else sorted({t for m in chosen for t in _nearest(m.path)[:_NEAR[size]]})
    ends = _ends(chosen, files)
    tried = Counter(room_of(m.path) for m in chosen)
    killed = Counter(room_of(m.path) for m in chosen if ends[_name(m)] != "survived")
    late = sum(end == "late" for end in ends.values())
    yield Claim("mutation_score", sum(killed.values()) / len(chosen), "",
                {"mutants": len(chosen), "by time alone": late},
                "" if size == "full" else "killed by the nearest tests")
    for room in ROOMS:
        yield Claim(f"mutation_score_{room}", killed[room] / tried[room] if tried[room] else None, "",
                    {"mutants": tried[room]}, "" if tried[room] else "no mutant of this room was drawn")


def _name(mutant: Mutant) -> str:
    return f"{mutant.path}:{mutant.line}: {mutant.change}"


def _ends(mutants: list[Mutant], files: list[str]) -> Mapping[str, str]:
    """What becomes of each mutant: ``killed``, ``late`` where the tests do not end in their time, or ``survived``."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(os.environ.get("MUTATION_RESULTS", folder)).resolve()
        kept.mkdir(exist_ok=True, parents=True)
        results = kept / "ends.jsonl"
        known = map(json.loads, results.read_text(encoding="utf-8").splitlines()) if results.exists() else iter(())
        ends: dict[str, str] = {entry["mutant"]: entry["end"] for entry in known}

        def say(mutant: Mutant, end: str, by: str) -> None:
            with results.open("a", encoding="utf-8") as out:
                out.write(json.dumps({"mutant": _name(mutant), "end": end, "by": by}) + "\n")
            if end != "alive":
                print(f"{end}: {_name(mutant)}", file=sys.stderr, flush=True)

        sys.path.insert(0, str(_ROOT))
        os.chdir(_ROOT)
        preload()
        trace = observed(files, _ROOT, kept / "trace.jsonl")
        fresh = [m for m in mutants if _name(m) not in ends]
        if fresh:
            in_place(fresh, trace, _ROOT, files, say)
        ends |= {entry["mutant"]: entry["end"] for line in results.read_text(encoding="utf-8").splitlines()
                 for entry in [json.loads(line)]}
        for mutant in mutants:
            if ends[_name(mutant)] in ("alive", "survived"):
                ends[_name(mutant)] = anew(mutant, trace, _ROOT)
                say(mutant, ends[_name(mutant)], "anew")
        return ends


def _nearest(path: str) -> list[str]:
    """Of the test files whose imports lead to the file, those that share most words with it; rare words count more."""
    reaching = [test for test in _tests() if path in _reached(test)]
    rarity = Counter(word for test in _tests() for word in _words(test))
    shared = {test: sum(1 / rarity[w] for w in _words(path) & _words(test)) / len(_words(test)) ** 0.5
              for test in reaching}
    named = Path(path).stem.strip("_")
    return sorted(reaching, key=lambda test: (named not in test, -shared[test], test))


@cache
def _words(path: str) -> frozenset[str]:
    return frozenset(re.findall(r"[A-Za-z_]\w{3,}", (_ROOT / path).read_text(encoding="utf-8")))


@cache
def _tests() -> list[str]:
    paths = (p for p in (_ROOT / "tests").rglob("test_*.py") if "slow" not in p.parts)
    return sorted(p.relative_to(_ROOT).as_posix() for p in paths)


@cache
def _reached(test: str) -> frozenset[str]:
    """Every file that a test's imports lead to."""
    found, waiting = {test}, [test]
    while waiting:
        further = _imports(waiting.pop()) - found
        found |= further
        waiting += further
    return frozenset(found)


@cache
def _imports(path: str) -> frozenset[str]:
    """Files of the repository that a file imports, wherever in it; names of a package's face lead to their module."""
    found: set[str] = set()
    text = (_ROOT / path).read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    if "iter_modules" in text or "open_files(__name__)" in text:  # a register, which imports every file beside it
        found |= {f"{'.'.join(Path(path).parent.parts)}.{p.stem}" for p in (_ROOT / path).parent.glob("*.py")}
        found |= {".".join(p.relative_to(_ROOT).parts) for p in (_ROOT / path).parent.iterdir() if p.is_dir()}
    return frozenset(file for name in found for file in _file_of(name) if file != path)


def _file_of(module: str) -> list[str]:
    base = module.replace(".", "/")
    return [file for file in (f"{base}.py", f"{base}/__init__.py") if (_ROOT / file).is_file()]


if __name__ == "__main__":
    main(run, __doc__)
