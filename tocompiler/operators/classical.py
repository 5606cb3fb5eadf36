"""Classical models (domain ai.onnx.ml): linear, support vectors, trees, and the scalers and encoders around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    """Upper bound: each row goes down every tree to its deepest leaf, a comparison for each level, and the leaves are
    added up."""

    def work(self, op: Operator) -> Work:
        x, (trees, levels) = op.given(0), self.depths(op)
        return Work(Tasks.of(x.format, compare=levels, add=trees) * product(x.shape[:-1]))

    def depths(self, op: Operator) -> tuple[int, int]:
        """How many trees there are, and their depths added up."""
        a = op.attributes
        if "tree_roots" in a:
            return len(a["tree_roots"]), _depths(a)
        children: dict[tuple[int, int], tuple[int, int]] = {}
        for tree, node, mode, yes, no in zip(a["nodes_treeids"], a["nodes_nodeids"], a["nodes_modes"],
                                             a["nodes_truenodeids"], a["nodes_falsenodeids"], strict=True):
            if mode != "LEAF":
                children[tree, node] = (yes, no)
        inner = {(tree, child) for (tree, _), both in children.items() for child in both}
        deepest = dict.fromkeys(a["nodes_treeids"], 0)
        stack = [(*root, 1) for root in children.keys() - inner]
        while stack:
            tree, node, level = stack.pop()
            if (tree, node) in children:
                deepest[tree] = max(deepest[tree], level)
                stack += [(tree, child, level + 1) for child in children[tree, node]]
        return len(deepest), sum(deepest.values())


def _depths(a: Mapping[str, Sequence[int]]) -> int:
    """Depths of the trees of TreeEnsemble (version 5 of the domain), added up."""
    total = 0
    for root in a["tree_roots"]:
        deepest, stack = 0, [(root, 1)]
        while stack:
            node, level = stack.pop()
            deepest = max(deepest, level)
            for child, leaf in ((a["nodes_truenodeids"][node], a["nodes_trueleafs"][node]),
                                (a["nodes_falsenodeids"][node], a["nodes_falseleafs"][node])):
                if not leaf:
                    stack.append((child, level + 1))
        total += deepest
    return total


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
