"""A sweep on several processes or machines, by Dask: chunks of structures, each kept as a file when it is done.

A chunk is a range of structures that the workers find by its numbers alone, so that nothing large travels. The dearest
chunks go out first. The folder's manifest says whose chunks they are: a sweep that is started again goes on with those
that are missing, and a worker that dies costs the chunk that it had. Every chunk is the same numbers wherever it is
computed, and the table is put together by place: one worker or a thousand give the same file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hardware.files import write_text
from tocompiler.lanes import Array
from tocompiler.sweeping.assembly import assembled
from tocompiler.sweeping.models import model_of
from tocompiler.sweeping.run import Runner
from tocompiler.sweeping.space import space_of
from tocompiler.sweeping.table import Table

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["sweep_on"]

_CHUNKS = 256  # as many at the least where there are structures enough: the last one to end keeps the others waiting
_MOST = 2000  # structures in one: seconds of work, beside which a scheduler's millisecond is nothing


def sweep_on(model: Any, space: Mapping[str, Any], *, folder: Path, scheduler: str | None = None,
             workers: int | None = None, progress: Callable[[str], None] | None = None, **options: Any) -> Table:
    """``tocompiler.sweep`` on a Dask cluster: ``scheduler``'s, or ``workers`` processes of this machine.

    ``folder`` keeps the chunks, and must be seen by this process alone; ``options`` are those of ``sweep``, a device
    by name or file. ValueError where Dask is not installed, or the folder holds another sweep's chunks.
    """
    spec = {"model": model, "space": dict(space), **options}
    text = hashlib.sha256(json.dumps(spec, sort_keys=True, default=repr).encode()).hexdigest()
    runner = _runner(spec)
    chunks = _chunks(len(runner.structures))
    done = _manifest(folder, text, len(chunks))
    waiting = sorted(set(range(len(chunks))) - done, key=lambda i: -_cost(runner, chunks[i]))
    with _client(scheduler, workers) as client:
        tasks = {client.submit(_run, text, spec, *chunks[i], pure=False, priority=-rank, retries=3): i
                 for rank, i in enumerate(waiting)}
        _collect(tasks, folder, done, progress)
    return assembled(runner.space, [_read(folder / f"{i:06}.npz") for i in range(len(chunks))])


def _runner(spec: Mapping[str, Any]) -> Runner:
    given = {k: spec[k] for k in ("method", "count", "seed", "constraints") if k in spec}
    return Runner(model_of(spec["model"]), space_of(spec["space"], **given), spec.get("device"))


_RUNNERS: dict[str, Runner] = {}
"""A worker's own, by sweep: what one chunk met, the next finds again."""


def _run(name: str, spec: Mapping[str, Any], start: int, stop: int) -> dict[str, Array]:
    if name not in _RUNNERS:
        _RUNNERS.clear()
        _RUNNERS[name] = _runner(spec)
    return _RUNNERS[name].run(range(start, stop))


def _chunks(structures: int) -> list[tuple[int, int]]:
    size = min(max(1, -(-structures // _CHUNKS)), _MOST)
    return [(start, min(start + size, structures)) for start in range(0, structures, size)]


def _cost(runner: Runner, chunk: tuple[int, int]) -> int:
    """Points of a chunk, by its first structure."""
    return (chunk[1] - chunk[0]) * int(runner.structures.points(chunk[0]).places.size)


def _collect(tasks: dict[Any, int], folder: Path, done: set[int], progress: Callable[[str], None] | None) -> None:
    """Keep each chunk as it comes back."""
    from distributed import as_completed

    total = len(tasks) + len(done)
    for future in as_completed(list(tasks)):
        number = tasks.pop(future)
        _write(folder / f"{number:06}.npz", future.result())
        done.add(number)
        if progress is not None and (len(done) % max(1, total // 20) == 0 or not tasks):
            progress(f"{len(done)} of {total} chunks")


@contextmanager
def _client(scheduler: str | None, workers: int | None) -> Iterator[Client]:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise ValueError("a sweep on several processes needs Dask: pip install 'tocompiler[dask]'") from None
    if scheduler is not None:
        with Client(scheduler) as client:
            yield client
        return
    count = workers or len(os.sched_getaffinity(0))
    with (LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster,
          Client(cluster) as client):
        yield client


def _manifest(folder: Path, spec: str, chunks: int) -> set[int]:
    """The chunks that are done; ValueError where the folder is of another sweep."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "manifest.json"
    if file.exists():
        found = json.loads(file.read_text(encoding="utf-8"))
        if (found.get("sweep"), found.get("chunks")) != (spec, chunks):
            raise ValueError(f"{folder}: holds the chunks of another sweep; remove it or write elsewhere")
    write_text(file, json.dumps({"sweep": spec, "chunks": chunks}) + "\n")
    return {int(part.stem) for part in folder.glob("*.npz")}


def _write(file: Path, columns: Mapping[str, Array]) -> None:
    """Written beside and moved into place: a file that is there is whole."""
    beside = file.with_suffix(".part")
    with beside.open("wb") as stream:
        np.savez(stream, allow_pickle=True, **columns)
    beside.replace(file)


def _read(file: Path) -> dict[str, Array]:
    with np.load(file, allow_pickle=True) as columns:
        return {name: columns[name] for name in columns.files}
