"""Files written whole: whatever happens on the way, the old file or the new one stands there."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hardware.files import replacing, write_text


def test_new_and_old_files_are_replaced_and_keep_their_mode(tmp_path: Path) -> None:
    goal = tmp_path / "a.txt"
    write_text(goal, "one\r\n")
    assert goal.read_bytes() == b"one\r\n"
    goal.chmod(0o640)
    write_text(goal, "two")
    assert goal.read_text() == "two"
    assert goal.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real" / "a.txt")
    write_text(link, "one")
    assert link.is_symlink()
    assert (tmp_path / "real" / "a.txt").read_text() == "one"


def test_an_error_on_the_way_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    goal = tmp_path / "a.txt"
    goal.write_text("old")

    def fail() -> None:
        with replacing(goal) as beside:
            beside.write_text("half")
            raise KeyError("lost")

    with pytest.raises(KeyError):
        fail()
    assert goal.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_full_disk_names_the_goal(tmp_path: Path) -> None:
    goal = tmp_path / "a.txt"
    goal.write_text("old")

    def fill() -> None:
        with replacing(goal) as beside:
            beside.write_text("half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match=r"No space left on device.*unchanged") as caught:
        fill()
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(goal))
    assert goal.read_text() == "old"


def test_a_folder_that_cannot_be_written_names_the_goal(tmp_path: Path) -> None:
    goal = tmp_path / "missing" / "a.txt"
    with pytest.raises(OSError, match="cannot be written") as caught:
        write_text(goal, "new")
    assert caught.value.filename == str(goal)


def test_what_is_no_regular_file_is_written_to_as_it_is() -> None:
    write_text(os.devnull, "gone")
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize("command", [
    ["compile", "mlp:4-3", "--json", "out"], ["compile", "mlp:4-3", "--output", "out"], ["devices", "--json", "out"],
    ["calibrate", "--name", "d", "--technology", "7nm", "--tdp", "9", "--bandwidth", "1e10", "-o", "out"],
    ["activations", "relu", "--json", "out"], ["circuits", "--width", "8", "--json", "out"],
], ids=lambda command: f"{command[0]} {command[-2]}")
def test_a_full_disk_leaves_the_old_file_and_ends_with_one_line(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64)); {_MAIN}"
    paths = os.pathsep.join(os.path.abspath(p) for p in ["", *sys.path])
    done = subprocess.run([sys.executable, "-c", limited, *command], cwd=tmp_path, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": paths}, check=False, timeout=120)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("tocompiler: out: cannot be written (File too large)")
    assert (tmp_path / "out").read_text() == "old"
    assert os.listdir(tmp_path) == ["out"]


_MAIN = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); from tocompiler.cli import main; main()"


def test_a_killed_writer_leaves_one_of_the_two(tmp_path: Path) -> None:
    goal = tmp_path / "a.txt"
    goal.write_text("0" * 100_000)
    script = ("import sys; from hardware.files import write_text\n"
              "print(flush=True)\nfor i in range(10**6): write_text(sys.argv[1], str(i % 10) * 100_000)")
    for moment in range(5):
        writer = subprocess.Popen([sys.executable, "-c", script, str(goal)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.01 * moment)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        text = goal.read_text()
        assert len(text) == 100_000
        assert set(text) == {text[0]}
