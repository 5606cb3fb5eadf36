"""Counts with a symbolic batch equal the concrete ones at any binding, forward and backward."""

from __future__ import annotations

from typing import Any

import pytest

from tocompiler.operators import Work
from tocompiler.tensors import Tensor

sympy = pytest.importorskip("sympy")
N = sympy.Symbol("n", integer=True, positive=True)

CASES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Conv", (("n", 4, 9, 9), (6, 2, 3, 3), (6,)), {"group": 2, "strides": (2, 2)}),
    ("ConvTranspose", (("n", 4, 9, 9), (4, 2, 3, 3)), {"group": 2, "strides": (2, 2)}),
    ("CausalConvWithState", (("n", 4, 9), (4, 1, 3)), {"activation": "silu"}),
    ("MatMul", (("n", 5, 4), (4, 3)), {}),
    ("MatMul", (("n", 5, 4), ("n", 4, 3)), {}),
    ("Gemm", (("n", 4), (3, 4), (3,)), {"transB": 1, "alpha": 0.5}),
    ("Einsum", (("n", 5, 4), ("n", 3, 4)), {"equation": "bij,bkj->bik"}),
    ("MaxPool", (("n", 4, 9, 9),), {"kernel_shape": (3, 3), "strides": (2, 2)}),
    ("AveragePool", (("n", 4, 9, 9),), {"kernel_shape": (3, 3), "strides": (2, 2), "ceil_mode": 1}),
    ("GlobalAveragePool", (("n", 4, 9, 9),), {}),
    ("LpPool", (("n", 4, 9, 9),), {"kernel_shape": (3, 3), "p": 3}),
    ("BatchNormalization", (("n", 4, 9), (4,), (4,), (4,), (4,)), {"training_mode": 1}),
    ("LayerNormalization", (("n", 4, 9), (9,), (9,)), {}),
    ("GroupNormalization", (("n", 4, 9), (4,), (4,)), {"num_groups": 2}),
    ("LRN", (("n", 4, 9, 9),), {"size": 3}),
    ("Softmax", (("n", 4, 9),), {"axis": 1}),
    ("Gelu", (("n", 4),), {}),
    ("PRelu", (("n", 4), (4,)), {}),
    ("Add", (("n", 4), (4,)), {}),
    ("Div", (("n", 4), ("n", 1)), {}),
    ("Pow", (("n", 4), [3.0]), {}),
    ("ReduceMean", (("n", 4), [0]), {"keepdims": 0}),
    ("ReduceLogSumExp", (("n", 4), [1]), {}),
    ("CumSum", (("n", 4), 0), {}),
    ("TopK", (("n", 40), [5]), {}),
    ("Transpose", (("n", 4, 5),), {}),
    ("Gather", ((100, 8), ("n", 7)), {}),
    ("Expand", ((1, 8), ["n", 8]), {}),
    ("Slice", (("n", 8), [1], [6], [1], [2]), {}),
    ("Resize", (("n", 4, 8, 8), None, [1.0, 1.0, 2.0, 2.0]), {"mode": "linear"}),
    ("Dropout", (("n", 4),), {"training_mode": 1}),
    ("Attention", (("n", 2, 5, 4), ("n", 2, 6, 4), ("n", 2, 6, 4)), {"is_causal": 1}),
    ("RotaryEmbedding", (("n", 2, 5, 4), (5, 2), (5, 2)), {}),
    ("LSTM", ((5, "n", 3), (1, 16, 3), (1, 16, 4), (1, 32)), {"hidden_size": 4}),
    ("GridSample", (("n", 3, 5, 5), ("n", 4, 4, 2)), {}),
    ("SoftmaxCrossEntropyLoss", (("n", 4), ("n",)), {}),
    ("com.microsoft.SkipLayerNormalization", (("n", 4, 9), ("n", 4, 9), (9,), (9,), (9,)), {}),
    ("com.microsoft.MultiHeadAttention", (("n", 4, 8), ("n", 4, 8), ("n", 4, 8), (24,)), {"num_heads": 2}),
    ("com.microsoft.Attention", (("n", 4, 8), (8, 24), (24,)), {"num_heads": 2}),
]


def bound(given: Any, n: Any) -> Any:
    if isinstance(given, tuple):
        return tuple(n if d == "n" else d for d in given)
    if isinstance(given, list) and "n" in given:
        import numpy as np

        values = np.empty(len(given), dtype=object)
        values[:] = [n if d == "n" else d for d in given]
        return Tensor("shape", values.shape, "int64", "constant", values)
    return given


def figures(work: Work, n: int) -> list[Any]:
    """Every count of a piece of work, with n bound."""
    counts = {key: sympy.sympify(count).subs(N, n) for key, count in work.tasks.items()}
    moved = [sympy.sympify(a.elements).subs(N, n) for a in (*(work.reads or ()), *(work.writes or ()))]
    return [{key: count for key, count in counts.items() if count != 0},
            sympy.sympify(work.multiply_accumulates).subs(N, n), moved]


@pytest.mark.parametrize(("operator", "operands", "attributes"), CASES, ids=[c[0] for c in CASES])
def test_a_symbol_and_a_number_give_one_count(make, work, gradient, operator, operands, attributes):
    symbolic = make(operator, *(bound(o, N) for o in operands), **attributes)
    for n in (1, 3, 8):
        concrete = make(operator, *(bound(o, n) for o in operands), **attributes)
        shape = tuple(sympy.sympify(d).subs(N, n) for d in symbolic.outputs[0].shape)
        assert shape == concrete.outputs[0].shape
        assert figures(work(symbolic), n) == figures(work(concrete), n)
        assert figures(gradient(symbolic), n) == figures(gradient(concrete), n)
