"""Rows of ATen's complex operators. A complex tensor is a real one here, with its two parts as a last axis more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tocompiler.frontends.torch.table import Call, NotTabled, aten

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__ = ["MIXED", "complex_arguments"]

MIXED = frozenset({"mul", "div", "add", "sub"})
"""Operators that take a real operand beside a complex one: it gets an axis of one more."""

_AXES = {"transpose": (1, 2), "slice": (1,), "select": (1,), "cat": (1,), "stack": (1,), "unsqueeze": (1,),
         "squeeze": (1,), "flip": (1,), "roll": (2,), "unfold": (1,), "index_select": (1,), "split": (2,),
         "split_with_sizes": (2,), "unbind": (1,), "sum": (1,), "mean": (1,), "constant_pad_nd": (), "pad": (),
         "expand": (),
         "view": (), "reshape": (), "_unsafe_view": (), "clone": (), "detach": (), "alias": (), "add": (), "sub": (),
         "neg": (), "repeat": (), "index": ()}
"""Operators that do with complex elements what they do with real ones: where their axes stand among the arguments."""


def complex_arguments(name: str, arguments: Sequence[Any]) -> list[Any]:
    """The arguments of an operator on complex tensors for the row of the real ones: axes that count from the end count
    past the parts. NotTabled where the real row would do something else."""
    found = list(arguments)
    if name == "permute":
        return [found[0], [*(_past(d) for d in found[1]), len(found[1])]]
    if name not in _AXES:
        raise NotTabled("on complex numbers")
    for place in _AXES[name]:
        if place < len(found):
            found[place] = [_past(d) for d in found[place]] if isinstance(found[place], list) else _past(found[place])
    if name in ("cat", "stack", "unsqueeze", "unbind", "slice", "select") and len(found) <= max(_AXES[name]):
        return found
    if name in ("constant_pad_nd", "pad"):
        found[1] = [0, 0, *found[1]]
    if name == "repeat":
        found[1] = [*found[1], 1]
    return found


def _past(axis: Any) -> Any:
    return axis - 1 if isinstance(axis, int) and axis < 0 else axis


@aten("complex._to_copy", "complex.to")
def _to(call: Call, x: Tensor, *rest: Any, **keywords: Any) -> Tensor:
    """To complex numbers: imaginary parts of zero beside the real ones."""
    if x.shape == call.shape:
        return call.cast(x, call.format)
    zero = call.net.expand(call.constant(0.0, call.format), x.shape)
    return _complex(call, call.cast(x, call.format), zero)


@aten("complex.view_as_real", "complex.view_as_complex", "complex.real_parts", "complex.resolve_conj")
def _same(call: Call, x: Tensor) -> Tensor:
    """Both are the same bits."""
    return x


@aten("complex.mul")
def _mul(call: Call, x: Any, y: Any) -> Tensor:
    if not hasattr(x, "shape") or not hasattr(y, "shape"):
        x, y = (x, y) if hasattr(x, "shape") else (y, x)
        if isinstance(y, complex):
            raise NotTabled("a complex number")
        return call.emit("Mul", [x, call.constant(float(y), x.format)])
    return call.emit("ComplexMul" if x.shape[-1] == y.shape[-1] else "Mul", [x, y])


@aten("complex.div")
def _div(call: Call, x: Tensor, y: Any) -> Tensor:
    if hasattr(y, "shape") and y.shape[-1] == 2:
        raise NotTabled("by a complex number")
    return call.emit("Div", [x, y if hasattr(y, "shape") else call.constant(float(y), x.format)])


@aten("complex.abs")
def _abs(call: Call, x: Tensor) -> Tensor:
    return call.emit("ComplexMagnitude", [x])


@aten("complex.real", "complex.imag")
def _part(call: Call, x: Tensor) -> Tensor:
    return call.net.select(x, len(x.shape) - 1, int(call.name.endswith("imag")))


@aten("complex.complex")
def _complex(call: Call, real: Tensor, imaginary: Tensor) -> Tensor:
    return call.net.concat([call.net.unsqueeze(t, len(t.shape)) for t in (real, imaginary)], len(real.shape))


@aten("complex.polar")
def _polar(call: Call, magnitude: Tensor, angle: Tensor) -> Tensor:
    parts = [call.emit("Mul", [magnitude, call.emit(function, [angle])]) for function in ("Cos", "Sin")]
    return _complex(call, *parts)


@aten("complex._conj", "complex.conj", "complex._conj_physical", "complex.conj_physical")
def _conjugate(call: Call, x: Tensor) -> Tensor:
    last = len(x.shape) - 1
    real, imaginary = (call.net.slice(x, i, i + 1, last) for i in (0, 1))
    return call.net.concat([real, call.emit("Neg", [imaginary])], last)


@aten("complex._fft_r2c")
def _real_transform(call: Call, x: Tensor, dim: Sequence[int], normalisation: int, onesided: bool) -> Tensor:
    rank = len(x.shape)
    axes = [d % rank for d in dim]
    y = _transform(call, call.net.unsqueeze(x, rank), axes[-1], {"onesided": int(onesided)})
    for axis in axes[-2::-1]:
        y = _transform(call, y, axis, {})
    return _normalised(call, y, normalisation)


@aten("complex._fft_c2c")
def _complex_transform(call: Call, x: Tensor, dim: Sequence[int], normalisation: int, forward: bool) -> Tensor:
    for axis in dim:
        x = _transform(call, x, axis % (len(x.shape) - 1), {"inverse": int(not forward and normalisation > 0)})
    return _normalised(call, x, normalisation) if forward else x


@aten("complex._fft_c2r")
def _to_real(call: Call, x: Tensor, dim: Sequence[int], normalisation: int, last: int) -> Tensor:
    axes = [d % (len(x.shape) - 1) for d in dim]
    inverse = {"inverse": int(normalisation > 0)}
    for axis in axes[:-1]:
        x = _transform(call, x, axis, inverse)
    y = _transform(call, x, axes[-1], {"inverse": 1, "onesided": 1}, last)
    return call.net.squeeze(y, len(y.shape) - 1)


def _transform(call: Call, x: Tensor, axis: int, options: dict[str, int], length: int | None = None) -> Tensor:
    return call.emit("DFT", [x, call.constant(length) if length else None], {"axis": axis, **options})


def _normalised(call: Call, x: Tensor, normalisation: int) -> Tensor:
    return call.emit("Mul", [x, call.constant(1.0, x.format)]) if normalisation else x
