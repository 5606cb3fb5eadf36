"""All that is counted of small configurations of every family, as a text to read: products and parameters are held
against transformers elsewhere, where that is installed; tasks and traffic, and the backward pass, stand here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from module_files import module_at

from alu_library.tasks import Tasks
from tocompiler import compile
from tocompiler.frontends.huggingface import from_config
from tocompiler.operators import Work, forward_work
from tocompiler.training import backward_work

HERE = Path(__file__).parent
GOLDEN = HERE.parents[1] / "golden" / "huggingface.txt"
LENGTHS: Mapping[str, Mapping[str, int]] = {
    "clip": {"sequence": 12}, "siglip": {"sequence": 12}, "dinov2": {}, "wav2vec2": {"samples": 2000},
    "bart": {"sequence": 12, "decoder_sequence": 7}}


@pytest.mark.filterwarnings("ignore::tocompiler.errors.UnmodelledWarning")
def test_configurations_count_as_the_golden_text_says() -> None:
    """Where a family changed on purpose, read the difference: the new text stands beside the old one as
    ``huggingface.new.txt``, which takes its place."""
    text = "".join(f"{line}\n" for line in _lines())
    if text != GOLDEN.read_text(encoding="utf-8"):
        GOLDEN.with_suffix(".new.txt").write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def _lines() -> Iterator[str]:
    for name, config in module_at(HERE / "decoder_configs.py").DECODERS.items():
        for title, lengths, phase in (("prefill", {"sequence": 12}, "inference"),
                                      ("decode", {"sequence": 1, "past": 20}, "inference"),
                                      ("training", {"sequence": 12}, "training")):
            yield _line(f"{name} {title}", {**config, "architectures": [name]}, lengths, phase)
    encoders = module_at(HERE / "test_encoders.py")
    for name, config in (*encoders._CASES, *encoders._OTHERS):
        lengths = LENGTHS.get(config["model_type"], {"sequence": 9})
        for phase in ("inference", "training"):
            yield _line(f"{name} {phase}", {**config, "architectures": [name]}, lengths, phase)


def _line(title: str, config: Mapping[str, Any], lengths: Mapping[str, int], phase: str) -> str:
    program = compile(from_config(config, 2, **lengths), phase=phase).alu
    network = program.network
    backward = [item.work for item in backward_work(network)] if phase == "training" else []
    works = [work for work in backward if isinstance(work, Work)]
    tasks = sum((work.tasks for work in (*map(forward_work, network.operators), *works)), Tasks())
    counts = ", ".join(f"{n} {task}" for task, n in tasks.by_task().items())
    counts += f"; {len(backward) - len(works)} gradients refused" if len(works) < len(backward) else ""
    return (f"{title}: {program.parameters} parameters, {program.multiply_accumulates} products, "
            f"{program.traffic_bit} bit; {counts}")
