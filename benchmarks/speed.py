"""How long the whole process takes and how much memory it needs, beside onnx-tool on the same files.

    python benchmarks/speed.py [--json -] [--full]

The stripped exports in tests/data are inflated to full size with random weights, then ``tocompiler compile FILE`` and
``python -m onnx_tool -i FILE`` run in turn (A B A B ...) as fresh processes; the figures are medians. Memory is the
peak resident set of the process as the kernel reports it (wait4), which is at least that of the process that starts it:
this one stays small, and inflates the models in another.
"""

from __future__ import annotations

import importlib.util
import math
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims import Claim, Options, main

DATA = Path(__file__).parent.parent / "tests" / "data"
MODELS = {"resnet50": "resnet50.dynamo", "vit_b_16": "vit_b_16.dynamo", "swin_b": "swin_b.dynamo"}


@dataclass(frozen=True)
class Cost:
    """One process: wall time, and peak resident memory."""

    second: float
    megabyte: float


def run(options: Options) -> Iterator[Claim]:
    """Speed and memory of each model."""
    rounds = 1 if options.smoke else 15 if options.full else 5
    peer_missing = "" if importlib.util.find_spec("onnx_tool") else "onnx-tool is not installed (extra: benchmarks)"
    for name, file in list(MODELS.items())[:1 if options.smoke else None]:
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / f"{name}.onnx"
            _apart(inflate, DATA / f"{file}.onnx", model)
            ours, theirs = interleaved(model, rounds, with_peer=not peer_missing)
        measured = {"second": ours.second, "megabyte": ours.megabyte}
        if theirs is None:
            yield Claim(f"speed_{name}_vs_onnx_tool", None, "x", measured, peer_missing)
            yield Claim(f"memory_{name}_vs_onnx_tool", None, "x", measured, peer_missing)
            continue
        measured |= {"onnx_tool_second": theirs.second, "onnx_tool_megabyte": theirs.megabyte}
        yield Claim(f"speed_{name}_vs_onnx_tool", theirs.second / ours.second, "x", measured)
        yield Claim(f"memory_{name}_vs_onnx_tool", theirs.megabyte / ours.megabyte, "x", measured)


def interleaved(model: Path, rounds: int, with_peer: bool) -> tuple[Cost, Cost | None]:
    """Medians of both tools over alternating runs, after one run of each that warms the caches."""
    ours = [str(Path(sys.executable).with_name("tocompiler")), "compile", str(model)]
    peer = [sys.executable, "-m", "onnx_tool", "-i", str(model)]
    # Bytecode is compiled by the first run of each, as an installation would, wherever this one lives.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(model.parent)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    mine: list[Cost] = []
    other: list[Cost] = []
    for i in range(rounds + 1):
        found = cost(ours, environment)
        reference = cost(peer, environment) if with_peer else None
        if i:
            mine.append(found)
            other += [reference] if reference else []
    return _median(mine), _median(other) if other else None


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.median(c.second for c in costs), statistics.median(c.megabyte for c in costs))


def cost(command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Run a command to its end in a fresh process; RuntimeError if it fails."""
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        second = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if status:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(command)}: {errors.read().decode()[-500:]}")
    return Cost(second, usage.ru_maxrss / 1024)


def _apart(function: Any, *arguments: Any) -> None:
    """Call a function in a process of its own."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{function.__name__}{arguments} failed")


def inflate(stripped: Path, target: Path) -> None:
    """Write a model with random values (zeros for integers) in every tensor that was stripped."""
    import numpy as np
    import onnx

    model = onnx.load(stripped, load_external_data=False)
    random = np.random.default_rng(0)
    constants = [a.t for node in model.graph.node for a in node.attribute if a.type == onnx.AttributeProto.TENSOR]
    for tensor in [*model.graph.initializer, *constants]:
        if not _has_values(tensor):
            tensor.raw_data = _values(tensor, random, onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
    onnx.save(model, str(target))


def _has_values(tensor: Any) -> bool:
    return any(len(getattr(tensor, f)) for f in ("raw_data", "float_data", "int32_data", "int64_data", "double_data"))


def _values(tensor: Any, random: Any, dtype: Any) -> bytes:
    size = math.prod(tensor.dims)
    if dtype == "float32":
        return bytes(random.standard_normal(size, dtype="float32").tobytes())
    return bytes(size * dtype.itemsize)


if __name__ == "__main__":
    main(run, __doc__)
