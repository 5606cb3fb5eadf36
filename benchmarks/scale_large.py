"""Large networks: time and memory by operators, and a configuration of 400 billion parameters."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from claims import Claim, Options

import tocompiler

__all__ = ["claims"]

LLAMA_405B = {
    # Llama 3.1 405B (Grattafiori et al. 2024, arXiv 2407.21783, Table 3)
    "model_type": "llama", "hidden_size": 16384, "num_hidden_layers": 126, "num_attention_heads": 128,
    "num_key_value_heads": 8, "intermediate_size": 53248, "vocab_size": 128256, "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-5, "torch_dtype": "bfloat16",
}
_CHAIN = """
import gc, sys, time
import tocompiler
gc.set_threshold(100_000)  # as the command line does: what a compilation makes lives to its end
def chain(n):
    net = tocompiler.Network("chain")
    x = net.input((1, 64, 8, 8))
    for _ in range(n // 2):
        x = net.relu(net.conv2d(x, 64, 1))
    net.output(x)
    return tocompiler.compile(net).totals.multiply_accumulates
chain(100)
start = time.process_time()
assert chain(int(sys.argv[1])) == int(sys.argv[1]) // 2 * 64**2 * 64
second = time.process_time() - start
lines = open("/proc/self/status").read().splitlines()  # a process's own; getrusage knows that of its parent as well
print(second, int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024)
"""


def claims(options: Options) -> Iterator[Claim]:
    """The time of 10^5 operators over that of 10^4, their memory, and the configuration's time."""
    few, many = (2_000, 20_000) if options.smoke else (10_000, 100_000)
    short, _ = _chain(few)
    long, megabyte = _chain(many)
    yield Claim("operators_growth", long / short / (many / few), "x of linear",
                {"operators": many, "second": long, "fewer": few, "fewer_second": short})
    yield Claim("operators_megabyte", megabyte, "MB", {"operators": many})
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.json"
        file.write_text(json.dumps(LLAMA_405B))
        for _ in range(6):
            start = time.process_time()
            program = tocompiler.compile(tocompiler.load(f"hf:{file}", dims={"sequence": 128}))
            taken.append(time.process_time() - start)
    yield Claim("config_400b_second", statistics.median(taken[1:]), "s",
                {"parameters": int(program.totals.parameters), "operators": len(program.rows)})


def _chain(operators: int) -> tuple[float, float]:
    """Seconds of processor time and megabytes, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", _CHAIN, str(operators)], capture_output=True, text=True, check=True)
    second, megabyte = map(float, done.stdout.split())
    return second, megabyte
