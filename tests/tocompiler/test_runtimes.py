"""Runtime files: every shipped one says where it is known from, and a bad one is refused in one line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomli_w

from hardware.runtime import Runtime, load_runtime, runtime_names
from tocompiler.runtimes import applied, rule_names


@pytest.mark.parametrize(("text", "message"), [
    ("lanes = 8", "unknown key lanes; use one of name, based_on"),
    ("[[rule]]\nblock = 8", r"a \[\[rule\]\] has no name"),
    ("based_on = 'abacus'", "unknown runtime 'abacus'; use one of accelerator"),
    ("[[rule]]\nname = 'pad'", "rule 'pad': no such rule; use one of attention, attention_tiles"),
    ("[[rule]]\nname = 'channel_blocks'\nblok = 8", "rule 'channel_blocks': unknown parameter 'blok'; use block"),
    ("[[rule]]\nname = 'channel_blocks'", "rule 'channel_blocks': parameter 'block' is missing; give a whole number"),
    ("[[rule]]\nname = 'channel_blocks'\nblock = 0", "parameter 'block': 0 is not a whole number above 0"),
    ("[[rule]]\nname = 'channel_blocks'\nblock = 'x'", "parameter 'block': 'x' is not a whole number"),
    ("[[rule]]\nname = 'attention'\nattention = 'fused'\ncost = nan", "parameter 'cost': nan is not a finite number"),
])
def test_a_bad_runtime_file_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(f"name = 'bad'\n{text}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=message) as error:
        applied(load_runtime(path))
    assert "\n" not in str(error.value)


def test_every_rule_of_every_shipped_runtime_says_where_it_is_known_from() -> None:
    for name in runtime_names():
        found = load_runtime(name)
        assert found.name == name
        assert found.source
        assert all(use.source for use in found.rules)
        assert applied(found) is not None
    assert set(rule_names()) >= {use.name for name in runtime_names() for use in load_runtime(name).rules}


def test_a_runtime_reads_back_as_it_was_written() -> None:
    for name in runtime_names():
        found = load_runtime(name)
        assert Runtime.from_table(tomllib.loads(tomli_w.dumps(found.as_table()))) == found
