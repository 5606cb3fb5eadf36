"""ONNX Runtime: the network as an ONNX model, with every graph optimisation, on CPU or CUDA."""

from __future__ import annotations

import os
from typing import Any

from tocompiler.measuring.runtimes import Executor, Run, processor
from tocompiler.measuring.runtimes._presets import preset_for
from tocompiler.network import Network

__all__ = ["OnnxRuntime", "open_executor"]

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxRuntime(Executor):
    """An inference session for each workload, inputs bound once."""

    def __init__(self, runtime: Any, place: str, threads: int) -> None:
        self._runtime, self._place, self.threads = runtime, place, threads
        self.covers = "gpu" if place == "cuda" else "cpu"
        self.preset = preset_for("onnxruntime_cuda" if place == "cuda" else "onnxruntime_cpu", "onnxruntime")
        self.device = processor() if place == "cpu" else "cuda"
        self.versions = f"onnxruntime {runtime.__version__}"

    def prepare(self, network: Network, format: str, phase: str, operands: str, seed: int) -> Run:
        import numpy as np

        from tocompiler.measuring.export import as_onnx, draw
        from tocompiler.passes.formats import ConvertFormats

        if phase != "inference":
            raise ValueError(f"onnxruntime executes inference, not {phase}; use --runtime torch")
        network = ConvertFormats(format).run(network)
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 4  # what goes wrong is raised
        # Waiting threads that spin would draw power between short executions.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        values = draw(network, operands, seed)
        try:
            session = self._runtime.InferenceSession(as_onnx(network, values).SerializeToString(), options,
                                                     providers=[_PROVIDERS[self._place]])
        except Exception as error:  # onnxruntime's exceptions and protobuf's share no base
            raise ValueError(f"onnxruntime does not execute it: {_short(error)}") from None
        binding = session.io_binding()
        kinds = {i.name: i.type for i in session.get_inputs()}
        for tensor in network.inputs:
            if tensor.name in kinds:  # one that nothing reads is gone
                given = _as(values[tensor.name], kinds[tensor.name])
                binding.bind_cpu_input(tensor.name, np.asarray(given, order="C"))
        for output in session.get_outputs():
            binding.bind_output(output.name, self._place)

        def run(count: int) -> None:
            for _ in range(count):
                session.run_with_iobinding(binding)
            binding.synchronize_outputs()

        return run


def _as(values: Any, kind: str) -> Any:
    wanted = {"tensor(float16)": "float16", "tensor(double)": "float64"}.get(kind)
    return values.astype(wanted) if wanted else values


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def open_executor(place: str = "", threads: int | None = None) -> OnnxRuntime:
    """On the CPU, or on ``cuda`` where onnxruntime-gpu is installed."""
    try:
        import onnxruntime
    except ImportError:
        raise ValueError('onnxruntime is not installed: pip install "tocompiler[measure]"') from None
    place = place or "cpu"
    available = onnxruntime.get_available_providers()
    if _PROVIDERS.get(place) not in available:
        raise ValueError(f"onnxruntime has no '{place}' here; it has {', '.join(available)}")
    return OnnxRuntime(onnxruntime, place, threads or os.cpu_count() or 1)
