"""The command line reads models without the whole of onnx, which is there as soon as it is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

onnx = pytest.importorskip("onnx")
MODEL = Path(__file__).parent.parent / "data" / "resnet50.dynamo.onnx"


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(tuple(map(int, onnx.__version__.split(".")[:2])) < (1, 23),
                    reason="inference of earlier releases imports them itself")
def test_reading_a_model_needs_messages_and_inference_alone() -> None:
    found = run("import sys; from tocompiler.frontends.lean_onnx import prepare; prepare(); import tocompiler; "
                f"net = tocompiler.load({str(MODEL)!r}); print(len(net.operators)); "
                "print([m for m in ('onnx.helper', 'onnx.checker', 'ml_dtypes') if m in sys.modules])")
    whole = run(f"import tocompiler, onnx; print(len(tocompiler.load({str(MODEL)!r}).operators))")
    assert found.splitlines() == [whole.strip(), "[]"]


def test_it_becomes_the_package_when_asked() -> None:
    code = ("from tocompiler.frontends.lean_onnx import prepare; prepare(); import onnx; kind = onnx.ModelProto; "
            "from onnx import helper, checker; print(onnx.helper is helper, onnx.ModelProto is kind, "
            "type(onnx).__name__, onnx.__version__ > '1', len(dir(onnx)) > 50, hasattr(onnx, 'nothing'))")
    assert run(code) == "True True module True True False\n"


def test_an_onnx_that_is_there_stays() -> None:
    assert run("import onnx; before = onnx; from tocompiler.frontends.lean_onnx import prepare; prepare(); import sys; "
               "print(sys.modules['onnx'] is before, hasattr(before, 'helper'))") == "True True\n"
