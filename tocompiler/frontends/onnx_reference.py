"""Constants that shape arithmetic does not know: one small operator at a time through onnx's reference implementation.

Exporters compute paddings and masks with operators that are no shape arithmetic (Clip, Pad, OneHot, TopK …). Where all
their operands are known and small, onnx.reference says what they give. Only operators whose result cannot outgrow
their operands are asked, or, where an operand is a size, that stay small whatever it is added to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tocompiler.frontends.shape_arithmetic import LARGEST

__all__ = ["by_reference", "has_reference"]

_ELEMENTWISE = ("BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "CastLike", "Clip", "Cos", "Erf",
                "Exp", "IsInf", "IsNaN", "Log", "Reciprocal", "Sigmoid", "Sign", "Sin", "Tanh", "Xor")
_NO_LARGER = ("ArgMax", "ArgMin", "Compress", "Flatten", "GatherElements", "ReduceL1", "ReduceL2", "ReduceMean",
              "ReduceSumSquare", "ScatterElements", "Softmax", "TopK", "Trilu")
_SIZED = ("OneHot", "Pad")
_INDEXED = ("GatherElements", "ScatterElements")
_BUILT = 2**20  # elements that may be built to find that a result is too large
_ASKED = frozenset((*_ELEMENTWISE, *_NO_LARGER, *_SIZED))


def has_reference(operator: str) -> bool:
    """Whether an operator of the standard domain is evaluated by reference where its operands are known."""
    return operator in _ASKED


def by_reference(node: Any, inputs: Sequence[np.ndarray[Any, Any] | None],
                 opsets: Mapping[str, int]) -> list[np.ndarray[Any, Any]] | None:
    """The results of one node for known operands (None: absent), or None where they have no value here: an operand is
    symbolic or large, a size is, or the operands do not fit."""
    given = {name: value for name, value in zip(node.input, inputs, strict=True) if name and value is not None}
    if any(v.size > LARGEST or v.dtype == object for v in given.values()):
        return None
    if (node.op_type in _SIZED and not _bounded(inputs)) or (node.op_type in _INDEXED and not _indexed(inputs)):
        return None
    from onnx.reference import ReferenceEvaluator

    try:
        evaluator = ReferenceEvaluator(node, opsets={"": opsets.get("", 1)})
        results = [np.asarray(r) for r in evaluator.run(None, given)]
    except Exception:  # whatever operands that do not fit end in; the operator that needs the value says so by name
        return None
    return results if all(r.size <= LARGEST and r.dtype.kind in "biuf" for r in results) else None


def _bounded(inputs: Sequence[np.ndarray[Any, Any] | None]) -> bool:
    """Whether a result is small whose every axis may grow by all the sizes that the second operand states."""
    data, sizes = inputs[0], inputs[1] if len(inputs) > 1 else None
    if data is None or sizes is None:
        return False
    grown = float(np.abs(sizes.astype(np.float64)).sum())
    return bool(math.prod(d + grown for d in (*data.shape, 1)) <= _BUILT)


def _indexed(inputs: Sequence[np.ndarray[Any, Any] | None]) -> bool:
    """Whether indices lie inside the data: the reference wraps others step by step, 2^62 for some."""
    data, indices = inputs[0], inputs[1] if len(inputs) > 1 else None
    if data is None or indices is None or indices.size == 0:
        return data is not None and indices is not None
    most = max(data.shape, default=0)
    return bool(-most <= int(indices.min()) and int(indices.max()) < most)
