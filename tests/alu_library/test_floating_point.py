"""Floating-point circuits, bit for bit: against numpy and ml_dtypes, and against exact integers where those end."""

from collections.abc import Callable

import numpy as np
import pytest

from alu_library.circuits import reference
from alu_library.circuits.catalogue import build
from alu_library.circuits.simulation import evaluate
from alu_library.circuits.verification import mismatches, operands
from alu_library.formats import FLUSHED, NAMED, decode, parse

ml_dtypes = pytest.importorskip("ml_dtypes")

RANDOM = 10_000
ORACLES = {
    "fp8_e4m3": ml_dtypes.float8_e4m3fn, "fp8_e5m2": ml_dtypes.float8_e5m2, "bf16": ml_dtypes.bfloat16,
    "fp16": np.float16, "fp32": np.float32, "fp64": np.float64,
}
OPERATIONS: dict[str, Callable[..., np.ndarray]] = {
    "add": lambda a, b: a + b, "multiply": lambda a, b: a * b, "divide": lambda a, b: a / b, "sqrt": np.sqrt,
}
CIRCUITS = {
    "add": "floating_point/add:kogge_stone,full", "multiply": "floating_point/multiply:dadda,kogge_stone,full",
    "divide": "floating_point/divide:ripple_carry,full", "sqrt": "floating_point/sqrt:ripple_carry,full",
}


def one_nan(name: str, patterns: np.ndarray) -> np.ndarray:
    """Patterns with every NaN made the same one: its sign and payload are nobody's promise."""
    return np.where(np.isnan(decode(name, patterns)), np.uint64(parse(name).nan_pattern), patterns)


def by_oracle(name: str, operation: str, patterns: list[np.ndarray]) -> np.ndarray:
    """What numpy or ml_dtypes compute."""
    format = parse(name)
    word = np.dtype(f"u{format.bits // 8}")
    with np.errstate(all="ignore"):
        result = OPERATIONS[operation](*(p.astype(word).view(ORACLES[name]) for p in patterns))
        return one_nan(name, np.asarray(result).view(word).astype(np.uint64))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", ORACLES)
def test_circuits_agree_with_numpy_and_ml_dtypes(name: str, operation: str) -> None:
    netlist = build(CIRCUITS[operation], name)
    buses = operands(netlist, parse(name), RANDOM, seed=11)
    expected = by_oracle(name, operation, [buses[n] for n in netlist.inputs])
    assert np.array_equal(one_nan(name, evaluate(netlist, buses)["y"]), expected)


@pytest.mark.parametrize("operation", ["add", "multiply"])
@pytest.mark.parametrize("name", ["fp8_e4m3", "fp8_e5m2"])
def test_every_pair_of_eight_bit_floats(name: str, operation: str) -> None:
    a, b = (grid.ravel().astype(np.uint64) for grid in np.meshgrid(np.arange(256), np.arange(256)))
    computed = evaluate(build(CIRCUITS[operation], name), {"a": a, "b": b})["y"]
    assert np.array_equal(one_nan(name, computed), by_oracle(name, operation, [a, b]))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", ORACLES)
def test_the_reference_agrees_with_numpy_and_ml_dtypes(name: str, operation: str) -> None:
    netlist = build(CIRCUITS[operation], name)
    buses = operands(netlist, parse(name), 1000, seed=12)
    patterns = [buses[n] for n in netlist.inputs]
    exact = getattr(reference, operation)
    computed = [exact(parse(name), *row) for row in zip(*(p.tolist() for p in patterns), strict=True)]
    assert np.array_equal(one_nan(name, np.array(computed, dtype=np.uint64)), by_oracle(name, operation, patterns))


KINDS = {
    "add": "floating_point/add:brent_kung", "multiply": "floating_point/multiply:booth,carry_select",
    "divide": "floating_point/divide:ripple_carry", "sqrt": "floating_point/sqrt:brent_kung",
    "maximum": "floating_point/maximum", "to_integer": "floating_point/to_integer:carry_lookahead",
}


@pytest.mark.parametrize("subnormals", ["full", "flushed"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [*NAMED, "e8m31", "e4m6"])
def test_circuits_agree_with_exact_integers(name: str, kind: str, subnormals: str) -> None:
    circuit = KINDS[kind] + ("," if ":" in KINDS[kind] else ":") + subnormals
    wrong, checked = mismatches(circuit, name, 500)
    assert wrong == 0
    assert checked > 500


@pytest.mark.parametrize("name", ["fp8_e4m3", "bf16", "fp32"])
@pytest.mark.parametrize("subnormals", ["full", "flushed"])
def test_multiply_add_rounds_once(name: str, subnormals: str) -> None:
    wrong, checked = mismatches(f"floating_point/multiply_add:dadda,kogge_stone,{subnormals}", name, 1000)
    assert wrong == 0
    assert checked > 1000


def test_multiply_add_of_fp32_is_that_of_fp64_rounded_where_fp64_is_exact() -> None:
    rng = np.random.default_rng(5)
    a, b, c = (rng.integers(-(1 << 12), 1 << 12, 2000).astype(np.float32) for _ in range(3))
    exact = a.astype(np.float64) * b + c
    netlist = build("floating_point/multiply_add:wallace,ripple_carry,full", "fp32")
    found = evaluate(netlist, {n: v.view(np.uint32) for n, v in zip("abc", (a, b, c), strict=True)})["y"]
    assert np.array_equal(decode("fp32", found), exact)


@pytest.mark.parametrize("adder", ["ripple_carry", "carry_lookahead", "carry_select", "kogge_stone", "brent_kung"])
def test_every_adder_serves(adder: str) -> None:
    assert mismatches(f"floating_point/add:{adder},full", "fp16", 1000)[0] == 0


@pytest.mark.parametrize("multiplier", ["array", "wallace", "dadda", "booth"])
def test_every_multiplier_serves(multiplier: str) -> None:
    assert mismatches(f"floating_point/multiply:{multiplier},ripple_carry,full", "fp16", 1000)[0] == 0


@pytest.mark.parametrize("name", ["int8", "uint8", "int32", "int64"])
def test_integers_become_floats(name: str) -> None:
    assert mismatches("integer/to_float:kogge_stone", name, 1000)[0] == 0


@pytest.mark.parametrize(("source", "target"), [
    ("fp32", "fp16"), ("fp32", "bf16"), ("fp32", "fp8_e4m3"), ("fp16", "fp32"), ("fp8_e5m2", "fp8_e4m3"),
    ("fp64", "fp32"),
])
def test_floats_become_other_floats(source: str, target: str) -> None:
    from alu_library.circuits.floating_convert import convert
    from alu_library.circuits.netlist import Builder

    b = Builder("convert")
    x = b.input("a", parse(source).bits)
    b.output("y", convert(b, parse(source), parse(target), x))
    netlist = b.build()
    patterns = operands(netlist, parse(source), 2000, seed=3)["a"]
    expected = [reference.convert(parse(source), parse(target), int(p)) for p in patterns]
    assert evaluate(netlist, {"a": patterns})["y"].tolist() == expected


def test_flushing_spares_the_shifters_of_a_multiplier() -> None:
    full = build("floating_point/multiply:dadda,kogge_stone,full", "fp32")
    flushed = build("floating_point/multiply:dadda,kogge_stone,flushed", "fp32")
    assert flushed.transistors("static_cmos") < 0.8 * full.transistors("static_cmos")
    assert parse("fp32" + FLUSHED).flush_subnormals
