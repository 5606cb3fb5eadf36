"""How large a bare installation is, and how long the first useful answer takes with it, in a fresh virtual environment.

    python benchmarks/people_install.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from claims import Claim

__all__ = ["run"]

ROOT = Path(__file__).resolve().parent.parent


def run() -> Iterator[Claim]:
    """Megabytes in site-packages without pip, and seconds from ``pip install .`` to the first table."""
    if not (ROOT / "tocompiler").is_dir():
        reason = "the sources are not here: run it in a checkout"
        yield from (Claim(name, None, reason=reason) for name in ("install_megabyte", "first_answer_second"))
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        before = _megabyte(place)
        start = time.perf_counter()
        subprocess.run([place / "bin" / "pip", "install", "--quiet", ROOT], check=True, stdout=sys.stderr)
        installed = time.perf_counter() - start
        subprocess.run([place / "bin" / "tocompiler", "compile", "resnet50", "--device", "jetson_tx2_maxn"],
                       check=True, cwd=place, stdout=subprocess.DEVNULL)
        answered = time.perf_counter() - start
        yield Claim("install_megabyte", _megabyte(place) - before, "MB", {}, "pip install . alone, with compiled files")
        yield Claim("first_answer_second", answered, "s", {"of_it_pip_second": installed},
                    "with the packages' download, from an index or pip's cache")


def _megabyte(place: Path) -> float:
    """What a folder takes on disk."""
    return sum(f.stat().st_blocks * 512 for f in place.rglob("*") if not f.is_symlink()) / 1e6


if __name__ == "__main__":
    for claim in run():
        print(claim)
