"""Classical models (domain ai.onnx.ml): linear, support vectors, trees, and the scalers and encoders around them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from alu_library.tasks import Count, Tasks
from tocompiler.operators import Loops, Rule, Work, add_rule, register
from tocompiler.operators.sequence import Naming, Refusal
from tocompiler.operators.shapes import arithmetic, bad, product
from tocompiler.operators.softmax import softmax_tasks
from tocompiler.tensors import Operator, Shape

__all__ = ["LinearModel", "SupportVectors", "Trees"]


def _after(transform: str, format: str, rows: Count, width: Count) -> Tasks:
    """The attribute ``post_transform`` on rows of scores. PROBIT is the normal quantile: a logarithm, a root and a few
    products (Winitzki 2008); SOFTMAX_ZERO is SOFTMAX that leaves zeros alone."""
    n = rows * width
    if transform == "LOGISTIC":
        return Tasks.of(format, sigmoid=n)
    if transform.startswith("SOFTMAX"):
        return softmax_tasks(format, rows, width)
    if transform == "PROBIT":
        return Tasks.of(format, multiply=3 * n, multiply_accumulate=2 * n, log=n, sqrt=2 * n)
    return Tasks()


class _Scores(Rule):
    """A model of rows of features: a regressor gives (rows, targets), a classifier a label for each row and
    (rows, classes)."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x = op.given(0)
        rows = x.shape[:1] if len(x.shape) > 1 else (1,)
        if not op.operator.endswith("Classifier"):
            format = x.format if op.operator.endswith(".TreeEnsemble") else "fp32"
            return [((*rows, int(op.attributes.get("n_targets", op.attributes.get("targets", 1)))), format)]
        for ending, format in (("int64s", "int64"), ("ints", "int64"), ("strings", "string")):
            labels = op.attributes.get(f"classlabels_{ending}")
            if labels:
                return [(rows, format), ((*rows, len(labels)), "fp32")]
        raise bad(op, "has no class labels: give classlabels_int64s or classlabels_strings")


@register("ai.onnx.ml.LinearRegressor", "ai.onnx.ml.LinearClassifier")
class LinearModel(_Scores):
    """Products of (rows, features) with stored coefficients; a classifier takes the class with the best score."""

    def work(self, op: Operator) -> Work:
        x, coefficients = op.given(0), op.attributes["coefficients"]
        features = x.shape[-1]
        rows, outputs = product(x.shape[:-1]), len(coefficients) // features
        products = rows * features * outputs
        loops = Loops(p=rows, m=outputs, c=features)
        tasks = Tasks({("multiply_accumulate", x.format): products})
        tasks = tasks + _after(op.attributes.get("post_transform", "NONE"), x.format, rows, outputs)
        if op.operator.endswith("Classifier"):
            tasks = tasks + Tasks({("compare", x.format): rows * max(outputs - 1, 1)})
        return Work(tasks, products, loops)


@register("ai.onnx.ml.SVMRegressor", "ai.onnx.ml.SVMClassifier")
class SupportVectors(_Scores):
    """A kernel of each row with each support vector, then products with the coefficients; a classifier votes once for
    each pair of classes."""

    _KERNEL: Mapping[str, Mapping[str, int]] = {
        "LINEAR": {}, "POLY": {"multiply_accumulate": 1, "pow": 1}, "RBF": {"multiply": 1, "exp": 1},
        "SIGMOID": {"multiply_accumulate": 1, "tanh": 1},
    }

    def work(self, op: Operator) -> Work:
        x, attributes = op.given(0), op.attributes
        features, rows = x.shape[-1], product(x.shape[:-1])
        vectors = len(attributes.get("support_vectors") or ()) // features
        kernel = attributes.get("kernel_type", "LINEAR")
        products = rows * vectors * features + rows * len(attributes.get("coefficients") or ())
        tasks = Tasks.of(x.format, multiply_accumulate=products)
        if kernel == "RBF":  # squared distances: a subtraction before each product
            tasks = tasks + Tasks.of(x.format, add=rows * vectors * features)
        tasks = tasks + Tasks.of(x.format, **self._KERNEL[kernel]) * (rows * vectors)
        classes = len(attributes.get("vectors_per_class") or ())
        return Work(tasks + Tasks({("compare", x.format): rows * classes * max(classes - 1, 0) // 2}), products)


@register("ai.onnx.ml.TreeEnsemble", "ai.onnx.ml.TreeEnsembleRegressor", "ai.onnx.ml.TreeEnsembleClassifier")
class Trees(_Scores):
    """Each row goes down every tree, a comparison for each level, and the leaves are added up.

    The levels are those expected: of two branches both are as likely as the popularity of their nodes says, where the
    file states one (``nodes_hitrates``), else equally; their sum over the trees is rounded up.
    """

    def work(self, op: Operator) -> Work:
        x, (trees, levels) = op.given(0), self.depths(op)
        return Work(Tasks.of(x.format, compare=math.ceil(levels - 1e-9), add=trees) * product(x.shape[:-1]))

    def depths(self, op: Operator) -> tuple[int, float]:
        """How many trees there are, and their expected depths added up."""
        a = op.attributes
        if "tree_roots" in a:
            return len(a["tree_roots"]), sum(_expected(_newer(a), root) for root in a["tree_roots"])
        branches = _older(a)
        inner = {child for both in branches.values() for child, _ in both}
        return len(set(a["nodes_treeids"])), sum(_expected(branches, root) for root in branches.keys() - inner)


_LEAF = -1
_Branches: TypeAlias = "Mapping[Any, tuple[tuple[Any, float], tuple[Any, float]]]"
"""The two nodes below each node that compares, with how likely they are."""


def _older(a: Mapping[str, Sequence[Any]]) -> _Branches:
    """Trees as TreeEnsembleRegressor and TreeEnsembleClassifier write them: a node is its tree and number."""
    nodes = list(zip(a["nodes_treeids"], a["nodes_nodeids"], strict=True))
    rates = a.get("nodes_hitrates") or ()
    popular = dict(zip(nodes, rates, strict=True)) if len(rates) == len(nodes) and min(rates) >= 0 else {}
    found = {}
    for node, mode, yes, no in zip(nodes, a["nodes_modes"], a["nodes_truenodeids"], a["nodes_falsenodeids"],
                                   strict=True):
        if mode != "LEAF":
            below = (node[0], yes), (node[0], no)
            first, second = (float(popular.get(child, 1)) for child in below)
            share = first / (first + second) if first + second > 0 else 0.5
            found[node] = (below[0], share), (below[1], 1 - share)
    return found


def _newer(a: Mapping[str, Sequence[int]]) -> _Branches:
    """Trees of TreeEnsemble (version 5 of the domain): leaves have numbers of their own, and stand for nothing here."""
    below = zip(*(a[f"nodes_{way}"] for way in ("truenodeids", "trueleafs", "falsenodeids", "falseleafs")), strict=True)
    return {node: ((_LEAF if yes_leaf else yes, 0.5), (_LEAF if no_leaf else no, 0.5))
            for node, (yes, yes_leaf, no, no_leaf) in enumerate(below)}


def _expected(branches: _Branches, root: Any) -> float:
    """How many nodes a row meets that compare, from the root on; ValueError where a tree runs in a circle."""
    levels, met, stack = 0.0, 0, [(root, 1.0)]
    while stack:
        node, chance = stack.pop()
        if node in branches:
            levels += chance
            met += 1
            if met > len(branches):
                raise ValueError("its trees run in a circle")
            stack += [(child, chance * share) for child, share in branches[node]]
    return levels


class _PerElement(Rule):
    """The same tasks for each element of the first operand."""

    def __init__(self, **tasks: int) -> None:
        self.tasks = tasks

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [(op.given(0).shape, op.given(0).format)]

    def work(self, op: Operator) -> Work:
        x = op.given(0)
        return Work(Tasks.of(x.format, **self.tasks) * x.elements)


@register("ai.onnx.ml.Normalizer")
class Normalizer(_PerElement):
    """Each row divided by its maximum, its sum of magnitudes or its Euclidean length."""

    def __init__(self) -> None:
        super().__init__(divide=1)

    def work(self, op: Operator) -> Work:
        x = op.given(0)
        rows = product(x.shape[:-1])
        sums = {"MAX": {"compare": x.elements - rows}, "L1": {"logic": x.elements, "add": x.elements - rows},
                "L2": {"multiply_accumulate": x.elements, "sqrt": rows}}[op.attributes.get("norm", "MAX")]
        return Work(super().work(op).tasks + Tasks.of(x.format, **sums))


add_rule("ai.onnx.ml.Scaler", _PerElement(add=1, multiply=1))
add_rule("ai.onnx.ml.Binarizer", _PerElement(compare=1))
add_rule("ai.onnx.ml.Imputer", _PerElement(compare=1, select=1))
add_rule("ai.onnx.ml.FeatureVectorizer", Naming())
add_rule("ai.onnx.ml.ZipMap", Naming())
for _name in ("CastMap", "DictVectorizer"):
    add_rule(f"ai.onnx.ml.{_name}", Refusal("it looks keys up in a dictionary, and its comparisons depend on the data"))


@register("ai.onnx.ml.ArrayFeatureExtractor")
class ArrayFeatureExtractor(Naming):
    """Some columns of the last axis, by their places; one axis counts as one row."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        x, places = op.given(0), op.given(1)
        return [((*(x.shape[:-1] or (1,)), places.elements), x.format)]


class _Lookup(Rule):
    """Each element looked up among sorted keys: a comparison for each halving, an upper bound (a hash needs one)."""

    def keys(self, op: Operator) -> int:
        """How many keys there are; ValueError if none is given."""
        named = [v for k, v in op.attributes.items() if k.startswith(("keys_", "cats_")) and k != "keys_tensor"]
        tensor = op.attributes.get("keys_tensor")
        count = max((len(v) for v in named), default=0) or int(getattr(tensor, "size", 0))
        if not count:
            raise bad(op, "has no keys")
        return count

    def work(self, op: Operator) -> Work:
        x = op.given(0)
        return Work(Tasks({("compare", arithmetic(x)): x.elements * max((self.keys(op) - 1).bit_length(), 1)}))


@register("ai.onnx.ml.LabelEncoder", "ai.onnx.ml.CategoryMapper")
class LabelEncoder(_Lookup):
    """Keys to values, element by element."""

    _VALUES = (("values_int64s", "int64"), ("values_strings", "string"), ("values_floats", "fp32"))

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        formats = [format for name, format in self._VALUES if op.attributes.get(name)]
        return [(op.given(0).shape, formats[0] if formats else "int64")]


@register("ai.onnx.ml.OneHotEncoder")
class OneHotEncoder(_Lookup):
    """A one in a row of zeros as long as there are categories."""

    def results(self, op: Operator) -> list[tuple[Shape, str]]:
        return [((*op.given(0).shape, self.keys(op)), "fp32")]
