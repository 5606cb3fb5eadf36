"""Each pass keeps its contract; a pass that finds nothing returns the network it was given."""

from __future__ import annotations

import pytest

from tocompiler.compiler import compile
from tocompiler.network import Network
from tocompiler.passes import pipeline
from tocompiler.passes.constant_folding import FoldConstants
from tocompiler.passes.dead_code import RemoveDeadCode
from tocompiler.passes.fold_batch_norm import FoldBatchNorm
from tocompiler.passes.formats import ConvertFormats
from tocompiler.passes.operand_statistics import AnnotateStatistics
from tocompiler.tensors import Operator, Statistics, Tensor


def _conv_block() -> Network:
    net = Network("block")
    x = net.input((1, 3, 8, 8))
    y = net.relu(net.batch_norm(net.conv2d(x, out_channels=4, kernel_size=3, bias=False)))
    net.output(net.conv2d(y, out_channels=2, kernel_size=1))
    return net


def test_constant_folding_drops_work_on_weights_and_keeps_them_parameters() -> None:
    x = Tensor("x", (2, 4), kind="input")
    w, wt, y = Tensor("w", (3, 4), kind="parameter"), Tensor("wt", (4, 3)), Tensor("y", (2, 3))
    net = Network("n", [Operator("t", "Transpose", (w,), (wt,)), Operator("m", "MatMul", (x, wt), (y,))], [x], [y])
    folded = FoldConstants().run(net)
    assert [op.name for op in folded.operators] == ["m"]
    assert folded.operators[0].given(1).kind == "parameter"


def test_constant_folding_takes_constants_away_and_leaves_random_values() -> None:
    x, c, r = Tensor("x", (2, 4), kind="input"), Tensor("c", (4,)), Tensor("r", (4,))
    y, z = Tensor("y", (2, 4)), Tensor("z", (2, 4))
    net = Network("n", [
        Operator("five", "Constant", (), (c,)), Operator("dice", "RandomNormal", (), (r,), {"shape": (4,)}),
        Operator("a", "Add", (x, c), (y,)), Operator("b", "Add", (y, r), (z,))], [x], [z])
    folded = FoldConstants().run(net)
    assert [op.name for op in folded.operators] == ["dice", "a", "b"]
    assert folded.operators[1].given(1).kind == "constant"


def test_constant_folding_keeps_quantised_weights_quantised() -> None:
    w = Tensor("w", (3, 4), "int8", "constant")
    scale, y = Tensor("s", (), kind="constant"), Tensor("y", (3, 4))
    net = Network("n", [Operator("dq", "DequantizeLinear", (w, scale), (y,))], [], [y])
    assert FoldConstants().run(net) is net


def test_dead_code_goes_and_live_code_stays() -> None:
    net = _conv_block()
    assert RemoveDeadCode().run(net) is net
    net.relu(net.inputs[0])
    assert len(RemoveDeadCode().run(net).operators) == len(net.operators) - 1


def test_an_operator_lives_as_long_as_one_of_its_results_is_read() -> None:
    net = Network("n")
    values, _ = net.emit("TopK", [net.input((2, 9)), net.constant([3], "int64")],
                         results=[((2, 3), "fp32"), ((2, 3), "int64")])
    net.output(net.relu(values))
    assert RemoveDeadCode().run(net) is net


def test_batch_norm_folds_into_the_convolution_before_it() -> None:
    folded = FoldBatchNorm().run(_conv_block())
    assert [op.operator for op in folded.operators] == ["Conv", "Relu", "Conv"]
    # The folded convolution gained the shift as its bias and writes what the batch norm wrote.
    assert folded.operators[0].input(2) is not None
    assert folded.operators[1].inputs[0] is folded.operators[0].outputs[0]


def test_batch_norm_stays_where_somebody_else_reads_the_convolution() -> None:
    net = Network("n")
    conv = net.conv2d(net.input((1, 3, 8, 8)), out_channels=4, kernel_size=3)
    net.output(net.add(net.batch_norm(conv), conv))
    assert FoldBatchNorm().run(net) is net


def test_formats_change_floats_only() -> None:
    x, i = Tensor("x", (5, 4), kind="parameter"), Tensor("i", (2,), "int64", "input")
    y = Tensor("y", (2, 4))
    net = ConvertFormats("fp16").run(Network("n", [Operator("g", "Gather", (x, i), (y,))], [i], [y]))
    assert [t.format for t in net.operators[0].inputs if t] == ["fp16", "int64"]
    assert net.outputs[0].format == "fp16"
    with pytest.raises(ValueError, match="fp99"):
        ConvertFormats("fp99").run(net)


def test_relu_makes_half_its_result_zero_and_moving_data_keeps_that() -> None:
    net = Network("n")
    y = net.flatten(net.relu(net.input((1, 3, 8, 8))))
    net.output(net.linear(y, out_features=2))
    statistics = [op.given(0).statistics for op in AnnotateStatistics().run(net).operators]
    assert statistics == [None, Statistics(0.5, "relu"), Statistics(0.5, "relu")]


def test_stated_statistics_are_kept() -> None:
    x = Tensor("x", (4,), kind="input")
    y = Tensor("y", (4,), statistics=Statistics(zeros=0.9))
    net = AnnotateStatistics().run(Network("n", [Operator("r", "Relu", (x,), (y,))], [x], [y]))
    assert net.outputs[0].statistics == Statistics(zeros=0.9)


def test_statistics_may_be_stated_by_pattern() -> None:
    program = compile(_conv_block(), statistics={"*.weight": Statistics(zeros=0.8)})
    assert {row.alu.operands[1].zeros for row in program.rows if row.operator == "Conv"} == {0.8}
    with pytest.raises(ValueError, match="no tensor of block is called 'typo'"):
        compile(_conv_block(), statistics={"typo": Statistics(zeros=0.8)})


def test_dead_branches_may_be_executed() -> None:
    net = _conv_block()
    net.relu(net.inputs[0])
    assert len(compile(net, options=["dead_branches"]).rows) == len(compile(net).rows) + 1


def test_fused_activations_move_no_intermediate_result() -> None:
    plain, fused = compile(_conv_block()), compile(_conv_block(), options=["fuse_activations"])
    # Convolution's and batch norm's results, 4 * 6 * 6 words each, are neither written nor read.
    assert plain.totals.traffic_bit - fused.totals.traffic_bit == 2 * 2 * 144 * 32
    assert plain.totals.alu_tasks == fused.totals.alu_tasks


def test_flash_attention_keeps_the_scores_on_chip() -> None:
    net = Network("attention")
    q, k, v = (net.input((2, 4, 16, 8)) for _ in "qkv")
    net.output(net.scaled_dot_product_attention(q, k, v))
    moved = {a.tensor for row in compile(net, options=["flash_attention"]).alu.rows
             for a in (*row.reads, *row.writes) if a.elements == 2 * 4 * 16 * 16}
    assert moved == set()


def test_products_in_a_row_are_no_attention_scores() -> None:
    net = Network("n")
    x, a, b = net.input((2, 4)), net.stored((4, 8)), net.stored((8, 4))
    net.output(net.matmul(net.matmul(x, a), b))
    assert compile(net, options=["flash_attention"]).totals.traffic_bit == compile(net).totals.traffic_bit


def test_an_activation_is_fused_with_the_product_it_is_of_and_no_other() -> None:
    """In PRelu the product is the slope, in Clip a bound: it is not what the activation runs over."""
    net = Network("n")
    x = net.input((4, 8))
    slope = net.matmul(x, net.stored((8, 8)))
    net.output(net.emit("PRelu", [x, slope])[0])
    assert compile(net, options=["fuse_activations"]).totals.traffic_bit == compile(net).totals.traffic_bit


def test_training_sets_the_mode_of_what_differs_in_training_alone() -> None:
    net = Network("n")
    net.output(net.emit("Dropout", [net.batch_norm(net.relu(net.input((2, 4, 8, 8))))], outputs=1)[0])
    modes = {op.operator: op.attributes.get("training_mode") for op in pipeline(net, phase="training").operators}
    assert modes == {"Relu": None, "BatchNormalization": 1, "Dropout": 1}
    assert all(not op.attributes.get("training_mode") for op in pipeline(net).operators)


@pytest.mark.parametrize(("low", "zeros"), [(0.0, 0.5), (-1.0, 0.0), (None, 0.0)])
def test_a_clip_at_zero_leaves_zeros_and_another_none(low: float | None, zeros: float) -> None:
    net = Network("n")
    bounds = [None if low is None else net.constant(low, "fp32"), net.constant(0.0, "fp32")]
    net.output(net.emit("Clip", [net.input((2, 4)), *bounds])[0])
    found = AnnotateStatistics().run(net).outputs[0].statistics
    assert (found.zeros if found else 0.0) == zeros


def test_the_format_of_a_program_is_that_of_its_weights_and_inputs_or_mixed() -> None:
    def program(weight: str, index: str = "int64") -> str:
        net = Network("n")
        rows = net.emit("Gather", [net.stored((9, 8), weight), net.input((3,), format=index)])[0]
        net.output(net.add(rows, net.input((3, 8), format="fp16")))
        return compile(net).alu.format

    assert program("fp16") == "fp16"
    assert program("fp32") == "mixed"


def test_im2col_writes_and_reads_the_unfolded_input() -> None:
    plain, unfolded = compile(_conv_block()), compile(_conv_block(), options=["im2col"])
    # The 3x3 convolution unfolds 3 channels x 9 taps at 6 x 6 places; the 1x1 convolution needs no copy.
    assert unfolded.totals.traffic_bit - plain.totals.traffic_bit == 2 * 27 * 36 * 32


def test_checkpointing_computes_the_forward_pass_twice() -> None:
    plain, again = (compile(_conv_block(), phase="training", options=o) for o in ((), ["activation_checkpointing"]))
    forward = compile(_conv_block(), phase="inference").totals.multiply_accumulates
    assert again.totals.multiply_accumulates - plain.totals.multiply_accumulates == forward
    with pytest.raises(ValueError, match="needs --phase training"):
        compile(_conv_block(), options=["activation_checkpointing"])


def test_mixed_precision_updates_in_fp32_and_casts() -> None:
    """Adam: master and two moments of 4 byte each read and written, the gradient read and the copy written in 2."""
    net = Network("dense")
    net.output(net.linear(net.input((5, 3)), 7, bias=False))
    n = 3 * 7
    for format, scaling in (("fp16", {"multiply": n, "compare": n}), ("bf16", {})):
        plain, mixed = (compile(net, format=format, phase="training", optimizer="adam", options=o)
                        for o in ((), ["mixed_precision"]))
        [step] = [row for row in mixed.alu.rows if row.phase == "optimizer"]
        assert step.traffic_bit == n * (2 * 3 * 32 + 2 * 16)
        adam = {"multiply": 3 * n, "multiply_accumulate": 5 * n, "sqrt": n, "add": n, "divide": n}
        assert step.tasks.by_task() == {
            **adam, "convert": 2 * n, **{task: adam.get(task, 0) + k for task, k in scaling.items()}}
        assert [r for r in plain.alu.rows if r.phase != "optimizer"] == [
            r for r in mixed.alu.rows if r.phase != "optimizer"]
        assert mixed.totals.transistor_operations > plain.totals.transistor_operations
    with pytest.raises(ValueError, match="every parameter is in fp32 already; give --format bf16 or fp16"):
        compile(net, phase="training", options=["mixed_precision"])


def test_a_group_is_its_options() -> None:
    program = compile(_conv_block(), options=["inference_runtime", "im2col"])
    apart = compile(_conv_block(), options=["fold_batch_norm", "flash_attention", "fuse_activations", "im2col"])
    assert program.alu.options == apart.alu.options == (
        "fold_batch_norm", "flash_attention", "fuse_activations", "im2col")
    assert program.totals == apart.totals


def test_unknown_option_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="unknown option 'magic'; use one of dead_branches"):
        compile(_conv_block(), options=["magic"])
