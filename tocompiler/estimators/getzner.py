"""Getzner, Charpentier, Guennemann: one regression for each layer type, summed over a network's layers.

    E(network) = sum over layers of f_type(layer);  f = b0 + sum of b_i z_i, ordinary least squares, joule

z are the products a layer does (convolution, linear), its elements (ReLU), batch, elements and their products (sigmoid,
softmax; for tanh the squares too), or for max-pooling all its hyper-parameters, their logarithms and the products of
any two. J. Getzner, B. Charpentier, S. Guennemann, "Accuracy is not the Only Metric that Matters: Estimating the Energy
Consumption of Deep Learning Models", ICLR 2023 workshop on climate change (arXiv 2304.00897).

The intercepts are why it fails on networks: they are joules of the large random layers that it was fitted on, and every
small layer of a network is charged one. ``GetznerRelative`` is the cure: a w + c for each type, a, c >= 0, fitted on
relative errors.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hardware.measurement import Measurement
from hardware.program import Program
from tocompiler.estimators import register
from tocompiler.estimators.common import require, unfitted
from tocompiler.regression import fit_relative

__all__ = ["FORMS", "Form", "Getzner", "GetznerRelative", "Layer", "LayerFit", "layers_of"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """A layer by type and numbers; ``work`` is its products or, where it has none, its elements or comparisons."""

    kind: str
    work: float
    shape: Mapping[str, float]


@dataclass(frozen=True)
class Form:
    """What a type's regression sees: base features, their log(1 + x), the work; pairwise products, squares."""

    base: tuple[str, ...] = ()
    logs: bool = False
    work: bool = True
    pairs: bool = False
    squares: bool = False

    def design(self, layers: Sequence[Layer]) -> Array:
        """One row for each layer, without the constant column."""
        base = np.array([[layer.shape[name] for name in self.base] for layer in layers], dtype=float)
        parts = [base.reshape(len(layers), len(self.base))]
        if self.logs:
            parts.append(np.log1p(parts[0]))
        if self.work:
            parts.append(np.array([[layer.work] for layer in layers], dtype=float))
        single = np.hstack(parts)
        columns = [single]
        if self.pairs:
            columns += [single[:, [i]] * single[:, [j]] for i, j in itertools.combinations(range(single.shape[1]), 2)]
        if self.squares:
            columns.append(single ** 2)
        return np.hstack(columns)


_ACTIVATION = ("batch", "features")
FORMS: Mapping[str, Form] = {
    "conv2d": Form(),
    "linear": Form(),
    "relu": Form(),
    "maxpool2d": Form(("batch", "size", "kernel", "channels", "stride", "padding"), logs=True, pairs=True),
    "sigmoid": Form(_ACTIVATION, work=False, pairs=True),
    "softmax": Form(_ACTIVATION, work=False, pairs=True),
    "tanh": Form(_ACTIVATION, work=False, pairs=True, squares=True),
}
"""The paper's form for each layer type."""


@dataclass(frozen=True)
class LayerFit:
    """A fitted form. Columns are standardised by the training rows, which changes no prediction but keeps the least
    squares well conditioned (raw products of hyper-parameters span thirty decades)."""

    form: Form
    mean: Array
    spread: Array
    coefficients: Array

    @classmethod
    def of(cls, form: Form, layers: Sequence[Layer], joule: Array) -> LayerFit:
        """Ordinary least squares with intercept."""
        design = form.design(layers)
        mean, spread = design.mean(axis=0), design.std(axis=0)
        spread[spread == 0] = 1.0
        padded = np.column_stack([np.ones(len(design)), (design - mean) / spread])
        return cls(form, mean, spread, np.linalg.lstsq(padded, joule, rcond=None)[0])

    def predict(self, layers: Sequence[Layer]) -> Array:
        """Joule of each layer."""
        predicted: Array = self.coefficients[0] + (self.form.design(layers) - self.mean) / self.spread @ (
            self.coefficients[1:])
        return predicted

    @property
    def intercept_joule(self) -> float:
        """What a layer of size zero is charged."""
        return float(self.coefficients[0] - self.mean / self.spread @ self.coefficients[1:])


_KINDS = {"Conv": "conv2d", "Gemm": "linear", "MatMul": "linear", "Relu": "relu", "MaxPool": "maxpool2d",
          "Sigmoid": "sigmoid", "Softmax": "softmax", "Tanh": "tanh"}


def layers_of(program: Program) -> Iterator[Layer]:
    """The layers of a TransistorProgram whose type has a form; the method takes every other one as free."""
    operators = {op.name: op for op in program.network.operators}
    for row in program.rows:
        kind, op = _KINDS.get(row.operator), operators.get(row.name)
        if kind is None or op is None or row.phase != "forward":
            continue
        shape = op.given(0).shape
        batch, elements = float(shape[0]) if shape else 1.0, float(op.outputs[0].elements)
        numbers = {"batch": batch, "features": float(op.given(0).elements) / batch}
        if kind == "maxpool2d":
            window = op.attributes["kernel_shape"]
            numbers |= {"size": float(shape[-1]), "kernel": float(window[0]), "channels": float(shape[1]),
                        "stride": float((op.attributes.get("strides") or window)[0]),
                        "padding": float((op.attributes.get("pads") or [0])[0])}
            elements *= float(np.prod(window)) - 1
        yield Layer(kind, float(row.multiply_accumulates) or elements, numbers)


def _single_layers(measurements: Sequence[Measurement], name: str) -> dict[str, tuple[list[Layer], Array]]:
    """Measurements of one layer each, by type; ValueError where there are none."""
    layers: dict[str, list[Layer]] = defaultdict(list)
    joule: dict[str, list[float]] = defaultdict(list)
    for m in measurements:
        found = list(layers_of(m.program))
        if len(found) == 1 and len(m.program.rows) == 1:
            layers[found[0].kind].append(found[0])
            joule[found[0].kind].append(m.joule_per_execution)
    if not layers:
        raise ValueError(f"{name} is fitted on measurements of single layers (inference); there are none")
    return {kind: (layers[kind], np.array(joule[kind])) for kind in layers}


@register
class Getzner:
    """The paper's method: fitted on measurements of single layers, predicting layers and networks."""

    name = "getzner"

    def __init__(self) -> None:
        self.fits_: dict[str, LayerFit] = {}

    def fit(self, measurements: Sequence[Measurement]) -> Self:
        return self.fit_layers(_single_layers(measurements, self.name))

    def fit_layers(self, layers: Mapping[str, tuple[Sequence[Layer], Array]]) -> Self:
        """Fit on layers by type with their joules."""
        self.fits_ = {kind: LayerFit.of(FORMS[kind], *given) for kind, given in layers.items()}
        return self

    def predict_layer(self, layer: Layer) -> float:
        """Joule of one layer; 0 for a type that the paper gives no regression, ValueError for one not fitted."""
        if layer.kind not in FORMS:
            return 0.0
        if layer.kind not in self.fits_:
            raise ValueError(f"{self.name} was fitted without any {layer.kind} layer")
        return float(self.fits_[layer.kind].predict([layer])[0])

    def predict(self, program: Program) -> float:
        if not self.fits_:
            raise unfitted(self.name)
        return sum(self.predict_layer(layer) for layer in layers_of(program))


@register
class GetznerRelative:
    """The same idea without its flaw: joule = a work + c for each type, a, c >= 0, on relative errors (ours)."""

    name = "getzner_relative"

    def __init__(self) -> None:
        self.coefficients_: dict[str, Array] = {}

    def fit(self, measurements: Sequence[Measurement]) -> Self:
        return self.fit_layers(_single_layers(measurements, self.name))

    def fit_layers(self, layers: Mapping[str, tuple[Sequence[Layer], Array]]) -> Self:
        """Fit on layers by type with their joules."""
        for kind, (given, joule) in layers.items():
            require(given, 2, f"{self.name} ({kind})")
            terms = np.array([[layer.work, 1.0] for layer in given])
            self.coefficients_[kind] = np.asarray(fit_relative(terms, joule))
        return self

    def predict_layer(self, layer: Layer) -> float:
        """Joule of one layer; 0 for a type without a form, ValueError for one not fitted."""
        if layer.kind not in FORMS:
            return 0.0
        if layer.kind not in self.coefficients_:
            raise ValueError(f"{self.name} was fitted without any {layer.kind} layer")
        return float(self.coefficients_[layer.kind] @ [layer.work, 1.0])

    def predict(self, program: Program) -> float:
        if not self.coefficients_:
            raise unfitted(self.name)
        return sum(self.predict_layer(layer) for layer in layers_of(program))
