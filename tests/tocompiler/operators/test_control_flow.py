"""Networks inside operators: the dearer branch, a bound number of turns."""

from __future__ import annotations

import pytest

from alu_library.tasks import Tasks
from tocompiler.network import Network
from tocompiler.operators import Access, Refused, Unmodelled, rule
from tocompiler.tensors import Operator, Tensor


def body(layers: int = 1) -> Network:
    net = Network("body")
    x = net.input((2, 4))
    for _ in range(layers):
        x = net.linear(x, 4, bias=False)
    net.output(x)
    return net


def operator(name: str, *inputs: Tensor, **attributes: object) -> Operator:
    return Operator("op", name, inputs, (Tensor("y", (2, 4)),), attributes)


CONDITION = Tensor("c", (), "bool")


def test_the_dearer_branch_is_counted_unless_one_is_chosen():
    op = operator("If", CONDITION, then_branch=body(1), else_branch=body(2))
    assert rule("If").work(op).multiply_accumulates == 2 * 32
    chosen = operator("If", CONDITION, then_branch=body(1), else_branch=body(2), branch="then_branch")
    assert rule("If").work(chosen).multiply_accumulates == 32


def test_branches_of_symbolic_size_are_not_compared():
    sympy = pytest.importorskip("sympy")
    symbolic = Network("body")
    symbolic.output(symbolic.relu(symbolic.input((sympy.Symbol("n", integer=True, positive=True), 4))))
    with pytest.raises(Refused, match="If 'op': which branch is dearer depends on symbolic dimensions"):
        rule("If").work(operator("If", CONDITION, then_branch=symbolic, else_branch=body()))


def test_a_loop_repeats_its_body(make, work):
    turns = make("Identity", [7]).inputs[0]
    done = rule("Loop").work(operator("Loop", turns, CONDITION, body=body()))
    assert done.multiply_accumulates == 7 * 32
    assert done.tasks == Tasks.of("fp32", multiply_accumulate=7 * 32)
    assert sum(a.elements for a in done.reads) == 7 * (8 + 16)  # activation and weight, each turn
    unknown = operator("Loop", Tensor("n", (), "int64"), CONDITION, body=body())
    with pytest.raises(Refused, match="Loop 'op': its trip count is not known"):
        rule("Loop").work(unknown)
    bound = operator("Loop", Tensor("n", (), "int64"), CONDITION, body=body(), trip_count=3)
    assert rule("Loop").work(bound).multiply_accumulates == 96


def test_a_scan_runs_once_for_each_slice():
    op = operator("Scan", Tensor("state", (2, 4)), Tensor("x", (9, 2, 4)), num_scan_inputs=1, body=body())
    assert rule("Scan").work(op).multiply_accumulates == 9 * 32


def test_what_a_body_holds_is_never_skipped():
    strange = Network("body", [Operator("odd", "com.example.Odd", (), ())])
    with pytest.raises(Unmodelled, match=r"com\.example\.Odd"):
        rule("If").work(operator("If", CONDITION, then_branch=strange, else_branch=body()))


def test_score_modifiers_of_flex_attention_count():
    q = Tensor("q", (1, 2, 3, 4))
    scores = Network("mod")
    scores.output(scores.tanh(scores.input((1, 2, 3, 3))))
    plain, modified = (Operator("op", "ai.onnx.preview.FlexAttention", (q, q, q), (q,), attributes)
                       for attributes in ({}, {"score_mod": scores}))
    found = rule(plain.operator)
    assert found.work(modified).tasks == found.work(plain).tasks + Tasks.of("fp32", tanh=18)


def test_sequences_move_nothing():
    op = Operator("op", "SequenceConstruct", (Tensor("a", (4,)), Tensor("b", (4,))), (Tensor("s", ()),))
    assert rule(op.operator).work(op).reads == ()
    assert Access("a", 4, "fp32") == Access("a", 4, "fp32", "activation")
