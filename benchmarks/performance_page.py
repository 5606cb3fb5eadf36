"""Write docs/performance.md from what benchmarks printed.

    python benchmarks/speed.py --json speed.json; python benchmarks/scale.py --json scale.json
    python benchmarks/performance_page.py speed.json scale.json
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import Any

__all__ = ["page", "projection"]

DOCS = Path(__file__).parent.parent / "docs"
TASK_SECOND = 1e-3
"""A Dask scheduler's own time for a task: up to a millisecond (Dask documentation, Best Practices, "Avoid Very Large
Graphs")."""
STRUCTURES, WORKERS, CHUNK = 10**9, 1000, 2000
POINTS, BYTE = 4, 96
"""Configurations of a structure in the benchmark, and bytes of their twelve columns."""


def page(claims: list[dict[str, Any]], note: str) -> str:
    """The page, from the claims of both benchmarks and what is to be known of the machine."""
    rows = ["| claim | figure | unit | beside it |", "|---|---:|---|---|"]
    for claim in claims:
        figure = "–" if claim["value"] is None else f"{claim['value']:.4g}"
        beside = ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}"
                           for k, v in claim["compared_with"].items())
        aside = f"{beside}; {claim['reason']}" if claim["reason"] else beside
        rows.append(f"| `{claim['name']}` | {figure} | {claim['unit']} | {aside} |")
    head = f"Measured on {platform.machine()} under Python {platform.python_version()}{note and '; '}{note}.\n\n"
    return (_TEXT + head + "\n".join(rows) + "\n\n" + projection(claims)).rstrip() + "\n"


def projection(claims: list[dict[str, Any]]) -> str:
    """A billion structures on a thousand workers, from the measured cost of a structure."""
    known = {c["name"]: c for c in claims}
    measured = known.get("dask_two_worker_efficiency", {}).get("compared_with", {})
    if "no_cluster_second" not in measured:
        return ""
    each = measured["no_cluster_second"] / measured["structures"]
    work, tasks = STRUCTURES * each / WORKERS, STRUCTURES / CHUNK
    return _PROJECTION.format(
        each=1e3 * each, work=work / 3600, chunk=CHUNK * each, tasks=tasks, scheduler=tasks * TASK_SECOND / 60,
        share=100 * tasks * TASK_SECOND / work, rate=WORKERS * POINTS * BYTE / each / 1e6,
        whole=STRUCTURES * POINTS * BYTE / 1e12)


_TEXT = """# Performance

    python benchmarks/speed.py --json speed.json
    python benchmarks/scale.py --json scale.json
    python benchmarks/performance_page.py speed.json scale.json      # writes this page

Ratios compare processes that ran in turn; seconds of `scale` are of processor time on one core. What keeps the compiler
fast is held by counts of calls, which are the same on every machine (`tests/tocompiler/test_call_counts.py`).

"""
_PROJECTION = """## A billion structures on a thousand workers

A structure costs {each:.2g} ms on one core (perceptrons at four batches, above). A billion on a thousand workers are
{work:.2g} hours of each worker's time. In chunks of 2000 structures, {chunk:.2g} s each, they are {tasks:.0f} tasks;
at a millisecond each the scheduler is busy for {scheduler:.2g} minutes of that, {share:.2g} %, beside the work.

Assumed: workers as fast as this machine's cores; chunks that cost much alike, so that the last ones to end add one
chunk's time; the scheduler's overhead of at most a millisecond a task; and a network and a disk that carry the results:
96 bytes a configuration, {rate:.2g} MB a second from all workers together, {whole:.2g} TB in the end, more than one
table should hold. Split the space (by one of its names) into as many sweeps as tables are wanted.
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--note", default="", help="what else the machine did")
    given = parser.parse_args()
    found = [claim for path in given.files for claim in json.loads(path.read_text(encoding="utf-8"))["claims"]]
    (DOCS / "performance.md").write_text(page(found, given.note), encoding="utf-8")
