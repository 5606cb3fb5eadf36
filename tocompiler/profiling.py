"""Measured operand statistics: zeros of the weights in a file, and of every tensor in a calibration run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardware.files import write_text
from tocompiler.errors import explained
from tocompiler.tensors import Statistics

if TYPE_CHECKING:
    import numpy
    import onnx

__all__ = ["load_profile", "profiled_statistics", "save_profile", "weight_statistics"]


def weight_statistics(path: str | Path) -> dict[str, Statistics]:
    """The fraction of zeros in each floating-point initializer of an ONNX file, by name.

    This is the one place that reads weights. ValueError where the file's external data is missing.
    """
    import onnx
    from onnx import numpy_helper

    try:
        model = onnx.load(path)
    except (OSError, onnx.checker.ValidationError) as error:
        raise ValueError(f"{path}: --read-weights needs the whole model, but {error}") from None
    with explained(f"{path}: its weights cannot be read"):
        arrays = ((w.name, numpy_helper.to_array(w, str(Path(path).parent))) for w in model.graph.initializer)
        return {name: _zeros(values) for name, values in arrays if values.dtype.kind == "f" and values.size}


def profiled_statistics(path: str | Path, inputs: str | Path) -> dict[str, Statistics]:
    """The fraction of zeros in every floating-point tensor while onnxruntime runs the model once.

    ``inputs`` is an .npz file with one array for each model input, by name. ValueError names an input that is
    missing, or says that onnxruntime has to be installed.
    """
    import numpy
    import onnx

    try:
        import onnxruntime
    except ImportError:
        raise ValueError("--profile runs the model with onnxruntime: pip install onnxruntime") from None
    with explained(f"{inputs}: not an .npz file, or {path} not a model"):
        model = onnx.load(path)
        with numpy.load(inputs) as arrays:
            feeds = {name: arrays[name] for name in arrays.files}
    missing = [i.name for i in _run_inputs(model) if i.name not in feeds]
    if missing:
        raise ValueError(f"{inputs}: has no array '{missing[0]}', an input of {path}")
    shown = {o.name for o in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for node in model.graph.node for name in node.output
                              if name and name not in shown)
    with explained(f"{path}: onnxruntime cannot run it on {inputs}"):
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        names = [o.name for o in session.get_outputs()]
        results = dict(zip(names, session.run(names, feeds), strict=True))
    return {name: _zeros(values) for name, values in {**feeds, **results}.items()
            if isinstance(values, numpy.ndarray) and values.dtype.kind == "f" and values.size}


def save_profile(statistics: Mapping[str, Statistics], path: str | Path) -> None:
    """Write statistics by tensor as JSON, for ``load_profile`` and ``compile --operands``."""
    tensors = {name: {"zeros": s.zeros, "distribution": s.distribution} for name, s in sorted(statistics.items())}
    write_text(path, json.dumps({"tensors": tensors}, indent=1) + "\n")


def load_profile(path: str | Path) -> dict[str, Statistics]:
    """Statistics by tensor, or by shell pattern, from a file of ``save_profile`` or of one's own.

    ValueError names what in the file is not as it should be.
    """
    try:
        tensors = json.loads(Path(path).read_text(encoding="utf-8"))["tensors"]
        return {str(name): Statistics(**fields) for name, fields in tensors.items()}
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f'{path}: a profile is {{"tensors": {{NAME: {{"zeros": 0.5, "distribution": "relu"}}}}}}'
                         ) from None


def _run_inputs(model: onnx.ModelProto) -> list[Any]:
    stored = {w.name for w in model.graph.initializer}
    return [i for i in model.graph.input if i.name not in stored]


def _zeros(values: numpy.ndarray[Any, Any]) -> Statistics:
    """Zeros, and whether any value is negative: if not, what is not zero is what a ReLU lets through."""
    return Statistics(float((values == 0).mean()), "normal" if (values < 0).any() else "relu")
