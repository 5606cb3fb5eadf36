"""Conversions between number formats: one ``convert`` for each element whose format changes."""

from __future__ import annotations

from collections.abc import Sequence

from alu_library.tasks import Tasks
from tocompiler.operators import Rule, Work, register
from tocompiler.operators.elementwise import nothing
from tocompiler.operators.shapes import BOOLEAN, arithmetic, bad
from tocompiler.tensors import Operator, Shape

__all__ = ["ONNX_FORMATS", "Cast"]

# TensorProto.DataType of the ONNX specification
ONNX_FORMATS = {
    1: "fp32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: BOOLEAN, 10: "fp16",
    11: "fp64", 12: "uint32", 13: "uint64", 16: "bf16", 17: "fp8_e4m3", 18: "fp8_e4m3", 19: "fp8_e5m2",
    20: "fp8_e5m2", 21: "uint4", 22: "int4", 23: "fp4_e2m1", 24: "e8m0", 25: "uint2", 26: "int2",
}


@register("Cast", "CastLike")
class Cast(Rule):
    """To the format its attribute ``to`` or its second operand names; nothing where that is the format it has."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        if op.operator == "CastLike":
            return [(op.given(0).shape, op.given(1).format)]
        to = op.attributes.get("to")
        format = ONNX_FORMATS.get(to) if isinstance(to, int) else to
        if format is None:
            raise bad(op, f"to={to} is not a number format")
        return [(op.given(0).shape, format)]

    def work(self, op: Operator) -> Work:
        x, y = op.given(0), op.outputs[0]
        if x.format == y.format:
            return Work(reads=(), writes=())
        return Work(Tasks({("convert", arithmetic(x)): x.elements}))

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        if not needed[0] or op.given(0).format == op.outputs[0].format:
            return nothing()
        return Work(Tasks({("convert", op.outputs[0].format): op.outputs[0].elements}))
