"""The packages' faces are complete: benchmarks need nothing else, and ``dir`` shows what there is.

A face is a package whose ``__all__`` lists its public names; such a name may be a package with a face (``operators``).
"""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
sys.path.append(str(FOLDER))  # the benchmarks are no package
from public_imports import PACKAGES, inner_imports, is_face  # noqa: E402

BENCHMARKS = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.name)
def test_benchmarks_use_the_faces_alone(path: Path) -> None:
    assert list(inner_imports(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(("source", "found"), [
    ("import tocompiler\ntocompiler.compile", []),
    ("from tocompiler import operators\noperators.rule", []),
    ("from tocompiler.operators import Loops", []),
    ("from hardware.measurement import Measurement", ["hardware.measurement.Measurement"]),
    ("import alu_library.circuits.adders", ["alu_library.circuits.adders"]),
    ("from tocompiler import lowering", ["tocompiler.lowering"]),
    ("from tocompiler.operators import _RULES", ["tocompiler.operators._RULES"]),
    ("import tocompiler\ntocompiler.lowering", ["tocompiler.lowering"]),
    ("def late():\n    from tocompiler import passes as p\n    p._PASSES", ["tocompiler.passes._PASSES"]),
])
def test_inner_imports_are_seen(source: str, found: list[str]) -> None:
    assert list(inner_imports(source)) == found


FACES = [path for package in PACKAGES for path in (package, *(
    f"{package}.{m.name}" for m in pkgutil.iter_modules(importlib.import_module(package).__path__)
    if is_face(f"{package}.{m.name}")))]


@pytest.mark.parametrize("face", FACES)
def test_every_public_name_is_there_and_shown(face: str) -> None:
    module = importlib.import_module(face)
    assert set(module.__all__) <= set(dir(module))
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'frobnicate'"):
        module.frobnicate  # noqa: B018


def test_looking_at_the_faces_loads_nothing() -> None:
    heavy = ("numpy", "sympy", "scipy", "networkx", "statsmodels", "matplotlib", "onnx", "torch")
    code = (f"import sys, {', '.join(PACKAGES)}; [dir(m) for m in ({', '.join(PACKAGES)})]; "
            f"print([m for m in {heavy} if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
