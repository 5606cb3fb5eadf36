"""Residency: options that change which data moves, and no arithmetic. Each takes an AluProgram and returns one.

``fuse_activations`` and ``flash_attention`` keep tensors on chip, so that their writes and reads disappear;
``im2col`` adds the unfolded copy that some runtimes write and read before a convolution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tocompiler.lowering import AluProgram, AluRow
from tocompiler.network import Network
from tocompiler.operators import Access
from tocompiler.passes.matching import Uses

__all__ = ["RESIDENCY"]

_PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_FOLLOWERS = frozenset({
    "BatchNormalization", "Celu", "Clip", "Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "PRelu",
    "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Swish", "Tanh", "ThresholdedRelu",
})
_SCORE_STEPS = frozenset({"Add", "Mul", "Div", "Where", "Softmax", "Identity", "Dropout", "Cast"})


def _fused_tensors(network: Network) -> set[str]:
    """Results of a product, or of an activation fused already, that one activation alone reads."""
    uses = Uses(network)
    fused: set[str] = set()
    fusing: set[str] = set()
    for op in network.operators:
        if op.operator in _PRODUCTS or op.name in fusing:
            result = op.outputs[0].name
            after = uses.only_reader(op, *_FOLLOWERS)
            if after is not None and after.given(0).name == result:
                fused.add(result)
                fusing.add(after.name)
    return fused


def _score_tensors(network: Network) -> set[str]:
    """Tensors on the way from a MatMul through one Softmax to the MatMul that reads it: attention's scores."""
    uses = Uses(network)
    scores: set[str] = set()
    for op in network.operators:
        if op.operator != "MatMul":
            continue
        path = [op]
        while (after := uses.only_reader(path[-1], *_SCORE_STEPS)) is not None:
            path.append(after)
        if uses.only_reader(path[-1], "MatMul") and any(step.operator == "Softmax" for step in path):
            scores.update(step.outputs[0].name for step in path)
    return scores


def _kept_on_chip(program: AluProgram, tensors: set[str]) -> AluProgram:
    def moving(accesses: tuple[Access, ...]) -> tuple[Access, ...]:
        return tuple(a for a in accesses if a.tensor not in tensors)

    return replace(program, rows=tuple(
        replace(row, reads=moving(row.reads), writes=moving(row.writes)) if row.phase == "forward" else row
        for row in program.rows))


def fuse_activations(program: AluProgram) -> AluProgram:
    """Activations and batch norms run in the epilogue of the product before them: its result does not move."""
    return _kept_on_chip(program, _fused_tensors(program.network))


def flash_attention(program: AluProgram) -> AluProgram:
    """Attention's scores stay on chip whatever the runtime would do (Dao et al. 2022): only queries, keys, values and
    the result move."""
    fused = replace(program, rows=tuple(
        replace(row, inner_reads=(), inner_writes=()) if row.phase == "forward" else row for row in program.rows))
    return _kept_on_chip(fused, _score_tensors(program.network))


def im2col(program: AluProgram) -> AluProgram:
    """Convolutions with a kernel larger than one copy their input unfolded: written once and read once."""
    return replace(program, rows=tuple(_unfolded(row) for row in program.rows))


def _unfolded(row: AluRow) -> AluRow:
    loops = row.loops
    if row.operator != "Conv" or row.phase != "forward" or loops is None or loops.r * loops.s == 1:
        return row
    elements = loops.n * loops.g * loops.c * loops.r * loops.s * loops.p * loops.q
    copy = Access(f"{row.name}.im2col", elements, row.reads[0].format)
    return replace(row, reads=(*row.reads, copy), writes=(copy, *row.writes))


RESIDENCY: Mapping[str, Callable[[AluProgram], AluProgram]] = {
    "flash_attention": flash_attention,
    "fuse_activations": fuse_activations,
    "im2col": im2col,
}
"""Options on lowered rows, by the name that switches each on."""
