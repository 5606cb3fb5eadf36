"""The shipped table is what the circuits of today do, and its interpolation errs by no more than it says."""

import numpy as np
import pytest

from alu_library.circuits.catalogue import FAMILIES, build
from alu_library.circuits.characterisation import CHECKS, characterise, draw, operands_at, write
from alu_library.circuits.listing import entries
from alu_library.circuits.load import by_place, load_weighted
from alu_library.circuits.pipelining import pipelined, stage_glitch_factor
from alu_library.circuits.side_by_side import switched, transistor_operations
from alu_library.circuits.simulation import evaluate, switchings
from alu_library.circuits.verification import mismatches, operands
from alu_library.formats import decode, parse
from alu_library.pricing import Operand, Operands, chosen_circuit, price, rows

SAMPLE = [
    ("adder/ripple_carry", "int8"), ("adder/kogge_stone", "uint32"), ("multiplier/dadda:ripple_carry", "uint8"),
    ("multiplier/booth:kogge_stone", "int16"), ("divider/non_restoring", "int8"), ("root/restoring", "uint16"),
    ("accumulator/integer:ripple_carry", "int8"), ("multiply_add/dadda:kogge_stone", "uint8"),
    ("floating_point/add:brent_kung,full", "bf16"), ("floating_point/multiply:booth,kogge_stone,full", "fp8_e4m3"),
    ("accumulator/floating_point:brent_kung,full", "fp8_e5m2"), ("floating_point/sqrt:ripple_carry,full", "fp16"),
    ("floating_point/maximum:full", "fp32"), ("block/dot_product", "mxfp4"),
    ("multiplier/dadda:ripple_carry", "int3"), ("word/shift", "int32"), ("word/select", "fp64"),
]


@pytest.mark.parametrize(("circuit", "format"), SAMPLE)
def test_rows_of_the_shipped_table_are_computed_again(circuit: str, format: str) -> None:
    shipped = next(r for r in rows() if (r.circuit, r.format) == (circuit, format))
    again = characterise(circuit, format)
    assert (again.textbook, again.static_cmos, again.depth) == (shipped.textbook, shipped.static_cmos, shipped.depth)
    assert again.glitch_factor == shipped.glitch_factor
    assert again.error == shipped.error
    assert again.held.keys() == shipped.held.keys()
    for pair, grid in again.switching.items():
        assert shipped.switching[pair] == tuple(v if v < 1000 else round(v) for v in grid)


def test_the_shipped_table_has_every_row() -> None:
    assert [(r.circuit, r.format) for r in rows()] == entries()


def test_a_table_can_be_written_and_holds_what_was_characterised(tmp_path: pytest.TempPathFactory) -> None:
    import json
    from pathlib import Path

    row = characterise("adder/ripple_carry", "int4")
    target = Path(str(tmp_path)) / "table.json"
    write([row], target)
    table = json.loads(target.read_text())
    assert table["rows"][0][:4] == ["adder/ripple_carry", "int4", row.textbook, row.static_cmos]
    assert table["columns"][:2] == ["circuit", "format"]
    assert table["obtained"] == "derived"


@pytest.mark.parametrize(("circuit", "format", "operation"), [
    ("multiplier/dadda:ripple_carry", "int8", "multiply"),
    ("floating_point/multiply:booth,kogge_stone,full", "bf16", "multiply"),
])
def test_interpolation_between_zeros_errs_by_no_more_than_stated(circuit: str, format: str, operation: str) -> None:
    netlist = build(circuit, format)
    drawn = draw(parse(format), "normal/normal", seed=99)
    dense = price(operation, format, Operands()).transistor_operations
    points = [*CHECKS, (0.7, 0.1)]
    simulated = transistor_operations(netlist, [operands_at(netlist, drawn, *p) for p in points])
    for (zeros_a, zeros_b), value in zip(points, simulated, strict=True):
        found = price(operation, format, Operands(Operand("normal", zeros_a), Operand("normal", zeros_b)))
        assert abs(found.transistor_operations - value) / dense < 0.05


@pytest.mark.parametrize(("task", "format"), [
    ("multiply", "e7m13"), ("add", "e2m3"), ("add", "e5m14"), ("multiply", "e3m2"), ("compare", "e4m6"),
    ("divide", "e4m6"), ("shift", "int10"), ("convert", "int5"), ("multiply", "int10"),
])
def test_formats_that_are_not_in_the_table_are_simulated(task: str, format: str) -> None:
    operands = Operands(Operand(), Operand("normal", 0.5))
    circuit = str(chosen_circuit(task, format))
    assert (circuit, format) not in {(r.circuit, r.format) for r in rows()}
    simulated = characterise(circuit, format).transistor_operations(operands)
    assert price(task, format, operands).transistor_operations == pytest.approx(simulated)


@pytest.mark.parametrize(("circuit", "format"), [
    ("multiplier/booth:kogge_stone", "int8"), ("floating_point/multiply:booth,kogge_stone,full", "fp16"),
    ("multiply_add/dadda:kogge_stone", "int8"), ("accumulator/floating_point:brent_kung,full", "bf16"),
])
@pytest.mark.parametrize(("stream", "which"), [("weight", "a"), ("input", "b")])
def test_held_operands_are_priced_as_simulation_has_them(circuit: str, format: str, stream: str, which: str) -> None:
    row = next(r for r in rows() if (r.circuit, r.format) == (circuit, format))
    drawn = draw(parse(format), "normal/normal", seed=7, count=16385).holding(which, 16)
    simulated = transistor_operations(build(circuit, format), [operands_at(build(circuit, format), drawn, 0.0, 0.5)])[0]
    operands = Operands(Operand(), Operand("normal", 0.5), stream, hold=16)
    assert row.transistor_operations(operands) == pytest.approx(simulated, rel=0.03)
    assert row.transistor_operations(Operands(stream=stream, hold=1)) == pytest.approx(
        row.transistor_operations(Operands(stream="row", hold=1)), rel=1e-9)


def test_load_is_that_of_the_nodes() -> None:
    netlist = build("multiplier/dadda:ripple_carry", "int8")
    drawn = draw(parse("int8"), "uniform/uniform", seed=2, count=500)
    buses = operands_at(netlist, drawn, 0.0, 0.0)
    alone = switchings(netlist, buses)
    assert sum(by_place(alone).values()) == pytest.approx(alone.transistor_operations)
    assert switched(netlist, [buses])[0].load == pytest.approx(load_weighted(alone), rel=1e-5)


def test_streams_side_by_side_switch_as_they_do_alone() -> None:
    netlist = build("floating_point/add:kogge_stone,flushed", "fp16")
    drawn = draw(parse("fp16"), "normal/relu", seed=1, count=300)
    streams = [operands_at(netlist, drawn, *zeros) for zeros in ((0, 0), (0.5, 0.9), (1, 0.2))]
    alone = [switchings(netlist, s).transistor_operations for s in streams]
    assert transistor_operations(netlist, streams) == pytest.approx(alone, abs=1e-9)


def test_an_accumulator_meets_the_sum_of_the_products_before() -> None:
    netlist = build("accumulator/floating_point:kogge_stone,full", "bf16")
    drawn = draw(parse("bf16"), "normal/normal", seed=2, count=600)
    buses = operands_at(netlist, drawn, 0.0, 0.5)
    sums = decode("fp32", evaluate(netlist, buses)["y"])
    before = decode("fp32", buses["b"])
    assert before[0] == before[256] == before[512] == 0
    assert np.array_equal(before[1:256], sums[:255])


def test_zeros_are_as_many_as_asked_for() -> None:
    netlist = build("multiplier/dadda:ripple_carry", "int8")
    buses = operands_at(netlist, draw(parse("int8"), "uniform/uniform", seed=3), 0.9, 1.0)
    assert np.mean(buses["a"] == 0) == pytest.approx(0.9, abs=0.02)
    assert not buses["b"].any()


def test_pipeline_stages_are_no_deeper_than_said_and_compute_the_same() -> None:
    netlist = build("floating_point/multiply:dadda,kogge_stone,full", "bf16")
    staged = pipelined(netlist, 16)
    buses = operands(netlist, parse("bf16"), 200, seed=4)
    assert np.array_equal(evaluate(staged, buses)["y"], evaluate(netlist, buses)["y"])
    since: dict[int, int] = {}
    for kind, inputs, outputs in staged.instances:
        level = 0 if kind == "REGISTER" else 1 + max(since.get(n, 0) for n in inputs)
        since.update(dict.fromkeys(outputs, level))
    assert max(since.values()) <= 16
    assert pipelined(netlist, netlist.depth) is netlist


def test_shallower_stages_glitch_less() -> None:
    netlist = build("floating_point/add:ripple_carry,full", "bf16")
    buses = operands_at(netlist, draw(parse("bf16"), "normal/normal", seed=5, count=65), 0.0, 0.0)
    factors = [stage_glitch_factor(netlist, buses, stage) for stage in (8, 24, 1000)]
    assert 1 <= factors[0] < factors[1] < factors[2]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_of_the_catalogue_is_characterised_and_right(family: str) -> None:
    if family.endswith("/dot_product"):  # how many operands it has is an option, and its tests are its own
        return
    listed = [entry for entry in entries() if entry[0].partition(":")[0] == family]
    circuit, format = listed[0] if listed else (f"{family}:ripple_carry", "int8")
    if family.startswith("accumulator/"):  # an adder that other tests hold to its word
        assert build(circuit, format).inputs.keys() == {"a", "b"}
        return
    if family.endswith("/dot_product"):  # test_dot_product.py
        return
    assert mismatches(circuit, format, 300)[0] == 0


def test_unknown_circuits_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown circuit 'adder/abacus'"):
        build("adder/abacus", "int8")
    with pytest.raises(ValueError, match="'full' or 'flushed'"):
        build("floating_point/add:kogge_stone,sometimes", "fp16")
