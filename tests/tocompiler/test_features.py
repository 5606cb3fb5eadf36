"""Physical terms: what a runtime touches, pads, copies and launches, against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hardware.runtime import Runtime, preset
from tocompiler import Network, compile
from tocompiler.energy.features import TERMS, features
from tocompiler.families import build


def conv(channels: int = 16, out: int = 16, kernel: int = 3, stride: int = 1, size: int = 32, padding: int = 0,
         format: str = "fp32", runtime: Runtime | None = None, phase: str = "inference") -> dict[str, float]:
    net = Network("one")
    x = net.input((1, channels, size, size))
    net.output(net.conv2d(x, out, kernel, stride=stride, padding=padding, bias=False))
    found = features(compile(net, format=format, phase=phase), runtime or preset("generic"))
    return dict(zip(TERMS, found.total, strict=True))


def test_bytes_of_a_convolution() -> None:
    terms = conv()
    assert terms["near"] == 4 * (16 * 32 * 32 + 16 * 30 * 30)
    assert terms["weights"] == 4 * 16 * 16 * 9
    assert (terms["kernels"], terms["constant"], terms["fresh"]) == (1, 1, 0)


def test_a_kernel_smaller_than_its_stride_skips_lines() -> None:
    # 2x2 windows every 4: 8 results take 2 lines each, 16 of the 32 lines.
    assert conv(kernel=2, stride=4)["near"] == 4 * (16 * 16 * 32 + 16 * 8 * 8)
    # 1x1 with a stride passes over everything.
    assert conv(kernel=1, stride=4)["near"] == 4 * (16 * 32 * 32 + 16 * 8 * 8)


def test_channels_are_padded_to_blocks_from_the_threshold_on() -> None:
    padded = Runtime(channel_block=8, pad_input_from=8)
    for channels, out, waste in ((8, 8, 1.0), (9, 8, 16 / 9), (3, 8, 1.0), (8, 12, 16 / 12)):
        ratio = conv(channels, out, runtime=padded)["compute"] / conv(channels, out)["compute"]
        assert ratio == pytest.approx(waste)


def test_layout_copies_and_fresh_pages() -> None:
    copied = Runtime(channel_block=8, blocks_per_tile=4, pad_input_from=8, layout_copies=True,
                     fresh_pages_above_byte=60_000)
    image, result = 4 * 16 * 32 * 32, 4 * 16 * 30 * 30
    # The image is read to be copied and the copy once more, as 16 result channels are one group of blocks.
    assert conv(runtime=copied)["near"] == 2 * image + result
    assert conv(out=33, runtime=copied)["near"] == 3 * image + 33 / 16 * result
    # The image's copy of 65 536 bytes is above the threshold, the result of 57 600 and its copy are not.
    assert conv(runtime=copied)["fresh"] == image
    # 17 channels are 3 blocks of 8: the result's copy and the result lie above, 24 and 17 channels of 3600 bytes.
    assert conv(out=17, runtime=copied)["fresh"] == image + (24 + 17) * 3600


def test_products_with_padding_are_not_executed_where_the_runtime_clips_its_window() -> None:
    clipped = Runtime(skips_padding=True)
    # 3x3 on 4x4 with a border of 1: 2, 3, 3, 2 taps of 3 inside along each axis.
    assert conv(size=4, padding=1, runtime=clipped)["compute"] == pytest.approx(
        (10 / 12) ** 2 * conv(size=4, padding=1)["compute"])


def test_a_window_that_may_lie_in_the_padding_is_computed_by_columns() -> None:
    copied = Runtime(channel_block=8, pad_input_from=8, layout_copies=True, skips_padding=True)
    terms = conv(kernel=1, padding=1, channels=4, out=3, size=4, runtime=copied)
    # Columns of 4 channels at 6x6 places are written and read; the image is read and the result written.
    assert terms["near"] == 4 * (2 * 4 * 36 + 4 * 16 + 3 * 36)
    assert terms["compute"] == conv(kernel=1, padding=1, channels=4, out=3, size=4)["compute"]


def test_a_running_maximum_branches_by_the_harmonic_number_and_stores_positions() -> None:
    net = Network("one")
    net.output(net.max_pool2d(net.input((2, 3, 8, 8)), 2, stride=2))
    runtime = Runtime(running_maximum=True, fresh_pages_above_byte=600)
    total = dict(zip(TERMS, features(compile(net), runtime).total, strict=True))
    places = 2 * 3 * 4 * 4
    assert total["branches"] == pytest.approx(places * (1 + 1 / 2 + 1 / 3 + 1 / 4))
    assert total["near"] == 4 * 2 * 3 * 8 * 8 + (4 + 8) * places
    # 384 bytes of values lie below the threshold, 768 of positions above: they are two allocations.
    assert total["fresh"] == 8 * places
    assert features(compile(net), preset("generic")).total[TERMS.index("branches")] == 0


def test_backward_only_some_channel_counts_stay_unpadded() -> None:
    padded = Runtime(channel_block=8, pad_input_from=8, plain_channels_backward=(3,))

    def ratio(channels: int) -> float:
        return (conv(channels, 8, runtime=padded, phase="backward")["compute"]
                / conv(channels, 8, phase="backward")["compute"])

    assert ratio(3) == pytest.approx(1)
    assert ratio(4) == pytest.approx(2, rel=0.01)  # the optimizer's step is not padded


def test_small_register_tiles_of_a_forward_pass_wait_for_their_products() -> None:
    tiled = Runtime(channel_block=8, width_tile=3, blocks_per_tile=4, products_in_flight=6)
    # 33 values are 11 tiles of 3, 32 are 10 and one of 2; 5 blocks are 4 and 1.
    for size, out, growth in ((35, 32, 1.0), (35, 16, 1.0), (35, 8, 2.0), (34, 16, (10 * 6 + 6) / 64),
                              (35, 40, (12 + 6) / 15), (4, 32, 1.0), (3, 32, 6 / 4)):
        assert conv(8, out, size=size, runtime=tiled)["compute"] == pytest.approx(
            growth * conv(8, out, size=size)["compute"])


def test_the_gradient_of_a_result_is_passed_over_as_often_as_the_runtime_does() -> None:
    once, often = (conv(runtime=Runtime(gradient_passes=n), phase="backward")["near"] for n in (1, 8))
    assert often - once == 7 * 4 * 16 * 30 * 30


def test_a_result_in_place_of_its_operand_takes_two_transfers_of_three() -> None:
    net = Network("relu")
    net.output(net.relu(net.input((4, 1000))))
    program = compile(net)
    apart, in_place = (features(program, Runtime(in_place=names)).total for names in ((), ("Relu",)))
    assert in_place[TERMS.index("near")] == pytest.approx(2 / 3 * apart[TERMS.index("near")])
    assert in_place[TERMS.index("kernels")] == apart[TERMS.index("kernels")] == 1


def test_a_format_ratio_replaces_the_circuits_ratio() -> None:
    packed = Runtime(format_ratio={"fp16": 0.5})
    assert conv(format="fp16", runtime=packed)["compute"] == pytest.approx(0.5 * conv()["compute"], rel=1e-6)
    native = Runtime(shared_exponents=True)
    share = conv(format="fp16", runtime=native)["compute"] / conv()["compute"]
    # Significands of 11 and 24 bits: about the ratio of their squares.
    assert share == pytest.approx((11 / 24) ** 2, rel=0.35)


def test_fused_attention_leaves_out_what_a_causal_mask_hides() -> None:
    def compute(causal: bool, runtime: Runtime) -> float:
        net = Network("attention")
        q, k, v = (net.input((1, 8, 1024, 64)) for _ in range(3))
        net.output(net.emit("Attention", [q, k, v], {"is_causal": int(causal)}, outputs=1)[0])
        return float(features(compile(net), runtime).total[0])

    whole = compute(False, Runtime())
    assert compute(False, Runtime(skips_masked=True)) == whole
    # Eight blocks of 128 queries see 1 to 8 blocks of keys: 36 of 64.
    assert compute(True, Runtime(skips_masked=True)) == pytest.approx(36 / 64 * compute(True, Runtime()))
    assert compute(False, Runtime(compute_scale={"Attention": 1.5})) == pytest.approx(1.5 * whole)


def test_the_backward_pass_and_its_steps_are_one_unit() -> None:
    net = Network("one")
    net.output(net.conv2d(net.input((1, 3, 8, 8)), 4, 3))
    found = features(compile(net, phase="backward"), preset("generic"))
    assert len(found.rows) == 3
    assert len(found.leaders) == 1
    assert found.unit_terms[0, :-1] == pytest.approx(found.terms.sum(0)[:-1])
    assert found.unit_terms[0, -1] == 1.0


def test_samples_count_where_the_host_handles_each() -> None:
    network = build("qutibench:mlp,width=0.125", batch=8)
    total = dict(zip(TERMS, features(compile(network), preset("packed_gpu")).total, strict=True))
    assert total["samples"] == 8
    assert total["fresh"] == 8 * 784 * 4
    # Four products, and a transfer in and one out; nothing else is constant on this runtime.
    assert total["kernels"] == 4 + 2
    assert total["constant"] == 0


def test_a_host_hands_images_over_wide_whatever_the_network_computes_in() -> None:
    network = build("qutibench:mlp,width=0.125", batch=8)
    narrow = dict(zip(TERMS, features(compile(network, format="fp16"), preset("packed_gpu")).total, strict=True))
    assert narrow["fresh"] == 8 * 784 * 4
    assert narrow["weights"] == 4 * compile(network).totals.parameters


def test_a_process_reads_whole_tables_where_a_pass_gathers_rows() -> None:
    program = compile(build("transformer:bert-base,phase=encode,length=16"))
    gathered, loaded = (dict(zip(TERMS, features(program, preset(name)).total, strict=True))["weights"]
                        for name in ("generic", "pytorch_process"))
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
    first, second = (features(compile(n, format="fp16"), preset("pytorch_cuda")).total for n in (short, long))
    fresh = TERMS.index("fresh")
    # 12 layers, keys and values of 768 fp16 elements for each of 1024 tokens: read from the cache twice over (the
    # concatenation, and as a network input) and written once.
    assert second[fresh] - first[fresh] == 3 * 12 * 2 * 768 * 2 * 1024
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
    total = features(program, preset("pytorch_process")).total
    assert np.isfinite(total).all()
    assert total[0] > 0
