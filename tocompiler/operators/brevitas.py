"""Quantisers of Brevitas and QONNX (domains onnx.brevitas and qonnx.custom_op.general; Pappalardo et al. 2022).

Where the number of bits is known, the front end makes them QuantizeLinear and DequantizeLinear; what is left simulates
integers in floating point, and is counted so.
"""

from __future__ import annotations

from alu_library.tasks import Tasks
from tocompiler.operators import Rule, Work, register
from tocompiler.operators.shapes import scalar
from tocompiler.tensors import Operator, Shape

__all__ = ["BipolarQuant", "Quant"]


class _Quantiser(Rule):
    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)]


@register("onnx.brevitas.Quant", "qonnx.custom_op.general.Quant", "qonnx.custom_op.general.IntQuant",
          "onnx.brevitas.Trunc", "qonnx.custom_op.general.Trunc")
class Quant(_Quantiser):
    """x over the scale, rounded, kept between two bounds and scaled back; a zero point is added and subtracted."""

    def work(self, op: Operator) -> Work:
        n, format = op.given(0).elements, op.given(0).format
        zeros = 0 if scalar(op.input(2)) == 0 else 2 * n
        return Work(Tasks.of(format, divide=n, convert=n, compare=2 * n, multiply=n, add=zeros))


@register("onnx.brevitas.BipolarQuant", "qonnx.custom_op.general.BipolarQuant")
class BipolarQuant(_Quantiser):
    """The scale with the sign of x."""

    def work(self, op: Operator) -> Work:
        n, format = op.given(0).elements, op.given(0).format
        return Work(Tasks.of(format, compare=n, multiply=n))
