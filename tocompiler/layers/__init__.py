"""Layers: the builder's methods, named and parameterised as in PyTorch; each appends ONNX operators.

Parameters are tensors named after the layer (``conv2d_1.weight``). Pass a tensor as ``weight=`` or ``bias=`` to tie it.
A layer that takes several operators names them after itself (``linear.matmul``, ``linear.add``).
"""

from __future__ import annotations

from tocompiler.layers.activation import Activations
from tocompiler.layers.arithmetic import Arithmetic
from tocompiler.layers.attention import Attention
from tocompiler.layers.convolution import Convolutions
from tocompiler.layers.linear import Linears
from tocompiler.layers.normalization import Normalizations
from tocompiler.layers.pooling import Pooling
from tocompiler.layers.recurrent import Recurrent
from tocompiler.layers.shaping import Shaping

__all__ = ["Layers"]


class Layers(Attention, Recurrent, Convolutions, Linears, Normalizations, Activations, Pooling, Arithmetic, Shaping):
    """Every layer method of the builder; mixed into Network."""
