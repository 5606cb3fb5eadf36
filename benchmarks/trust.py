"""Claims on trust: hostile inputs of every kind end in a result or one line, and no kill loses a file.

``--full`` runs a million cases (hours), the default 50,000, ``--smoke`` 500. What became of the cases is printed by
kind and class on standard error, each case that is neither accepted nor refused with its number:
``python benchmarks/fuzz_inputs.py NUMBER FOLDER`` makes it again.
"""

from __future__ import annotations

import importlib
import io
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

from claims import Claim, Options, main
from fuzz_worker import CLASSES, MEMORY_BYTE, SECONDS, run_cases

_CASES = {"full": 1_000_000, "default": 50_000, "smoke": 500}
_KILLS = {"full": 200, "default": 200, "smoke": 12}
_CLAIMS = {"fuzz_tracebacks": "traceback", "fuzz_crashes": "crash", "fuzz_over_limits": "over_limit",
           "fuzz_impossible_totals": "impossible_total"}
_WRITERS: Sequence[Sequence[str]] = (
    ("compile", "mlp:4-8-3:relu", "--json", "out"), ("compile", "mlp:4-8-3:relu", "--output", "out"),
    ("compile", "resnet18", "--device", "cpu_raptorlake", "--json", "out"), ("devices", "--json", "out"),
    ("circuits", "--width", "8", "--json", "out"), ("activations", "relu", "--json", "out"),
    ("calibrate", "--name", "board", "--technology", "7nm", "--tdp", "9", "--bandwidth", "1e10", "-o", "out.toml"),
    ("evaluate", "cpu_cortex_a53", "--device", "cpu_cortex_a53", "--json", "out"),
    ("circuits", "--width", "8", "--plot", "out.svg"),
)
"""Every command that writes, and the file it writes."""


def run(options: Options) -> Iterator[Claim]:
    size = "full" if options.full else "smoke" if options.smoke else "default"
    seen: Counter[tuple[str, str]] = Counter()
    for finding in run_cases(range(_CASES[size]), workers=os.cpu_count() or 1):
        seen[finding.kind, finding.verdict] += 1
        if finding.verdict in _CLAIMS.values():
            print(f"case {finding.index} ({finding.kind}): {finding.verdict}: {finding.detail}", file=sys.stderr)
    yield from _fuzzing(seen)
    kills = _KILLS[size]
    moments = Counter(_killed(kills))
    yield Claim("kill_lost_files", moments["lost"], "files", {
        "kills": kills, "in the middle of writing": moments["writing"], "before": moments["before"],
        "after": moments["after"]}, "over every command that writes")


def _fuzzing(seen: Counter[tuple[str, str]]) -> Iterator[Claim]:
    """The claims, and a table of what became of the cases on standard error."""
    kinds = sorted({kind for kind, _ in seen})
    for kind in kinds:
        print(f"{kind:14}", *(f"{name} {seen[kind, name]:<8}" for name in CLASSES), file=sys.stderr)
    cases = seen.total()
    for name, verdict in _CLAIMS.items():
        found = sum(seen[kind, verdict] for kind in kinds)
        accepted = sum(seen[kind, "accepted"] for kind in kinds)
        yield Claim(name, found, "cases", {"cases": cases, "accepted": accepted, **{
            kind: sum(seen[kind, c] for c in CLASSES) for kind in kinds}},
            f"limits: {SECONDS} s of processor time and {MEMORY_BYTE >> 20} MiB a case")


def _killed(kills: int) -> Iterator[str]:
    """What each kill did: ``lost`` where the file is neither the old one nor the whole new one; else when it came."""
    rng = random.Random(15)
    with tempfile.TemporaryDirectory() as folder:
        home = os.getcwd()
        os.chdir(folder)
        try:
            for i in range(kills):
                yield _kill(_WRITERS[i % len(_WRITERS)], rng)
        finally:
            os.chdir(home)


_WHOLE: dict[Sequence[str], tuple[bytes, float]] = {}


def _kill(command: Sequence[str], rng: random.Random) -> str:
    goal = Path(command[-1])
    if command not in _WHOLE:
        _run(command)  # here, so that children have everything imported and are killed at work
        begun = time.perf_counter()
        os.waitpid(_started(command), 0)
        _WHOLE[command] = goal.read_bytes(), time.perf_counter() - begun
    whole, seconds = _WHOLE[command]
    old = b"what stood there"
    goal.write_bytes(old)
    process = _started(command)
    if rng.random() < 0.7:
        _wait_for_writing(process, rng)
    else:
        time.sleep(rng.random() * seconds)
    part_there = any(Path().glob(".unfinished-*"))
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    for part in Path().glob(".unfinished-*"):
        part.unlink()
    found = goal.read_bytes()
    if found not in (old, whole) and not _same_but_time(found, whole):
        return "lost"
    return "writing" if part_there else "before" if found == old else "after"


def _wait_for_writing(process: int, rng: random.Random) -> None:
    """Until the command's new file appears, and a moment more."""
    while not any(name.startswith(".unfinished-") for name in os.listdir()):
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
    time.sleep(rng.random() * 0.002)


def _same_but_time(found: bytes, whole: bytes) -> bool:
    """Whether an image is whole: matplotlib writes the time of day into it."""
    return len(found) > 0.9 * len(whole) and found.rstrip().endswith(b"</svg>")


def _started(command: Sequence[str]) -> int:
    process = os.fork()
    if process:
        return process
    try:
        _run(command)
    finally:
        os._exit(0)


def _run(command: Sequence[str]) -> None:
    """One command line, as the console script runs it."""
    kept, sys.argv = sys.argv, ["tocompiler", *command]
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), suppress(SystemExit):
            importlib.import_module("tocompiler.cli").main()
    finally:
        sys.argv = kept


if __name__ == "__main__":
    main(run, __doc__)
