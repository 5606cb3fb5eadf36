"""Every operator that ONNX defines is lowered, declared data-only, or refused, the last two with the reason."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from tocompiler.operators import Refused, Rule, Unmodelled, add_rule, forward_work, names, register, rule
from tocompiler.tensors import Operator, Tensor

onnx = pytest.importorskip("onnx")


def defined() -> list[str]:
    """Operators of all opsets of onnx's domains, under the names the register uses."""
    schemas = onnx.defs.get_all_schemas_with_history()
    return sorted({f"{s.domain}.{s.name}" if s.domain else s.name for s in schemas})


@pytest.mark.parametrize("operator", defined())
def test_every_operator_of_onnx_has_a_rule(operator):
    found = rule(operator)
    lowered = type(found).work is not Rule.work
    assert lowered or found.data_only or found.refused


def test_refusals_say_why():
    refused = {name: rule(name).refused for name in names() if rule(name).refused}
    assert set(refused) <= {
        "ImageDecoder", "RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer",
        "ai.onnx.preview.training.Gradient", "ai.onnx.ml.CastMap",
        "ai.onnx.ml.DictVectorizer",
    }
    with pytest.raises(Refused, match="StringConcat 'op': it works on text"):
        rule("StringConcat").work(Operator("op", "StringConcat", (), ()))


def test_an_unknown_operator_is_unmodelled():
    with pytest.raises(Unmodelled, match=r"com\.example\.Oddity"):
        rule("com.example.Oddity")


@pytest.mark.parametrize(("operator", "shapes"), [
    ("GroupNormalization", [(2, 4, 4), (4,), (4,)]),  # lacks num_groups
    ("Einsum", [(2, 3)]), ("LRN", [(1, 3, 4, 4)]), ("Resize", [(2, 3)]), ("LSTM", [(2, 3), (4,), (4,)]),
])
def test_a_malformed_operator_is_named(operator, shapes):
    inputs = tuple(Tensor(f"t{i}", shape) for i, shape in enumerate(shapes))
    op = Operator("odd one", operator, inputs, (Tensor("y", ()),), {"mode": "linear"})
    with pytest.raises(ValueError, match=f"{operator} 'odd one'"):
        forward_work(op)


def test_whatever_an_operator_is_given_it_counts_or_names_itself():
    chance = random.Random(1)

    def tensors(most: int, prefix: str) -> tuple[Tensor, ...]:
        return tuple(Tensor(f"{prefix}{i}", tuple(chance.choices((0, 1, 2, 5), k=chance.randint(0, 4))),
                            chance.choice(("fp32", "int64", "bool"))) for i in range(chance.randint(0, most)))

    attributes = {"axis": 7, "kernel_shape": (2, 2), "equation": "ij,jk->ik", "group": 0, "num_heads": 0, "mode": "odd"}
    refusals: list[str] = []
    for name in names():
        for _ in range(15):
            some = {key: value for key, value in attributes.items() if chance.random() < 0.5}
            try:
                forward_work(Operator("op", name, tensors(6, "x"), tensors(3, "y"), some))
            except ValueError as refusal:
                refusals.append(str(refusal))
    assert refusals
    assert all("'op'" in refusal for refusal in refusals)


def test_a_name_is_filed_once():
    assert "Conv" in names()
    with pytest.raises(KeyError, match="operator Conv is registered twice"):
        add_rule("Conv", Rule())
    with pytest.raises(KeyError, match="operator Relu is registered twice"):
        register("Relu")(Rule)


def test_rooms_import_nothing_heavy():
    code = ("import sys, tocompiler.operators as o; o.names(); "
            "print([m for m in ('numpy', 'onnx', 'sympy', 'networkx') if m in sys.modules])")
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
