"""SyNERGY's counts against valgrind's: instructions (callgrind) and last-level misses (cachegrind).

What runs is ``convolution.c``: a direct fp32 convolution, compiled with ``gcc -O2`` to 128-bit vectors, alone in its
process. Only its function ``convolve`` is counted. cachegrind simulates a 1 MiB, 16-way last-level cache with 64-byte
lines, so the result does not depend on this machine's own.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tocompiler.estimators import DirectLoop, Machine
from tocompiler.operators import Loops

MACHINE = Machine(vector_bit=128, cache_byte=2 ** 20, line_byte=64)
_SOURCE = Path(__file__).with_name("convolution.c")
_CACHES = ("--I1=32768,8,64", "--D1=32768,8,64", f"--LL={MACHINE.cache_byte},16,{MACHINE.line_byte}")


def _layer(m: int, c: int, side: int, kernel: int, stride: int = 1) -> Loops:
    return Loops(m=m, c=c, p=side, q=side, r=kernel, s=kernel, stride=(stride, stride))


LAYERS = (
    _layer(8, 3, 56, 3), _layer(8, 3, 55, 11, 4), _layer(16, 3, 56, 7, 2), _layer(16, 16, 28, 3),
    _layer(32, 32, 28, 3), _layer(64, 32, 14, 3), _layer(64, 64, 14, 3), _layer(128, 64, 7, 3),
    _layer(128, 128, 7, 3), _layer(64, 64, 28, 1), _layer(128, 64, 14, 1), _layer(256, 128, 7, 1),
    _layer(32, 16, 27, 5), _layer(24, 24, 13, 5), _layer(32, 16, 28, 3, 2), _layer(64, 32, 14, 1, 2),
    _layer(8, 32, 112, 3), _layer(8, 16, 160, 3), _layer(2, 2, 400, 3), _layer(4, 64, 112, 1),
)
"""Twenty convolutions: first layers, middles, ends, strides, kernels of 1 to 11, and four that overflow the cache."""


@dataclass(frozen=True)
class Counted:
    """One convolution: predicted and counted instructions and last-level misses."""

    layer: Loops
    instructions: int
    misses: float
    callgrind_instructions: int
    cachegrind_misses: int


def missing() -> str:
    """Why nothing can be counted here; empty where it can."""
    absent = [tool for tool in ("gcc", "valgrind") if shutil.which(tool) is None]
    return f"{' and '.join(absent)} not installed" if absent else ""


def count(layers: tuple[Loops, ...] = LAYERS) -> Iterator[Counted]:
    """Run each convolution under both tools. Raises CalledProcessError where a tool fails."""
    loop = DirectLoop()
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "convolution"
        subprocess.run(["gcc", "-O2", "-o", program, _SOURCE], check=True)
        for layer in layers:
            yield Counted(layer, loop.instructions(layer, MACHINE), loop.bus_accesses(layer, MACHINE),
                          _callgrind(program, layer), _cachegrind(program, layer))


def _run(program: Path, layer: Loops, tool: str, *options: str) -> str:
    out = program.with_name(f"{tool}.out")
    arguments = [str(v) for v in (layer.m, layer.c, layer.p, layer.r, layer.stride[0])]
    command = ["valgrind", f"--tool={tool}", f"--{tool}-out-file={out}", *options, program, *arguments]
    subprocess.run(command, check=True, capture_output=True)
    return out.read_text()


def _callgrind(program: Path, layer: Loops) -> int:
    text = _run(program, layer, "callgrind", "--toggle-collect=convolve")
    found = re.search(r"^totals: (\d+)", text, re.MULTILINE)
    if found is None:
        raise ValueError("callgrind wrote no totals")
    return int(found[1])


def _cachegrind(program: Path, layer: Loops) -> int:
    """Data misses (reads and writes) of the last level: columns DLmr and DLmw of the function's lines."""
    text = _run(program, layer, "cachegrind", *_CACHES)
    events = re.search(r"^events: (.*)$", text, re.MULTILINE)
    part = re.search(r"^fn=convolve\n((?:\d.*\n)+)", text, re.MULTILINE)
    if events is None or part is None:
        raise ValueError("cachegrind wrote no lines for convolve")
    names = events[1].split()
    lines = [[int(v) for v in line.split()[1:]] for line in part[1].splitlines()]
    return sum(line[names.index(event)] for line in lines for event in ("DLmr", "DLmw"))
