"""Measured operand statistics: zeros of the weights in a file, and of every tensor in a calibration run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocompiler.errors import explained
from tocompiler.tensors import Statistics

if TYPE_CHECKING:
    import numpy
    import onnx

__all__ = ["profiled_statistics", "weight_statistics"]


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


def _run_inputs(model: onnx.ModelProto) -> list[Any]:
    stored = {w.name for w in model.graph.initializer}
    return [i for i in model.graph.input if i.name not in stored]


def _zeros(values: numpy.ndarray[Any, Any]) -> Statistics:
    return Statistics(zeros=float((values == 0).mean()))
