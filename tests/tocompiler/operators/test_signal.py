"""Fourier transforms, samples between points, detection, random values, classical models."""

from __future__ import annotations

import numpy as np
import pytest

from alu_library.tasks import Tasks
from tocompiler.operators import rule
from tocompiler.operators.signal import fourier_tasks
from tocompiler.tensors import Operator, Tensor

OP = Operator("op", "DFT", (), ())


def count_operations(n: int) -> dict[str, int]:
    """Additions, products and multiply-accumulates of a recursive mixed-radix transform, counted while it runs."""
    counted = {"add": 0, "multiply": 0, "multiply_accumulate": 0}

    def transform(x: list[complex]) -> list[complex]:
        length = len(x)
        if length == 1:
            return x
        p = next(d for d in range(2, length + 1) if length % d == 0)
        parts = [transform(x[i::p]) for i in range(p)]
        m = length // p
        if m > 1:  # twiddles, one for each element
            counted["multiply"] += 4 * length
            counted["add"] += 2 * length
        turned = [[parts[i][k] * np.exp(-2j * np.pi * i * k / length) for k in range(m)] for i in range(p)]
        out = [0j] * length
        for k in range(m):
            for q in range(p):
                out[k + q * m] = sum(turned[i][k] * np.exp(-2j * np.pi * i * q / p) for i in range(p))
                counted["add" if p == 2 else "multiply_accumulate"] += 2 if p == 2 else 4 * p
        return out

    signal = [complex(v) for v in np.random.default_rng(0).normal(size=n)]
    assert np.allclose(transform(signal), np.fft.fft(signal))
    return {task: k for task, k in counted.items() if k}


@pytest.mark.parametrize("n", [2, 8, 12, 15, 30, 7])
def test_a_transform_is_counted_as_it_runs(n):
    assert fourier_tasks(OP, "fp32", n).by_task() == count_operations(n)


def test_transforms_of_signals(make, work):
    frame = fourier_tasks(OP, "fp32", 16)
    stft = make("STFT", (2, 64, 1), 8, (16,), 16)
    assert stft.outputs[0].shape == (2, 7, 9, 2)
    assert work(stft).tasks == frame * 14 + Tasks.of("fp32", multiply=14 * 16)
    inverse = make("DFT", (3, 16, 2), None, 1, inverse=1)
    assert work(inverse).tasks == frame * 3 + Tasks.of("fp32", divide=3 * 16 * 2)
    assert work(make("HannWindow", 16)).tasks == Tasks.of("fp32", multiply=16, cos=16, multiply_accumulate=16)


def test_shapes_agree_with_onnx(agrees):
    agrees("STFT", (2, 64, 1), 8, None, 16, onesided=1)  # the default, which onnx's inference takes to be 0
    agrees("DFT", (3, 16, 2), None, 1, inverse=1)
    agrees("DFT", (3, 16, 1), None, 1, onesided=1)
    agrees("HannWindow", 16)
    agrees("MelWeightMatrix", 8, 16, 8192, 0.0, 4000.0)
    agrees("GridSample", (1, 3, 5, 6), (1, 7, 8, 2))
    agrees("AffineGrid", (2, 2, 3), [2, 3, 5, 6])
    agrees("RoiAlign", (1, 3, 16, 16), (5, 4), Tensor("i", (5,), "int64"), output_height=2, output_width=3)
    agrees("Det", (2, 3, 3))
    agrees("RandomNormal", shape=(3, 4))
    agrees("Bernoulli", (3, 4))
    agrees("Multinomial", (2, 5), sample_size=7)
    agrees("NegativeLogLikelihoodLoss", (2, 5, 3), Tensor("l", (2, 3), "int64"), reduction="none")
    agrees("SoftmaxCrossEntropyLoss", (2, 5), Tensor("l", (2,), "int64"), results=2)


def test_samples_between_points(make, work):
    op = make("GridSample", (1, 3, 5, 6), (1, 7, 8, 2))
    positions, results = 56, 3 * 56
    assert work(op).tasks == Tasks.of(
        "fp32", multiply_accumulate=2 * positions + 4 * results,  # to pixels; four neighbours
        compare=2 * 2 * positions, convert=2 * positions, add=4 * positions, multiply=4 * positions)
    roi = make("RoiAlign", (1, 3, 16, 16), (5, 4), (5,), output_height=2, output_width=2, sampling_ratio=2)
    cells, samples = 5 * 3 * 4, 5 * 4 * 4
    done = work(roi).tasks
    assert done["divide", "fp32"] == cells + 5 * 2
    assert done["multiply_accumulate", "fp32"] == 4 * cells * 4 + 2 * samples


def test_suppression_is_bounded_by_the_boxes_it_may_keep(make, work):
    op = make("NonMaxSuppression", (1, 100, 4), (1, 3, 100), [10])
    assert op.outputs[0].shape == (30, 3)
    overlaps = 3 * 100 * 10
    ordering = 3 * (100 + 100 + 100 * 8)  # threshold, heap, ceil(log2 100) + 1 levels
    assert work(op).tasks == Tasks.of("fp32", compare=7 * overlaps + ordering, add=4 * overlaps + 200,
                                      multiply=overlaps + 100, divide=overlaps)


def test_random_values(make, work):
    word = Tasks.of("uint32", multiply=5, logic=10, add=5)
    assert work(make("RandomUniform", shape=(10,))).tasks == word * 10 + Tasks.of(
        "fp32", convert=10, multiply_accumulate=10)
    normal = work(make("RandomNormal", shape=(10,))).tasks
    assert normal["log", "fp32"] == normal["cos", "fp32"] == 5


def test_optimizer_steps():
    x = Tensor("x", (10,))
    scalar = Tensor("r", ())
    adam = Operator("op", "ai.onnx.preview.training.Adam", (scalar, scalar, x, x, x, x), (x, x, x))
    assert rule(adam.operator).results(adam) == [((10,), "fp32")] * 3
    assert rule(adam.operator).work(adam).tasks == Tasks.of(
        "fp32", multiply=20, multiply_accumulate=40, sqrt=10, add=20, divide=10)
    regular = Operator("op", "ai.onnx.preview.training.Momentum", (scalar, scalar, x, x, x), (x, x),
                       {"norm_coefficient": 0.1, "mode": "nesterov"})
    assert rule(regular.operator).work(regular).tasks == Tasks.of("fp32", multiply_accumulate=50)


def test_classical_models(work):
    x = Tensor("x", (8, 3))
    linear = Operator("op", "ai.onnx.ml.LinearClassifier", (x,), (x,), {"coefficients": [0.0] * 12})
    assert work(linear).multiply_accumulates == 8 * 3 * 4
    assert work(linear).tasks["compare", "fp32"] == 8 * 3
    trees = {  # one tree: root with a leaf and an inner node of two leaves; one tree of a single leaf
        "nodes_treeids": [0, 0, 0, 0, 0, 1], "nodes_nodeids": [0, 1, 2, 3, 4, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF", "LEAF"],
        "nodes_truenodeids": [1, 0, 3, 0, 0, 0], "nodes_falsenodeids": [2, 0, 4, 0, 0, 0],
    }
    forest = Operator("op", "ai.onnx.ml.TreeEnsembleRegressor", (x,), (x,), trees)
    assert work(forest).tasks == Tasks.of("fp32", compare=8 * 2, add=8 * 2)
