"""Jobs: one request in one child process, with limits of size, time and memory."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["JobError", "Limits", "run"]


class JobError(Exception):
    """A request that was refused or stopped, in one line."""


@dataclass(frozen=True)
class Limits:
    """What one request may take: bytes sent, bytes of memory, seconds; and how many run at once."""

    upload_byte: int = 512 << 20
    memory_byte: int = 2 << 30
    second: int = 60
    at_once: int = 2


async def run(request: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """The worker's figures. JobError where it refuses the file or is stopped."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tocompiler.web.worker", str(limits.memory_byte), str(limits.second),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    try:
        out, said = await asyncio.wait_for(child.communicate(json.dumps(request).encode()), limits.second)
    except TimeoutError:
        raise JobError(f"it took more than {limits.second} s and was stopped (tocompiler web --seconds)") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode == 0:
        found: dict[str, Any] = json.loads(out)
        return found
    lines = said.decode(errors="replace").strip().splitlines()
    if child.returncode == 1 and lines:
        raise JobError(lines[-1])
    raise JobError(f"its reader was stopped (status {child.returncode}): more than {limits.memory_byte >> 20} MB of "
                   f"memory or {limits.second} s")
