"""Convolutions: products by hand, by loops, and by onnx's shapes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alu_library.tasks import Tasks


def test_the_first_layer_of_vgg16(make, work):
    # 64 filters of 3 * 3 * 3 at 224 * 224 places
    done = work(make("Conv", (1, 3, 224, 224), (64, 3, 3, 3), (64,), pads=(1, 1, 1, 1)))
    assert done.multiply_accumulates == 64 * 27 * 224 * 224 == 86704128
    assert done.tasks == Tasks.of("fp32", multiply_accumulate=86704128)  # the bias adds none


@pytest.mark.parametrize(("channels", "filters", "size", "kernel", "stride", "pad", "groups", "products"), [
    (3, 96, 227, 11, 4, 0, 1, 105415200),  # AlexNet as published: 55 * 55 * 96 * 11 * 11 * 3
    (96, 256, 27, 5, 1, 2, 2, 223948800),  # 27 * 27 * 256 * 5 * 5 * 48
    (256, 384, 13, 3, 1, 1, 1, 149520384),
    (384, 384, 13, 3, 1, 1, 2, 112140288),
    (384, 256, 13, 3, 1, 1, 2, 74760192),
])
def test_the_layers_of_alexnet(make, work, channels, filters, size, kernel, stride, pad, groups, products):
    op = make("Conv", (1, channels, size, size), (filters, channels // groups, kernel, kernel),
              strides=(stride, stride), pads=(pad,) * 4, group=groups)
    assert work(op).multiply_accumulates == products


def test_a_weight_gradient_of_a_grouped_convolution_is_as_large_as_the_forward_pass(make, work, gradient):
    op = make("Conv", (2, 32, 14, 14), (32, 1, 3, 3), (32,), group=32, pads=(1, 1, 1, 1))
    forward = 2 * 32 * 9 * 14 * 14
    assert work(op).multiply_accumulates == forward
    assert gradient(op, False, True, False).multiply_accumulates == forward
    both = gradient(op, True, True, True)
    # the bias's gradient sums 2 * 14 * 14 results for each of 32 channels: one addition less than that
    assert both.tasks == Tasks.of("fp32", multiply_accumulate=2 * forward, add=32 * (2 * 14 * 14 - 1))


def test_a_transposed_convolution_applies_its_kernel_at_every_input(make, work):
    op = make("ConvTranspose", (1, 16, 8, 8), (16, 8, 4, 4), strides=(2, 2), pads=(1, 1, 1, 1))
    assert op.outputs[0].shape == (1, 8, 16, 16)
    assert make("ConvTranspose", (1, 2, 4, 5), (2, 3, 3, 2)).outputs[0].shape == (1, 3, 6, 6)  # n + k - 1 unless said
    assert work(op).multiply_accumulates == 16 * 8 * 8 * 8 * 4 * 4


def test_one_and_three_spatial_axes(make, work):
    assert work(make("Conv", (2, 4, 10), (6, 4, 3))).multiply_accumulates == 2 * 6 * 4 * 3 * 8
    done = work(make("Conv", (1, 2, 4, 5, 6), (3, 2, 2, 2, 2)))
    assert done.multiply_accumulates == 3 * 2 * 8 * 3 * 4 * 5 == done.loops.products


def test_other_than_two_axes_are_folded_into_two(make, work):
    line = work(make("Conv", (2, 4, 10), (6, 4, 3), strides=(2,), dilations=(1,))).loops
    assert (line.p, line.q, line.r, line.s, line.stride) == (1, 4, 1, 3, (1, 2))
    plane = work(make("Conv", (1, 4, 10, 11), (6, 4, 3, 2), strides=(2, 3), dilations=(2, 1))).loops
    assert (plane.p, plane.q, plane.r, plane.s, plane.stride, plane.dilation) == (3, 4, 3, 2, (2, 3), (2, 1))
    volume = work(make("Conv", (1, 2, 4, 5, 6), (3, 2, 2, 2, 2), strides=(1, 2, 1))).loops
    assert (volume.p, volume.q, volume.r, volume.s, volume.stride) == (3, 2 * 5, 2, 4, (1, 2))


def test_a_misfit_is_named(make):
    with pytest.raises(ValueError, match="Conv 'op': 4 input channels, but 1 groups of 3"):
        make("Conv", (1, 4, 8, 8), (8, 3, 3, 3))
    with pytest.raises(ValueError, match="window of 5 does not fit an input of 3"):
        make("Conv", (1, 3, 3, 3), (8, 3, 5, 5))


def test_counts_of_a_symbolic_batch_equal_the_concrete_ones(make, work):
    sympy = pytest.importorskip("sympy")
    n, size = sympy.symbols("n size", integer=True, positive=True)
    attributes = {"strides": (2, 2), "pads": (1, 1, 1, 1)}
    symbolic = work(make("Conv", (n, 3, size, size), (8, 3, 3, 3), **attributes))
    concrete = work(make("Conv", (5, 3, 31, 31), (8, 3, 3, 3), **attributes))
    assert symbolic.multiply_accumulates.subs({n: 5, size: 31}) == concrete.multiply_accumulates


def test_a_causal_convolution_and_folded_columns(make, work):
    done = work(make("CausalConvWithState", (2, 4, 10), (4, 1, 3), results=2, activation="silu"))
    assert done.multiply_accumulates == 2 * 4 * 10 * 3
    assert done.tasks["silu", "fp32"] == 2 * 4 * 10
    assert work(make("Col2Im", (1, 12, 9), [4, 4], [2, 2])).tasks == Tasks.of("fp32", add=12 * 9)


def test_the_results_of_a_causal_convolution_and_of_folded_columns(make):
    # The past that the next call needs is one shorter than the kernel; 12 columns of 2 * 3 elements are 2 channels.
    causal = make("CausalConvWithState", (2, 4, 10), (4, 1, 3), results=2)
    assert [t.shape for t in causal.outputs] == [(2, 4, 10), (2, 4, 2)]
    assert make("Col2Im", (2, 12, 20), [5, 6], [2, 3]).outputs[0].shape == (2, 2, 5, 6)
    with pytest.raises(ValueError, match="must be constants"):
        make("Col2Im", (2, 12, 20), (2,), [2, 3])


def test_the_gradients_of_a_causal_convolution_and_of_folded_columns(make, gradient):
    plain = make("CausalConvWithState", (2, 4, 10), (4, 1, 3), results=2)
    active = make("CausalConvWithState", (2, 4, 10), (4, 1, 3), results=2, activation="silu")
    # Input and weight each take as many products as the forward pass; SiLU's derivative is one factor per element.
    assert gradient(plain).multiply_accumulates == 2 * 2 * 4 * 10 * 3
    assert gradient(active).tasks == gradient(plain).tasks + Tasks.of("fp32", silu_derivative=80, multiply=80)
    columns = make("Col2Im", (1, 12, 9), [4, 4], [2, 2])
    assert gradient(columns, True, False, False).reads is None  # taken out again: a copy
    assert gradient(columns, False, False, False).reads == ()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_shapes_agree_with_onnx(agrees, data):
    """Any strides, dilations, pads (asymmetric ones too), groups and auto_pad."""
    rank = data.draw(st.integers(1, 3))
    groups = data.draw(st.sampled_from([1, 2, 4]))
    kernel = data.draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank))
    attributes = {
        "strides": data.draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank)),
        "dilations": data.draw(st.lists(st.integers(1, 2), min_size=rank, max_size=rank)), "group": groups,
    }
    auto = data.draw(st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if auto == "NOTSET":
        attributes["pads"] = data.draw(st.lists(st.integers(0, 2), min_size=2 * rank, max_size=2 * rank))
    else:
        attributes["auto_pad"] = auto
    size = data.draw(st.lists(st.integers(7, 12), min_size=rank, max_size=rank))
    agrees("Conv", (2, 4, *size), (8, 4 // groups, *kernel), **attributes)
    if auto == "NOTSET":
        agrees("ConvTranspose", (2, 4, *size), (4, 8 // groups, *kernel), **attributes)


def test_deformable_convolution_samples_between_points(make, work, gradient):
    # 2 x 2 kernel over 3 x 3 -> 2 x 2 results; offsets: 2 axes * 4 kernel elements
    op = make("DeformConv", (1, 2, 3, 3), (3, 2, 2, 2), (1, 8, 2, 2))
    done = work(op)
    assert done.multiply_accumulates == 3 * 2 * 4 * 4
    samples = 2 * 4 * 4  # channels, kernel elements, positions
    assert done.tasks["multiply_accumulate", "fp32"] == 3 * 2 * 4 * 4 + 4 * samples
    assert gradient(op).multiply_accumulates == 2 * done.multiply_accumulates
