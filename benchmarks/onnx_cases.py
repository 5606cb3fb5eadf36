"""The ONNX backend test suite: models, inputs and expected outputs that the onnx package ships or generates."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

__all__ = ["Case", "backend_cases"]

STORED = ("simple", "pytorch-converted", "pytorch-operator")


@dataclass(frozen=True)
class Case:
    """One case of the suite; ``inputs`` by name, ``outputs`` in the model's order (None: not a tensor)."""

    name: str
    model: Any
    inputs: Mapping[str, Any]
    outputs: tuple[Any, ...]


def backend_cases() -> Iterator[Case]:
    """Every node, simple, pytorch-converted and pytorch-operator case."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reference computations overflow on purpose
        from onnx.backend.test.case.node import collect_testcases
        from onnx.backend.test.loader import load_model_tests

        for case in collect_testcases(None):
            inputs, outputs = case.data_sets[0]
            yield Case(case.name, case.model, _named(case.model, inputs), tuple(map(_array, outputs)))
        for kind in STORED:
            for case in load_model_tests(kind=kind):
                yield _stored(f"{kind}/{case.name}", Path(case.model_dir))


def _stored(name: str, folder: Path) -> Case:
    model = onnx.load(folder / "model.onnx")
    data = folder / "test_data_set_0"
    given = sum(1 for _ in data.glob("input_*.pb"))
    inputs = [_from_file(data / f"input_{i}.pb", v) for i, v in zip(range(given), model.graph.input, strict=False)]
    outputs = [_from_file(data / f"output_{i}.pb", v) for i, v in enumerate(model.graph.output)]
    return Case(name, model, _named(model, inputs), tuple(map(_array, outputs)))


def _from_file(file: Path, value_info: Any) -> Any:
    kind, data = value_info.type.WhichOneof("value"), file.read_bytes()
    if kind == "tensor_type":
        return onnx.numpy_helper.to_array(onnx.TensorProto.FromString(data))
    return onnx.numpy_helper.to_list(onnx.SequenceProto.FromString(data)) if kind == "sequence_type" else None


def _named(model: Any, values: Any) -> dict[str, Any]:
    named = zip((i.name for i in model.graph.input), values, strict=False)
    return {name: v if isinstance(v, list) else np.asarray(v) for name, v in named if v is not None}


def _array(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, (np.ndarray, np.generic, int, float)) else None
