"""Classical models: shapes of labels and scores, and what a look-up compares, held against onnxruntime's results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tocompiler import compile, load
from tocompiler.operators import Work
from tocompiler.tensors import Operator

ML = "ai.onnx.ml"
STUMP = {"nodes_treeids": [0, 0, 0], "nodes_nodeids": [0, 1, 2], "nodes_featureids": [0, 0, 0],
         "nodes_values": [0.5, 0.0, 0.0], "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
         "nodes_truenodeids": [1, 0, 0], "nodes_falsenodeids": [2, 0, 0], "nodes_missing_value_tracks_true": [0, 0, 0]}
CASES: dict[str, tuple[dict[str, Any], tuple[tuple[int, ...], ...]]] = {
    "LinearRegressor": ({"coefficients": [1.0] * 6, "targets": 2}, ((4, 2),)),
    "LinearClassifier": ({"coefficients": [1.0] * 9, "intercepts": [0.0] * 3, "classlabels_ints": [0, 1, 2]},
                         ((4,), (4, 3))),
    "SVMRegressor": ({"coefficients": [1.0, -1.0], "support_vectors": [0.5] * 6, "n_supports": 2, "rho": [0.0],
                      "kernel_type": "RBF", "kernel_params": [0.1, 0.0, 0.0]}, ((4, 1),)),
    "TreeEnsembleRegressor": ({**STUMP, "n_targets": 1, "target_treeids": [0, 0], "target_nodeids": [1, 2],
                               "target_ids": [0, 0], "target_weights": [1.0, 2.0]}, ((4, 1),)),
    "TreeEnsembleClassifier": ({**STUMP, "classlabels_int64s": [0, 1, 2], "class_treeids": [0, 0],
                                "class_nodeids": [1, 2], "class_ids": [0, 1], "class_weights": [1.0, 1.0]},
                               ((4,), (4, 3))),
}


def model(name: str, attributes: dict[str, Any], results: int) -> Any:
    from onnx import TensorProto, helper

    node = helper.make_node(name, ["x"], [f"y{i}" for i in range(results)], domain=ML, **attributes)
    outputs = [helper.make_tensor_value_info("y0", TensorProto.INT64 if results == 2 else TensorProto.FLOAT, None),
               helper.make_tensor_value_info("y1", TensorProto.FLOAT, None)][:results]
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 3])], outputs)
    return helper.make_model(graph, ir_version=9,
                             opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(ML, 3)])


@pytest.mark.parametrize("name", CASES)
def test_labels_and_scores_have_their_shapes(name: str) -> None:
    attributes, shapes = CASES[name]
    proto = model(name, attributes, len(shapes))
    found = load(proto)
    assert tuple(t.shape for t in found.outputs) == shapes
    assert not compile(found).unmodelled
    runtime = pytest.importorskip("onnxruntime")
    import numpy as np

    session = runtime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    results = session.run(None, {"x": np.zeros((4, 3), np.float32)})
    assert tuple(r.shape for r in results) == shapes


def test_columns_are_picked_by_place(make: Callable[..., Operator]) -> None:
    assert make(f"{ML}.ArrayFeatureExtractor", (4, 7), [1, 3, 5]).outputs[0].shape == (4, 3)
    assert make(f"{ML}.ArrayFeatureExtractor", (7,), [2]).outputs[0].shape == (1, 1)


def test_a_look_up_halves_its_keys(make: Callable[..., Operator], work: Callable[[Operator], Work]) -> None:
    op = make(f"{ML}.LabelEncoder", (4, 2), keys_int64s=[3, 5, 7, 9, 11], values_strings=["a"] * 5)
    assert (op.outputs[0].shape, op.outputs[0].format) == ((4, 2), "string")
    assert dict(work(op).tasks) == {("compare", "fp32"): 8 * 3}  # five keys: three halvings
    hot = make(f"{ML}.OneHotEncoder", (4,), cats_int64s=[0, 1, 2])
    assert hot.outputs[0].shape == (4, 3)
    assert dict(work(hot).tasks) == {("compare", "fp32"): 4 * 2}
    with pytest.raises(ValueError, match="has no keys"):
        make(f"{ML}.OneHotEncoder", (4,))


def chain(depth: int, tree: int = 0) -> dict[str, list[Any]]:
    """A tree that goes on at each node's second branch; its leaves have the numbers after the nodes'."""
    n = 2 * depth + 1
    return {"nodes_treeids": [tree] * n, "nodes_nodeids": list(range(n)),
            "nodes_modes": ["BRANCH_LEQ"] * depth + ["LEAF"] * (depth + 1),
            "nodes_truenodeids": [depth + i for i in range(depth)] + [0] * (depth + 1),
            "nodes_falsenodeids": [*range(1, depth), 2 * depth] + [0] * (depth + 1)}


def test_trees_are_descended_as_far_as_is_expected() -> None:
    """1 + 1/2 + 1/4 for a chain of three; with nine rows of ten leaving at each node, 1 + .1 + .01."""
    from tocompiler.operators.classical import Trees

    draft = Operator("op", f"{ML}.TreeEnsembleRegressor", (), ())
    three, two = chain(3), chain(2, tree=1)
    both = {key: three[key] + two[key] for key in three}
    assert Trees().depths(Operator("op", draft.operator, (), (), both)) == (2, 1.75 + 1.5)
    popular = {**three, "nodes_hitrates": [1000.0, 100.0, 10.0, 900.0, 90.0, 9.0, 1.0]}
    trees, levels = Trees().depths(Operator("op", draft.operator, (), (), popular))
    assert (trees, round(levels, 9)) == (1, 1.11)
    newer = {"tree_roots": [0], "nodes_truenodeids": [0, 1], "nodes_trueleafs": [1, 1],
             "nodes_falsenodeids": [1, 2], "nodes_falseleafs": [0, 1]}
    assert Trees().depths(Operator("op", f"{ML}.TreeEnsemble", (), (), newer)) == (1, 1.5)
    circle = {**newer, "nodes_falsenodeids": [1, 0], "nodes_falseleafs": [0, 0]}
    with pytest.raises(ValueError, match="run in a circle"):
        Trees().depths(Operator("op", f"{ML}.TreeEnsemble", (), (), circle))


def test_what_is_expected_of_a_forest_is_what_its_rows_do() -> None:
    """scikit-learn's own paths through a fitted tree, on rows that split it evenly, are as long."""
    tree = pytest.importorskip("sklearn.tree")
    import numpy as np

    from tocompiler.operators.classical import Trees

    x = np.arange(64.0).reshape(-1, 1)
    fitted = tree.DecisionTreeRegressor().fit(x, x[:, 0])
    t = fitted.tree_
    leaf = t.children_left < 0
    attributes = {"nodes_treeids": [0] * t.node_count, "nodes_nodeids": list(range(t.node_count)),
                  "nodes_modes": ["LEAF" if end else "BRANCH_LEQ" for end in leaf],
                  "nodes_truenodeids": t.children_left.tolist(), "nodes_falsenodeids": t.children_right.tolist()}
    met = fitted.decision_path(x).sum() / len(x) - 1  # without the leaf
    _, levels = Trees().depths(Operator("op", f"{ML}.TreeEnsembleRegressor", (), (), attributes))
    assert levels == met == 6
