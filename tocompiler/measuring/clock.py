"""Clock: time, waiting, and reading a meter on the side; another clock may stand in for it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Clock"]


class Clock:
    """This machine's clock. ``now`` never steps; ``wall`` is Unix time and may."""

    def now(self) -> float:
        """Second on the scale of ``time.monotonic``."""
        return time.monotonic()

    def wall(self) -> float:
        """Second since 1970, as the machine believes."""
        return time.time()

    def sleep(self, second: float) -> None:
        """Do nothing for some seconds."""
        time.sleep(second)

    def foreign_second(self) -> float | None:
        """Processor seconds that other processes have worked since the machine started; None where nobody says."""
        try:
            fields = [float(x) for x in Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()[1:9]]
        except (OSError, ValueError):
            return None
        busy = (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")  # all but idle and waiting
        own = os.times()
        return busy - (own.user + own.system + own.children_user + own.children_system)

    @contextmanager
    def polling(self, poll: Callable[[], None], every_second: float) -> Iterator[None]:
        """Call ``poll`` at that interval from a thread of its own until the block ends; it must not raise."""
        ended = threading.Event()

        def follow() -> None:
            while not ended.wait(every_second):
                poll()

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
