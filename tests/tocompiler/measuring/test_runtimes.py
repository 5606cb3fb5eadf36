"""What the runtimes execute is the network that is compiled: ONNX Runtime and torch agree on its results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tocompiler.families import build
from tocompiler.measuring.export import as_onnx, draw
from tocompiler.measuring.operators import VIEWS, alone
from tocompiler.measuring.runtimes import executor
from tocompiler.network import Network
from tocompiler.passes import pipeline

CELLS = ("conv2d 8x9x9 out_channels=6 kernel_size=3 stride=2 padding=1", "linear 12 out_features=5",
         "max_pool2d 4x9x9 kernel_size=3 stride=2", "avg_pool2d 4x8x8 kernel_size=2", "batch_norm 4x5x5", "gelu 40",
         "adaptive_avg_pool2d 4x8x8 output_size=4", "silu 40", "softmax 40", "layer_norm 24 normalized_shape=24",
         "mlp:4-16-16-3:tanh", "mlperf_tiny_resnet8", "mlperf_tiny_mobilenet", "mobilenet_v3_small")


def with_onnxruntime(network: Network, values: dict[str, Any]) -> list[Any]:
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(as_onnx(network, values).SerializeToString(),
                                       providers=["CPUExecutionProvider"])
    return list(session.run(None, {i.name: values[i.name] for i in session.get_inputs()}))


def with_torch(network: Network, values: dict[str, Any]) -> list[Any]:
    torch = pytest.importorskip("torch")
    from tocompiler.measuring.runtimes._torch_operators import function_of

    known = {name: torch.from_numpy(np.array(value)) for name, value in values.items()}
    for op in network.operators:
        found = function_of(torch, op)(*[None if t is None else known[t.name] for t in op.inputs])
        known.update(zip((t.name for t in op.outputs), found if isinstance(found, tuple) else (found,), strict=False))
    return [known[t.name].numpy() for t in network.outputs]


@pytest.mark.parametrize("cell", CELLS)
def test_both_runtimes_compute_the_same(cell: str) -> None:
    network = build(cell, 2)
    values = draw(network, "normal", 1)
    theirs = with_onnxruntime(network, values)
    for a, b, tensor in zip(theirs, with_torch(network, values), network.outputs, strict=True):
        assert a.shape == b.shape == tensor.shape
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4)


def test_a_transformer_with_attention_put_together_computes_what_its_parts_do() -> None:
    network = Network("attention")
    network.output(network.multi_head_attention(network.input((2, 6, 32)), num_heads=4))
    values = draw(network, "normal", 2)
    whole = pipeline(network)
    assert "Attention" in {op.operator for op in whole.operators}
    np.testing.assert_allclose(with_onnxruntime(network, values)[0], with_torch(whole, values)[0], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["onnxruntime", "torch:cpu"])
def test_every_operator_runs_alone(name: str) -> None:
    pytest.importorskip(name.partition(":")[0])
    network = build("mlperf_tiny_resnet8", 1)
    run = executor(name, 1)
    for op in network.operators:
        if op.operator not in VIEWS:
            run.prepare(alone(op), "fp32", "inference", "normal", 0)(1)


def test_torch_trains_and_onnxruntime_says_that_it_does_not() -> None:
    network = build("mlp:4-16-16-3:tanh", 8)
    pytest.importorskip("torch")
    executor("torch:cpu", 1).prepare(network, "fp32", "training", "normal", 0)(2)
    with pytest.raises(ValueError, match="nothing to train"):
        executor("torch:cpu", 1).prepare(build("relu 10", 1), "fp32", "training", "normal", 0)
    pytest.importorskip("onnxruntime")
    with pytest.raises(ValueError, match="executes inference, not training; use --runtime torch"):
        executor("onnxruntime", 1).prepare(network, "fp32", "training", "normal", 0)


def test_half_precision_reaches_the_runtime() -> None:
    pytest.importorskip("torch")
    executor("torch:cpu", 1).prepare(build("mlp:4-16-16-3:tanh", 8), "bf16", "inference", "normal", 0)(1)
    with pytest.raises(ValueError, match="does not execute fp8_e4m3"):
        executor("torch:cpu", 1).prepare(build("relu 8", 1), "fp8_e4m3", "inference", "normal", 0)


def test_indices_stay_within_their_tables() -> None:
    network = Network("lookup")
    network.output(network.embedding(network.input((4, 100), format="int64"), 1000, 8))
    indices = draw(network, "normal", 0)[network.inputs[0].name]
    assert 500 < indices.max() < 1000


def test_an_unknown_runtime_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown runtime 'tvm'; use one of onnxruntime, torch"):
        executor("tvm")
