"""Shape rules and counts over the operator cases that the onnx package generates (those not taken apart)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alu_library.functions import function_names
from alu_library.tasks import PRIMITIVES
from tocompiler.network import Network
from tocompiler.operators import Refused, Work, forward_work, rule
from tocompiler.tensors import Operator

onnx = pytest.importorskip("onnx")
RELEASE = tuple(map(int, onnx.__version__.split(".")[:2]))
GOLDEN = Path(__file__).parents[2] / "golden" / "onnx_operators.txt"


def test_every_case_is_counted_or_refused_and_shape_rules_agree(onnx_cases: Sequence[tuple[Any, Network | None]]):
    known, wrong, read_cases = {*PRIMITIVES, *function_names()}, [], 0
    for case, network in onnx_cases:
        read_cases += network is not None
        for op in () if network is None else network.operators:
            try:
                work = forward_work(op)
                if not all(task in known and isinstance(n, int) and n > 0 for (task, _), n in work.tasks.items()):
                    wrong.append((case.name, op.operator, work.tasks))
                found = rule(op.operator).results(op)
            except ValueError:  # refused by name, or a shape that only onnx's inference with values knows
                continue
            expected = [(t.shape, t.format) for t in op.outputs]
            pairs = zip(found, expected, strict=False)
            if len(found) < len(expected) or any(b[0] != (0,) and (tuple(a[0]), a[1]) != b for a, b in pairs):
                wrong.append((case.name, op.operator, found, expected))
    assert wrong == []
    assert read_cases > 1000


def test_an_attribute_left_out_is_the_default_that_onnx_defines(onnx_cases: Sequence[tuple[Any, Network | None]]):
    """Written out, the default changes neither a count nor a shape, forward or backward."""
    wrong, compared = [], 0
    for case, network in onnx_cases:
        opset = max((o.version for o in case.model.opset_import if o.domain in ("", "ai.onnx")), default=1)
        for op in () if network is None else network.operators:
            for name, default in _defaults(op.operator, opset).items():
                if name not in op.attributes:
                    compared += 1
                    written = replace(op, attributes={**op.attributes, name: default})
                    if _found(op) != _found(written):
                        wrong.append((case.name, op.operator, name, default))
    assert wrong == []
    assert compared > 900


def _defaults(operator: str, opset: int) -> dict[str, Any]:
    """Defaults of an operator's attributes by onnx's schema."""
    domain, _, name = operator.rpartition(".")
    try:
        schema = onnx.defs.get_schema(name, 1 << 30 if domain else opset, domain)
    except onnx.defs.SchemaError:
        return {}
    known = {n: onnx.helper.get_attribute_value(a.default_value) for n, a in schema.attributes.items()
             if a.default_value.name}
    return {n: tuple(map(_plain, v)) if isinstance(v, list) else _plain(v) for n, v in known.items()}


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _found(op: Operator) -> list[Any]:
    """Work forward and backward, and shapes; the reason where one is refused."""
    found: list[Any] = []
    for ask in (lambda: forward_work(op), lambda: rule(op.operator).gradient(op, [True] * len(op.inputs)),
                lambda: rule(op.operator).results(op)):
        try:
            found.append(ask())
        except Exception as error:  # whatever it is, it is the same
            found.append(repr(error))
    return found


@pytest.mark.skipif(RELEASE < (1, 23), reason="earlier releases of onnx have other models under the same names")
def test_counts_of_every_operator_are_those_of_the_golden_text(onnx_cases: Sequence[tuple[Any, Network | None]]):
    """Forward and backward. Where a rule changed on purpose, read the difference: the new text stands beside the old
    one as ``onnx_operators.new.txt``, which takes its place."""
    found = {case.name: [f"{_line(op)} ({case.name})" for op in network.operators]
             for case, network in onnx_cases if network is not None}
    golden = [(line, line.rpartition("(")[2][:-1]) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    wrong = [line for line, case in golden if case in found and line not in found[case]]
    if wrong:
        GOLDEN.with_suffix(".new.txt").write_text(_four_of_each(found), encoding="utf-8")
    assert wrong == []
    assert sum(case in found for _, case in golden) > 300  # another version of onnx may have other cases


def _four_of_each(found: Mapping[str, Sequence[str]]) -> str:
    """Four cases of each operator that differ."""
    kept: dict[str, dict[str, str]] = {}
    for line in (line for lines in found.values() for line in lines):
        shown = kept.setdefault(line.split()[0], {})
        if len(shown) < 4:
            shown.setdefault(line.rpartition(" (")[0], line)
    return "".join(f"{line}\n" for name in sorted(kept) for line in kept[name].values())


def _line(op: Operator) -> str:
    shapes = " ".join("-" if t is None else "x".join(map(str, t.shape)) or "scalar" for t in op.inputs)
    try:
        forward = _counts(forward_work(op))
    except ValueError as refused:
        return f"{op.operator} {shapes}: refused, {str(refused).partition(':')[0]}"
    try:
        backward = _counts(rule(op.operator).gradient(op, [True] * len(op.inputs)))
    except ValueError as refused:
        backward = f"refused, {str(refused).partition(':')[0]}"
    return f"{op.operator} {shapes}: {forward}; backward: {backward}"


def _counts(work: Work) -> str:
    tasks = ", ".join(f"{n} {task} {format}" for (task, format), n in sorted(work.tasks.items()))
    moved = "" if work.reads is None else f", reads {sum(a.elements for a in work.reads)}"
    moved += "" if work.writes is None else f", writes {sum(a.elements for a in work.writes)}"
    inner = f", inner {sum(a.elements for a in (*work.inner_reads, *work.inner_writes))}" if work.inner_writes else ""
    products = f", {work.multiply_accumulates} products" if work.multiply_accumulates else ""
    loops = f" in loops of {work.loops.products}" if work.loops else ""
    return (tasks or "nothing") + products + loops + moved + inner


def test_refusal_is_a_value_error():
    assert issubclass(Refused, ValueError)
