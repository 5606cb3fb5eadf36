"""What tests of several front ends hold counts against."""

from __future__ import annotations

from types import ModuleType

import pytest
from module_files import BENCHMARKS, module_at


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """The benchmarks' own counts of transformers' modules."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    return module_at(BENCHMARKS / "transformers_oracle.py")
