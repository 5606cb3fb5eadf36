"""Errors that nobody foresaw, as the one line that bad input gets; their cause stays attached for ``--debug``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["UnmodelledWarning", "explained"]


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
