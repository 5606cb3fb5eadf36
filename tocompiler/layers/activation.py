"""Activation functions. Those that ONNX lacks are composed as PyTorch's exporters compose them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocompiler.layers.base import Builder

if TYPE_CHECKING:
    from tocompiler.tensors import Tensor

__all__ = ["Activations"]


class Activations(Builder):
    """Layer methods that emit element-wise activations and softmax."""

    def relu(self, x: Tensor) -> Tensor:
        """max(0, x)."""
        return self._one("Relu", [x])

    def relu6(self, x: Tensor) -> Tensor:
        """min(max(0, x), 6)."""
        return self.clip(x, 0.0, 6.0)

    def clip(self, x: Tensor, min: float, max: float) -> Tensor:
        """min(max(x, min), max)."""
        layer = self._next("clip")
        low = self._value(min, f"{layer}.min", x.format)
        return self._one("Clip", [x, low, self._value(max, f"{layer}.max", x.format)])

    def leaky_relu(self, x: Tensor, negative_slope: float = 0.01) -> Tensor:
        """x where positive, negative_slope·x elsewhere."""
        return self._one("LeakyRelu", [x], {"alpha": negative_slope}, "leaky_relu")

    def prelu(self, x: Tensor, num_parameters: int = 1) -> Tensor:
        """Leaky ReLU with a trainable slope: one for all, or one per channel of axis 1."""
        layer = self._next("prelu")
        if num_parameters != 1 and (len(x.shape) < 2 or x.shape[1] != num_parameters):
            raise ValueError(f"{layer}: {num_parameters} slopes do not fit '{x.name}' of shape {x.shape}")
        shape = (num_parameters,) + (1,) * max(len(x.shape) - 2, 0)
        return self._one("PRelu", [x, self._parameter(f"{layer}.weight", shape, x)])

    def elu(self, x: Tensor, alpha: float = 1.0) -> Tensor:
        """x where positive, alpha·(eˣ − 1) elsewhere."""
        return self._one("Elu", [x], {"alpha": alpha})

    def selu(self, x: Tensor) -> Tensor:
        """Scaled ELU with Klambauer's constants (ONNX's defaults)."""
        return self._one("Selu", [x])

    def celu(self, x: Tensor, alpha: float = 1.0) -> Tensor:
        """max(0, x) + min(0, alpha·(e^(x/alpha) − 1))."""
        return self._one("Celu", [x], {"alpha": alpha})

    def sigmoid(self, x: Tensor) -> Tensor:
        """1 / (1 + e⁻ˣ)."""
        return self._one("Sigmoid", [x])

    def tanh(self, x: Tensor) -> Tensor:
        """Hyperbolic tangent."""
        return self._one("Tanh", [x])

    def gelu(self, x: Tensor, approximate: str = "none") -> Tensor:
        """Gaussian error linear unit; ``approximate`` is "none" (erf) or "tanh"."""
        if approximate not in ("none", "tanh"):
            raise ValueError(f'{self._next("gelu")}: approximate is "none" or "tanh", got "{approximate}"')
        return self._one("Gelu", [x], {"approximate": approximate})

    def quick_gelu(self, x: Tensor) -> Tensor:
        """x·sigmoid(1.702 x), CLIP's GELU."""
        with self._layer("quick_gelu"):
            scaled = self._one("Mul", [x, self.constant(1.702, x.format, "scale")])
            return self._one("Mul", [x, self.sigmoid(scaled)])

    def silu(self, x: Tensor) -> Tensor:
        """x·sigmoid(x), as two operators."""
        with self._layer("silu"):
            return self._one("Mul", [x, self.sigmoid(x)])

    def hard_swish(self, x: Tensor) -> Tensor:
        """x·relu6(x + 3) / 6."""
        return self._one("HardSwish", [x], name="hard_swish")

    def hard_sigmoid(self, x: Tensor) -> Tensor:
        """relu6(x + 3) / 6."""
        return self._one("HardSigmoid", [x], {"alpha": 1.0 / 6.0, "beta": 0.5}, "hard_sigmoid")

    def mish(self, x: Tensor) -> Tensor:
        """x·tanh(softplus(x))."""
        return self._one("Mish", [x])

    def softplus(self, x: Tensor) -> Tensor:
        """log(1 + eˣ)."""
        return self._one("Softplus", [x])

    def softsign(self, x: Tensor) -> Tensor:
        """x / (1 + |x|)."""
        return self._one("Softsign", [x])

    def function(self, x: Tensor, name: str) -> Tensor:
        """Any registered function of one argument, by name: ``net.function(x, "erf")``."""
        return self._one("Function", [x], {"function": name}, name)

    def softmax(self, x: Tensor, dim: int = -1) -> Tensor:
        """eˣ over its sum along one axis."""
        return self._one("Softmax", [x], {"axis": dim})

    def log_softmax(self, x: Tensor, dim: int = -1) -> Tensor:
        """Logarithm of the softmax along one axis."""
        return self._one("LogSoftmax", [x], {"axis": dim}, "log_softmax")
