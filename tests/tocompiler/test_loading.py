"""The door: what it takes, and what it says to formats that it does not read."""

from __future__ import annotations

from pathlib import Path

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
