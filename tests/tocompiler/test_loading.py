"""The door: what it takes, and what it says to formats that it does not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tocompiler import load


@pytest.mark.parametrize(("name", "way"), [
    ("net.pth", "torch checkpoint .* tocompiler.load with example_inputs"),
    ("net.gguf", "give the model's config.json"),
    ("net.mlmodel", "Core ML"), ("graph.pb", "tf2onnx.convert"), ("trees.joblib", "skl2onnx.to_onnx"),
])
def test_other_formats_name_their_way_out(tmp_path: Path, name: str, way: str) -> None:
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(ValueError, match=way) as caught:
        load(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_saved_model_is_told_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match=rf"a TensorFlow SavedModel; convert it with .*--saved-model {tmp_path} "):
        load(tmp_path)


def test_what_torch_export_refuses_is_traced(capfd: pytest.CaptureFixture[str]) -> None:
    """A module that looks at its input before it computes."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")

    class Deciding(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 5)

        def forward(self, x: Any) -> Any:
            return self.layer(x) if x.sum() > 0 else self.layer(x) * 2

    assert [op.operator for op in load(Deciding(), example_inputs=torch.zeros(2, 4)).operators] == ["Gemm", "Mul"]
    assert [op.operator for op in load(Deciding(), example_inputs=torch.ones(2, 4)).operators] == ["Gemm"]
    with pytest.raises(ValueError, match=r"torch.export refuses Deciding: Could not guard on data-dependent"):
        load(Deciding().to("meta"), example_inputs=torch.zeros(2, 4, device="meta"))
    assert capfd.readouterr() == ("", "")


def test_saved_programs_are_read(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.export.save(torch.export.export(torch.nn.Linear(4, 5), (torch.zeros(2, 4),)), tmp_path / "linear.pt2")
    assert load(tmp_path / "linear.pt2").parameters == 25
    (tmp_path / "text.pt2").write_text("no")
    with pytest.raises(ValueError, match=r"is no program of torch.export"):
        load(tmp_path / "text.pt2")
