"""Models that the onnx package ships as its backend suite (converted from PyTorch, opsets 6 to 9) and their outputs."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from tocompiler import load
from tocompiler.operators import rule

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
FOLDERS = sorted(f.parent for f in DATA.glob("pytorch-*/*/model.onnx"))


def test_the_suite_is_there() -> None:
    assert len(FOLDERS) > 100


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f"{f.parent.name}-{f.name}")
def test_outputs_have_the_expected_shapes_and_every_operator_a_rule(folder: Path) -> None:
    network = load(folder / "model.onnx")
    for i, tensor in enumerate(network.outputs):
        expected = onnx.TensorProto.FromString((folder / "test_data_set_0" / f"output_{i}.pb").read_bytes())
        assert tensor.shape == tuple(expected.dims)
    for op in network.operators:
        work = rule(op.operator).work(op)
        assert work.multiply_accumulates >= 0
        assert rule(op.operator).data_only is None or work.tasks.total() == 0
