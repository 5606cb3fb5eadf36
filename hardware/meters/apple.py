"""Apple silicon: powermetrics, which prints a property list every interval."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
import threading
import time
from typing import IO

from hardware.meters import meter
from hardware.meters.base import Meter, MeterError, Reading

__all__ = ["Apple", "open_apple"]

_INTERVAL_MS = 100


class Apple(Meter):
    """CPU, GPU and neural engine together: ``combined_power`` (mW) over each interval (``elapsed_ns``).

    An estimate of the operating system's (man powermetrics), without DRAM.
    """

    name = "apple"
    domains = ("package",)
    scope = "Apple silicon: CPU, GPU and neural engine (powermetrics), without DRAM"
    tick_second = _INTERVAL_MS / 1e3
    resolution_joule = 1e-3 * _INTERVAL_MS / 1e3

    def __init__(self, stream: IO[bytes], process: subprocess.Popen[bytes] | None = None) -> None:
        self._process = process
        self._latest = Reading(time.monotonic(), {"package": 0.0})
        self._ended = ""
        self._thread = threading.Thread(target=self._follow, args=(stream,), daemon=True)
        self._thread.start()

    def read(self) -> Reading:
        if self._ended:
            raise MeterError(f"powermetrics ended: {self._ended}")
        return self._latest

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def _follow(self, stream: IO[bytes]) -> None:
        """Sum the samples, which NUL bytes part, until the stream ends."""
        joule, pending = 0.0, b""
        try:
            while chunk := stream.read(4096):
                *samples, pending = (pending + chunk).split(b"\0")
                for sample in filter(None, map(bytes.strip, samples)):
                    table = plistlib.loads(sample)
                    joule += table["processor"]["combined_power"] * 1e-3 * table["elapsed_ns"] * 1e-9
                    self._latest = Reading(time.monotonic(), {"package": joule})
            self._ended = "its output stopped"
        except (plistlib.InvalidFileException, KeyError, ValueError, OSError) as error:
            self._ended = f"its output cannot be read ({error})"


@meter("apple", covers="board", looks_for="powermetrics (macOS on Apple silicon)", rank=4,
       access="sudo powermetrics needs root: run sudo -v first, or allow it without a password in /etc/sudoers")
def open_apple(argument: str = "") -> Apple:
    """Start powermetrics through ``sudo -n``."""
    if shutil.which("powermetrics") is None:
        raise MeterError("there is no powermetrics")
    command = ["sudo", "-n", "powermetrics", "--samplers", "cpu_power,gpu_power", "-f", "plist", "-i",
               str(_INTERVAL_MS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    time.sleep(0.5)
    if process.poll() is not None:
        raise MeterError("sudo refused to run powermetrics without a password")
    assert process.stdout is not None
    return Apple(process.stdout, process)
