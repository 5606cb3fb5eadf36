"""One regression for each layer type: exact where the truth is linear, and the paper's figures from its data."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tocompiler.estimators.getzner import FORMS, Form, Getzner, GetznerRelative, Layer, LayerFit, layers_of

_DATA = Path(os.environ.get("TOCOMPILER_DATASETS", "nowhere")) / "cpu_xeon5120_getzner.csv"


def _layers(kind: str, works: Any) -> list[Layer]:
    return [Layer(kind, float(w), {"batch": float(i % 7 + 1), "features": float(w) / (i % 7 + 1)})
            for i, w in enumerate(works)]


def test_a_line_is_recovered_with_its_intercept() -> None:
    layers = _layers("conv2d", [1e9, 5e9, 2e10, 1e11])
    joule = np.array([215.8 + 2e-9 * x.work for x in layers])
    fit = LayerFit.of(FORMS["conv2d"], layers, joule)
    assert fit.intercept_joule == pytest.approx(215.8)
    assert fit.predict(_layers("conv2d", [0, 7e9])) == pytest.approx([215.8, 229.8])


def test_activation_form_sees_batch_features_and_their_product() -> None:
    layers = _layers("sigmoid", np.geomspace(10, 1e6, 40))
    truth = [3 + 2 * x.shape["batch"] + 1e-3 * x.shape["features"] + 1e-4 * x.work for x in layers]
    assert LayerFit.of(FORMS["sigmoid"], layers, np.array(truth)).predict(layers) == pytest.approx(truth)


def test_design_columns() -> None:
    layer = Layer("x", 5.0, {"a": 2.0, "b": 3.0})
    # a, b, log(1+a), log(1+b), work; then 10 pairs; then 5 squares
    design = Form(("a", "b"), logs=True, pairs=True, squares=True).design([layer])[0]
    assert len(design) == 5 + 10 + 5
    assert design[:5] == pytest.approx([2, 3, np.log(3), np.log(4), 5])
    assert design[5] == 6
    assert design[-1] == 25


def test_max_pool_form_has_the_papers_columns() -> None:
    # six hyper-parameters, six logarithms, the work, and every pair of the thirteen
    layer = Layer("maxpool2d", 9.0, dict.fromkeys(FORMS["maxpool2d"].base, 2.0))
    assert FORMS["maxpool2d"].design([layer]).shape == (1, 13 + 13 * 12 // 2)


def test_relative_form_keeps_small_layers_small() -> None:
    works = np.geomspace(1e6, 1e11, 60)
    layers = _layers("conv2d", works)
    joule = 1e-3 + 2e-9 * works * (1 + 0.3 * np.sin(np.arange(60)))  # 30 % off, either way
    absolute, relative = Getzner(), GetznerRelative()
    for estimator in (absolute, relative):
        estimator.fit_layers({"conv2d": (layers, joule)})

    def error(e: Getzner | GetznerRelative) -> float:
        return float(np.median(np.abs([e.predict_layer(x) / j - 1 for x, j in zip(layers, joule, strict=True)])))

    assert error(relative) < 0.3
    assert error(absolute) > 10 * error(relative)


def _program(operator: str, name: str = "a") -> Any:
    tensor = SimpleNamespace(shape=(2, 3, 8, 8), elements=384)
    op = SimpleNamespace(name=name, outputs=(SimpleNamespace(elements=96),), given=lambda _: tensor,
                         attributes={"kernel_shape": (2, 2), "strides": (2, 2)})
    row = SimpleNamespace(name=name, operator=operator, phase="forward", multiply_accumulates=0)
    return SimpleNamespace(network=SimpleNamespace(operators=[op]), rows=[row])


def test_layers_of_a_program() -> None:
    (pool,) = layers_of(_program("MaxPool"))
    assert pool.kind == "maxpool2d"
    assert pool.work == 96 * 3  # three comparisons for each of the results
    assert pool.shape == {"batch": 2, "features": 192, "size": 8, "kernel": 2, "channels": 3, "stride": 2, "padding": 0}
    assert not list(layers_of(_program("Reshape")))


def test_fit_wants_single_layers_and_predict_wants_a_fit() -> None:
    with pytest.raises(ValueError, match="getzner is fitted on measurements of single layers"):
        Getzner().fit([SimpleNamespace(program=_program("Reshape"), joule_per_execution=1.0)])
    with pytest.raises(ValueError, match="call fit with measurements first"):
        GetznerRelative().predict(_program("Relu"))
    fitted = Getzner().fit_layers({"relu": (_layers("relu", [1, 2, 3]), np.array([1.0, 2.0, 3.0]))})
    with pytest.raises(ValueError, match="fitted without any conv2d layer"):
        fitted.predict_layer(_layers("conv2d", [1])[0])


@pytest.mark.skipif(not _DATA.is_file(), reason="TOCOMPILER_DATASETS has no Getzner records")
@pytest.mark.parametrize(("kind", "published"), [("conv2d", 0.9977), ("linear", 0.9992), ("relu", 0.9812)])
def test_published_r2(kind: str, published: float) -> None:
    kept: dict[str, list[Any]] = defaultdict(list)
    with _DATA.open(newline="", encoding="utf-8") as lines:
        for r in csv.DictReader(lines):
            if r["split_hint"] == "random":
                kept[r["layer_type"]].append((Layer(kind, float(r["macs"]), {}), float(r["energy_joule"])))
    layers = [x for x, _ in kept[kind]]
    joule = np.array([e for _, e in kept[kind]])
    order = np.random.RandomState(1234).permutation(len(joule))
    train, test = order[:int(0.7 * len(joule))], order[int(0.9 * len(joule)):]
    fit = LayerFit.of(FORMS[kind], [layers[i] for i in train], joule[train])
    rest = joule[test] - fit.predict([layers[i] for i in test])
    assert 1 - rest @ rest / np.sum((joule[test] - joule[test].mean()) ** 2) == pytest.approx(published, abs=6e-5)
