"""What one arithmetic operation costs in transistors: number formats, circuits that compute, programs over them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alu_library.circuits.gemm import GemmSwitching, Unit, cuda_core, gemm_switching, tensor_core
    from alu_library.pricing import Operand, Operands, Price, price

__all__ = [
    "GemmSwitching", "Operand", "Operands", "Price", "Unit", "cuda_core", "gemm_switching", "price", "tensor_core",
]

_HOMES = {
    "circuits.gemm": ("GemmSwitching", "Unit", "cuda_core", "gemm_switching", "tensor_core"),
    "pricing": ("Operand", "Operands", "Price", "price"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that ``import alu_library`` costs nothing."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'alu_library' has no attribute '{name}'")
    return getattr(importlib.import_module(f"alu_library.{_HOME_OF[name]}"), name)
