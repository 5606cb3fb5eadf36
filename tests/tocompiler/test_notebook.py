"""In a notebook and at a prompt: representations are short, tables are HTML, data frames hold the figures."""

from __future__ import annotations

import pytest

import tocompiler
from hardware import load_device


def levels() -> list[object]:
    network = tocompiler.load("resnet50")
    program, device = tocompiler.compile(network), load_device("jetson_tx2_maxn")
    return [network, program.alu, program, tocompiler.execute(program, device.runtime), tocompiler.predict(program,
                                                                                                           device),
            device]


@pytest.mark.parametrize("level", levels(), ids=lambda level: type(level).__name__)
def test_a_representation_is_short_and_a_table_is_complete(level: object) -> None:
    assert len(repr(level)) < 150
    assert repr(level).startswith(f"<{type(level).__name__} ")
    html = level._repr_html_()  # type: ignore[attr-defined]
    assert html.startswith("<table><caption>")
    assert html.count("<tr>") == html.count("</tr>") > 3
    assert len(html) < 20_000


def test_names_of_strangers_are_escaped() -> None:
    net = tocompiler.Network("<script>")
    net.output(net.relu(net.input((1, 4))))
    assert "<script>" not in net._repr_html_()
    assert "<script>" not in tocompiler.compile(net)._repr_html_()


def test_a_data_frame_holds_the_rows() -> None:
    pytest.importorskip("pandas")
    program = tocompiler.compile(tocompiler.load("resnet18"))
    frame = program.to_dataframe("jetson_tx2_maxn")
    prediction = tocompiler.predict(program, load_device("jetson_tx2_maxn"))
    assert list(frame["name"]) == [row.name for row in program.rows]
    assert frame["multiply_accumulates"].sum() == program.totals.multiply_accumulates
    assert frame["energy_joule"].sum() == pytest.approx(prediction.energy_joule - prediction.execution_joule)
    assert list(prediction.to_dataframe()["energy_joule"]) == [op.energy_joule for op in prediction.operators]
