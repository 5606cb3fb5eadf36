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
