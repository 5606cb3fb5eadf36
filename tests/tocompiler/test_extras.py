"""What a bare installation does: compile with a device, and for the rest one line that says what to install."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tocompiler.extras import EXTRAS

ROOT = Path(__file__).parents[2]
_BARE = f"""
import sys
sys.modules.update(dict.fromkeys({sorted({module for extra in EXTRAS.values() for module in extra})!r}))
from tocompiler.cli import main
main()
"""


def bare(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", _BARE, *arguments], capture_output=True, text=True, check=False,
                          timeout=120, cwd=ROOT)


@pytest.mark.parametrize("arguments", [
    ("compile", "mlp:4-3", "--device", "gpu_rtx4090_laptop"),
    ("check", "mlp:4-3", "--device", "jetson_tx2_maxn", "--max", "1J"),
    ("compare", "mlp:4-3", "mlp:4-4", "--device", "cpu_raptorlake"), ("devices",), ("zoo",),
    ("evaluate", "m1_gpu", "--device", "m1_gpu"),
], ids=lambda arguments: arguments[0])
def test_these_need_no_extra(arguments: tuple[str, ...]) -> None:
    done = bare(*arguments)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("extra", "arguments"), [
    ("calibration", ("calibrate", "m1_gpu", "--name", "board")), ("calibration", ("study",)),
    ("plot", ("circuits", "--width", "8", "--plot", "x.png")),
    ("plot", ("evaluate", "m1_gpu", "--device", "m1_gpu", "--plot", "x.png")),
    ("report", ("report", "mlp:4-3", "--device", "rpi4", "-o", "x.html")), ("web", ("web",)),
], ids=lambda given: given if isinstance(given, str) else given[0])
def test_others_end_in_the_line_that_installs_what_they_need(extra: str, arguments: tuple[str, ...]) -> None:
    done = bare(*arguments)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(f": pip install 'tocompiler[{extra}]'"), done.stderr
    assert "Traceback" not in done.stderr


def test_every_extra_that_is_named_exists_and_brings_what_it_says() -> None:
    project = ROOT / "pyproject.toml"
    if not project.exists():
        pytest.skip("the checkout is not here")
    given = tomllib.loads(project.read_text("utf-8"))["project"]["optional-dependencies"]
    for extra, modules in EXTRAS.items():
        for distribution in modules.values():
            assert any(line.startswith(distribution) for line in given[extra]), (extra, distribution)
