"""The documentation's accuracy page is what the benchmarks printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "benchmarks"))  # the benchmarks are no package
from accuracy_page import RESULTS, page  # noqa: E402


def test_the_page_is_generated_from_the_results() -> None:
    assert (ROOT / "docs" / "accuracy.md").read_text("utf-8") == page()
    assert list(RESULTS.glob("*.json"))


def test_a_claim_is_a_row_with_its_peer_and_reason(tmp_path: Path) -> None:
    claims = [{"name": "a", "value": None, "unit": "%", "compared_with": {"peer": 1.23456}, "reason": "x|y <z>"}]
    (tmp_path / "b.json").write_text(json.dumps({"claims": claims}))
    assert page(tmp_path).endswith("## b\n\n| claim | value | beside it | note |\n|---|---|---|---|\n"
                                   "| `a` | not measured % | peer 1.235 | x\\|y &lt;z> |\n")
