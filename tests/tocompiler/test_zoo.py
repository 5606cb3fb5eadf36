"""The zoo against published counts, exactly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tocompiler import compile, load, zoo
from tocompiler.network import Network
from tocompiler.operators import rule
from tocompiler.passes import pipeline

DATA = Path(__file__).parent.parent / "data"

# Multiply-accumulates and parameters at batch 1, 224 x 224, of torchvision's definitions: torch's flop counter on meta
# tensors, halved. alexnet_2012: the sum of Krizhevsky's layers at 227 x 227. bert_base: 128 tokens, with pooler.
# MLPerf Tiny: parameters are those of its Keras models less running statistics (221 794 - 5 472 for MobileNet).
EXACT = {
    "alexnet": (714188480, 61100840), "alexnet_2012": (724406816, 60965224),
    "vgg11": (7609090048, 132863336), "vgg13": (11308466176, 133047848),
    "vgg16": (15470264320, 138357544), "vgg19": (19632062464, 143667240),
    "resnet18": (1814073344, 11689512), "resnet34": (3663761408, 21797672), "resnet50": (4089184256, 25557032),
    "resnet101": (7801405440, 44549160), "resnet152": (11513626624, 60192808),
    "mobilenet_v2": (300774272, 3504872), "mobilenet_v3_small": (56510400, 2542856),
    "mobilenet_v3_large": (216589760, 5483032), "efficientnet_b0": (385814752, 5288548),
    "squeezenet1_0": (818924576, 1248424), "squeezenet1_1": (349151936, 1235496),
    "densenet121": (2834161664, 7978856), "vit_b_16": (17563828224, 86567656),
    "swin_b": (15430946816, 87768224), "convnext_base": (15354729472, 88591464),
    "bert_base": (11174215680, 109482240),
    "mlperf_tiny_autoencoder": (264192, 267928), "mlperf_tiny_ds_cnn": (2656768, 23756),
    "mlperf_tiny_resnet8": (12501632, 78186), "mlperf_tiny_mobilenet": (7489664, 216322),
}


def macs(net: Network) -> int:
    return sum(rule(op.operator).work(op).multiply_accumulates for op in net.operators)


@pytest.mark.parametrize("name", EXACT)
def test_published_multiply_accumulates_and_parameters(name: str) -> None:
    net = zoo.build(name)
    assert (macs(net), net.parameters) == EXACT[name]


def test_every_network_has_an_exact_pair_but_the_parametric_ones() -> None:
    assert set(zoo.names()) - set(EXACT) == {"mlp", "gpt2"}


def test_alexnet_2012_layer_by_layer() -> None:
    counts = [rule(op.operator).work(op).multiply_accumulates for op in zoo.build("alexnet_2012").operators]
    assert [n for n in counts if n] == [
        105415200, 223948800, 149520384, 112140288, 74760192, 37748736, 16777216, 4096000]


def test_vgg16_layers() -> None:
    counts = {op.name: rule(op.operator).work(op).multiply_accumulates for op in zoo.build("vgg16").operators}
    assert counts["stage1.conv2d"] == 86704128
    assert counts["stage1.conv2d_1"] == 1849688064
    assert {counts[f"stage5.conv2d{i}"] for i in ("", "_1", "_2")} == {462422016}
    assert counts["linear"] == 102760448


def test_gpt2_counts_its_tied_table_once() -> None:
    # Per token 12 layers of 12 x 768^2 weights and 768 x 50257 of the output layer; per layer 2 x 128^2 x 768 scores.
    net = zoo.build("gpt2", sequence=128)
    assert net.parameters == 124439808
    assert macs(net) == 128 * (12 * 12 * 768**2 + 768 * 50257) + 12 * 2 * 128 * 128 * 768
    # An optimizer steps it once, although the output layer reads it transposed.
    assert pipeline(net, phase="training").parameters == net.parameters


def test_mlp_by_widths() -> None:
    net = zoo.build("mlp:4-16-16-3:tanh", batch=5)
    assert [op.operator for op in net.operators] == ["Gemm", "Tanh", "Gemm", "Tanh", "Gemm"]
    assert macs(net) == 5 * (4 * 16 + 16 * 16 + 16 * 3)
    assert net.parameters == 4 * 16 + 16 + 16 * 16 + 16 + 16 * 3 + 3


@pytest.mark.parametrize("name", ["resnet18", "swin_b", "bert_base", "mlperf_tiny_ds_cnn"])
def test_counts_scale_with_the_batch(name: str) -> None:
    one, three = zoo.build(name), zoo.build(name, batch=3)
    assert macs(three) == 3 * macs(one)
    assert three.parameters == one.parameters


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "vit_b_16", "swin_b", "bert_base"])
def test_a_symbolic_batch_is_a_factor(name: str) -> None:
    import sympy

    batch = sympy.Symbol("batch", integer=True, positive=True)
    assert macs(zoo.build(name, batch=batch)) == EXACT[name][0] * batch


@pytest.mark.parametrize(("call", "message"), [
    (lambda: zoo.build("resnet5"), "unknown zoo network 'resnet5'; did you mean .*resnet50"),
    (lambda: zoo.build("zzz"), "unknown zoo network 'zzz'; there are alexnet"),
    (lambda: zoo.build("resnet50", sequence=3), "has no option sequence; it has image_size, num_classes"),
    (lambda: zoo.build("resnet50:3"), "has no option widths"),
    (lambda: zoo.build("mlp:4-x"), "mlp: widths are positive integers"),
    (lambda: zoo.build("mlp:4-3:foo"), "mlp: unknown activation 'foo'"),
    (lambda: zoo.build("swin_b", image_size=256), "choose an image size that is a multiple of 224"),
])
def test_what_cannot_be_built_is_said_in_one_line(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_building_a_resnet_imports_nothing_heavy() -> None:
    heavy = ("numpy", "sympy", "networkx", "torch", "onnx", "scipy", "pandas", "matplotlib")
    code = ("from tocompiler import zoo; zoo.build('resnet50'); import sys; "
            f"print([m for m in {heavy} if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# What torch's two exporters change, and nothing else: both fold batch norm into the convolution before it; the newer
# one writes a global average pool as a ReduceMean of the same tasks, and guards each softmax with IsNaN and Where.
EXPORTS = [
    *((name, "script") for name in ("alexnet", "vgg16", "resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small",
                                    "mobilenet_v3_large", "efficientnet_b0", "densenet121", "squeezenet1_1",
                                    "vit_b_16", "bert_base")),
    *((name, "dynamo") for name in ("alexnet", "vgg16", "resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small",
                                    "mobilenet_v3_large", "efficientnet_b0", "densenet121", "squeezenet1_1",
                                    "vit_b_16", "swin_b")),
]


def counted(net: Network, guarded: bool) -> list[tuple[str, dict[tuple[str, str], int]]]:
    """Operators that have ALU tasks, in order, after the passes."""
    rows = []
    for op in pipeline(net, options=("fold_batch_norm",)).operators:
        tasks = dict(rule(op.operator).work(op).tasks)
        guard = guarded and op.operator in ("IsNaN", "Where")
        if tasks and not guard:
            rows.append(("ReduceMean" if op.operator == "GlobalAveragePool" else op.operator, tasks))
    return rows


@pytest.mark.parametrize(("name", "exporter"), EXPORTS)
def test_zoo_and_export_agree_operator_by_operator(name: str, exporter: str) -> None:
    exported = load(DATA / f"{name}.{exporter}.onnx")
    built = zoo.build(name)
    assert counted(built, False) == counted(exported, exporter == "dynamo")


def test_berts_newer_export_differs_by_its_mask_alone() -> None:
    """transformers hands the exporter a mask of zeros, which is added to each of 12 layers' 12 x 128 x 128 scores."""
    exported = counted(load(DATA / "bert_base.dynamo.onnx"), True)
    built = counted(zoo.build("bert_base"), False)
    masked = [name for name, _ in built].count("Attention")
    assert masked == 12
    for name, tasks in built:
        if name == "Attention":
            tasks["add", "fp32"] += 12 * 128 * 128
    assert exported == built


def test_options_follow_a_name() -> None:
    small = compile(load("alexnet:image_size=64,num_classes=10", batch=2))
    # torchvision's: 15, 7, 3 and 1 pixels a side, pooled up to 6 again.
    assert small.network.outputs[0].shape == (2, 10)
    assert not small.unmodelled
    with pytest.raises(ValueError, match="'image_size=big' is not OPTION=N"):
        load("alexnet:image_size=big")
    with pytest.raises(ValueError, match="has no option depth; it has image_size, num_classes"):
        load("alexnet:depth=3")
