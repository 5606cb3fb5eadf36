"""Formats against numpy and ml_dtypes, which know the same formats independently."""

import numpy as np
import pytest

from alu_library.formats import BLOCKS, NAMED, accumulator, decode, encode, parse, quantize

ml_dtypes = pytest.importorskip("ml_dtypes")

ORACLES = {
    "fp8_e4m3": ml_dtypes.float8_e4m3fn,
    "fp8_e5m2": ml_dtypes.float8_e5m2,
    "bf16": ml_dtypes.bfloat16,
    "fp16": np.float16,
}


def reals(count: int, seed: int = 7) -> np.ndarray:
    """Finite numbers of every magnitude that fp32 has, and some beyond every smaller format."""
    random = np.random.default_rng(seed)
    spread = random.normal(size=count) * 2.0 ** random.integers(-155, 127, count)
    near_one = random.normal(size=count) * 2.0 ** random.integers(-20, 20, count)
    return np.concatenate([spread, near_one]).astype(np.float32).astype(np.float64)


@pytest.mark.parametrize("name", ORACLES)
def test_every_pattern_decodes_as_its_oracle_does(name: str) -> None:
    format = parse(name)
    patterns = np.arange(1 << format.bits, dtype=np.uint64)
    with np.errstate(invalid="ignore"):  # signalling NaNs
        expected = patterns.astype(f"u{format.bits // 8}").view(ORACLES[name]).astype(np.float64)
    actual = decode(name, patterns)
    assert np.array_equal(actual, expected, equal_nan=True)
    numbers = ~np.isnan(expected)
    assert np.array_equal(np.signbit(actual[numbers]), np.signbit(expected[numbers]))


@pytest.mark.parametrize("name", ORACLES)
def test_every_pattern_survives_decode_and_encode(name: str) -> None:
    patterns = np.arange(1 << parse(name).bits, dtype=np.uint64)
    numbers = ~np.isnan(decode(name, patterns))
    assert np.array_equal(encode(name, decode(name, patterns))[numbers], patterns[numbers])


@pytest.mark.parametrize("name", ORACLES)
def test_rounding_of_random_numbers_and_of_every_tie(name: str) -> None:
    format = parse(name)
    ordered = np.sort(decode(name, np.arange(1 << format.bits, dtype=np.uint64)))
    ordered = np.unique(ordered[np.isfinite(ordered)])
    ties = (ordered[:-1] + ordered[1:]) / 2
    beside = [np.nextafter(ties, 0), np.nextafter(ties, np.inf), [0.0, -0.0, np.inf, -np.inf]]
    x = np.concatenate([ties, *beside, reals(20_000)])
    x = x.astype(np.float32).astype(np.float64)  # the oracles of 8 bits convert through fp32
    with np.errstate(over="ignore"):
        expected = x.astype(np.float32).astype(ORACLES[name]).view(f"u{format.bits // 8}").astype(np.uint64)
    assert np.array_equal(encode(name, x), expected)


def test_fp32_and_fp64_are_numpys() -> None:
    words = np.random.default_rng(3).integers(0, 1 << 64, 100_000, dtype=np.uint64)
    doubles = words.view(np.float64)
    numbers = ~np.isnan(doubles)
    assert np.array_equal(decode("fp64", words), doubles, equal_nan=True)
    assert np.array_equal(encode("fp64", doubles)[numbers], words[numbers])
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        x = np.concatenate([doubles[numbers], reals(50_000) * (1 + 2.0**-30)])
        singles = x.astype(np.float32)
    assert np.array_equal(encode("fp32", x), singles.view(np.uint32).astype(np.uint64))
    assert np.array_equal(decode("fp32", encode("fp32", x)), singles.astype(np.float64))


def test_tf32_is_fp32_with_thirteen_bits_less() -> None:
    x = reals(20_000)
    rounded = quantize("tf32", x)
    assert np.all(encode("fp32", rounded) % (1 << 13) == 0)
    normal = np.abs(x) > 2.0**-120
    assert np.all(np.abs(rounded - x)[normal] <= np.abs(x[normal]) * 2.0**-11)


def test_flushed_formats_have_no_subnormals() -> None:
    smallest = 2.0**-14
    x = np.array([smallest, smallest * (1 - 2.0**-10), -smallest / 2, smallest * (1 - 2.0**-13), 2.0**-30])
    assert quantize("fp16_ftz", x).tolist() == [smallest, 0.0, -0.0, smallest, 0.0]
    assert np.signbit(quantize("fp16_ftz", x))[2]
    assert decode("fp16_ftz", [0x03FF, 0x0400]).tolist() == [0.0, smallest]


def test_integers_wrap_nothing_and_saturate() -> None:
    assert quantize("int8", [1.5, 2.5, -1.5, 1e3, -1e3]).tolist() == [2, 2, -2, 127, -128]
    assert quantize("uint4", np.array([-3, 3, 300])).tolist() == [0, 3, 15]
    assert quantize("int64", [1e30, -1e30]).tolist() == [2**63 - 1, -(2**63)]
    assert quantize("uint64", [1e30, 2.0**63]).tolist() == [2**64 - 1, 2**63]
    exact = np.array([2**63 - 1, -(2**63) + 1], dtype=np.int64)
    assert quantize("int64", exact).tolist() == exact.tolist()
    with pytest.raises(ValueError, match="NaN"):
        encode("int8", [float("nan")])


@pytest.mark.parametrize("width", [2, 3, 7, 8, 31, 32, 63, 64])
def test_integer_ends(width: int) -> None:
    signed, unsigned = parse(f"int{width}"), parse(f"uint{width}")
    assert (signed.minimum, signed.maximum) == (-(2 ** (width - 1)), 2 ** (width - 1) - 1)
    assert decode(signed, [1 << (width - 1), (1 << width) - 1]).tolist() == [signed.minimum, -1]
    assert decode(unsigned, [(1 << width) - 1]).tolist() == [unsigned.maximum]


@pytest.mark.parametrize("name", ["int1", "int65", "fp17", "", "e1m5", "e12m3", "e8m53", "int8_ftz", "INT8"])
def test_unknown_names_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(ValueError, match="unknown number format") as refusal:
        parse(name)
    assert "\n" not in str(refusal.value)


def test_accumulators() -> None:
    names = ["int8", "uint4", "int16", "fp8_e4m3", "bf16", "fp16", "tf32", "fp32", "fp64", "e8m31", "fp16_ftz"]
    expected = ["int32", "int32", "int64", "fp32", "fp32", "fp32", "fp32", "fp32", "fp64", "e8m31", "fp32"]
    assert [accumulator(name) for name in names] == expected


@pytest.mark.parametrize("name", [*NAMED, "e8m31"])
def test_limits(name: str) -> None:
    format = parse(name)
    assert quantize(name, [format.maximum])[0] == format.maximum
    if format.saturating:
        assert quantize(name, [1e9, -np.inf]).tolist() == [format.maximum, -format.maximum]
        return
    assert not np.isfinite(quantize(name, [format.maximum * 1.5])[0] if name != "fp64" else np.inf)
    assert quantize(name, [1 + format.epsilon])[0] == 1 + format.epsilon


@pytest.mark.parametrize(("name", "oracle"), [
    ("fp4_e2m1", "float4_e2m1fn"), ("fp6_e2m3", "float6_e2m3fn"), ("fp6_e3m2", "float6_e3m2fn"),
])
def test_formats_without_specials_round_as_ml_dtypes(name: str, oracle: str) -> None:
    theirs = getattr(pytest.importorskip("ml_dtypes"), oracle)
    values = np.random.default_rng(2).standard_normal(20_000) * 4
    assert np.array_equal(quantize(name, values), values.astype(theirs).astype(float))
    every = np.arange(1 << parse(name).bits)
    assert np.array_equal(decode(name, every), every.astype(np.uint8).view(theirs).astype(float))


def test_blocks_store_their_scales() -> None:
    assert (parse("mxfp4").storage_bits(64), parse("mxfp4").storage_bits(33)) == (64 * 4 + 2 * 8, 33 * 4 + 2 * 8)
    assert parse("nvfp4").storage_bits(64) == 64 * 4 + 4 * 8
    assert parse("fp16").storage_bits(3) == 48
    assert parse("mxfp8") == parse("mxfp8_e4m3")
    assert [accumulator(name) for name in BLOCKS] == ["fp32"] * len(BLOCKS)
