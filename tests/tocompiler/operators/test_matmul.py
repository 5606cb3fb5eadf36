"""Matrix products, Einsum and determinants."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alu_library.tasks import Tasks
from tocompiler.operators import Loops


@pytest.mark.parametrize(("a", "b", "shape", "products"), [
    ((3, 4), (4, 5), (3, 5), 3 * 4 * 5),
    ((7, 3, 4), (4, 5), (7, 3, 5), 7 * 3 * 4 * 5),
    ((7, 1, 3, 4), (2, 4, 5), (7, 2, 3, 5), 14 * 3 * 4 * 5),
    ((4,), (4, 5), (5,), 20),
    ((3, 4), (4,), (3,), 12),
    ((4,), (4,), (), 4),
])
def test_products_of_a_matrix_product(make, work, a, b, shape, products):
    op = make("MatMul", a, b)
    done = work(op)
    assert op.outputs[0].shape == shape
    assert done.multiply_accumulates == products == done.loops.products
    assert done.tasks == Tasks.of("fp32", multiply_accumulate=products)


def test_a_weight_shared_by_the_batch_is_one_product(make, work):
    # 7 * 3 rows of one matrix product
    assert work(make("MatMul", (7, 3, 4), (4, 5))).loops == Loops(p=21, m=5, c=4)
    assert work(make("MatMul", (7, 3, 4), (7, 4, 5))).loops == Loops(n=7, p=3, m=5, c=4)


def test_gemm_scales_only_where_it_must(make, work, gradient):
    plain = make("Gemm", (8, 20), (10, 20), (10,), transB=1)
    assert work(plain).tasks == Tasks.of("fp32", multiply_accumulate=8 * 20 * 10)
    scaled = make("Gemm", (20, 8), (20, 10), (10,), transA=1, alpha=0.5, beta=2.0)
    assert work(scaled).tasks == Tasks.of("fp32", multiply_accumulate=8 * 20 * 10, multiply=80 + 10)
    # by a, by b: as many products each; by the bias: 8 rows summed
    assert gradient(plain).tasks == Tasks.of("fp32", multiply_accumulate=2 * 1600, add=80 - 10)
    assert gradient(plain, False, True, False).multiply_accumulates == 1600


def test_a_misfit_is_named(make):
    with pytest.raises(ValueError, match="MatMul 'op': inner dimensions of"):
        make("MatMul", (3, 4), (5, 6))
    with pytest.raises(ValueError, match="both must be matrices"):
        make("Gemm", (2, 3, 4), (4, 5))


@pytest.mark.parametrize(("equation", "shapes", "shape", "tasks", "products"), [
    ("ij,jk->ik", [(2, 3), (3, 4)], (2, 4), {"multiply_accumulate": 24}, 24),
    ("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)], (2, 3, 4, 6), {"multiply_accumulate": 2 * 3 * 4 * 6 * 5}, 720),
    ("...ij,...jk->...ik", [(7, 2, 3), (7, 3, 4)], (7, 2, 4), {"multiply_accumulate": 168}, 168),
    ("i,j->ij", [(3,), (4,)], (3, 4), {"multiply": 12}, 0),  # nothing is summed
    ("ij,ij->ij", [(3, 4), (3, 4)], (3, 4), {"multiply": 12}, 0),
    ("ij->i", [(3, 4)], (3,), {"add": 9}, 0),
    ("ij->ji", [(3, 4)], (4, 3), {}, 0),
    ("ij,jk", [(2, 3), (3, 4)], (2, 4), {"multiply_accumulate": 24}, 24),  # implicit result
    # k is summed alone first: 3 * 5 elements become 3; then 2 * 3 products
    ("ij,jk->i", [(2, 3), (3, 5)], (2,), {"multiply_accumulate": 6, "add": 12}, 6),
    # (2x3)(3x4) then (2x4)(4x5)
    ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)], (2, 5), {"multiply_accumulate": 24 + 40}, 64),
])
def test_einsum(make, work, equation, shapes, shape, tasks, products):
    op = make("Einsum", *shapes, equation=equation)
    assert op.outputs[0].shape == shape
    assert work(op).tasks == Tasks.of("fp32", **tasks)
    assert work(op).multiply_accumulates == products


def test_the_gradient_of_einsum_is_a_product_for_each_side(make, gradient):
    op = make("Einsum", (2, 3), (3, 4), (4, 5), equation="ij,jk,kl->il")
    assert gradient(op).multiply_accumulates == 2 * 64
    # the last operand alone: one side of the last join
    assert gradient(op, False, False, True).multiply_accumulates == 40


def test_einsum_says_what_does_not_fit(make):
    with pytest.raises(ValueError, match="label j of 'ij,jk->ik' is both 3 and 5"):
        make("Einsum", (2, 3), (5, 4), equation="ij,jk->ik")
    with pytest.raises(ValueError, match="has 2 terms for 1 operands"):
        make("Einsum", (2, 3), equation="ij,jk->ik")


def test_a_determinant_is_an_elimination(make, work):
    # n = 3: divisions 3, multiply-accumulates 2*2 + 1*1 = 5, diagonal 2 products; two matrices
    assert work(make("Det", (2, 3, 3))).tasks == 2 * Tasks.of("fp32", divide=3, compare=3, multiply_accumulate=5,
                                                                multiply=2)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 4), max_size=2), st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), st.booleans())
def test_shapes_agree_with_onnx(agrees, batch, rows, inner, columns, broadcast):
    agrees("MatMul", (*batch, rows, inner), (*(1 if broadcast else d for d in batch), inner, columns))
    agrees("Gemm", (inner, rows), (columns, inner), (columns,), transA=1, transB=1)
    agrees("Einsum", (*batch, rows, inner), (inner, columns), equation="...ij,jk->...ik")
