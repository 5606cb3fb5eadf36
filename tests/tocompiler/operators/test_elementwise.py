"""Element-wise arithmetic and activations: so many tasks for each element of the broadcast result."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alu_library.functions import function_names
from alu_library.tasks import PRIMITIVES, Tasks
from tocompiler.operators import names, rule
from tocompiler.operators.activation import FUNCTIONS, Activation
from tocompiler.operators.elementwise import Elementwise
from tocompiler.tensors import Tensor


@pytest.mark.parametrize(("operator", "tasks"), [
    ("Add", {"add": 12}), ("Sub", {"add": 12}), ("Mul", {"multiply": 12}), ("Div", {"divide": 12}),
    ("Max", {"compare": 12}), ("Mean", {"add": 12, "divide": 12}), ("Pow", {"pow": 12}),
    ("Mod", {"divide": 12, "convert": 12, "multiply_accumulate": 12}), ("Greater", {"compare": 12}),
])
def test_a_broadcast_operator_works_on_every_element_of_its_result(make, work, operator, tasks):
    assert work(make(operator, (3, 1), (1, 4))).tasks == Tasks.of("fp32", **tasks)


def test_more_than_two_operands_are_joined_one_by_one(make, work):
    assert work(make("Sum", (5,), (5,), (5,))).tasks == Tasks.of("fp32", add=10)
    assert work(make("Max", (5,))).tasks == Tasks()


def test_a_small_whole_power_is_repeated_multiplication(make, work, gradient):
    assert work(make("Pow", (6,), [2.0])).tasks == Tasks.of("fp32", multiply=6)
    assert work(make("Pow", (6,), [5.0])).tasks == Tasks.of("fp32", multiply=18)  # x^2, x^4, x^5
    assert work(make("Pow", (6,), [0.5])).tasks == Tasks.of("fp32", sqrt=6)
    assert work(make("Pow", (6,), [-1.0])).tasks == Tasks.of("fp32", reciprocal=6)
    assert work(make("Pow", (6,), [1.7])).tasks == Tasks.of("fp32", pow=6)
    # 2 x dy: x itself needs no task, two products
    assert gradient(make("Pow", (6,), [2.0]), True, False).tasks == Tasks.of("fp32", multiply=12)


def test_a_broadcast_operand_sums_its_gradient(make, gradient):
    bias = make("Add", (8, 10), (10,))
    assert gradient(bias).tasks == Tasks.of("fp32", add=70)
    assert gradient(bias, True, False).tasks == Tasks()
    scale = make("Mul", (8, 10), (10,))
    assert gradient(scale).tasks == Tasks.of("fp32", multiply=160, add=70)


def test_a_clip_compares_once_for_each_bound(make, work):
    assert work(make("Clip", (10,), (), ())).tasks == Tasks.of("fp32", compare=20)
    assert work(make("Clip", (10,), None, ())).tasks == Tasks.of("fp32", compare=10)
    assert work(make("Clip", (10,), min=0.0, max=6.0)).tasks == Tasks.of("fp32", compare=20)  # before opset 11


def test_truth_values_are_bytes(make, work):
    op = make("Where", Tensor("c", (4,), "bool"), (4,), (4,))
    assert work(op).tasks == Tasks.of("fp32", select=4)
    assert make("Less", (4,), (4,)).outputs[0].format == "bool"
    assert work(make("And", Tensor("a", (4,), "bool"), Tensor("b", (4,), "bool"))).tasks == Tasks.of("uint8", logic=4)


def test_integers_negate_by_subtraction(make, work):
    x = Tensor("x", (4,), "int32")
    assert work(make("Neg", x)).tasks == Tasks.of("int32", add=4)
    assert work(make("Neg", (4,))).tasks == Tasks.of("fp32", logic=4)


@pytest.mark.parametrize("operator", sorted(FUNCTIONS))
def test_an_activation_is_one_task_of_its_function(make, work, gradient, operator):
    op, function = make(operator, (2, 5)), FUNCTIONS[operator]
    if operator == "Relu":
        assert work(op).tasks == gradient(op).tasks == Tasks.of("fp32", compare=10)
    else:
        assert work(op).tasks == Tasks.of("fp32", **{function: 10})
        assert gradient(op).tasks == Tasks.of("fp32", **{f"{function}_derivative": 10, "multiply": 10})


def test_attributes_choose_the_function(make, work):
    assert work(make("Gelu", (3,))).tasks == Tasks.of("fp32", gelu=3)
    assert work(make("Gelu", (3,), approximate="tanh")).tasks == Tasks.of("fp32", gelu_tanh=3)
    assert work(make("Swish", (3,))).tasks == Tasks.of("fp32", silu=3)
    assert work(make("SwiGLU", (3,), (3,))).tasks == Tasks.of("fp32", silu=3, multiply=3)


def test_a_learned_slope_sums_its_gradient(make, gradient):
    op = make("PRelu", (2, 3, 4), (3, 1))
    assert gradient(op, True, False).tasks == Tasks.of("fp32", prelu_derivative=24, multiply=24)
    assert gradient(op).tasks == Tasks.of("fp32", prelu_derivative=24, multiply=48, select=24, add=24 - 3)


def test_every_function_that_is_named_exists():
    """Each task is a primitive or a function of the library, with its derivative."""
    known = {*PRIMITIVES, *function_names()}
    named = set()
    for name in names():
        found = rule(name)
        if isinstance(found, Elementwise):
            named |= {*found.forward, *found.integer, *found.tail}
            named |= {task for per in found.backward if per is not None for task in per}
        if isinstance(found, Activation) and found._function:
            named |= {found._function, f"{found._function}_derivative"}
    assert named <= known, named - known


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.booleans()), max_size=3), st.integers(0, 2))
def test_shapes_agree_with_onnx(agrees, dims, dropped):
    a = tuple(1 if left else d for d, left, _ in dims)
    b = tuple(1 if right else d for d, _, right in dims)[dropped:]
    agrees("Add", a, b)
    agrees("Less", a, b)
    agrees("Where", Tensor("c", a, "bool"), b, a)
    agrees("Max", a, b, a)


def test_what_does_not_broadcast_is_named(make):
    with pytest.raises(ValueError, match=r"Add 'op': shapes \(2, 3\) and \(4,\) do not broadcast"):
        make("Add", (2, 3), (4,))


def test_symbols_broadcast_and_different_ones_are_refused(make, work):
    sympy = pytest.importorskip("sympy")
    n, m = sympy.symbols("n m", integer=True, positive=True)
    assert work(make("Add", (n, 4), (4,))).tasks["add", "fp32"] == 4 * n
    with pytest.raises(ValueError, match="cannot tell whether dimensions n and m are equal"):
        make("Add", (n,), (m,))
