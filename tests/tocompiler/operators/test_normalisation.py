"""Normalisation and softmax, forward and backward, task by task."""

from __future__ import annotations

import pytest

from alu_library.tasks import Tasks


def of(**tasks: int) -> Tasks:
    return Tasks.of("fp32", **tasks)


def test_batch_norm_at_inference_is_one_multiply_accumulate_for_each_element(make, work):
    done = work(make("BatchNormalization", (2, 3, 4, 5), *[(3,)] * 4))
    assert done.tasks == of(multiply_accumulate=120)
    assert done.multiply_accumulates == 0


def test_batch_norm_in_training_adds_its_statistics(make, work, gradient):
    n, c = 2 * 3 * 4 * 5, 3
    op = make("BatchNormalization", (2, 3, 4, 5), *[(3,)] * 4, training_mode=1)
    statistics = of(add=(n - c) + n + c,  # sums of n/c elements; x - mean; variance + epsilon
                    multiply_accumulate=n, divide=2 * c, rsqrt=c)
    merge = of(multiply=c, multiply_accumulate=c)  # scale root, bias - mean scale root
    running = of(multiply=2 * c, multiply_accumulate=2 * c)
    assert work(op).tasks == of(multiply_accumulate=n) + statistics + merge + running
    # sum(dy), x - mean, sum(dy (x - mean)), dx = a dy + b (x - mean) + d; for each channel the scale's gradient (1
    # product) and the coefficients (4 products, 2 divisions)
    assert gradient(op, True, True, True, False, False).tasks == of(
        add=(n - c) + n, multiply_accumulate=3 * n, multiply=5 * c, divide=2 * c)
    frozen = make("BatchNormalization", (2, 3, 4, 5), *[(3,)] * 4)
    assert gradient(frozen, True, False, False, False, False).tasks == of(multiply=n)


def test_layer_norm(make, work, gradient):
    rows, width = 6, 10
    n = rows * width
    op = make("LayerNormalization", (2, 3, 10), (10,), (10,))
    assert work(op).tasks == of(
        add=2 * n,  # width - 1 for the mean, width differences, 1 for epsilon: 2 width for each row
        multiply_accumulate=2 * n,  # squares, then scale and bias
        multiply=n, divide=2 * rows, rsqrt=rows)
    assert work(make("LayerNormalization", (2, 3, 10), (10,))).tasks == of(
        add=2 * n, multiply_accumulate=n, multiply=2 * n, divide=2 * rows, rsqrt=rows)
    back = gradient(op).tasks
    assert back == of(
        add=n + (n - rows) + (n - width),  # x - mean; sum(g); bias
        multiply_accumulate=n + 2 * n + n,  # sum(g (x - mean)); root g + b (x - mean); scale
        multiply=n + n + 4 * rows,  # g = dy scale; xhat; coefficients of each row
        divide=2 * rows)


def test_rms_norm_has_no_mean(make, work):
    rows, n = 6, 60
    assert work(make("RMSNormalization", (6, 10), (10,))).tasks == of(
        multiply_accumulate=n, divide=rows, add=rows, rsqrt=rows, multiply=2 * n)


@pytest.mark.parametrize(("operator", "attributes", "groups"), [
    ("InstanceNormalization", {}, 2 * 6), ("GroupNormalization", {"num_groups": 3}, 2 * 3),
])
def test_groups_of_elements(make, work, operator, attributes, groups):
    n = 2 * 6 * 4 * 4
    op = make(operator, (2, 6, 4, 4), (6,), (6,), **attributes)
    assert work(op).tasks == of(add=2 * n, multiply_accumulate=2 * n, multiply=n, divide=2 * groups, rsqrt=groups)


def test_local_response_and_norms(make, work):
    # squares once, 5 - 1 additions, alpha and bias, a power, a division
    assert work(make("LRN", (1, 8, 2, 2), size=5)).tasks == of(
        multiply=32, add=128, multiply_accumulate=32, pow=32, divide=32)
    assert work(make("LpNormalization", (4, 5))).tasks == of(multiply_accumulate=20, sqrt=4, divide=20)
    assert work(make("LpNormalization", (4, 5), p=1)).tasks == of(logic=20, add=16, divide=20)
    assert work(make("MeanVarianceNormalization", (2, 3, 4, 4))).tasks == of(
        add=2 * 96, multiply_accumulate=96, divide=6, rsqrt=3, multiply=96)


def test_softmax(make, work, gradient):
    rows, n = 6, 60
    op = make("Softmax", (2, 3, 10))
    assert work(op).tasks == of(compare=n - rows, add=n + n - rows, exp=n, divide=n)
    assert gradient(op).tasks == of(multiply_accumulate=n, add=n, multiply=n)
    assert work(make("LogSoftmax", (2, 3, 10))).tasks == of(compare=n - rows, add=3 * n - rows, exp=n, log=rows)
    assert work(make("Hardmax", (2, 3, 10))).tasks == of(compare=n - rows)
    middle = make("Softmax", (2, 3, 10), axis=1)
    assert work(middle).tasks["compare", "fp32"] == n - 20


def test_softmax_equals_its_parts(make, work):
    """The fused operator and ReduceMax, Sub, Exp, ReduceSum, Div do the same."""
    parts = [make("ReduceMax", (4, 7), [-1]), make("Sub", (4, 7), (4, 1)), make("Exp", (4, 7)),
             make("ReduceSum", (4, 7), [-1]), make("Div", (4, 7), (4, 1))]
    total = sum((work(op).tasks for op in parts), Tasks())
    assert total == work(make("Softmax", (4, 7))).tasks


def test_dropout_is_nothing_at_inference(make, work):
    assert work(make("Dropout", (10,))).reads == ()
    trained = work(make("Dropout", (10,), [0.5], training_mode=1)).tasks
    assert trained == of(convert=10, compare=10, multiply=10, select=10) + Tasks.of(
        "uint32", multiply=50, logic=100, add=50)


def test_losses_are_log_softmax_and_what_follows(make, work):
    op = make("SoftmaxCrossEntropyLoss", (8, 10), (8,))
    assert work(op).tasks == work(make("LogSoftmax", (8, 10))).tasks + of(logic=8, add=7, divide=1)


def test_symbolic_rows(make, work):
    sympy = pytest.importorskip("sympy")
    n = sympy.Symbol("n", integer=True, positive=True)
    for operator, operands in (("LayerNormalization", ((10,), (10,))), ("Softmax", ())):
        symbolic = work(make(operator, (n, 10), *operands)).tasks
        concrete = work(make(operator, (7, 10), *operands)).tasks
        assert {key: count.subs(n, 7) for key, count in symbolic.items()} == dict(concrete)


@pytest.mark.parametrize("operator", ["LayerNormalization", "RMSNormalization", "Softmax", "LpNormalization"])
def test_shapes_agree_with_onnx(agrees, operator):
    operands = {"LayerNormalization": [(4, 5), (4, 5)], "RMSNormalization": [(4, 5)]}.get(operator, [])
    agrees(operator, (2, 3, 4, 5), *operands, axis=2, results=3 if operator == "LayerNormalization" else 1)
