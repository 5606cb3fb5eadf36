"""One program, three readings: what is counted is what is run is what is written down."""

from __future__ import annotations

import operator

import mpmath
import numpy as np
import pytest
import sympy

from alu_library.elementary.algorithms import Choice, choices, count, names, run, two_arguments
from alu_library.elementary.functions import exp as elementary_exp
from alu_library.elementary.numeric import Numeric, round_to
from alu_library.elementary.operations import less, maximum, scale, select
from alu_library.elementary.programs import CHARGES, Counter, Operand
from alu_library.elementary.references import exactly, formula, in_float64
from alu_library.elementary.register import every, find
from alu_library.elementary.symbolic import expression
from alu_library.tasks import PRIMITIVES


def polynomial(x: Operand) -> Operand:
    return (x * 3 + 1) * x - 2


def test_counter_counts_every_operation_and_the_longest_chain() -> None:
    counter = Counter()
    result = polynomial(counter.input("fp16"))
    assert dict(counter.tasks) == {("multiply", "fp16"): 2, ("add", "fp16"): 2}
    assert result.value[1] == 4


def test_parallel_work_does_not_add_depth() -> None:
    counter = Counter()
    x = counter.input("fp32")
    assert ((x * x) + (x * 2)).value[1] == 2  # the products side by side, then the sum


def test_numeric_rounds_after_every_operation() -> None:
    reading = Numeric()
    x = np.array([0.1, 3.3, -7.7], dtype=np.float16)
    expected = (x * np.float16(3) + np.float16(1)) * x - np.float16(2)
    assert (polynomial(reading.input(x, "fp16")).value == expected.astype(np.float64)).all()


def test_symbolic_reading_is_the_formula() -> None:
    x = sympy.Symbol("x", real=True)
    assert sympy.expand(expression(polynomial) - (3 * x**2 + x - 2)) == 0


def test_every_charge_is_a_primitive_task() -> None:
    for kind, charge in CHARGES.items():
        assert all(task in PRIMITIVES for task, _ in charge("fp32")), kind


def test_trace_tells_constants_apart() -> None:
    def hashed(constant: float) -> str:
        counter = Counter()
        counter.input("fp32") * constant
        return counter.program_hash()

    assert hashed(1.5) == hashed(1.5) != hashed(1.25)


def test_scale_flushes_below_the_smallest_normal_and_overflows_to_infinity() -> None:
    reading = Numeric()
    x = reading.input(np.array([1.5, 1.5, 1.5]), "fp32")
    n = Operand(reading, "int16", np.array([-126.0, -127.0, 128.0]))
    assert scale(x, n).value.tolist() == [1.5 * 2.0**-126, 0.0, np.inf]


def test_select_and_maximum() -> None:
    reading = Numeric()
    x = reading.input(np.array([-1.0, 2.0]), "fp32")
    assert maximum(x, 0).value.tolist() == [0, 2]
    assert select(less(x, 0), -x, x).value.tolist() == [1, 2]


def test_calling_a_function_without_a_choice_names_it() -> None:
    with pytest.raises(KeyError, match="calls exp"):
        find("sigmoid").algorithms["polynomial"](25)(Counter().input("fp32"))


@pytest.mark.parametrize("format", ["fp32", "fp16", "bf16", "tf32", "fp8_e4m3", "fp8_e5m2", "e8m13", "e8m31"])
def test_rounding_agrees_with_the_formats_own(format: str) -> None:
    from alu_library.formats import quantize

    random = np.random.default_rng(1)
    values = np.concatenate([random.normal(size=2000) * 2.0 ** random.integers(-160, 130, 2000), [0.0, -0.0, 448, 464]])
    assert np.array_equal(round_to(values, format), quantize(format, values), equal_nan=True)


def test_wide_formats_round_once() -> None:
    """e8m31 against exact arithmetic in mpmath: float64 alone would round some of these twice."""
    random = np.random.default_rng(2)
    a = round_to(random.uniform(1, 2, 400), "e8m31")
    b = round_to(random.uniform(1, 2, 400) * 2.0 ** random.integers(-25, 1, 400), "e8m31")
    reading = Numeric()
    x, y = reading.input(a, "e8m31"), reading.input(b, "e8m31")
    with mpmath.workprec(32):  # the context rounds each result to 32 bits, to nearest even
        for operation in (operator.add, operator.sub, operator.mul, operator.truediv):
            exact = [operation(mpmath.mpf(p), mpmath.mpf(q)) for p, q in zip(a, b, strict=True)]
            assert operation(x, y).value.tolist() == [float(e) for e in exact]


def test_a_sum_next_to_a_midpoint_is_not_rounded_twice() -> None:
    """1 + 2^-32 is half-way between two numbers of 32 bits; 2^-60 more, which float64 drops, is not."""
    reading = Numeric()
    a, b = (reading.input(np.array([v]), "e8m31") for v in (1.0, 2.0**-32 + 2.0**-60))
    assert (a + b).value[0] == 1 + 2.0**-31


POINTS = (-3.25, -1.5, -0.4, 0.3, 0.9, 1.7, 2.9)
ABOVE_ONE = {"acosh", "pow", "acosh_derivative"}


@pytest.mark.parametrize("name", sorted(name for name, function in every().items() if function.composed))
def test_composed_programs_read_symbolically_as_their_definition(name: str) -> None:
    """A program over elementary functions is its formula: to 1e-13, that is to its constants' own rounding."""
    x, y = sympy.symbols("x y", real=True)
    program = expression(find(name).algorithms["polynomial"](25), 2 if two_arguments(name) else 1)
    compared = 0
    for point in POINTS:
        if name in ABOVE_ONE and point <= 1:
            continue
        at = {x: sympy.Float(point, 30), y: sympy.Float("0.7", 30)}
        ours, theirs = (complex(sympy.N(e.subs(at), 20)) for e in (program, formula(name)))
        if theirs.imag == 0:
            assert ours.real == pytest.approx(theirs.real, rel=1e-13, abs=1e-22)
            compared += 1
    assert compared >= 2


def test_a_polynomial_program_reads_as_the_approximation_it_is() -> None:
    """Its symbolic reading is no formula of exp, but a number near it: to the 20 bits that were asked for."""
    x = sympy.Symbol("x", real=True)
    value = sympy.N(expression(lambda v: elementary_exp.exp(v, 20), format="fp64").subs(x, sympy.Float("1.2345", 30)))
    assert abs(float(value) / float(mpmath.exp("1.2345")) - 1) < 2.0**-20
    assert float(value) != pytest.approx(float(mpmath.exp("1.2345")), rel=1e-12)


@pytest.mark.parametrize("name", names())
def test_float64_references_agree_with_the_formula(name: str) -> None:
    random = np.random.default_rng(3)
    low, high = (1.01, 9.0) if name in ABOVE_ONE else (0.05, 0.95)
    x = random.uniform(low, high, 12)
    y = random.uniform(0.1, 0.9, 12)
    operands = (x, y) if two_arguments(name) else (x,)
    values = in_float64(name)(*operands)
    for i, value in enumerate(np.broadcast_to(values, x.shape)):
        exact = exactly(name, *(float(o[i]) for o in operands))
        assert abs(mpmath.mpf(float(value)) - exact) <= abs(exact) * 2e-14


def example(name: str, format: str, style: str) -> Choice:
    return next(c for c in choices(name, format) if c.style == style)


def test_functions_have_several_algorithms() -> None:
    assert {c.style for c in choices("exp", "fp32")} >= {"polynomial", "table_32", "table_256", "cordic"}
    assert {c.style for c in choices("divide", "fp32")} == {"digit_recurrence", "newton", "goldschmidt"}
    assert {c.style for c in choices("tanh", "bf16")} >= {"polynomial", "segments_1", "segments_2"}
    assert {"exp", "erf", "gelu", "gelu_derivative"} <= set(names())
    assert "normal_tail" not in names()  # it serves gelu alone


@pytest.mark.parametrize("style", ["polynomial", "table_32", "cordic"])
def test_exp_algorithms_agree_with_numpy(style: str) -> None:
    choice = example("exp", "fp32", style)
    x = np.linspace(-80, 80, 5000).astype(np.float32).astype(np.float64)
    reading = Numeric()
    ours = run(choice, reading, reading.input(x, "fp32")).value
    assert np.max(np.abs(ours / np.exp(x) - 1)) < 2.0**-23


def test_a_target_with_fewer_bits_costs_less() -> None:
    totals = [count(c).tasks.total() for c in choices("exp", "fp32") if c.style == "polynomial"
              and c.internal_format == "fp32"]
    assert totals == sorted(totals, reverse=True)
    assert totals[-1] < totals[0]


def test_tables_are_counted_in_bits_and_reads() -> None:
    counted = count(example("exp", "fp32", "table_32"))
    assert counted.table_bit == 32 * 64  # the first choice works in fp64
    assert counted.tasks[("table_read", "32x64")] == 1
