"""What transformers in eager mode makes of operators that other runtimes fuse, and of fp32 convolutions."""

from __future__ import annotations

import pytest

from tocompiler import compile, execute
from tocompiler.families import build
from tocompiler.frontends.huggingface import from_config

_GPT2 = {"model_type": "gpt2", "architectures": ["GPT2Model"], "n_embd": 64, "n_layer": 1, "n_head": 2,
         "vocab_size": 100, "n_positions": 64}
_BERT = {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 64, "num_hidden_layers": 1,
         "num_attention_heads": 2, "intermediate_size": 128, "vocab_size": 100, "max_position_embeddings": 64}


@pytest.mark.parametrize(("config", "kernels"), [(_GPT2, 8), (_BERT, 1)])
def test_the_tanh_approximation_of_gelu_is_eight_kernels_and_the_exact_one_is_one(config: dict[str, object],
                                                                                   kernels: int) -> None:
    found = execute(compile(from_config(config, 1, sequence=8)), "transformers_cuda")
    assert [row["kernels"] for row in found.rows if row.operator == "Gelu"] == [kernels]


def test_convolutions_in_fp32_run_on_tensor_cores_and_matrix_products_do_not() -> None:
    layers = {"Conv": "conv2d 16x8x8 out_channels=16 kernel_size=3", "Gemm": "linear 64 out_features=64 bias=False"}
    for operator, layer in layers.items():
        program = compile(build(layer), format="fp32")
        eager, plain = (next(r for r in execute(program, runtime).rows if r["products"])
                        for runtime in ("transformers_cuda", "pytorch_cuda"))
        ratio = eager["executed"] / plain["executed"]
        assert ratio < 0.5 if operator == "Conv" else ratio == 1
