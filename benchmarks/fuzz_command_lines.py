"""Command lines for fuzzing: options of every command with values that suit them or do not."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from fuzz_words import MODELS, NUMBERS, WORDS

__all__ = ["command_line"]

_Made = tuple[str, bytes, Sequence[str]]
"""A suffix, the file's bytes, and the command line that reads it (FILE stands for the path)."""

_OPTIONS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "compile": (("--batch", "N"), ("--dim", "D"), ("--symbolic",), ("--format", "F"), ("--phase", "P"),
                ("--optimizer", "W"),
                ("--device", "W"), ("--circuits", "W"), ("--activation-error", "N"), ("--option", "W"),
                ("--zeros", "D"),
                ("--read-weights",), ("--emit", "E"), ("--top", "N"), ("--explain",), ("--json", "-"),
                ("--limit", "D")),
    "circuits": (("--width", "N"), ("--format", "F"), ("--basis", "W"), ("--node", "W"), ("--json", "-")),
    "activations": (("--format", "F"), ("--max-error", "N"), ("--max-absolute", "N"), ("--derivatives",),
                    ("--elementary",),
                    ("--circuits", "W"), ("--device", "W"), ("--node", "W"), ("--json", "-"), ("W",)),
    "devices": (("--json", "-"), ("W",)),
    "calibrate": (("--name", "W"), ("--runtime", "W"), ("--cache", "N"), ("--technology", "W"), ("--tdp", "N"),
                  ("--bandwidth", "N"),
                  ("--rows", "N")),
}
_TAMES = {"F": ("fp32", "fp16", "bf16", "int8", "fp8_e4m3", "int3", "fp64", "uint70"),
          "P": ("inference", "training", "backward"),
          "E": ("network", "alu", "transistors", "energy"), "D": ("batch=2", "sequence=4", "nodes=5", "*=0.5", "x=0"),
          "N": ("1", "2", "8", "0.5", "100"),
          "W": ("cpu_raptorlake", "default", "sgd", "adam", "relu", "7nm", "45nm", "fold_batch_norm", "static_cmos",
                "fast")}


def command_line(rng: random.Random) -> _Made:
    command = rng.choice(("compile",) * 5 + tuple(_OPTIONS))
    arguments = [command]
    if command == "compile":
        arguments.append(rng.choice((*MODELS[:5], "mlp:4-3:" + rng.choice(WORDS).replace("\0", ""), rng.choice(WORDS))))
    most = len(_OPTIONS[command])
    for option in rng.sample(_OPTIONS[command], min(most, rng.choice((0, 1, 2, 2, 3)))):
        for part in option:
            values = (part,) if part not in _TAMES else _TAMES[part] if rng.random() < 0.6 else (*NUMBERS, *WORDS)
            arguments.append(rng.choice(values))
    return "", b"", [a.replace("\0", "") for a in arguments]
