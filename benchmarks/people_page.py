"""How fast the report of a 2,000-operator network opens in Chromium, and what axe-core finds in it.

    python benchmarks/people_page.py
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from claims import Claim

import tocompiler

__all__ = ["run"]

_CHECK = """
<script>AXE</script>
<script>setTimeout(() => axe.run(document, {resultTypes: ["violations"]}).then(found => {
  document.documentElement.dataset.axe = JSON.stringify(found.violations.map(v => [v.id, v.impact]));
}), 1500);</script>
</body>"""


def run(blocks: int = 400) -> Iterator[Claim]:
    """Seconds until the charts are drawn, the shortest of five, and serious findings in light and dark."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    names = ("report_opens_second", "report_accessibility_serious")
    if browser is None:
        yield from (Claim(name, None, reason="there is no Chromium (apt-get install chromium)") for name in names)
        return
    program = tocompiler.compile(_network(blocks))
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        text = program.report("jetson_tx2_maxn", page)
        opened = [_shown(browser, page, "--timeout=6000") for _ in range(5)]
        yield Claim(names[0], _seconds(opened, "drawn"), "s",
                    {"operators": len(program.rows), "readable_second": _seconds(opened, "ready")},
                    "from navigation to the last chart, the shortest of five; the figures are readable before")
        yield _accessibility(names[1], browser, page, text)


def _accessibility(name: str, browser: str, page: Path, text: str) -> Claim:
    """What axe-core calls serious or critical, in both colour schemes."""
    try:
        import axe_core_python
    except ImportError:
        return Claim(name, None, reason="axe-core is not installed: pip install axe-core-python")
    axe = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    page.write_text(_CHECK.replace("AXE", axe.replace("</script", "<\\/script")).join(text.rsplit("</body>", 1)))
    worst, others = [], []
    for scheme in ("0", "1"):
        shown = _shown(browser, page, "--virtual-time-budget=20000", f"--blink-settings=preferredColorScheme={scheme}")
        found = re.search(r'data-axe="([^"]*)"', shown)
        if found is None:
            return Claim(name, None, reason="axe-core did not finish in time")
        for rule, impact in json.loads(unescape(found[1])):
            (worst if impact in ("serious", "critical") else others).append(rule)
    return Claim(name, len(worst), "", {"lesser": len(others)}, ", ".join(sorted({*worst, *others})))


def _shown(browser: str, page: Path, *options: str) -> str:
    """The document as it stands after some seconds in a browser without a window."""
    return subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", *options,
                           "--dump-dom", page.as_uri()], capture_output=True, text=True, check=True).stdout


def _seconds(documents: list[str], mark: str) -> float | None:
    """The shortest time that a mark of the page says."""
    found = [int(m[1]) / 1000 for document in documents if (m := re.search(rf'data-{mark}="(\d+)"', document))]
    return min(found, default=None)


def _network(blocks: int) -> tocompiler.Network:
    """Residual blocks of five operators."""
    net = tocompiler.Network("large")
    x = net.input((1, 64, 32, 32))
    for i in range(blocks):
        with net.scope(f"blocks.{i}"):
            y = net.conv2d(x, 64, 3, padding=1, groups=4 if i % 5 == 0 else 1)
            x = net.add(x, (net.gelu if i % 3 else net.sigmoid)(net.relu(net.batch_norm(y))))
    net.output(net.linear(net.flatten(net.adaptive_avg_pool2d(x, 1)), out_features=10))
    return net


if __name__ == "__main__":
    for claim in run():
        print(claim)
