"""The report: every number that it shows is the JSON's, and nothing in it is taken from elsewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import tocompiler
from hardware import load_device
from tocompiler.commands.report import command
from tocompiler.energy.shares import term_energies
from tocompiler.report.units import si

pytest.importorskip("jinja2")
pytest.importorskip("vl_convert")


class Page(HTMLParser):
    """The cells of the operators' table, the figures by key, the embedded JSON, and what would be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[tuple[str | None, str]]] = []
        self.keyed: dict[str, tuple[str, str]] = {}
        self.loaded: list[str] = []
        self.json = ""
        self.tags: list[str] = []
        self._text, self._open, self._key, self._in_rows, self._in_json = "", "", ("", ""), False, False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.append(tag)
        self.loaded += [v for k, v in attrs if k in ("src", "href", "data") and v]
        if tag == "table":
            self._in_rows = known.get("id") == "rows"
        self._in_json = known.get("id") == "data"
        if self._in_rows and tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self._in_rows:
            self.rows[-1].append((known.get("data-value"), ""))
        if known.get("data-key"):
            self._key = (str(known["data-key"]), str(known["data-value"]))
        self._text = ""

    def handle_data(self, data: str) -> None:
        self._text += data
        if self._in_json:
            self.json += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._in_json = False
        if tag == "span" and self._key[0]:
            self.keyed[self._key[0]] = (self._key[1], self._text)
            self._key = ("", "")
        if tag in ("td", "th") and self._in_rows and self.rows:
            self.rows[-1][-1] = (self.rows[-1][-1][0], self._text)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, object]]:
    folder = tmp_path_factory.mktemp("report")
    done = CliRunner().invoke(command, ["resnet18", "--device", "jetson_tx2_maxn", "-o", str(folder / "r.html"),
                                        "--json", str(folder / "r.json"), "--executions", "1e6", "--grid", "France"])
    assert done.exit_code == 0, done.output
    return (folder / "r.html").read_text("utf-8"), json.loads((folder / "r.json").read_text("utf-8"))


def markup(text: str) -> str:
    """The page without its scripts and styles."""
    return re.sub(r"<(script|style).*?</\1>", "", text, flags=re.S)


def test_every_number_of_the_page_is_the_json_s(written: tuple[str, dict]) -> None:
    text, figures = written
    page = Page()
    page.feed(text)
    assert json.loads(page.json)["figures"] == figures
    body = page.rows[1:1 + len(figures["operators"])]
    for cells, row in zip(body, figures["operators"], strict=True):
        exact = [row["name"], None, row["multiply_accumulates"], row["transistor_operations"], row["traffic_bit"],
                 row["energy_joule"], row["energy_joule"]]
        assert [cell for cell, _ in cells] == [None if v is None else str(v) for v in exact]
        assert cells[5][1] == si(row["energy_joule"], "J")
    for key, value in figures["totals"].items():
        if key in page.keyed:
            assert page.keyed[key] == (str(value), si(value, "J" if "joule" in key else "bit" if "bit" in key else ""))
    assert {"energy_joule", "energy_low_joule", "energy_high_joule", "multiply_accumulates"} <= page.keyed.keys()
    assert f'executions take {si(figures["planning"]["energy_kilowatt_hour"] * 1000, "Wh")}' in text


def test_the_page_needs_nothing_from_elsewhere(written: tuple[str, dict]) -> None:
    text, _ = written
    page = Page()
    page.feed(text)
    assert page.loaded == []
    assert "default-src 'none'" in text
    assert len(text) < 5e6


def test_the_page_can_be_read_without_eyes(written: tuple[str, dict]) -> None:
    text, _ = written
    assert '<html lang="en">' in text
    assert re.findall(r"<h[12]", text)[0] == "<h1"
    text = markup(text)
    assert text.count("<table") == text.count('<table id="rows"') + text.count("<caption>")
    assert '<label class="filter" for="filter">' in text
    assert not re.search(r"<th(?![^>]*scope)[ >]", text)


def test_a_stranger_s_names_stay_text(tmp_path: Path) -> None:
    net = tocompiler.Network("</script><img src=x onerror=alert(1)>")
    with net.scope("</script><b>"):
        net.output(net.linear(net.input((1, 4)), out_features=3))
    text = tocompiler.compile(net).report("jetson_tx2_maxn", tmp_path / "r.html")
    assert not re.search("<b>|<img|onerror=alert", markup(text).replace("onerror=alert(1)&gt;", ""))
    assert (tmp_path / "r.html").read_text("utf-8").rstrip() == text.rstrip()


@pytest.mark.parametrize("device", ["jetson_tx2_maxn", "cpu_raptorlake", "gpu_rtx4090_laptop"])
def test_the_terms_sum_up_to_the_prediction(device: str) -> None:
    program, known = tocompiler.compile(tocompiler.load("mobilenet_v2")), load_device(device)
    prediction = tocompiler.predict(program, known)
    found = term_energies(program, known, prediction)
    assert found.sum() == pytest.approx(prediction.energy_joule, rel=1e-6)
    assert np.allclose(found[:-1].sum(1), [op.energy_joule for op in prediction.operators], rtol=1e-6)
    assert (found >= 0).all()


def test_savings_are_what_compiling_again_gives(written: tuple[str, dict]) -> None:
    _, figures = written
    known = load_device("jetson_tx2_maxn")
    half = tocompiler.predict(tocompiler.compile(tocompiler.load("resnet18"), format="fp16"), known)
    saving = next(s for s in figures["savings"] if s["change"].startswith("fp16"))
    assert saving["energy_per_sample_joule"] == pytest.approx(half.energy_joule)
    assert saving["ratio_low"] < saving["ratio"] < saving["ratio_high"] < 1
    assert any(s["change"] == "batch 8 in place of 1" for s in figures["savings"])
