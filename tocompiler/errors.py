"""Errors that nobody foresaw, as the one line that bad input gets; their cause stays attached for ``--debug``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["UnmodelledWarning", "explained", "one_line"]


class UnmodelledWarning(UserWarning):
    """Totals leave operators out that no rule counts."""


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Whatever goes wrong inside is a ValueError that begins with ``where``, unless it explains itself already."""
    try:
        yield
    except (ValueError, OSError, ImportError):
        raise
    except Exception as error:
        raise ValueError(f"{where} ({type(error).__name__}: {' '.join(str(error).split())})") from error


def one_line(error: Exception) -> str:
    """What went wrong; an error that nobody foresaw says so, with its kind."""
    from tocompiler.report.columns import printable

    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'standard output'}: {error.strerror}"
    text = printable(" ".join(str(error).split()))
    if isinstance(error, (ValueError, OSError, ImportError)):
        return text
    return f"this should not have happened ({type(error).__name__}: {text}); --debug shows where, please report it"
