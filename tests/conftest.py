"""Long tests stand in ``tests/slow`` and run with ``--slow``, or when they are named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["TOCOMPILER_CACHE"] = ""  # nothing of an earlier run may stand in for what a test would compute


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests of tests/slow as well")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave tests/slow out unless it is asked for."""
    named = any("slow" in Path(argument.split("::")[0]).parts for argument in config.invocation_params.args)
    return True if collection_path.name == "slow" and not named and not config.getoption("--slow") else None
