"""Dot-product units against exact integers, and against real sums where those are exact."""

import numpy as np
import pytest

from alu_library.circuits import blocks, reference
from alu_library.circuits.catalogue import build
from alu_library.circuits.simulation import evaluate
from alu_library.circuits.verification import specials
from alu_library.formats import BLOCKS, decode, encode, parse

CASES = [("fp16", "fp32"), ("fp16", "fp16"), ("bf16", "fp32"), ("fp8_e4m3", "fp32"), ("fp8_e5m2", "fp16")]


def operands(element: str, wide: str, lanes: int, count: int, seed: int) -> dict[str, np.ndarray]:
    """Random patterns, products of like size, and special values in every lane."""
    rng, format, total = np.random.default_rng(seed), parse(element), parse(wide)
    buses = {}
    special = np.array(specials(format), dtype=np.uint64)
    for name in (f"{operand}{lane}" for operand in "ab" for lane in range(lanes)):
        drawn = rng.integers(0, 1 << format.bits, count, dtype=np.uint64)
        near = encode(format, rng.standard_normal(count))
        drawn = np.where(rng.random(count) < 0.7, near, drawn)
        buses[name] = np.where(rng.random(count) < 0.1, rng.choice(special, count), drawn)
    c = encode(total, 4 * rng.standard_normal(count))
    buses["c"] = np.where(rng.random(count) < 0.1, rng.choice(np.array(specials(total), dtype=np.uint64), count), c)
    return buses


@pytest.mark.parametrize(("element", "wide"), CASES)
def test_unit_agrees_with_exact_integers(element: str, wide: str) -> None:
    lanes, count = 4, 3000
    buses = operands(element, wide, lanes, count, seed=5)
    computed = evaluate(build(f"floating_point/dot_product:{lanes},{wide}", element), buses)["y"]
    a, b = ([buses[f"{name}{k}"].tolist() for k in range(lanes)] for name in "ab")
    expected = [
        reference.dot_product(parse(element), parse(wide), [x[i] for x in a], [y[i] for y in b], int(buses["c"][i]))
        for i in range(count)
    ]
    assert computed.tolist() == expected


def test_small_integers_sum_exactly() -> None:
    rng = np.random.default_rng(1)
    values = {name: rng.integers(-8, 9, 500).astype(float) for name in (*(f"a{k}" for k in range(8)),
                                                                         *(f"b{k}" for k in range(8)), "c")}
    buses = {n: encode("fp32" if n == "c" else "fp16", v) for n, v in values.items()}
    total = decode("fp32", evaluate(build("floating_point/dot_product:8,fp32", "fp16"), buses)["y"])
    assert np.array_equal(total, values["c"] + sum(values[f"a{k}"] * values[f"b{k}"] for k in range(8)))


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_are_summed_and_scaled_to_the_last_bits_of_the_sum(name: str) -> None:
    format, rng = parse(name), np.random.default_rng(4)
    shape = (300, format.block)
    spread = 1.0 if name == "nvfp4" else np.exp(3 * rng.standard_normal((300, 1)))
    a, b = rng.standard_normal(shape) * spread, rng.standard_normal(shape)
    buses = blocks.buses(format, a, b, 8)
    computed = decode("fp32", evaluate(build("block/dot_product", name), buses)["y"])
    before = decode("fp32", buses["c"])
    element = parse(format.element)

    def real(which: str, scale: str) -> np.ndarray:
        elements = np.stack([decode(element, buses[f"{which}{k}"]) for k in range(format.block)], axis=1)
        patterns = buses[scale]
        scales = decode(format.scale, patterns) if name == "nvfp4" else 2.0 ** (patterns.astype(float) - 127)
        return elements * scales[:, None] / (1 if element.is_float else 64)

    exact = before + (real("a", "s") * real("b", "t")).sum(axis=1)
    bound = 2.0**-22 * np.maximum(np.abs(before), np.abs(exact - before))
    assert (np.abs(computed - exact) <= bound).all()


@pytest.mark.parametrize("name", BLOCKS)
def test_quantised_blocks_are_near_what_they_stand_for(name: str) -> None:
    format = parse(name)
    values = np.random.default_rng(6).standard_normal((50, format.block))
    elements, scales = blocks.quantised(format, values)
    assert elements.shape == values.shape
    assert scales.shape == (50,)
    real = decode(format.element, elements).astype(float)
    assert np.corrcoef(real.ravel(), (values / np.abs(values).max(axis=1, keepdims=True)).ravel())[0, 1] > 0.95


@pytest.mark.parametrize("name", ["int8", "uint8", "int3"])
def test_integer_units_add_modulo_the_accumulator(name: str) -> None:
    format, rng = parse(name), np.random.default_rng(8)
    buses = {f"{which}{k}": rng.integers(0, 1 << format.bits, 400, dtype=np.uint64) for which in "ab" for k in range(5)}
    buses["c"] = rng.integers(0, 1 << 32, 400, dtype=np.uint64)
    products = sum(decode(format, buses[f"a{k}"]).astype(np.int64) * decode(format, buses[f"b{k}"]).astype(np.int64)
                   for k in range(5))
    computed = evaluate(build("integer/dot_product:5", name), buses)["y"]
    assert np.array_equal(computed, (products + buses["c"].astype(np.int64)) & 0xFFFFFFFF)
