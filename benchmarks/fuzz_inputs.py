"""Inputs for fuzzing, each made from a seed and a number: files of every kind and command lines, right but for a few
fields or bytes.

As a tool: ``python benchmarks/fuzz_inputs.py NUMBER FOLDER`` writes one case's file and prints its command line.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzz_command_lines import command_line
from fuzz_configs import config_file
from fuzz_onnx import onnx_file
from fuzz_texts import csv_file, toml_file, verilog_file

__all__ = ["KINDS", "Case", "case"]

_SEED = 15
_Made = tuple[str, bytes, Sequence[str]]


@dataclass(frozen=True)
class Case:
    """One input: its kind, what the file holds, and the command line that reads it (FILE stands for its path)."""

    index: int
    kind: str
    suffix: str
    data: bytes
    arguments: tuple[str, ...] = ()


def case(index: int) -> Case:
    """The case of that number; the same one each time."""
    rng = random.Random(f"{_SEED}/{index}")
    kind = KINDS[index % len(KINDS)]
    suffix, data, arguments = _MAKERS[kind](rng)
    if kind != "command_line" and rng.random() < 0.35:
        data = _spoiled(data, rng)
    return Case(index, kind, suffix, data, tuple(arguments))


def _spoiled(data: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, inserted, repeated or left out."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        at = rng.randrange(len(out) + 1)
        kind = rng.randrange(6)
        if kind == 0 and at < len(out):
            out[at] = rng.randrange(256)
        elif kind == 1 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            out[at:at] = rng.choice((b"\xff" * 9, b"\0", bytes([rng.randrange(256)]), b"\x80\x80\x80\x80\x08",
                                     b"\xff\xfe"))
        elif kind == 3:
            del out[at:at + rng.choice((1, 2, 8, 64))]
        elif kind == 4:
            length = rng.choice((1, 4, 16, 64, 256))
            out[at:at] = out[at:at + length] * rng.choice((1, 2, 20))
        else:
            del out[at:]
    return bytes(out)


def _onnx(rng: random.Random) -> _Made:
    options = rng.choice(((), (), ("--batch", "2"), ("--dim", "batch=2"), ("--symbolic",), ("--phase", "training"),
                          ("--format", "fp16"), ("--emit", "network"), ("--emit", "alu"),
                          ("--device", "cpu_raptorlake"),
                          ("--read-weights",), ("--explain",), ("--top", "3")))
    shown = () if "--emit" in options or rng.random() < 0.3 else ("--json", "-")
    return ".onnx", onnx_file(rng), ("compile", "FILE", *options, *shown)


def _json(rng: random.Random) -> _Made:
    """A configuration as text, always damaged."""
    suffix, data, arguments = config_file(rng)
    return suffix, _spoiled(data, rng), arguments


_MAKERS: Mapping[str, Callable[[random.Random], _Made]] = {
    "onnx": _onnx, "config": config_file, "csv": csv_file, "toml": toml_file, "verilog": verilog_file, "json": _json,
    "command_line": command_line,
}
KINDS = ("onnx", "onnx", "onnx", "onnx", "config", "csv", "toml", "verilog", "json", "command_line")
"""The kind of each case, in turn: models are what most strangers send."""


if __name__ == "__main__":
    wanted = case(int(sys.argv[1]))
    file = Path(sys.argv[2]) / f"input{wanted.suffix}"
    file.write_bytes(wanted.data)
    print(wanted.kind, *wanted.arguments, file)
