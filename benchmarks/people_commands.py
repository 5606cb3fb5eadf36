"""Every command and snippet of README and docs, run as pasted in a copy of examples/; which of them fail.

    python benchmarks/people_commands.py
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Pasted", "clean_folder", "failing", "pasted", "run"]

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"^```(sh|bash|shell|console|python)\n(.*?)^```", re.M | re.S)
_INSTALL = re.compile(r"^pip install \S+(?: \S+)*? && ")
_NOT_RUN = re.compile(r"^(pip install|git |python -m pytest$|\.ci/run)")
"""Installing, and the whole test suite, are not run inside the test suite."""


@dataclass(frozen=True)
class Pasted:
    """One command of a shell block, or one whole snippet of Python, and where it stands."""

    document: str
    line: int
    kind: str
    text: str


def pasted() -> Iterator[Pasted]:
    """What README and docs/ invite one to paste, in order."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        for block in _BLOCK.finditer(text):
            line = text.count("\n", 0, block.start()) + 2
            document = str(path.relative_to(ROOT))
            if block[1] == "python":
                yield Pasted(document, line, "python", block[2])
                continue
            for command in block[2].replace("\\\n", " ").splitlines():
                command = _INSTALL.sub("", command.removeprefix("$ ").strip())
                if command and not command.startswith("#") and not _NOT_RUN.match(command):
                    yield Pasted(document, line, "sh", command)


def clean_folder(place: Path) -> dict[str, str]:
    """Copy examples/ to a folder, with a ``tocompiler`` command beside it; the environment to run in."""
    shutil.copytree(ROOT / "examples", place / "work")
    (place / "bin").mkdir()
    command = place / "bin" / "tocompiler"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tocompiler.cli "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    (place / "bin" / "python").symlink_to(sys.executable)
    path = os.pathsep.join((str(place / "bin"), os.environ.get("PATH", "")))
    roots = (os.environ.get("PYTHONPATH") or str(ROOT)).split(os.pathsep)
    root = os.pathsep.join(os.path.abspath(each) for each in roots)
    return {**os.environ, "PATH": path, "PYTHONPATH": root, "MPLBACKEND": "Agg"}


def run(each: Pasted, place: Path, environment: dict[str, str]) -> str:
    """Run one in the folder; what went wrong, empty where nothing did."""
    line = [sys.executable, "-c", each.text] if each.kind == "python" else ["sh", "-c", each.text]
    try:
        done = subprocess.run(line, cwd=place / "work", env=environment, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return "took more than 300 s"
    return "" if done.returncode == 0 else (done.stderr or done.stdout).strip().splitlines()[-1][:300]


def failing() -> list[str]:
    """Run everything; what failed, with its place and what it said."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        environment = clean_folder(Path(folder))
        for each in pasted():
            said = run(each, Path(folder), environment)
            if said:
                wrong.append(f"{each.document}:{each.line}: {each.text.splitlines()[0]}: {said}")
            print("FAILED" if said else "ok", each.document, each.text.splitlines()[0], said, file=sys.stderr,
                  flush=True)
    return wrong


if __name__ == "__main__":
    found = failing()
    print("\n".join(found) or "every command ran")
    sys.exit(bool(found))
