"""Claims on trust: hostile inputs of every kind end in a result or one line, and no kill loses a file.

``--full`` runs a million cases (hours), the default 50,000, ``--smoke`` 500. What became of the cases is printed by
kind and class on standard error, each case that is neither accepted nor refused with its number:
``python benchmarks/fuzz_inputs.py NUMBER FOLDER`` makes it again. The environment variable TRUST_RESULTS names a file
that results are appended to, thousand by thousand: a later run goes on where that file ends, and tries again what it
found. As many processes run as processors may be used (``taskset -c 0`` for one).
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from claims import Claim, Options, main
from fuzz_worker import CLASSES, MEMORY_BYTE, SECONDS, run_cases
from kills import WRITERS, killed

_CASES = {"full": 1_000_000, "default": 50_000, "smoke": 500}
_CHUNK = 1000
_KILLS = {"full": 200, "default": 200, "smoke": 12}
_CLAIMS = {"fuzz_tracebacks": "traceback", "fuzz_crashes": "crash", "fuzz_over_limits": "over_limit",
           "fuzz_impossible_totals": "impossible_total"}


def run(options: Options) -> Iterator[Claim]:
    size = "full" if options.full else "smoke" if options.smoke else "default"
    yield from _fuzzing(_seen(_CASES[size]))
    kills = _KILLS[size]
    moments: Counter[str] = Counter()
    for line, moment in killed(kills):
        moments[moment] += 1
        if moment == "lost":
            print(f"killed and lost: {line}", file=sys.stderr)
    yield Claim("kill_lost_files", moments["lost"], "files", {
        "kills": kills, "in the middle of writing": moments["writing"], "before": moments["before"],
        "after": moments["after"], "command_lines": min(kills, len(WRITERS))}, "over every command that writes")


def _seen(cases: int) -> Counter[tuple[str, str]]:
    """What became of as many cases, by kind and class."""
    name = os.environ.get("TRUST_RESULTS")
    earlier = Path(name).read_text(encoding="utf-8").splitlines() if name and Path(name).exists() else []
    seen: Counter[tuple[str, str]] = Counter()
    first, again = 0, list[int]()
    for line in map(json.loads, earlier):
        first += line["cases"]
        again += line["found"]
        seen.update({(kind, verdict): n for kind, verdict, n in line["seen"]})
    for start in [None, *range(first, cases, _CHUNK)]:
        indices = again if start is None else range(start, min(start + _CHUNK, cases))
        findings = list(run_cases(indices, workers=len(os.sched_getaffinity(0))))
        counted = Counter((f.kind, f.verdict) for f in findings)
        seen.update(counted)
        bad = [f for f in findings if f.verdict in _CLAIMS.values()]
        for f in bad:
            print(f"case {f.index} ({f.kind}): {f.verdict}: {f.detail}", file=sys.stderr, flush=True)
        if name and start is not None:
            line = {"cases": len(findings), "found": [f.index for f in bad], "seen": [
                (kind, verdict, n) for (kind, verdict), n in counted.items() if verdict not in _CLAIMS.values()]}
            with open(name, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
    return seen


def _fuzzing(seen: Counter[tuple[str, str]]) -> Iterator[Claim]:
    """The claims, and a table of what became of the cases on standard error."""
    kinds = sorted({kind for kind, _ in seen})
    for kind in kinds:
        print(f"{kind:14}", *(f"{name} {seen[kind, name]:<8}" for name in CLASSES), file=sys.stderr)
    cases = seen.total()
    for name, verdict in _CLAIMS.items():
        found = sum(seen[kind, verdict] for kind in kinds)
        accepted = sum(seen[kind, "accepted"] for kind in kinds)
        yield Claim(name, found, "cases", {"cases": cases, "accepted": accepted, **{
            kind: sum(seen[kind, c] for c in CLASSES) for kind in kinds}},
            f"limits: {SECONDS} s of processor time and {MEMORY_BYTE >> 20} MiB a case")


if __name__ == "__main__":
    main(run, __doc__)
