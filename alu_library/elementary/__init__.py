"""Elementary functions and activations: programs over ALU tasks, written once and read three ways."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alu_library.elementary import register
    from alu_library.elementary.accuracy import errors_at, errors_of, evaluate, measure, points
    from alu_library.elementary.algorithms import Choice, choices, names
    from alu_library.elementary.exhaustive import Searcher, used_rows
    from alu_library.elementary.references import in_float64
    from alu_library.elementary.register import Function, composed, with_bits
    from alu_library.elementary.special import special_values_wrong

__all__ = ["Choice", "Function", "Searcher", "choices", "composed", "errors_at", "errors_of", "evaluate", "in_float64",
           "measure", "names", "points", "register", "special_values_wrong", "used_rows", "with_bits"]

_HOMES = {
    "accuracy": ("errors_at", "errors_of", "evaluate", "measure", "points"),
    "algorithms": ("Choice", "choices", "names"),
    "exhaustive": ("Searcher", "used_rows"),
    "references": ("in_float64",),
    "register": ("Function", "composed", "with_bits"),
    "special": ("special_values_wrong",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing this package costs nothing."""
    if name == "register":
        return importlib.import_module(f"{__name__}.register")
    if name not in _HOME_OF:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
