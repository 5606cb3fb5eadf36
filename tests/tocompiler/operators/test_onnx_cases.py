"""Shape rules and counts over the operator cases that the onnx package generates (those not taken apart)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from alu_library.functions import function_names
from alu_library.tasks import PRIMITIVES
from tocompiler.network import Network
from tocompiler.operators import Refused, forward_work, rule

onnx = pytest.importorskip("onnx")


def cases() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reference computations overflow on purpose
        from onnx.backend.test.case.node import collect_testcases

        yield from (case for case in collect_testcases(None) if "_expanded" not in case.name)


def read(case: Any) -> Network | None:
    """The case as a network that knows the values of its small inputs; None where shapes depend on the data."""
    from tocompiler.frontends.onnx import read_model

    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    given = zip((i.name for i in model.graph.input), case.data_sets[0][0], strict=False)
    values = {name: v for name, v in given if isinstance(v, np.ndarray) and v.size <= 64}
    try:
        return read_model(model, case.name, values=values)
    except ValueError:
        return None


def test_every_case_is_counted_or_refused_and_shape_rules_agree():
    known, wrong, read_cases = {*PRIMITIVES, *function_names()}, [], 0
    for case in cases():
        network = read(case)
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


def test_refusal_is_a_value_error():
    assert issubclass(Refused, ValueError)
