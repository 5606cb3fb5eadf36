"""Files written whole: a reader, a full disk or a killed process finds the old file or the new one, never a part."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["replacing", "write_text"]


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Put ``text`` (UTF-8) in place of what the file held; OSError naming the file where that fails."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="")


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A new file beside ``path``, with its suffix, that takes its place when the block ends without an error.

    The data is on the disk before the name changes hands (fsync, then rename(2), which POSIX makes atomic). A link is
    followed, the mode of what stood there is kept, and what is no regular file (``/dev/stdout``) is written to as it
    is. OSError, with ``path`` as its file name, where anything on the way fails; what stood there is then unchanged.
    """
    goal = Path(os.path.realpath(path))
    if goal.exists() and not goal.is_file():
        yield goal
        return
    beside = goal.with_name(f".unfinished-{os.urandom(8).hex()}{goal.suffix[:32]}")
    try:
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield beside
        if goal.exists():
            os.chmod(beside, stat.S_IMODE(goal.stat().st_mode))
        _to_disk(beside)
        os.replace(beside, goal)
        _to_disk(goal.parent)
    except OSError as error:
        why = f"cannot be written ({error.strerror or error}); what stood there is unchanged"
        raise OSError(error.errno or 0, why, os.fspath(path)) from error
    finally:
        beside.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    """fsync; a folder's is asked for where the system has it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if path.is_dir():
            with suppress(OSError):
                os.fsync(descriptor)
        else:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
