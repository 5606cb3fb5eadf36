"""Hierarchies come from TOML files, and a bad one says where."""

from __future__ import annotations

from pathlib import Path

import pytest

import tocompiler.estimators
from tocompiler.estimators.hierarchy import load_hierarchy

_SHIPPED = Path(tocompiler.estimators.__file__).with_name("eyeriss.toml")


def test_eyeriss_is_the_published_chip() -> None:
    h = load_hierarchy()
    assert (h.height, h.width, h.elements) == (12, 14, 168)
    assert (h.input_words, h.weight_words, h.output_words) == (12, 224, 24)
    assert h.buffer_words * h.word_bits == 100 * 1024 * 8
    assert (h.buffer_words + h.buffer_weight_words) * h.word_bits == 108 * 1024 * 8


def test_product_energy_is_its_stated_derivation() -> None:
    # 0.05 + 0.9 pJ at 45 nm and 0.9 V, to 65 nm and 1 V
    assert load_hierarchy().multiply_accumulate_joule == pytest.approx(0.95e-12 * 65 / 45 / 0.9 ** 2, rel=1e-4)


def test_compression_helps_only_sparse_data() -> None:
    h = load_hierarchy()
    assert h.compressed(0.0) == 1.0  # 64 bits for three 16-bit values would be 4/3
    assert h.compressed(0.25) == 1.0
    assert h.compressed(0.7) == pytest.approx(0.3 * 4 / 3)


def test_own_hierarchy_without_compression(tmp_path: Path) -> None:
    text = _SHIPPED.read_text(encoding="utf-8").split("[compression]")[0].replace("height = 12", "height = 4")
    file = tmp_path / "small.toml"
    file.write_text(text, encoding="utf-8")
    h = load_hierarchy(file)
    assert h.elements == 56
    assert h.compressed(0.9) == 1.0


@pytest.mark.parametrize(("old", "new", "complaint"), [
    ("data_words = 51200", "data_words = 0", r"\[buffer\] data_words is 0; give a positive number"),
    ("dram = 200.0", "", r"\[energy\] dram is None"),
    ("clock_hertz = 200e6", "clock_hertz = true", "clock_hertz is True"),
    ("[array]", "[array", "is not TOML"),
])
def test_a_bad_file_says_where(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(_SHIPPED.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        load_hierarchy(file)


def test_a_missing_file_says_what_to_give() -> None:
    with pytest.raises(ValueError, match="give 'eyeriss' or a TOML file"):
        load_hierarchy("nowhere.toml")
