"""TFLite files: one small network, converted in fp32 and in int8, against its layers' arithmetic."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from tocompiler import compile, load

DATA = Path(__file__).parent.parent / "data"
PRODUCTS = {
    "Conv": [8 * 16 * 16 * 27, 8 * 16 * 16 * 9, 8 * 16 * 16 * 8],  # 3x3 over 3 channels, 3x3 by channel, 1x1
    "ConvTranspose": [18 * 18 * 16 * 4 * 9],  # every input element meets the whole kernel of every channel
    "Gemm": [40],
}

tflite = pytest.importorskip("tflite")


def test_a_small_network_counts_what_its_layers_say() -> None:
    network = load(DATA / "small.tflite")
    found: dict[str, list[int]] = {}
    for row in compile(network).rows:
        if row.multiply_accumulates:
            found.setdefault(row.operator, []).append(row.multiply_accumulates)
    assert found == PRODUCTS
    assert [t.shape for t in (*network.inputs, *network.outputs)] == [(1, 32, 32, 3), (1, 10)]
    assert [op.operator for op in network.operators] == [
        "Transpose", "Conv", "Relu", "Conv", "Clip", "Conv", "Sigmoid", "Add", "Concat", "Pad", "MaxPool", "Resize",
        "ConvTranspose", "ReduceMean", "Reshape", "Transpose", "Reshape", "Gemm", "Softmax"]
    # kernels 216 + 72 + 64 + 576 + 40; of the biases, which are zero, the converter keeps one of eight
    assert network.parameters == 216 + 72 + 64 + 576 + 40 + 8


def test_the_quantised_network_runs_on_integers() -> None:
    program = compile(load(DATA / "small_int8.tflite"))
    assert program.alu.multiply_accumulates == sum(n for counts in PRODUCTS.values() for n in counts)
    integers = [row.operator for row in program.rows if row.multiply_accumulates]
    assert integers == ["QLinearConv"] * 3 + ["ConvTranspose", "com.microsoft.QGemm"]
    assert not program.unmodelled


def test_what_is_no_tflite_file_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.tflite"
    file.write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(range(200)))
    with pytest.raises(ValueError, match=r"broken\.tflite") as caught:
        load(file)
    assert "\n" not in str(caught.value)
    file.write_bytes(b"text")
    with pytest.raises(ValueError, match=r"is not a TFLite file; give a model saved as \.tflite"):
        load(file)
    with pytest.raises(ValueError, match=r"its batch is fixed \(1\), not 4"):
        load(DATA / "small.tflite", batch=4)


def test_any_damage_to_a_file_is_one_line(tmp_path: Path) -> None:
    data = (DATA / "small.tflite").read_bytes()
    file = tmp_path / "damaged.tflite"
    for at in range(8, len(data), 97):
        file.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1:])
        with suppress(ValueError):  # anything else is a traceback
            compile(load(file))
