"""Kills every command that writes at random moments, and looks at what its file holds then."""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

__all__ = ["WRITERS", "killed"]

WRITERS: Sequence[str] = (
    "compile mlp:4-8-3:relu --json out", "compile mlp:4-8-3:relu --output out",
    "compile resnet18 --device cpu_raptorlake --json out", "devices --json out", "zoo --json out",
    "circuits --width 8 --json out", "circuits --width 8 --plot out.svg", "activations relu --json out",
    "calibrate --name board --technology 7nm --tdp 9 --bandwidth 1e10 -o out.toml",
    "calibrate rows.csv --name board -o out.toml", "calibrate rows.csv --time --name board -o out.toml",
    "evaluate cpu_cortex_a53 --device cpu_cortex_a53 --json out",
    "evaluate cpu_cortex_a53 --device cpu_cortex_a53 --plot out.svg",
    "report resnet18 --device jetson_tx2_maxn -o out.html",
    "report mlp:4-8-3:relu --device jetson_tx2_maxn -o other.html --json out",
    "compare mlp:4-8-3:relu mlp:4-3 --device jetson_tx2_maxn --json out",
    "check mlp:4-8-3:relu --device jetson_tx2_maxn --max 9J --json out",
    "serve-cost config.json --device gpu_rtx4090_laptop --batch 1 --prompt 8 --json out",
    "serve-cost config.json --device gpu_rtx4090_laptop --batch 1..4 --prompt 8 --plot out.svg",
    "sweep space.toml -o out_of_sweep.csv", "study --no-measure --json out",
    "profile mlp:4-8-3:relu --time-only --json out",
    "measure --time-only --plan plan.toml --threads 1 -o out.csv",
)
"""Every command that writes, as a command line whose goal is called ``out``."""

_CONFIG = {"model_type": "llama", "vocab_size": 64, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
           "num_attention_heads": 4, "max_position_embeddings": 64}
_GIVEN: Mapping[str, str] = {
    "rows.csv": "model,energy_joule,latency_second\n" + "".join(f"mlp:{n}-8-3,{n}e-3,{n}e-4\n" for n in range(4, 30)),
    "config.json": json.dumps(_CONFIG),
    "plan.toml": 'description = "two"\norder = "listed"\n[[workloads]]\nmodels = ["mlp:4-3", "mlp:8-3"]\n',
    "space.toml": 'model = "mlp:{width}-4"\ndevice = "rpi4"\n[space]\nwidth = [8, 16]\nbatch = [1, 2, 3]\n',
}
_SLOW = 5.0
_OLD = b"what stood there"


def killed(kills: int) -> Iterator[tuple[str, str]]:
    """The command and what each kill did: ``lost`` where the file is neither the old one nor the whole new one; else
    when it came."""
    rng = random.Random(15)
    with tempfile.TemporaryDirectory() as folder:
        home = os.getcwd()
        os.chdir(folder)
        try:
            for name, text in _GIVEN.items():
                Path(name).write_text(text, encoding="utf-8")
            writers = [_Writer(line) for line in WRITERS[:kills]]
            quick = [w for w in writers if w.seconds < _SLOW]
            turns = writers + [w for w in writers if w.seconds >= _SLOW]  # what takes long twice, not in each round
            turns += quick * kills
            for writer in turns[:kills]:
                yield writer.line, writer.kill(rng)
        finally:
            os.chdir(home)


class _Writer:
    """One command line: what its file holds in the end, and how long that takes."""

    def __init__(self, line: str) -> None:
        self.line, self._arguments = line, line.split()
        self._goal = Path(next(a for a in reversed(self._arguments) if a.startswith("out")))
        self._appends = self._arguments[0] == "measure"
        _run(self._arguments)  # here, so that children have everything imported and are killed at work
        self._old = self._half() if self._appends else _OLD
        self._goal.write_bytes(self._old)
        begun = time.perf_counter()
        os.waitpid(self._start(), 0)
        self.seconds = time.perf_counter() - begun
        self._whole = self._goal.read_bytes()
        if self._whole == self._old:
            raise RuntimeError(f"tocompiler {line} writes nothing")

    def kill(self, rng: random.Random) -> str:
        self._goal.write_bytes(self._old)
        process = self._start()
        if rng.random() < 0.7 and not self._appends:
            _wait_for_writing(process, rng)
        else:
            time.sleep(rng.random() * self.seconds)
        part_there = any(Path().glob(".unfinished-*"))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        for part in Path().glob(".unfinished-*"):
            part.unlink()
        found = self._goal.read_bytes()
        if found != self._old and not self._is_whole(found):
            return "lost"
        return "writing" if part_there else "before" if found == self._old else "after"

    def _half(self) -> bytes:
        """The head of the table and its first row: what a start before has finished."""
        return b"".join(self._goal.read_bytes().splitlines(keepends=True)[:2])

    def _start(self) -> int:
        process = os.fork()
        if process:
            return process
        try:
            _run(self._arguments)
        finally:
            os._exit(0)

    def _is_whole(self, found: bytes) -> bool:
        """Whether it is what the command writes, but for times of day and measured seconds."""
        if self._appends:
            return found.startswith(self._old) and self._goes_on(found)
        kinds: Mapping[str, Callable[[bytes], bool]] = {
            ".svg": lambda b: b.rstrip().endswith(b"</svg>"), ".html": lambda b: b.rstrip().endswith(b"</html>"),
            "": lambda b: "--json" in self._arguments and json.loads(b).keys() == json.loads(self._whole).keys()}
        is_whole = kinds.get(self._goal.suffix, lambda b: False)
        return found == self._whole or (len(found) > 0.9 * len(self._whole) and is_whole(found))

    def _goes_on(self, found: bytes) -> bool:
        """Whether a further start ends with every workload once."""
        os.waitpid(self._start(), 0)
        rows = list(csv.DictReader(io.StringIO(self._goal.read_text(encoding="utf-8"))))
        return sorted(row["model"] for row in rows) == ["mlp:4-3", "mlp:8-3"]


def _wait_for_writing(process: int, rng: random.Random) -> None:
    """Until the command's new file appears, and a moment more."""
    while not any(name.startswith(".unfinished-") for name in os.listdir()):
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
    time.sleep(rng.random() * 0.002)


def _run(command: Sequence[str]) -> None:
    """One command line, as the console script runs it."""
    kept, sys.argv = sys.argv, ["tocompiler", *command]
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), suppress(SystemExit):
            importlib.import_module("tocompiler.cli").main()
    finally:
        sys.argv = kept
