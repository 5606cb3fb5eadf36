"""Simulated quantisers of Brevitas and QONNX as what they stand for: integers between two conversions."""

from __future__ import annotations

from tocompiler.operators.shapes import scalar
from tocompiler.tensors import Operator, Tensor

__all__ = ["in_integers"]

_QUANTISERS = frozenset({"onnx.brevitas.Quant", "qonnx.custom_op.general.Quant", "qonnx.custom_op.general.IntQuant"})
_WIDTHS = (2, 4, 8, 16, 32)
"""Integers that there are; numbers of other widths are held in the next wider one."""


def in_integers(op: Operator) -> list[Operator]:
    """A quantiser of x by scale, zero point and number of bits as QuantizeLinear and DequantizeLinear; a stored weight
    is an integer already and keeps the second alone. Any other operator, and a quantiser to more bits than 32 or to a
    number that is not stored, stays as it is."""
    bits = scalar(op.input(3)) if op.operator in _QUANTISERS and len(op.inputs) > 3 else None
    width = next((w for w in _WIDTHS if bits is not None and 1 < bits <= w), None)
    if width is None:
        return [op]
    x, scale, result = op.given(0), op.given(1), op.outputs[0]
    format = f"{'int' if op.attributes.get('signed', 1) else 'uint'}{width}"
    zero = op.given(2)
    point = Tensor(zero.name, zero.shape, format, zero.kind, zero.value)
    attributes = {"axis": _axis(scale)} if scale.elements != 1 else {}
    stored = x.is_stored
    integers = Tensor(f"{result.name}.integers", x.shape, format, x.kind if stored else "activation")
    back = Operator(op.name if stored else f"{op.name}.dequantise", "DequantizeLinear", (integers, scale, point),
                    op.outputs, attributes)
    if stored:
        return [back]
    return [Operator(f"{op.name}.quantise", "QuantizeLinear", (x, scale, point), (integers,), attributes), back]


def _axis(scale: Tensor) -> int:
    """The axis along which scales differ."""
    return next((i for i, d in enumerate(scale.shape) if d != 1), 0)
