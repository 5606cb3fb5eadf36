"""Extras: what compile does not need is installed when wanted, and named with the line that installs it when missed."""

from __future__ import annotations

from contextlib import ContextDecorator
from types import TracebackType

__all__ = ["EXTRAS", "needs"]

EXTRAS = {
    "calibration": {"pandas": "pandas", "scipy": "scipy", "sklearn": "scikit-learn", "statsmodels": "statsmodels"},
    "frames": {"pandas": "pandas"},
    "plot": {"matplotlib": "matplotlib"},
    "report": {"jinja2": "jinja2", "vl_convert": "vl-convert-python"},
    "web": {"starlette": "starlette", "uvicorn": "uvicorn"},
}
"""Extra to the modules that it brings, by the name of their distribution."""


class needs(ContextDecorator):  # noqa: N801 - used as @needs("plot") and with needs("plot"):
    """What is done inside imports packages of an extra; ImportError, in one line that mends it, without them."""

    def __init__(self, extra: str, what: str) -> None:
        self.extra, self.what = extra, what

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 where: TracebackType | None) -> None:
        missing = EXTRAS[self.extra].get((error.name or "").split(".")[0]) if isinstance(
            error, ModuleNotFoundError) else None
        if missing is not None:
            raise ImportError(f"{self.what} needs {missing}: pip install 'tocompiler[{self.extra}]'") from error
