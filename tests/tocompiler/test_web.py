"""The page on loopback: it shows the report, refuses in one line, and a bad file costs the child alone."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import helper

pytest.importorskip("starlette")
pytest.importorskip("python_multipart")
pytest.importorskip("vl_convert")
pytest.importorskip("httpx")

from starlette.testclient import TestClient

from tocompiler.report.units import si
from tocompiler.web import Limits, application, jobs
from tocompiler.web.application import FORMATS

EXAMPLES = Path(__file__).parents[2] / "examples"
DEVICE = "jetson_tx2_maxn"


@pytest.fixture
def page() -> TestClient:
    return TestClient(application(Limits(upload_byte=1 << 20, second=60)), base_url="http://127.0.0.1:8000")


def posted(page: TestClient, where: str = "/report", files: Any = None, headers: Any = None, **given: str) -> Any:
    return page.post(where, data={"device": DEVICE, **given}, files=files or {"none": b""}, headers=headers)


def test_the_form_names_devices_formats_and_networks_and_loads_nothing(page: TestClient) -> None:
    text = page.get("/").text
    assert DEVICE in text
    assert "resnet50" in text
    assert all(format in text for format in FORMATS)
    assert not re.search(r"(src|href)=", text)
    assert text.count("<label") == len(re.findall("<(?:input|select)", text))


def test_a_dropped_model_is_reported_as_on_the_command_line(page: TestClient) -> None:
    from click.testing import CliRunner

    from tocompiler.commands.compile import command

    model = EXAMPLES / "model.onnx"
    done = posted(page, files={"file1": ("my model.onnx", model.read_bytes())}, batch="2", dims="sequence=16",
                  format="fp16")
    assert done.status_code == 200, re.sub("<[^>]+>", " ", done.text)[-2000:]
    said = CliRunner().invoke(command, [str(model), "--batch", "2", "--dim", "sequence=16", "--format", "fp16",
                                        "--device", DEVICE, "--json", "-"])
    joule = json.loads(said.output)["totals"]["energy_joule"]
    assert f'data-value="{joule}" data-key="energy_joule">{si(joule, "J")}' in done.text
    assert "<h1>my model.onnx</h1>" in done.text


def test_two_are_compared(page: TestClient) -> None:
    files = {"file1": ("config.json", (EXAMPLES / "config.json").read_bytes()),
             "file2": ("b.onnx", (EXAMPLES / "model.onnx").read_bytes())}
    done = posted(page, "/compare", files=files, dims="sequence=8", batch="1")
    assert done.status_code == 200, re.findall("<strong>.*</strong>", done.text)
    assert "<h1>config.json and b.onnx: energy</h1>" in done.text
    assert len(re.findall(r'<td data-value="[\d.e-]+">', done.text)) == 2


@pytest.mark.parametrize(("given", "line"), [
    ({}, "choose a file or a name for model 1"),
    ({"name1": "/etc/passwd"}, "there is no network &#39;/etc/passwd&#39;"),
    ({"name1": "resnet18", "device": "../x"}, "choose a device of the list"),
    ({"name1": "resnet18", "batch": "-1"}, "batch: &#39;-1&#39; is no positive number"),
    ({"name1": "resnet18", "format": "<b>"}, "choose a number format of the list"),
    ({"name1": "resnet18", "dims": "sequence"}, "sequence: &#39;&#39; is no positive number"),
    ({"file1": ("x.pkl", b"cos\nsystem\n")}, "x.pkl: is neither a model"),
    ({"file1": ("x.onnx", b"\xff" * 100)}, "model.onnx"), ({"file1": ("config.json", b"{")}, "config.json"),
], ids=lambda given: str(given)[:30])
def test_a_bad_request_is_one_line_above_the_form(page: TestClient, given: dict[str, Any], line: str) -> None:
    files = {"file1": given.pop("file1")} if "file1" in given else None
    done = posted(page, files=files, **given)
    assert done.status_code == 422
    alert = re.search(r'role="alert"><strong>(.*?)</strong>', done.text)
    assert alert
    assert line in alert[1], alert[1]
    assert "<form" in done.text


def test_a_file_that_is_too_large_is_not_read(page: TestClient) -> None:
    many = posted(page, files={"file1": ("x.onnx", b"0" * (2 << 20))})
    assert many.status_code == 413
    kind = "multipart/form-data; boundary=b"
    head = b'--b\r\nContent-Disposition: form-data; name="file1"; filename="x.onnx"\r\n\r\n'
    chunks = (part for part in [head, *(b"0" * 65536 for _ in range(40))])
    unsaid = page.post("/report", content=chunks, headers={"content-type": kind})
    assert unsaid.status_code == 413
    assert "a file may have 1 MB" in unsaid.text


def test_pages_from_elsewhere_are_refused(page: TestClient) -> None:
    assert posted(page, name1="resnet18", headers={"origin": "http://evil.example"}).status_code == 403
    assert page.get("/", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
@pytest.mark.parametrize(("limits", "line"), [
    (Limits(second=1), "more than 1 s"), (Limits(memory_byte=20 << 20), "(?i)memory"),
], ids=["time", "memory"])
def test_the_child_ends_at_its_limits(limits: Limits, line: str, tmp_path: Path) -> None:
    chain = [helper.make_node("Relu", [f"x{i}"], [f"x{i + 1}"]) for i in range(20_000)]
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4]) for name in ("x0", "x20000")]
    onnx.save(helper.make_model(helper.make_graph(chain, "long", ends[:1], ends[1:])), tmp_path / "long.onnx")
    asked = {"models": [["x", str(tmp_path / "long.onnx")]], "device": DEVICE, "format": None, "batch": None,
             "dims": {}}
    with pytest.raises(jobs.JobError, match=line):
        asyncio.run(jobs.run(asked, limits))


def test_uploads_are_gone_afterwards(page: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    posted(page, files={"file1": ("x.onnx", b"not a model")})
    assert list(tmp_path.iterdir()) == []
