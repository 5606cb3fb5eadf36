"""Layers: the builder's methods, named and parameterised as in PyTorch; each appends ONNX operators."""

from __future__ import annotations


class Layers:
    """Mixed into Network."""
