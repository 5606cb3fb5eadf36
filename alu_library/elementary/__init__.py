"""Elementary functions and activations: programs over ALU tasks, written once and read three ways."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alu_library.elementary.accuracy import errors_of, measure, points
    from alu_library.elementary.algorithms import Choice, choices, names
    from alu_library.elementary.references import in_float64

__all__ = ["Choice", "choices", "errors_of", "in_float64", "measure", "names", "points"]

_HOMES = {
    "accuracy": ("errors_of", "measure", "points"),
    "algorithms": ("Choice", "choices", "names"),
    "references": ("in_float64",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing this package costs nothing."""
    if name not in _HOME_OF:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
