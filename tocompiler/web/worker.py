"""The child process that reads a stranger's file: a request as JSON on standard input, figures on standard output.

    python -m tocompiler.web.worker MEMORY_BYTE CPU_SECOND < request.json

Exit status 1 and one line on standard error where the file or the request is bad.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

__all__ = ["answer", "main"]

_OUTPUT_BYTE = 1 << 28


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a report on one model, or of a comparison of two."""
    from hardware.device import load_device
    from tocompiler.commands.report import other_batches
    from tocompiler.commands.subject import subject
    from tocompiler.report.comparison import Compared, as_json
    from tocompiler.report.page import Report, figures

    device = load_device(request["device"])
    found = [subject(model, device, label, batch=request["batch"], format=request["format"], dims=request["dims"])
             for label, model in request["models"]]
    if len(found) == 1:
        one = found[0]
        return figures(Report(one.program, device, one.label, one.batch,
                              batched=other_batches(one, request["dims"])))
    return as_json([Compared(s.label, s.program, s.device, s.prediction, s.batch) for s in found])


def main() -> int:
    """Hold the limits, answer, and say in one line what went wrong."""
    from tocompiler.errors import one_line

    _hold(*map(int, sys.argv[1:]))
    try:
        found = json.dumps(answer(json.load(sys.stdin)), allow_nan=False)
    except MemoryError:
        print("it needs more memory than the page allows (tocompiler web --memory)", file=sys.stderr)
        return 1
    except Exception as error:
        print(one_line(error), file=sys.stderr)
        return 1
    sys.stdout.write(found)
    return 0


def _hold(memory_byte: int, cpu_second: int) -> None:
    """Limits of memory, processor time and output; a system without them has the parent's clock alone."""
    with suppress(ImportError):
        import resource

        for which, value in ((resource.RLIMIT_DATA, memory_byte), (resource.RLIMIT_CPU, cpu_second),
                             (resource.RLIMIT_FSIZE, _OUTPUT_BYTE), (resource.RLIMIT_CORE, 0)):
            with suppress(ValueError, OSError):
                resource.setrlimit(which, (value, value))


if __name__ == "__main__":
    sys.exit(main())
