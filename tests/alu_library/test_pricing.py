"""Prices from the shipped table: complete, quick, monotone where physics says so, and refused where there is none."""

import subprocess
import sys

import pytest

from alu_library.circuits.listing import circuit_sets
from alu_library.circuits.read_only_memory import read_only_memory
from alu_library.formats import BLOCKS, NAMED, accumulator, parse
from alu_library.pricing import DEFAULT, Operand, Operands, chosen_circuit, price, rows
from alu_library.tasks import PRIMITIVES

FORMATS = ["int2", "int5", "int8", "uint8", "int32", "uint64", *NAMED, "e8m13", "e8m31", "fp16_ftz"]
UNIFORM = Operands(Operand("uniform"), Operand("uniform"))


@pytest.mark.parametrize("circuits", circuit_sets())
@pytest.mark.parametrize("format", FORMATS)
def test_every_primitive_has_a_price_in_every_format(format: str, circuits: str) -> None:
    for task in set(PRIMITIVES) - {"table_read"}:
        found = price(task, format, UNIFORM, circuits)
        assert found.transistors > 0
        assert 0 < found.transistor_operations < price(task, format, UNIFORM, circuits, "static_cmos").transistors
        assert found.glitch_factor >= 1


def test_sets_say_why() -> None:
    from alu_library.circuit_sets import _choices

    assert circuit_sets() == ["default", "fast", "naive", "tensor"]
    for name in circuit_sets():
        assert all(choice["why"] for choice in _choices(name))


def test_a_set_may_fuse_the_multiply_accumulate() -> None:
    assert price("multiply_accumulate", "int8", DEFAULT, "fast").circuit == "multiply_add/dadda:kogge_stone"
    assert price("multiply_accumulate", "fp32", DEFAULT, "fast").circuit.startswith("floating_point/multiply_add:")
    assert " + " in price("multiply_accumulate", "bf16", DEFAULT, "fast").circuit
    fused, *apart = (price(task, "int8", DEFAULT, "fast").transistor_operations
                     for task in ("multiply_accumulate", "multiply", "accumulate"))
    assert fused < sum(apart)  # one carry-propagating adder less


def test_multiply_accumulate_is_a_multiply_and_an_accumulation() -> None:
    for format in ("int8", "bf16", "fp32"):
        whole, *parts = (price(t, format) for t in ("multiply_accumulate", "multiply", "accumulate"))
        assert whole.transistors == sum(p.transistors for p in parts)
        assert whole.transistor_operations == pytest.approx(sum(p.transistor_operations for p in parts))
        assert min(p.glitch_factor for p in parts) <= whole.glitch_factor <= max(p.glitch_factor for p in parts)


def test_accumulators_of_narrow_formats_are_as_wide_as_the_accumulator_says() -> None:
    assert accumulator("int8") == "int32"
    assert price("accumulate", "int8").transistors == pytest.approx(price("add", "int32").transistors, rel=0.05)
    assert price("accumulate", "bf16").transistors == price("add", "fp32").transistors


def test_zeros_switch_less() -> None:
    for format in ("int8", "fp16", "fp32"):
        found = [price("multiply", format, Operands(Operand(), Operand("normal", z))).transistor_operations
                 for z in (0, 0.5, 0.75, 0.9, 1)]  # a few zeros among numbers may switch more
        assert found == sorted(found, reverse=True)
        assert found[-1] < 0.35 * found[0]


def test_interpolation_passes_through_the_simulated_points() -> None:
    row = next(r for r in rows() if r.circuit == "multiplier/dadda:ripple_carry" and r.format == "int8")
    grid = row.switching["normal/normal"]
    for i, zeros_a in enumerate((0.0, 0.5, 1.0)):
        for j, zeros_b in enumerate((0.0, 0.5, 1.0)):
            operands = Operands(Operand("normal", zeros_a), Operand("normal", zeros_b))
            assert row.transistor_operations(operands) == pytest.approx(grid[3 * i + j], abs=1e-9)


def test_exchanged_distributions_are_looked_up_exchanged() -> None:
    row = next(r for r in rows() if r.circuit == "multiplier/dadda:ripple_carry" and r.format == "int8")
    forth = row.transistor_operations(Operands(Operand("normal", 0.25), Operand("relu", 0.75)))
    back = row.transistor_operations(Operands(Operand("relu", 0.75), Operand("normal", 0.25)))
    assert forth == pytest.approx(back)


def test_stated_errors_are_small() -> None:
    # Two-bit integers drawn from a narrow distribution are nearly always 0, and a share of nothing is any share.
    errors = sorted(r.error for r in rows() if parse(r.format).bits > 2)
    assert errors[len(errors) // 2] < 0.02
    assert errors[-1] < 0.1


def test_wider_costs_more() -> None:
    for task in ("add", "multiply", "divide", "compare"):
        for formats in (["int4", "int5", "int8", "int13", "int32", "int64"], ["bf16", "fp16", "e8m13", "fp32", "fp64"]):
            costs = [price(task, f, UNIFORM).transistor_operations for f in formats]
            assert costs == sorted(costs), (task, formats)


def test_table_reads_grow_with_the_table() -> None:
    sizes = ["8x16", "32x16", "256x16", "256x32", "1024x32"]
    assert sorted(price("table_read", s).transistor_operations for s in sizes) == [
        price("table_read", s).transistor_operations for s in sizes]
    # 16 rows of 8 columns: half of 128 cross points, 8 loads, 8 column and 32 buffer transistors, and a decoder of
    # 4 inverters and 16 lines of a 4-input NAND and an inverter.
    assert read_only_memory("16x8").transistors == 64 + 8 + 8 + 32 + (4 * 2 + 16 * (8 + 2))


@pytest.mark.parametrize(("arguments", "message"), [
    (("multiply", "fp33"), "unknown number format"),
    (("conjure", "fp32"), "no circuit for conjure"),
    (("multiply", "fp32", DEFAULT, "nobody"), "unknown circuit set 'nobody': use one of default, fast, naive"),
    (("multiply", "fp32", DEFAULT, "default", "guess"), "unknown accounting basis"),
    (("multiply", "fp32", Operands(Operand("uniform"), Operand("relu"))), "not characterised for uniform/relu"),
    (("table_read", "256"), "ENTRIESxBITS"),
])
def test_what_has_no_price_is_refused_in_one_line(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refusal:
        price(*arguments)
    assert "\n" not in str(refusal.value)


def test_operands_are_checked() -> None:
    with pytest.raises(ValueError, match="distribution"):
        Operand("cauchy")
    with pytest.raises(ValueError, match="zeros"):
        Operand(zeros=1.5)


def test_the_first_entry_that_matches_counts() -> None:
    assert chosen_circuit("add", "int8", "naive") == "adder/ripple_carry"
    assert chosen_circuit("add", "fp32", "naive") == "floating_point/add:ripple_carry,flushed"
    assert chosen_circuit("multiply_accumulate", "fp32") is None


def test_prices_need_no_numpy() -> None:
    code = ("import sys; from alu_library.pricing import price; price('multiply', 'fp32'); "
            "print([m for m in ('numpy', 'sympy', 'networkx') if m in sys.modules])")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("circuits", circuit_sets())
def test_blocks_have_a_price_for_products_alone(circuits: str) -> None:
    found = {f: price("multiply_accumulate", f, DEFAULT, circuits).transistor_operations for f in BLOCKS}
    assert found["mxfp4"] < found["mxfp6_e2m3"] < found["mxfp8_e4m3"]
    assert found["mxfp4"] < found["nvfp4"]  # smaller blocks, whose scales have fractions
    with pytest.raises(ValueError, match="mxfp4 stores the operands of products: add has no circuit"):
        price("add", "mxfp4", DEFAULT, circuits)


def test_narrow_integers_switch_more_with_every_bit() -> None:
    found = [price("multiply_accumulate", f"int{n}").transistor_operations for n in (2, 3, 4, 6, 8)]
    assert found == sorted(found)
    assert found[0] > 50  # ternary weights: none of the quantisers that are used rounds them all to zero


def test_a_set_says_what_is_held(tmp_path) -> None:
    held = tmp_path / "held.toml"
    held.write_text('base = "default"\nstream = "weight"\nhold = 64\n')
    free, stays = (price("multiply", "int8", UNIFORM, circuits).transistor_operations
                   for circuits in ("default", str(held)))
    assert stays / free == pytest.approx(0.75, abs=0.05)  # as measured by others on a Dadda of 8 bits
    with pytest.raises(ValueError, match="unknown operand stream 'sideways'"):
        Operands(stream="sideways")


def test_units_of_several_products_spare_what_each_would_round() -> None:
    for format in ("int8", "fp8_e4m3", "bf16", "fp16"):
        apart, together = (price("multiply_accumulate", format, DEFAULT, name) for name in ("default", "tensor"))
        assert together.transistor_operations < apart.transistor_operations
        assert "dot_product" in together.circuit
    tensor = {f: price("multiply_accumulate", f, UNIFORM, "tensor").transistor_operations
              for f in ("fp4_e2m1", "fp8_e4m3", "fp16")}
    assert list(tensor.values()) == sorted(tensor.values())
