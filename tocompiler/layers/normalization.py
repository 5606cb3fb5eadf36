"""Normalisations, at inference; the training phase turns on their statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tocompiler.layers.base import Builder

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__ = ["Normalizations"]


class Normalizations(Builder):
    """Layer methods that emit the normalisation operators."""

    def batch_norm(self, x: Tensor, eps: float = 1e-5, momentum: float = 0.1) -> Tensor:
        """Batch normalisation over axis 1, with trainable scale and shift and running mean and variance (buffers)."""
        layer = self._next("batch_norm")
        c = self._channels(layer, x)
        scale, shift = (self._parameter(f"{layer}.{p}", (c,), x) for p in ("weight", "bias"))
        mean, var = (self._parameter(f"{layer}.{p}", (c,), x, kind="buffer") for p in ("running_mean", "running_var"))
        # ONNX's momentum weighs the old value, PyTorch's the new one.
        attributes = {"epsilon": eps, "momentum": 1.0 - momentum}
        return self._one("BatchNormalization", [x, scale, shift, mean, var], attributes, "batch_norm")

    def layer_norm(self, x: Tensor, normalized_shape: int | Sequence[int] | None = None, eps: float = 1e-5,
                   elementwise_affine: bool = True, bias: bool = True) -> Tensor:
        """Layer normalisation over the trailing axes ``normalized_shape`` (default: the last one)."""
        layer = self._next("layer_norm")
        over = self._trailing(layer, x, normalized_shape)
        scale = self._parameter(f"{layer}.weight", over, x, kind="parameter" if elementwise_affine else "constant")
        inputs = [x, scale]
        if bias and elementwise_affine:
            inputs.append(self._parameter(f"{layer}.bias", over, x))
        return self._one("LayerNormalization", inputs, {"axis": -len(over), "epsilon": eps}, "layer_norm")

    def rms_norm(self, x: Tensor, normalized_shape: int | Sequence[int] | None = None, eps: float = 1e-6) -> Tensor:
        """Root-mean-square normalisation over the trailing axes, with a trainable scale."""
        layer = self._next("rms_norm")
        over = self._trailing(layer, x, normalized_shape)
        scale = self._parameter(f"{layer}.weight", over, x)
        return self._one("RMSNormalization", [x, scale], {"axis": -len(over), "epsilon": eps}, "rms_norm")

    def group_norm(self, x: Tensor, num_groups: int, eps: float = 1e-5) -> Tensor:
        """Group normalisation of axis 1 in ``num_groups``, with trainable scale and shift per channel."""
        layer = self._next("group_norm")
        c = self._channels(layer, x)
        if c % num_groups:
            raise ValueError(f"{layer}: {c} channels do not divide into {num_groups} groups")
        scale, shift = (self._parameter(f"{layer}.{p}", (c,), x) for p in ("weight", "bias"))
        return self._one("GroupNormalization", [x, scale, shift], {"epsilon": eps, "num_groups": num_groups},
                         "group_norm")

    def instance_norm(self, x: Tensor, eps: float = 1e-5, affine: bool = False) -> Tensor:
        """Instance normalisation over the axes after the second; scale and shift are ones and zeros if not affine."""
        layer = self._next("instance_norm")
        c = self._channels(layer, x)
        kind = "parameter" if affine else "constant"
        scale, shift = (self._parameter(f"{layer}.{p}", (c,), x, kind=kind) for p in ("weight", "bias"))
        return self._one("InstanceNormalization", [x, scale, shift], {"epsilon": eps}, "instance_norm")

    def local_response_norm(self, x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75,
                            k: float = 1.0) -> Tensor:
        """Each element over a power of its neighbours' squares, ``size`` channels wide (Krizhevsky 2012)."""
        attributes = {"size": size, "alpha": alpha, "beta": beta, "bias": k}
        return self._one("LRN", [x], attributes, "local_response_norm")

    def _channels(self, layer: str, x: Tensor) -> int:
        if len(x.shape) < 2:
            raise ValueError(f"{layer}: needs (batch, channels, ...), got '{x.name}' of shape {x.shape}")
        channels: int = x.shape[1]
        return channels

    def _trailing(self, layer: str, x: Tensor, over: int | Sequence[int] | None) -> tuple[int, ...]:
        shape = tuple(x.shape[-1:]) if over is None else (over,) if isinstance(over, int) else tuple(over)
        if not shape or tuple(x.shape[-len(shape):]) != shape:
            raise ValueError(f"{layer}: '{x.name}' of shape {x.shape} does not end in {shape}")
        return shape
