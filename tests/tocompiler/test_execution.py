"""The execution level: what a runtime touches, pads, copies and launches, against counts by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hardware.runtime import RuleUse, Runtime, load_runtime, runtime_names
from tocompiler import Network, compile, load
from tocompiler.costing import TransistorProgram
from tocompiler.execution import ExecutionProgram, execute
from tocompiler.families import build
from tocompiler.runtimes.draft import AMOUNTS


def runtime(**rules: dict[str, Any]) -> Runtime:
    """A runtime of these rules, in their order."""
    return Runtime("made up", "a test", tuple(RuleUse(name, parameters, "a test") for name, parameters in
                                              rules.items()))


def amounts(program: TransistorProgram, under: Runtime | str = "generic", **more: Any) -> dict[str, float]:
    """Amounts of the whole execution."""
    found = execute(program, under, **more)
    return {name: sum(row[name] for row in (*found.rows, found.execution)) for name in AMOUNTS}


def conv(channels: int = 16, out: int = 16, kernel: int = 3, stride: int = 1, size: int = 32, padding: int = 0,
         format: str = "fp32", under: Runtime | str = "generic", phase: str = "inference") -> dict[str, float]:
    net = Network("one")
    x = net.input((1, channels, size, size))
    net.output(net.conv2d(x, out, kernel, stride=stride, padding=padding, bias=False))
    return amounts(compile(net, format=format, phase=phase), under)


def test_bytes_of_a_convolution() -> None:
    terms = conv()
    assert terms["near_byte"] == 4 * (16 * 32 * 32 + 16 * 30 * 30)
    assert terms["weight_byte"] == 4 * 16 * 16 * 9
    assert (terms["kernels"], terms["constant"], terms["fresh_byte"]) == (1, 1, 0)


def test_a_kernel_smaller_than_its_stride_skips_lines() -> None:
    # 2x2 windows every 4: 8 results take 2 lines each, 16 of the 32 lines.
    assert conv(kernel=2, stride=4)["near_byte"] == 4 * (16 * 16 * 32 + 16 * 8 * 8)
    # 1x1 with a stride passes over everything.
    assert conv(kernel=1, stride=4)["near_byte"] == 4 * (16 * 32 * 32 + 16 * 8 * 8)


def test_channels_are_padded_to_blocks_from_the_threshold_on() -> None:
    padded = runtime(channel_blocks={"block": 8, "pad_input_from": 8})
    for channels, out, waste in ((8, 8, 1.0), (9, 8, 16 / 9), (3, 8, 1.0), (8, 12, 16 / 12)):
        ratio = conv(channels, out, under=padded)["executed"] / conv(channels, out)["executed"]
        assert ratio == pytest.approx(waste)


def test_layout_copies_and_fresh_pages() -> None:
    copied = runtime(channel_blocks={"block": 8, "pad_input_from": 8}, blocked_layout={"block": 8, "blocks": 4},
                     fresh_pages={"above_byte": 60_000})
    image, result = 4 * 16 * 32 * 32, 4 * 16 * 30 * 30
    # The image is read to be copied and the copy once more, as 16 result channels are one group of blocks.
    assert conv(under=copied)["near_byte"] == 2 * image + result
    assert conv(out=33, under=copied)["near_byte"] == 3 * image + 33 / 16 * result
    # The image's copy of 65 536 bytes is above the threshold, the result of 57 600 and its copy are not.
    assert conv(under=copied)["fresh_byte"] == image
    # 17 channels are 3 blocks of 8: the result's copy and the result lie above, 24 and 17 channels of 3600 bytes.
    assert conv(out=17, under=copied)["fresh_byte"] == image + (24 + 17) * 3600


def test_products_with_padding_are_not_executed_where_the_runtime_clips_its_window() -> None:
    clipped = runtime(clipped_window={})
    # 3x3 on 4x4 with a border of 1: 2, 3, 3, 2 taps of 3 inside along each axis.
    assert conv(size=4, padding=1, under=clipped)["executed"] == pytest.approx(
        (10 / 12) ** 2 * conv(size=4, padding=1)["executed"])


def test_a_window_that_may_lie_in_the_padding_is_computed_by_columns() -> None:
    copied = runtime(columns={}, channel_blocks={"block": 8, "pad_input_from": 8},
                     blocked_layout={"block": 8, "blocks": 4}, clipped_window={})
    terms = conv(kernel=1, padding=1, channels=4, out=3, size=4, under=copied)
    # Columns of 4 channels at 6x6 places are written and read; the image is read and the result written.
    assert terms["near_byte"] == 4 * (2 * 4 * 36 + 4 * 16 + 3 * 36)
    assert terms["executed"] == conv(kernel=1, padding=1, channels=4, out=3, size=4)["executed"]


def test_a_running_maximum_branches_by_the_harmonic_number_and_stores_positions() -> None:
    net = Network("one")
    net.output(net.max_pool2d(net.input((2, 3, 8, 8)), 2, stride=2))
    total = amounts(compile(net), runtime(running_maximum={}, fresh_pages={"above_byte": 600}))
    places = 2 * 3 * 4 * 4
    assert total["branches"] == pytest.approx(places * (1 + 1 / 2 + 1 / 3 + 1 / 4))
    assert total["near_byte"] == 4 * 2 * 3 * 8 * 8 + (4 + 8) * places
    # 384 bytes of values lie below the threshold, 768 of positions above: they are two allocations.
    assert total["fresh_byte"] == 8 * places
    assert amounts(compile(net))["branches"] == 0


def test_backward_only_some_channel_counts_stay_unpadded() -> None:
    padded = runtime(channel_blocks={"block": 8, "pad_input_from": 8, "plain_backward": [3]})

    def ratio(channels: int) -> float:
        return (conv(channels, 8, under=padded, phase="backward")["executed"]
                / conv(channels, 8, phase="backward")["executed"])

    assert ratio(3) == pytest.approx(1)
    assert ratio(4) == pytest.approx(2, rel=0.01)  # the optimizer's step is not padded


def test_small_register_tiles_of_a_forward_pass_wait_for_their_products() -> None:
    tiled = runtime(channel_blocks={"block": 8}, register_tiles={"block": 8, "width": 3, "blocks": 4,
                                                                 "products_in_flight": 6})
    # 33 values are 11 tiles of 3, 32 are 10 and one of 2; 5 blocks are 4 and 1.
    for size, out, growth in ((35, 32, 1.0), (35, 16, 1.0), (35, 8, 2.0), (34, 16, (10 * 6 + 6) / 64),
                              (35, 40, (12 + 6) / 15), (4, 32, 1.0), (3, 32, 6 / 4)):
        assert conv(8, out, size=size, under=tiled)["executed"] == pytest.approx(
            growth * conv(8, out, size=size)["executed"])


def test_the_gradient_of_a_result_is_passed_over_as_often_as_the_runtime_does() -> None:
    once, often = (conv(under=runtime(gradient_passes={"passes": n}), phase="backward")["near_byte"] for n in (1, 8))
    assert often - once == 7 * 4 * 16 * 30 * 30


def test_a_result_in_place_of_its_operand_takes_two_transfers_of_three() -> None:
    net = Network("relu")
    net.output(net.relu(net.input((4, 1000))))
    program = compile(net)
    apart, in_place = (amounts(program, runtime(in_place={"operators": names})) for names in ([], ["Relu"]))
    assert in_place["near_byte"] == pytest.approx(2 / 3 * apart["near_byte"])
    assert in_place["kernels"] == apart["kernels"] == 1


def test_a_format_ratio_replaces_the_circuits_ratio() -> None:
    packed = runtime(format_ratio={"ratio": {"fp16": 0.5}})
    assert conv(format="fp16", under=packed)["executed"] == pytest.approx(0.5 * conv()["executed"], rel=1e-6)
    native = runtime(shared_exponents={})
    share = conv(format="fp16", under=native)["executed"] / conv()["executed"]
    # Significands of 11 and 24 bits: about the ratio of their squares.
    assert share == pytest.approx((11 / 24) ** 2, rel=0.35)


def test_fused_attention_leaves_out_what_a_causal_mask_hides() -> None:
    def compute(causal: bool, under: Runtime) -> float:
        net = Network("attention")
        q, k, v = (net.input((1, 8, 1024, 64)) for _ in range(3))
        net.output(net.emit("Attention", [q, k, v], {"is_causal": int(causal)}, outputs=1)[0])
        return amounts(compile(net), under)["executed"]

    whole, blocks = compute(False, runtime()), runtime(attention={"attention": "fused", "causal_block": 128})
    assert compute(False, blocks) == whole
    # Eight blocks of 128 queries see 1 to 8 blocks of keys: 36 of 64.
    assert compute(True, blocks) == pytest.approx(36 / 64 * compute(True, runtime()))
    assert compute(False, runtime(attention={"attention": "fused", "cost": 1.5})) == pytest.approx(1.5 * whole)


def test_eager_attention_writes_and_reads_its_scores() -> None:
    net = Network("attention")
    q, k, v = (net.input((2, 8, 100, 64)) for _ in range(3))
    net.output(net.emit("Attention", [q, k, v], {"is_causal": 1}, outputs=1)[0])
    fused, eager = (amounts(compile(net), r) for r in (runtime(), runtime(attention={"attention": "eager"})))
    scores = 4 * 2 * 8 * 100 * 100
    # Scaled query and key, then the scores around the mask, after it, and after the softmax: written and read.
    assert eager["near_byte"] - fused["near_byte"] == 2 * (3 * scores + 2 * 4 * 2 * 8 * 100 * 64)
    assert (fused["kernels"], eager["kernels"]) == (1, 6)
    switched = amounts(compile(net), runtime(attention={"attention": "fused"}), conditions={"attention": "eager"})
    assert switched == eager
    assert eager["executed"] == fused["executed"]


def test_the_backward_pass_and_its_steps_are_one_unit() -> None:
    net = Network("one")
    net.output(net.conv2d(net.input((1, 3, 8, 8)), 4, 3))
    found = execute(compile(net, phase="backward"))
    assert len(found.rows) == 3
    assert found.layer == (0, 0, 0)


def test_samples_count_where_the_host_handles_each() -> None:
    network = build("qutibench:mlp,width=0.125", batch=8)
    total = amounts(compile(network), "packed_gpu")
    assert total["samples"] == 8
    assert total["transfer_byte"] == 8 * 784 * 4
    # Four products, and a transfer in and one out; nothing else is constant on this runtime.
    assert total["kernels"] == 4 + 2
    assert total["constant"] == 0


def test_a_host_hands_images_over_wide_whatever_the_network_computes_in() -> None:
    network = build("qutibench:mlp,width=0.125", batch=8)
    narrow = amounts(compile(network, format="fp16"), "packed_gpu")
    assert narrow["transfer_byte"] == 8 * 784 * 4
    assert narrow["weight_byte"] == 4 * compile(network).totals.parameters


def test_a_process_reads_whole_tables_where_a_pass_gathers_rows() -> None:
    program = compile(build("transformer:bert-base,phase=encode,length=16"))
    gathered, loaded = (amounts(program, name)["weight_byte"] for name in ("generic", "pytorch_process"))
    assert loaded >= 4 * program.totals.parameters
    assert loaded - gathered > 4 * 768 * 30_000


@pytest.mark.parametrize(
    ("model", "multiply_accumulates", "parameters"),
    [  # as the studies themselves report them
        ("qutibench:mlp,width=0.125", 334336, 334336),
        ("qutibench:cnv", 234724864, 6157696),
        ("nasbench101:matrix=0110/0010/0001/0000,operations=maxpool3x3+maxpool3x3", None, 1756298),
        ("nasbench101:matrix=0111/0001/0001/0000,operations=conv3x3-bn-relu+conv3x3-bn-relu", None, None),
    ],
)
def test_families_have_the_published_sizes(model: str, multiply_accumulates: int | None,
                                           parameters: int | None) -> None:
    totals = compile(build(model)).totals
    if multiply_accumulates is not None:
        assert totals.multiply_accumulates == multiply_accumulates
    if parameters is not None:
        assert totals.parameters == parameters
    assert not compile(build(model)).unmodelled


def test_a_decode_step_reads_its_caches_and_only_the_last_token_meets_the_head() -> None:
    short, long = (build(f"transformer:gpt-2,phase=decode,length={n}") for n in (128, 1152))
    first, second = (amounts(compile(n, format="fp16"), "pytorch_cuda")["copied_byte"] for n in (short, long))
    # 12 layers, keys and values of 768 fp16 elements for each of 1024 tokens: read from the cache twice over (the
    # concatenation, and as a network input) and written once.
    assert second - first == 3 * 12 * 2 * 768 * 2 * 1024
    prefill = compile(build("transformer:gpt-2,phase=prefill,length=64"))
    heads = [r for r in prefill.rows if r.multiply_accumulates == 768 * 50257]
    assert len(heads) == 1


@pytest.mark.parametrize(
    ("model", "message"),
    [("conv9d 3x8x8 out_channels=4", "unknown layer 'conv9d'"), ("conv2d 3x8 out_channels=?", "write LAYER"),
     ("transformer:gpt-9", "unknown transformer"), ("qutibench:lenet", "unknown network 'lenet'"),
     ("linear 64 features=10", "linear 64 features=10")],
)
def test_a_bad_model_cell_is_refused(model: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        build(model)


def test_flexible_encoders_have_the_studys_products() -> None:
    layers = "768;sa_wma_192+sa_wma_192+c_5_192;1024+1024+1024/256;sa_sdp_64+l_dct_64+c_13_64;4096+2048"
    program = compile(build(f"flexibert:layers={layers}"))
    assert not program.unmodelled
    total = amounts(program, "pytorch_process")
    assert np.isfinite(list(total.values())).all()
    assert total["executed"] > 0


def zoo_programs() -> list[TransistorProgram]:
    models = ("conv2d 3x32x32 out_channels=17 kernel_size=3 padding=1", "max_pool2d 16x32x32 kernel_size=2 stride=2",
              "conv2d 16x4x4 out_channels=8 kernel_size=1 padding=1", "qutibench:cnv,width=0.125",
              "transformer:gpt-2,phase=decode,length=64", "transformer:gpt-2,phase=prefill,length=64",
              "nasbench101:matrix=0111/0001/0001/0000,operations=conv3x3-bn-relu+conv3x3-bn-relu", "relu 64x512x512")
    return [compile(build(m), phase=phase, format=format) for m in models
            for phase, format in (("inference", "fp16"), ("inference", "int8"), ("training", "fp32"))]


@pytest.fixture(scope="module")
def executions() -> list[ExecutionProgram]:
    return [execute(p, name, last_cache_byte=2**20) for p in zoo_programs() for name in runtime_names()]


def test_the_changes_of_all_rules_add_up_to_the_row(executions: list[ExecutionProgram]) -> None:
    for row in (row for found in executions for row in (*found.rows, found.execution)):
        for amount in AMOUNTS:
            moved = [c for c in row.trace if c.amount == amount]
            start = row.stated.amount(amount)
            assert start + sum(c.after - c.before for c in moved) == pytest.approx(row[amount], rel=1e-9, abs=1e-6)
            assert all(a.after == b.before for a, b in pairwise(moved))


def test_no_rule_of_a_shipped_runtime_is_dead(executions: list[ExecutionProgram]) -> None:
    changed = {(found.runtime.name, name) for found in executions for row in (*found.rows, found.execution)
               for name, _ in row.history}
    listed = {(name, use.name) for name in runtime_names() for use in load_runtime(name).rules}
    assert listed - changed == set()


def test_a_users_runtime_file_pads_as_a_calculation_by_hand_says(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text("name = 'mine'\nbased_on = 'onednn_avx2'\nwithout = ['register_tiles', 'dense_operands']\n"
                    "[[rule]]\nname = 'channel_blocks'\nblock = 16\n", encoding="utf-8")
    # 20 and 40 channels fill 32 and 48; 30 x 30 places of 3 x 3 taps, none in a border.
    assert conv(20, 40, under=str(path))["products"] == 32 * 48 * 30 * 30 * 9
    assert conv(20, 40, under="generic")["products"] == 20 * 40 * 30 * 30 * 9
    # The base's rules that are not named again still hold.
    assert [r.name for r in load_runtime(path).rules] == [
        r.name for r in load_runtime("onednn_avx2").rules if r.name not in ("register_tiles", "dense_operands")]


def test_conditions_of_a_row_override_the_rules() -> None:
    net = Network("relu")
    net.output(net.relu(net.input((64, 1024, 256))))
    program = compile(net)
    usual, apart = (amounts(program, "onednn_avx2", conditions=c) for c in ({}, {"in_place": "false"}))
    size = 4 * 64 * 1024 * 256
    assert (usual["fresh_byte"], apart["fresh_byte"]) == (0, size)
    again = amounts(program, "onednn_avx2", conditions={"in_place": "false", "pages": "recycled", "split": "any"})
    assert again["fresh_byte"] == 0
    cold = amounts(program, "onednn_avx2", last_cache_byte=2**40, conditions={"cache": "cold"})
    assert cold["far_byte"] == cold["near_byte"]
    assert amounts(program, "onednn_avx2", last_cache_byte=2**40)["far_byte"] < 1e-3 * cold["far_byte"]
    with pytest.raises(ValueError, match="condition_in_place: 'maybe' is not true or false"):
        execute(program, "onednn_avx2", conditions={"in_place": "maybe"})
    with pytest.raises(ValueError, match="condition_pages: 'old' is neither fresh nor recycled"):
        execute(program, "onednn_avx2", conditions={"pages": "old"})


def test_a_symbol_must_be_bound_first() -> None:
    with pytest.raises(ValueError, match=r"has a symbolic dimension: bind it \(--dim NAME=N\)"):
        execute(compile(load("bert_base", symbolic=True)))


def test_a_renamed_operator_executes_the_same() -> None:
    def total(name: str) -> dict[str, float]:
        net = Network("one")
        x = net.input((1, 16, 32, 32))
        net.output(net.conv2d(x, 16, 3))
        called = net.with_operators(replace(op, name=name) for op in net.operators)
        return amounts(compile(called, phase="training"), "onednn_avx2")

    assert total("x.gradient") == total("a") == total("w.step")
