"""Configurations of published language models: counts against transformers, and what compiling one costs.

    python benchmarks/data_centre_models.py [--json -]

``dc_config_mismatches`` counts the files of the folder ``models`` beside the data sets (``TOCOMPILER_DATASETS``) whose
parameters or multiply-accumulates, in prefill or in decode, differ from those of transformers' own module on the meta
device (see transformers_oracle for what stands there by its formula), or that do not compile.
``dc_compile_second`` and ``dc_compile_megabyte`` are the largest of any file, each compiled by a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from claims import Claim, Options, datasets, main

__all__ = ["model_claims"]

_PASSES: tuple[dict[str, int], ...] = ({"sequence": 16}, {"sequence": 1, "past": 40})
_CHILD = """
import json, pathlib, resource, sys, tocompiler
program = tocompiler.compile(tocompiler.load(sys.argv[1], dims=json.loads(sys.argv[2])))
usage = resource.getrusage(resource.RUSAGE_SELF)
status = pathlib.Path("/proc/self/status")  # its peak is the process's own; ru_maxrss has what its parent held as well
peak = int(status.read_text().split("VmHWM:")[1].split()[0]) if status.exists() else usage.ru_maxrss
print(json.dumps([usage.ru_utime + usage.ru_stime, peak / 1000, len(program.unmodelled)]))
"""


def model_claims(options: Options) -> Iterator[Claim]:
    """The claims about configurations; null where the files, torch or transformers are missing."""
    folder = datasets()
    files = sorted((folder.parent / "models").glob("*.json")) if folder is not None else []
    if options.smoke:
        files = [file for file in files if any(name in file.stem for name in ("0.6B", "gpt-oss-20b"))]
    if not files:
        names = ("dc_config_mismatches", "dc_compile_second", "dc_compile_megabyte")
        yield from (Claim(name, None, reason="no folder 'models' beside TOCOMPILER_DATASETS") for name in names)
        return
    yield _mismatches(files)
    yield from _cost(files)


def _mismatches(files: list[Path]) -> Claim:
    name = "dc_config_mismatches"
    try:
        from transformers_oracle import count
    except ImportError as error:
        return Claim(name, None, "files", reason=str(error))
    wrong, counted = [], {}
    for file in files:
        config = json.loads(file.read_text(encoding="utf-8"))
        architecture = _architecture(config)
        try:
            if architecture not in counted:
                counted[architecture] = [count(config, **p) for p in _PASSES]
            theirs = counted[architecture]
            differing = [p for p, counts in zip(_PASSES, theirs, strict=True) if _ours(file, p) != counts]
        except ImportError as error:
            return Claim(name, None, "files", reason=str(error))
        except ValueError as error:
            print(f"{file.stem}: {error}", file=sys.stderr)
            differing = list(_PASSES)
        if differing:
            wrong.append(file.stem)
        print(f"{file.stem}: {'differs' if differing else 'equal'}", file=sys.stderr)
    return Claim(name, len(wrong), "files", {"files": len(files), "passes of each": len(_PASSES)}, ", ".join(wrong))


def _architecture(config: Mapping[str, Any]) -> str:
    """What decides counts: everything but formats and names, so that quantised variants are counted once."""
    ignored = ("quantization_config", "torch_dtype", "dtype", "transformers_version", "_name_or_path", "auto_map")
    return json.dumps({k: v for k, v in config.items() if k not in ignored}, sort_keys=True)


def _ours(file: Path, lengths: Mapping[str, int]) -> Any:
    from transformers_oracle import Counts

    import tocompiler

    program = tocompiler.compile(tocompiler.load(file, dims=lengths))
    if program.unmodelled:
        raise ValueError(f"{len(program.unmodelled)} operators are not modelled")
    return Counts(program.totals.parameters, program.totals.multiply_accumulates)


def _cost(files: list[Path]) -> Iterator[Claim]:
    """Processor time and memory of a process that starts, reads one file and compiles a prompt and a decode step."""
    second: dict[str, float] = {}
    megabyte: dict[str, float] = {}
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1",
                   "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])}
    for file in files:
        for lengths in ({"sequence": 1024}, {"sequence": 1, "past": 1024}):
            made = subprocess.run([sys.executable, "-c", _CHILD, str(file), json.dumps(lengths)], env=environment,
                                  capture_output=True, text=True, check=False)
            if made.returncode:
                print(made.stderr, file=sys.stderr)
                continue
            seconds, megabytes, _ = json.loads(made.stdout)
            second[file.stem] = max(second.get(file.stem, 0.0), seconds)
            megabyte[file.stem] = max(megabyte.get(file.stem, 0.0), megabytes)
    for name, unit, found in (("dc_compile_second", "s of processor time", second),
                              ("dc_compile_megabyte", "MB", megabyte)):
        if len(found) < len(files):
            yield Claim(name, None, unit, reason=f"{len(files) - len(found)} files do not compile")
            continue
        worst = max(found, key=lambda stem: found[stem])
        median = sorted(found.values())[len(found) // 2]
        yield Claim(name, found[worst], unit, {"worst file": worst, "median": median, "files": len(files)})


if __name__ == "__main__":
    main(model_claims, __doc__)
