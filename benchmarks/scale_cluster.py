"""A sweep over structures on a Dask cluster of this machine: its speed on two workers, and what a killed one costs."""

from __future__ import annotations

import hashlib
import os
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from claims import Claim, Options

import tocompiler

__all__ = ["claims"]

DEVICE = "rpi4"
MODEL = "mlp:{a}-{b}-{c}-{d}:relu"


def space(structures: int) -> dict[str, Any]:
    """Perceptrons of four widths, each a structure of its own, at four batches."""
    side = max(2, round((structures / 40) ** (1 / 3)))
    return {"a": [*range(8, 8 + side)], "b": [*range(8, 8 + side)], "c": [*range(8, 8 + side)],
            "d": [*range(1, 41)], "batch": [1, 4, 16, 64]}


def claims(options: Options) -> Iterator[Claim]:
    """Efficiency of two workers over one, equal files, and the kill."""
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        missing = "distributed is not installed (extra: dask)"
        yield Claim("dask_two_worker_efficiency", None, "", {}, missing)
        yield Claim("dask_kill_repeats", None, "chunks", {}, missing)
        return
    structures = 400 if options.smoke else 100_000 if options.full else 20_000
    made = space(structures)
    rounds = 1 if options.smoke or options.full else 3
    seconds: dict[int, list[float]] = {1: [], 2: []}
    hashes = set()
    for _ in range(rounds):
        for workers in (1, 2):
            with (LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
                  Client(cluster) as client):
                client.run(_warm)
                second, digest = _timed(made, cluster.scheduler_address)
                seconds[workers].append(second)
                hashes.add(digest)
    one, two = (statistics.median(seconds[w]) for w in (1, 2))
    start = time.perf_counter()
    hashes.add(_digest(tocompiler.sweep(MODEL, made, device=DEVICE)))
    alone = time.perf_counter() - start
    count = len(made["a"]) ** 3 * len(made["d"])
    yield Claim("dask_two_worker_efficiency", None if options.smoke else one / two / 2, "", {
        "structures": count, "one_worker_second": one, "two_worker_second": two, "no_cluster_second": alone,
        "cores": len(os.sched_getaffinity(0)), "different_files": len(hashes) - 1},
        "a smoke run is over before the workers are" if options.smoke else "")
    yield _killed(made)


def _warm() -> None:
    tocompiler.sweep("mlp:4-4", {"batch": [1, 2]}, device=DEVICE)


def _timed(made: dict[str, Any], address: str) -> tuple[float, str]:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        table = tocompiler.sweeping.sweep_on(MODEL, made, device=DEVICE, folder=Path(folder), scheduler=address)
        return time.perf_counter() - start, _digest(table)


def _digest(table: Any) -> str:
    with tempfile.TemporaryDirectory() as folder:
        table.write(Path(folder) / "table.csv")
        return hashlib.sha256((Path(folder) / "table.csv").read_bytes()).hexdigest()


def _killed(made: dict[str, Any]) -> Claim:
    """Chunks that were computed twice after one of two workers was killed in mid-run."""
    from distributed import Client, LocalCluster

    with (LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
          Client(cluster) as client, tempfile.TemporaryDirectory() as folder):
        victim = next(iter(client.run(os.getpid).values()))
        seen: list[str] = []

        def progress(text: str) -> None:
            if not seen:
                threading.Thread(target=os.kill, args=(victim, signal.SIGKILL)).start()
            seen.append(text)

        table = tocompiler.sweeping.sweep_on(MODEL, made, device=DEVICE, folder=Path(folder) / "parts",
                                             scheduler=cluster.scheduler_address, progress=progress)
        repeated = sum(1 for key, events in client.get_events().items() if "retry" in str(key) for _ in events)
        chunks = len(list((Path(folder) / "parts").glob("*.npz")))
    same = _digest(table) == _digest(tocompiler.sweep(MODEL, made, device=DEVICE))
    return Claim("dask_kill_lost", 0 if same else 1, "files that differ", {"chunks": chunks, "retry_events": repeated})
