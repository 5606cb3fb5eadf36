"""A GPU's tiles against calculations by hand, and what of a served model is one layer."""

from __future__ import annotations

import numpy as np
import pytest

from tocompiler import compile, execute
from tocompiler.execution import ExecutionProgram
from tocompiler.families import build
from tocompiler.families.operator import routed_rows
from tocompiler.frontends.huggingface import from_config


def executed(cell: str, runtime: str = "vllm_cuda") -> ExecutionProgram:
    return execute(compile(build(f"operator:{cell}")), runtime, last_cache_byte=50e6)


def test_a_product_fills_tiles_and_waves() -> None:
    row = executed("gemm,m=1000,n=5000,k=512").rows[0]
    # 8 x 40 tiles of 128 x 128 are three waves of 132: 3 (128 128 + 64 256) = 98,304 is less than the 114,688 that two
    # waves of 128 x 256 take.
    assert np.exp([row.facts["tile_rows"], row.facts["tile_columns"]]) == pytest.approx([128, 128])
    assert row["products"] == pytest.approx(8 * 128 * 40 * 128 * 512)
    assert row.facts["wave_fill"] == pytest.approx(320 / (3 * 132))
    # Each tile loads its rows and columns of 2-byte operands; touched once are operands, result and weights.
    loaded, operands, weights = 320 * (128 + 128) * 512 * 2, 1000 * 512 * 2, 512 * 5000 * 2
    assert row["near_byte"] == pytest.approx(loaded - weights + 1000 * 5000 * 2)
    assert row["weight_byte"] == weights
    assert loaded > operands + weights
    other = executed("gemm,m=1000,n=5000,k=512", "vllm_b200").rows[0]
    assert other.facts["wave_fill"] == pytest.approx(320 / (3 * 148))


def test_a_causal_mask_and_a_window_empty_blocks() -> None:
    whole, causal, near = (executed(f"attention,batch=2,queries=4096,keys=4096,heads=8,key_heads=8,width=64,{rest}")
                           .rows[0] for rest in ("causal=0", "causal=1", "causal=1,window=256"))
    scores = 2 * 8 * 4096 * 4096
    assert whole["products"] == scores * 2 * 64
    assert causal["products"] / whole["products"] == pytest.approx((32 + 1) / 64)  # 32 blocks a side and the diagonal
    assert near["products"] / whole["products"] == pytest.approx(3 / 32)  # 256 + 128 keys in blocks of 128


def test_few_queries_share_a_block_and_split_the_keys() -> None:
    row = executed("attention,batch=1,queries=1,keys=8192,heads=32,key_heads=8,width=128,cache=fp8_e4m3").rows[0]
    assert row["products"] == 8 * 64 * 8192 * 2 * 128  # 4 queries of a key head fill the 64 rows of an instruction
    assert row["near_byte"] == 2 * 32 * 128 + 2 * 8 * 8192 * 128  # keys and values are read once
    assert row.facts["wave_fill"] == pytest.approx(8 * 16 / 132)


def test_experts_are_padded_one_by_one_and_are_one_layer() -> None:
    found = executed("experts,tokens=40,width=512,hidden=256,chosen=2,experts=4,scheme=fp8")
    assert set(found.layer) == {0}
    first = next(row for row in found.rows if row.operator == "GroupedMatMul")
    tile = round(np.exp(first.facts["tile_rows"]))
    assert first["products"] == 4 * -(-20 // tile) * tile * 512 * 512  # 20 rows each, columns divide
    shared = executed("experts,tokens=40,width=512,hidden=256,chosen=2,experts=4,expert_parallel=2")
    rooms = [row["near_byte"] for row in shared.rows if row.operator in ("Swish", "Silu")]
    assert rooms == [2 * 2 * 80 * 256]  # room for the choices of both devices' experts


def test_a_quantisation_belongs_to_its_product() -> None:
    found = executed("gemm,m=64,n=256,k=512,scheme=nvfp4")
    assert [row.operator for row in found.rows] == ["ScaledQuantize", "ScaledMatMul"]
    assert set(found.layer) == {0}


@pytest.mark.parametrize("alpha", [None, 1.01, 1.2])
def test_the_busiest_device_sees_its_share_or_more(alpha: float | None) -> None:
    for devices in (1, 4):
        rows = routed_rows(512, 8, 64, devices, alpha)
        assert len(rows) == 64 // devices
        assert max(rows) <= 512
        assert sum(rows) >= 0.98 * 512 * 8 / devices


@pytest.mark.parametrize(("cell", "line"), [
    ("conv,m=1", "unknown operator 'conv'"), ("gemm,m=1,n=2", "k is 'None'; give a whole number"),
    ("gemm,m=1,n=2,k=x", "k is 'x'"), ("gemm,m=1,n=2,k=3,scheme=fp5", "unknown scheme 'fp5'"),
])
def test_bad_cells_are_a_line(cell: str, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        build(f"operator:{cell}")


def test_trees_of_histograms_are_exported_exactly() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    from tocompiler.energy.correction import _fit_histograms
    from tocompiler.energy.inference import tree_sum

    rng = np.random.default_rng(0)
    x, unseen = rng.normal(size=(300, 4)), rng.normal(size=(50, 4))
    y = np.sin(x[:, 0]) + 0.5 * x[:, 1] + 1
    trees = _fit_histograms(x, "abcd", y, np.ones(300), 0)
    same = HistGradientBoostingRegressor(max_iter=600, learning_rate=0.06, max_leaf_nodes=31, min_samples_leaf=8,
                                         early_stopping=False, random_state=0).fit(x, y)
    assert tree_sum(trees, unseen) == pytest.approx(same.predict(unseen), abs=1e-12)


def test_a_server_handles_each_request_and_an_operator_has_none() -> None:
    step = compile(from_config(_CONFIG, 3, sequence=1, past=50_000))
    found = execute(step, "vllm_cuda", last_cache_byte=50e6)
    assert found.execution["samples"] == 3
    assert execute(step, "vllm_cuda", conditions={"requests": "2.5"}).execution["samples"] == 2.5
    assert executed("gemm,m=100,n=50,k=64").execution["samples"] == 0


def test_cached_keys_come_from_memory_where_all_layers_together_outgrow_the_last_cache() -> None:
    # 3 x 50,000 tokens, 2 heads of 32, keys and values in 2 bytes: 38.4 MB a layer fit the cache, two layers do not.
    cached = 3 * 50_000 * 2 * 32 * 2 * 2
    rows = execute(compile(from_config(_CONFIG, 3, sequence=1, past=50_000)), "vllm_cuda", last_cache_byte=50e6).rows
    attention = [row for row in rows if row.operator == "Attention"]
    alone = executed("attention,batch=3,queries=1,keys=50000,heads=4,key_heads=2,width=32").rows[0]
    assert cached < 50e6 < 2 * cached
    assert all(row["far_byte"] > 1.5 * alone["far_byte"] for row in attention)


def test_the_last_wave_loads_what_its_tiles_need() -> None:
    # 264 tiles fill two waves of 132 and 265 begin a third: what waves load must not grow by half.
    full, begun = (executed(f"gemm,m=128,n={128 * tiles},k=8192").rows[0].facts["log_wave_loads"]
                   for tiles in (264, 265))
    assert np.exp(begun - full) < 1.1


_CONFIG = {"model_type": "llama", "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
           "num_key_value_heads": 2, "intermediate_size": 256, "vocab_size": 1000, "torch_dtype": "bfloat16"}
