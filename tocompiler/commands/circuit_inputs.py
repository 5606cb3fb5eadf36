"""What ``tocompiler circuits`` makes of a user's own input: two matrices that meet in a product, or a Verilog file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from alu_library import Operand, Operands, cuda_core, gemm_switching, price_netlist, tensor_core

if TYPE_CHECKING:
    import numpy.typing as npt

    from hardware.technology import TechnologyNode

__all__ = ["gemm_as_text", "gemm_entry", "verilog_as_text", "verilog_entry"]

_UNIFORM = Operands(Operand("uniform"), Operand("uniform"))
_SHOWN = {
    "multiplier": "multiplier [TO]", "addition": "alignment, addition, rounding [TO]",
    "operand_flips": "flips on operand buses [bit]", "sum_flips": "flips on buses of sums [bit]",
    "register_changes": "changes in registers of sums [bit]", "ones_read": "ones read as operands [bit]",
}


def gemm_entry(paths: tuple[str, str], unit: str, format: str, node: TechnologyNode | None) -> dict[str, Any]:
    """What a multiply-accumulate of the product of two stored matrices switches by part, and the same for normal
    numbers in their place. ValueError for files that are not matrices that fit."""
    import numpy as np

    a, b = (_matrix(path) for path in paths)
    kind = tensor_core(format, "fp32") if unit == "tensor_core" else cuda_core(format)
    found = gemm_switching(a, b, kind)
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(matrix.shape) for matrix in (a, b))
    dense = gemm_switching(np.abs(x), np.abs(y), kind) if format.startswith("uint") else gemm_switching(x, y, kind)
    parts = {name: {"per_multiply_accumulate": getattr(found, name), "of_normal_operands": getattr(dense, name)}
             for name in _SHOWN}
    entry: dict[str, Any] = {
        "unit": unit, "format": format, "shape": [a.shape[0], b.shape[1], a.shape[1]],
        "transistor_operations": found.transistor_operations,
        "relative_to_normal_operands": found.transistor_operations / dense.transistor_operations, "parts": parts,
    }
    if node is not None:
        entry |= {"node": node.name, "energy_joule": node.energy_joule(found.transistor_operations)}
    return entry


def gemm_as_text(entry: dict[str, Any]) -> str:
    """The entry as a table."""
    from tabulate import tabulate

    whole = not entry["parts"]["multiplier"]["of_normal_operands"]  # of integers: products are rows of the sum
    shown = {**_SHOWN, "addition": "multiplication and addition [TO]"} if whole else _SHOWN
    body = [(shown[name], part["per_multiply_accumulate"], part["of_normal_operands"])
            for name, part in entry["parts"].items() if not (whole and name == "multiplier")]
    rows, columns, terms = entry["shape"]
    note = (f"{entry['unit']}, {entry['format']}, {rows} x {columns} results of {terms} products: "
            f"{entry['transistor_operations']:.0f} transistor operations a product, "
            f"{entry['relative_to_normal_operands']:.2f} of what normal numbers switch")
    if "energy_joule" in entry:
        note += f"; {entry['energy_joule'] * 1e12:.4g} pJ at {entry['node']}"
    return tabulate(body, headers=("per multiply-accumulate", "these operands", "normal operands"), floatfmt=".4g"
                    ) + "\n" + note


def verilog_entry(path: str, top: str | None, format: str | None, basis: str, node: TechnologyNode | None
                  ) -> dict[str, Any]:
    """A circuit from a Verilog file, on uniform operands; ValueError that names the file where it is none."""
    try:
        found = price_netlist(Path(path), top=top, format=format, operands=_UNIFORM, basis=basis)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    entry: dict[str, Any] = {
        "name": found.circuit, "source": path, "basis": basis, "transistors": found.transistors,
        "transistor_operations": found.transistor_operations, "load_weighted_switching": found.load,
        "glitch_factor": found.glitch_factor, "operands": "uniform, zeros 0",
    }
    if node is not None:
        entry |= {"node": node.name, "energy_joule": node.energy_joule(found.transistor_operations)}
    return entry


def verilog_as_text(entry: dict[str, Any]) -> str:
    """The entry in a line."""
    text = (f"{entry['name']}: {entry['transistors']} transistors ({entry['basis']}), "
            f"{entry['transistor_operations']:.4g} transistor operations an operation on uniform operands "
            f"(weighted by load {entry['load_weighted_switching']:.4g}), glitch factor {entry['glitch_factor']:.3g}")
    return text + (f", {entry['energy_joule'] * 1e12:.4g} pJ at {entry['node']}" if "energy_joule" in entry else "")


def _matrix(path: str) -> npt.NDArray[Any]:
    import numpy as np

    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: is no stored array (numpy.save writes one): {error}") from None
    if not isinstance(found, np.ndarray) or found.ndim != 2 or found.dtype.kind not in "fiu" or not found.size:
        raise ValueError(f"{path}: a matrix of numbers is needed")
    if not np.isfinite(found).all():
        raise ValueError(f"{path}: holds numbers that are not finite")
    return found
