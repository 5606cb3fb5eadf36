"""What one arithmetic operation costs in transistors: number formats, circuits that compute, programs over them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alu_library import circuits, elementary
    from alu_library.circuits.gemm import GemmSwitching, Unit, cuda_core, gemm_switching, tensor_core
    from alu_library.circuits.own import price_netlist
    from alu_library.formats import NAMED, Format, accumulator, parse
    from alu_library.functions import FunctionRow, cost, function, function_rows, unit_cost
    from alu_library.pricing import DEFAULT_BASIS, Operand, Operands, Price, Row, add_row, price, rows
    from alu_library.tasks import PRIMITIVES, Tasks

__all__ = ["DEFAULT_BASIS", "NAMED", "PRIMITIVES", "Format", "FunctionRow", "GemmSwitching", "Operand",
           "Operands", "Price", "Row", "Tasks", "Unit", "accumulator", "add_row", "circuits", "cost", "cuda_core",
           "elementary", "function", "function_rows", "gemm_switching", "parse", "price", "price_netlist", "rows",
           "tensor_core", "unit_cost"]

_HOMES = {
    "circuits.gemm": ("GemmSwitching", "Unit", "cuda_core", "gemm_switching", "tensor_core"),
    "circuits.own": ("price_netlist",),
    "formats": ("NAMED", "Format", "accumulator", "parse"),
    "functions": ("FunctionRow", "cost", "function", "function_rows", "unit_cost"),
    "pricing": ("DEFAULT_BASIS", "Operand", "Operands", "Price", "Row", "add_row", "price", "rows"),
    "tasks": ("PRIMITIVES", "Tasks"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_SPACES = ("circuits", "elementary")


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing this package costs nothing."""
    if name in _SPACES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
