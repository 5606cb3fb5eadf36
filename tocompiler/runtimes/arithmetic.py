"""What the arithmetic of an operator costs where it is executed: operands and number formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from alu_library import formats
from alu_library.pricing import Operand, Operands, price
from tocompiler.lanes import real
from tocompiler.runtimes import rule
from tocompiler.runtimes.draft import Draft

__all__ = ["dense_operands", "format_ratio", "shared_exponents", "tensor_float"]

_DENSE = Operands()
_UNIFORM = Operands(Operand("uniform"), Operand("uniform"))


@rule("dense_operands")
def dense_operands(draft: Draft) -> Draft:
    """Arithmetic costs what it does on dense operands: zeros are multiplied like anything else."""
    if draft.row is None or draft.operands == _DENSE:
        return draft
    total = sum(real(n) * _each(task, format, _DENSE) for (task, format), n in draft.row.alu.tasks.items())
    return replace(draft, executed=total, operands=_DENSE)


@rule("format_ratio")
def format_ratio(draft: Draft, *, ratio: Mapping[str, float]) -> Draft:
    """A multiply-accumulate of a format costs ``ratio`` of one in fp32, as where narrow numbers are packed into the
    lanes of a wide datapath."""
    return _with_products(draft, ratio)


@rule("shared_exponents")
def shared_exponents(draft: Draft) -> Draft:
    """A multiply-accumulate costs, relative to fp32, what its significands' multiplier does: a unit that adds the
    products of a dot product together aligns them together."""
    if draft.row is None:
        return draft
    narrow = {format for task, format in draft.row.alu.tasks if task == "multiply_accumulate"} - {"fp32"}
    return _with_products(draft, {f: _significand(f) / _significand("fp32") for f in narrow})


@rule("tensor_float", operators=("Conv", "ConvTranspose"))
def tensor_float(draft: Draft) -> Draft:
    """Convolutions round fp32 operands to TF32 and run on tensor cores: a product costs what its significands'
    multiplier does."""
    return _with_products(draft, {"fp32": _significand("tf32") / _significand("fp32")})


def _with_products(draft: Draft, ratio: Mapping[str, float]) -> Draft:
    """The row with products of some formats at a share of fp32's price."""
    if draft.row is None or not any(("multiply_accumulate", f) in draft.row.alu.tasks for f in ratio):
        return draft
    before = after = 0.0
    for (task, format), n in draft.row.alu.tasks.items():
        each = _each(task, format, draft.operands)
        before += real(n) * each
        if task == "multiply_accumulate" and format in ratio:
            each = ratio[format] * _each(task, "fp32", draft.operands)
        after += real(n) * each
    return replace(draft, executed=draft.executed * after / before)


@cache
def _each(task: str, format: str, operands: Operands) -> float:
    return price(task, format, operands).transistor_operations


@cache
def _significand(format: str) -> float:
    """Transistor operations of multiplying two significands of a format (an integer is one).

    The significands of normalised numbers are spread nearly evenly, hence uniform operands.
    """
    kind = formats.parse(format)
    bits = kind.mantissa_bits + 1 if kind.kind == "float" else kind.bits
    return price("multiply", f"uint{bits}", _UNIFORM).transistor_operations
