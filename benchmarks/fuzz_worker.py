"""Runs fuzzing cases in processes that may die: each case in process, under limits of processor time and memory.

The processes are forked from one that has imported everything and read the shipped devices, which are most of a case's
time else.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import math
import os
import re
import resource
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from fuzz_inputs import Case, case
from fuzz_seeds import seeds

__all__ = ["CLASSES", "Finding", "run_case", "run_cases"]

CLASSES = ("accepted", "refused", "traceback", "crash", "over_limit", "impossible_total")
SECONDS, MEMORY_BYTE = 10, 1 << 30


class _OverTime(BaseException):
    """The case has used its processor time."""


@dataclass(frozen=True)
class Finding:
    """What became of one case; ``detail`` says why where it is neither accepted nor refused."""

    index: int
    kind: str
    verdict: str
    detail: str = ""


def run_cases(indices: Iterable[int], workers: int = 2) -> Iterator[Finding]:
    """The findings of many cases, which ``workers`` processes share; one that dies is a finding too."""
    _prepare()
    every = list(indices)
    running = [_Worker(every[w::workers]) for w in range(workers)]
    while running:
        for worker in running:
            yield from worker.findings()
        running = [worker for worker in running if not worker.done]


@cache
def _prepare() -> None:
    """Import what commands import when they run, and read every shipped device once instead of in each case."""
    with tempfile.TemporaryDirectory() as folder:
        model, table = Path(folder) / "model.onnx", Path(folder) / "table.csv"
        model.write_bytes(seeds()[0])
        table.write_text("model,energy_joule\nmlp:4-3,1\nmlp:8-3,2\nmlp:16-3,3\n", encoding="utf-8")
        for line in (f"compile {model} --device cpu_raptorlake --json -", "circuits --json -", "activations relu",
                     "devices --json -", f"calibrate {table} --name board",
                     f"evaluate {table} --device cpu_raptorlake --json -"):
            verdict, said = _command(line.split())
            assert verdict == "accepted", said
    files = importlib.import_module("hardware.device_file")
    read, folder_of = files.read, resources.files("hardware").joinpath("devices")
    shipped = {text: read(text) for file in folder_of.iterdir() if file.name.endswith(".toml")
               for text in [file.read_text(encoding="utf-8")]}
    files.read = lambda text: shipped[text] if text in shipped else read(text)
    gc.collect()
    gc.freeze()


class _Worker:
    """A process with its cases; started again behind the case that killed it."""

    def __init__(self, indices: list[int]) -> None:
        self._left = indices
        self.done = False
        self._start()

    def _start(self) -> None:
        read, write = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(read)
            try:
                with os.fdopen(write, "w", encoding="utf-8") as out:
                    _work(self._left, out)
            finally:
                os._exit(0)
        os.close(write)
        self._lines = os.fdopen(read, encoding="utf-8")

    def findings(self) -> Iterator[Finding]:
        """The next batch, or what the process died of."""
        line = self._lines.readline()
        if line.endswith("\n"):
            found = [Finding(**entry) for entry in json.loads(line)]
            self._left = self._left[len(found):]
            yield from found
            return
        self._lines.close()
        _, status = os.waitpid(self._pid, 0)
        if not self._left:
            self.done = True
            return
        index, self._left = self._left[0], self._left[1:]
        died = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        verdict = "over_limit" if died in (signal.SIGXCPU, signal.SIGKILL) else "crash"
        yield Finding(index, case(index).kind, verdict, f"the process ended with signal {died}, status {status}")
        if self._left:
            self._start()
        else:
            self.done = True


def _work(indices: Iterable[int], out: Any) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        os.chdir(folder)
        for index in indices:
            made = case(index)
            out.write(json.dumps([asdict(run_case(made, Path(folder)))]) + "\n")
            out.flush()


def run_case(made: Case, folder: Path) -> Finding:
    """One case in this process; its file stands in ``folder`` meanwhile."""
    path = folder / f"input{made.suffix}"
    path.write_bytes(made.data)
    action: Callable[[], tuple[str, str]]
    if not made.arguments:
        action = lambda: _read_verilog(path)  # noqa: E731
    else:
        arguments = [a.replace("FILE", str(path)) for a in made.arguments]
        action = lambda: _command(arguments)  # noqa: E731
    try:
        with _limited():
            verdict, detail = action()
    except _OverTime:
        verdict, detail = "over_limit", f"more than {SECONDS} s of processor time"
    except MemoryError:
        verdict, detail = "over_limit", f"more than {MEMORY_BYTE} byte"
    except BaseException as error:
        verdict, detail = "traceback", f"{type(error).__name__}: {error}"[:300]
    path.unlink(missing_ok=True)
    return Finding(made.index, made.kind, verdict, detail)


@contextmanager
def _limited() -> Iterator[None]:
    """Processor time by a signal, with the kernel's limit behind it for code that sees none; memory by the kernel."""
    def over(*_: Any) -> None:
        raise _OverTime

    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + SECONDS + 5, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY_BYTE, before[1]))
    signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, before)


_UNFORESEEN = re.compile(r"Traceback|should not have happened")
_NO_MEMORY = re.compile(r"MemoryError|Unable to allocate|bad_alloc")


def _command(arguments: list[str]) -> tuple[str, str]:
    """One command line in this process: its verdict by exit status, standard error and the figures it printed."""
    main = importlib.import_module("tocompiler.cli").main  # what the console script calls
    out, errors = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    kept = sys.argv, sys.stdout, sys.stderr
    sys.argv, sys.stdout, sys.stderr = ["tocompiler", *arguments], out, errors
    status: Any = 0
    try:
        main()
    except SystemExit as leaving:
        status = leaving.code
    finally:
        sys.argv, sys.stdout, sys.stderr = kept
    out.flush()
    errors.flush()
    said = errors.buffer.getvalue().decode(errors="replace")  # type: ignore[attr-defined]
    printed = out.buffer.getvalue().decode(errors="replace")  # type: ignore[attr-defined]
    if _NO_MEMORY.search(said):
        return "over_limit", said[-300:]
    if _UNFORESEEN.search(said) or status not in (0, 1, 2):
        return "traceback", f"status {status}: {said[-400:]}"
    if status and not said.strip():
        return "traceback", f"status {status} without a word"
    if status == 1 and not said.splitlines()[-1].startswith("tocompiler: "):
        return "traceback", f"not one line: {said[-300:]}"
    wrong = _impossible(printed) if "--json" in arguments else ""
    return ("impossible_total", wrong) if wrong else ("refused" if status else "accepted", "")


def _impossible(text: str) -> str:
    """The first figure of a JSON output that no machine can have."""
    if not text.strip():
        return ""
    try:
        figures = json.loads(text, parse_constant=lambda name: f"!{name}")
    except ValueError as error:
        return f"no JSON: {error}"
    return next((f"{path} = {value}" for path, value in _leaves(figures, "") if _is_impossible(path, value)), "")


_MAY_BE_NEGATIVE = re.compile(r"r2|spearman|precision|domain")


def _is_impossible(path: str, value: Any) -> bool:
    if isinstance(value, str):
        return value.startswith("!") and value[1:] in ("NaN", "Infinity", "-Infinity")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return not math.isfinite(value) or (value < 0 and not _MAY_BE_NEGATIVE.search(path))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{i}]")
    else:
        yield path, value


def _read_verilog(path: Path) -> tuple[str, str]:
    reader = importlib.import_module("alu_library.circuits.verilog_reader")
    try:
        netlist = reader.from_verilog(path.read_bytes().decode(errors="replace"))
    except ValueError as error:
        if _NO_MEMORY.search(repr(error.__cause__)):
            return "over_limit", str(error)
        return ("refused", "") if "\n" not in str(error) else ("traceback", f"not one line: {error}"[:300])
    return ("accepted", "") if all(netlist.counts.values()) else ("impossible_total", "")


def tally(findings: Iterable[Finding]) -> Counter[tuple[str, str]]:
    """How many cases of each kind ended in each class."""
    return Counter((f.kind, f.verdict) for f in findings)

