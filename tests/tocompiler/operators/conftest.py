"""Operators by name and shapes, completed by their own shape rule, and onnx's inference to hold that rule against."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tocompiler.network import Network
from tocompiler.operators import Work, rule
from tocompiler.operators.conversion import ONNX_FORMATS
from tocompiler.tensors import Operator, Tensor

Make = Callable[..., Operator]
_ELEMENT_TYPES = {format: number for number, format in reversed(ONNX_FORMATS.items())}


def _tensor(given: Any, index: int) -> Tensor | None:
    """A shape, a tensor, or None; a list or a number is a constant of that value."""
    if given is None or isinstance(given, Tensor):
        return given
    if isinstance(given, list | int | float):
        value = np.asarray(given)
        value = value.astype(np.float32 if value.dtype.kind == "f" and value.size else np.int64)
        return Tensor(f"t{index}", value.shape, "fp32" if value.dtype == np.float32 else "int64", "constant", value)
    return Tensor(f"t{index}", tuple(given))


def _make(name: str, *inputs: Any, results: int = 1, **attributes: Any) -> Operator:
    op = Operator("op", name, tuple(_tensor(given, i) for i, given in enumerate(inputs)), (), attributes)
    op = replace(op, outputs=(Tensor("y", ()),) * results)
    outputs = [Tensor(f"y{i}", shape, format) for i, (shape, format) in enumerate(rule(name).results(op))]
    return replace(op, outputs=tuple(outputs[:results]))


@pytest.fixture(scope="session")
def make() -> Make:
    """``make("Conv", (1, 3, 8, 8), (4, 3, 3, 3), pads=...)``: the operator with ``results`` results."""
    return _make


@pytest.fixture(scope="session")
def work() -> Callable[[Operator], Work]:
    """The forward pass of an operator."""
    return lambda op: rule(op.operator).work(op)


@pytest.fixture(scope="session")
def gradient() -> Callable[..., Work]:
    """The backward pass of an operator, for all its operands unless said otherwise."""
    return lambda op, *needed: rule(op.operator).gradient(op, needed or [True] * len(op.inputs))


@pytest.fixture(scope="session")
def agrees() -> Callable[..., None]:
    """Assert that an operator's results have the shapes and formats that onnx infers."""
    onnx = pytest.importorskip("onnx")

    def compare(name: str, *inputs: Any, results: int = 1, opset: int | None = None, **attributes: Any) -> None:
        op = _make(name, *inputs, results=results, **attributes)
        tensors = [t for t in op.inputs if t is not None]
        names = [f"y{i}" for i in range(results)]
        node = onnx.helper.make_node(name, ["" if t is None else t.name for t in op.inputs], names,
                                     **{k: list(v) if isinstance(v, tuple) else v for k, v in attributes.items()})
        graph = onnx.helper.make_graph(
            [node], "g",
            [onnx.helper.make_tensor_value_info(t.name, _ELEMENT_TYPES[t.format], t.shape) for t in tensors
             if t.value is None],
            [onnx.ValueInfoProto(name=n) for n in names],
            [onnx.numpy_helper.from_array(t.value, t.name) for t in tensors if t.value is not None])
        opsets = [onnx.helper.make_opsetid("", opset or onnx.defs.onnx_opset_version())]
        model = onnx.helper.make_model(graph, opset_imports=opsets)
        found = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph.output
        expected = [(tuple(d.dim_value for d in o.type.tensor_type.shape.dim),
                     ONNX_FORMATS[o.type.tensor_type.elem_type]) for o in found]
        assert [(t.shape, t.format) for t in op.outputs] == expected, (name, inputs, attributes)

    return compare


@pytest.fixture(scope="session")
def onnx_cases() -> Sequence[tuple[Any, Network | None]]:
    """The operator cases that the onnx package generates (those not taken apart), and each as a network that knows the
    values of its small inputs: None where shapes depend on the data."""
    pytest.importorskip("onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reference computations overflow on purpose
        from onnx.backend.test.case.node import collect_testcases

        return [(case, _read(case)) for case in collect_testcases(None) if "_expanded" not in case.name]


def _read(case: Any) -> Network | None:
    from onnx import ModelProto

    from tocompiler.frontends.onnx import read_model

    model = ModelProto()
    model.CopyFrom(case.model)
    given = zip((i.name for i in model.graph.input), case.data_sets[0][0], strict=False)
    values = {name: v for name, v in given if isinstance(v, np.ndarray) and v.size <= 64}
    try:
        return read_model(model, case.name, values=values)
    except ValueError:
        return None
