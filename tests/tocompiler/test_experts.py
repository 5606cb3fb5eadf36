"""Mixtures of experts from torch and from ONNX contrib operators: the products of a configuration's."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

import tocompiler
from tocompiler.frontends.huggingface import from_config
from tocompiler.network import Network
from tocompiler.operators import rule

SMALL = {"vocab_size": 100, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1,
         "num_attention_heads": 4, "num_key_value_heads": 2, "num_local_experts": 8, "num_experts_per_tok": 2}


@pytest.mark.parametrize("form", ["grouped_mm", "batched_mm", "eager"])
def test_torch_runs_the_experts_of_the_configuration(form: str, oracle: ModuleType) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    transformers = oracle.without_torchvision()
    config = transformers.MixtralConfig(**SMALL, use_cache=False)
    config._experts_implementation = form
    with torch.device("meta"):
        module = transformers.MixtralForCausalLM(config).eval()
        ids = torch.zeros(1, 12, dtype=torch.long)
    program = tocompiler.compile(tocompiler.load(module, example_inputs={"input_ids": ids}))
    expected = tocompiler.compile(from_config({"model_type": "mixtral", **SMALL}, sequence=12))
    assert not program.unmodelled
    assert program.totals.multiply_accumulates == expected.totals.multiply_accumulates
    assert program.totals.parameters == expected.totals.parameters
    assert config._experts_implementation == form


def _moe(operator: str, k: int, weights: list[tuple[int, ...] | None], **attributes: Any) -> Any:
    net = Network("moe")
    x, scores = net.input((6, 64), "fp16"), net.input((6, 8), "fp16")
    stored = [None if shape is None else net.stored(shape, "uint8" if operator.endswith("QMoE") else "fp16", "w")
              for shape in weights]
    net.output(net.emit(operator, [x, scores, *stored], {"k": k, **attributes}, outputs=1)[0])
    op = net.operators[0]
    return op, rule(operator).work(op)


def test_onnx_experts_by_hand() -> None:
    _, plain = _moe("com.microsoft.MoE", 2, [(8, 96, 64), None, (8, 64, 96)], activation_type="gelu")
    assert plain.multiply_accumulates == 6 * 2 * 2 * 96 * 64
    assert plain.tasks[("gelu", "fp16")] == 12 * 96
    _, gated = _moe("com.microsoft.MoE", 2, [(8, 192, 64), None, (8, 64, 96)], activation_type="swiglu")
    assert gated.multiply_accumulates == 6 * 2 * 3 * 96 * 64
    _, third = _moe("com.microsoft.MoE", 2, [(8, 96, 64), None, (8, 64, 96), None, (8, 96, 64)],
                    activation_type="silu")
    assert third.multiply_accumulates == gated.multiply_accumulates
    touched = 8 * (1 - (1 - 2 / 8) ** 6)
    read = sum(a.elements for a in gated.reads if a.kind == "parameter")
    assert read == pytest.approx(touched * 3 * 96 * 64, rel=1e-4)


def test_quantised_onnx_experts_are_brought_back() -> None:
    weights = [(8, 192, 32), (8, 192), None, (8, 64, 48), (8, 64)]
    op, work = _moe("com.microsoft.QMoE", 2, weights, activation_type="swiglu", expert_weight_bits=4)
    assert work.multiply_accumulates == 6 * 2 * 3 * 96 * 64
    touched = 8 * (1 - (1 - 2 / 8) ** 6)
    assert work.tasks[("convert", "fp16")] == round(touched * 3 * 96 * 64)
    assert sum(a.elements for a in work.reads if a.kind == "parameter" and "w" in a.tensor) < \
        0.9 * sum(t.elements for t in op.inputs[2:] if t is not None)


def test_a_choice_of_more_experts_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="scores 8 experts, of which 9 are chosen"):
        _moe("com.microsoft.MoE", 9, [(8, 96, 64), None, (8, 64, 96)])


def test_python_warns_of_what_is_left_out() -> None:
    net = Network("odd")
    x = net.input((2, 3))
    net.output(net.emit("com.example.Odd", [x], results=[((2, 3), "fp32")])[0])
    with pytest.warns(UserWarning, match=r"odd: 1 operators are not modelled \(com.example.Odd\)"):
        program = tocompiler.compile(net)
    assert len(program.unmodelled) == 1
