"""Rows of ATen's products with experts, and of what sorts tokens by expert before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocompiler.frontends.huggingface.routing import expected_experts
from tocompiler.frontends.torch.table import Call, NotTabled, aten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocompiler.tensors import Tensor

__all__: list[str] = []


@aten("_grouped_mm", "transformers.grouped_mm_fallback")
def _grouped_mm(call: Call, x: Tensor, weight: Tensor, offsets: Tensor | None = None, bias: Tensor | None = None,
                out_dtype: Any = None) -> Tensor:
    """Rows sorted by expert; which experts they fall on is not known before running: taken as equally likely."""
    if len(x.shape) != 2 or len(weight.shape) != 3 or bias is not None:
        raise NotTabled
    touched = expected_experts(weight.shape[0], 1, x.shape[0])
    return call.emit("GroupedMatMul", [x, weight], {"touched": touched, "format": call.format})


@aten("sort")
def _sort(call: Call, x: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Sequence[Tensor]:
    """All of an axis in order: the largest of as many as there are."""
    count = x.shape[dim]
    return call.net.emit("TopK", [x, call.constant((count,))], {"axis": dim, "largest": int(descending)})


@aten("histc")
def _histc(call: Call, x: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements fall into each bin."""
    return call.shaped("Histogram", [x])
