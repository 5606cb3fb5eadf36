"""PyTorch in eager mode: the network's operators one after another, forward, or forward, backward and an SGD step."""

from __future__ import annotations

import os
from typing import Any

from tocompiler.measuring.runtimes import Executor, Run, processor
from tocompiler.measuring.runtimes._presets import preset_for
from tocompiler.network import Network

__all__ = ["Torch", "open_executor"]

_FORMATS = {"fp32": "float32", "tf32": "float32", "fp16": "float16", "bf16": "bfloat16", "fp64": "float64"}


class Torch(Executor):
    """Operators through torch's own functions, weights random."""

    def __init__(self, torch: Any, place: str, threads: int) -> None:
        self._torch, self._place, self.threads = torch, place, threads
        cuda = place.startswith("cuda")
        self.covers = "gpu" if cuda else "cpu"
        self.preset = preset_for("pytorch_cuda") if cuda else preset_for("onednn", "pytorch_cpu")
        self.device = torch.cuda.get_device_name(place) if cuda else processor()
        self.versions = f"torch {torch.__version__}"
        if not cuda:
            torch.set_num_threads(threads)

    def prepare(self, network: Network, format: str, phase: str, operands: str, seed: int) -> Run:
        from tocompiler.measuring.export import draw
        from tocompiler.measuring.runtimes._torch_operators import function_of
        from tocompiler.passes import pipeline

        torch = self._torch
        if format not in _FORMATS:
            raise ValueError(f"torch in eager mode does not execute {format}; use one of {', '.join(_FORMATS)}")
        if phase not in ("inference", "training"):
            raise ValueError(f"phase {phase} cannot be run by itself; measure inference and training")
        network = pipeline(network, format=format)  # attention and normalisation through torch's own kernels
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = format == "tf32"
        steps = [(function_of(torch, op), [None if t is None else t.name for t in op.inputs],
                  [t.name for t in op.outputs]) for op in network.operators]
        values = draw(network, operands, seed)
        given = {t.name: self._tensor(t, values[t.name]) for t in (*network.stored_tensors(), *network.inputs)}
        weights = [given[t.name].requires_grad_() for t in network.stored_tensors()
                   if phase == "training" and t.kind == "parameter"]
        results = [t.name for t in network.outputs]

        def forward() -> list[Any]:
            values = dict(given)
            for function, inputs, outputs in steps:
                found = function(*[None if name is None else values[name] for name in inputs])
                values.update(zip(outputs, found if isinstance(found, (tuple, list)) else (found,), strict=False))
            return [values[name] for name in results]

        run = self._inference(forward) if phase == "inference" else self._training(forward, weights)
        try:
            run(1)
        except (RuntimeError, TypeError, NotImplementedError) as error:
            raise ValueError(f"torch does not execute it: {' '.join(str(error).split())[:200]}") from None
        return run

    def _tensor(self, tensor: Any, drawn: Any) -> Any:
        values = self._torch.from_numpy(drawn.copy())
        if tensor.value is not None:
            return values  # shapes and axes are read by the host
        kind = getattr(self._torch, _FORMATS[tensor.format]) if tensor.format in _FORMATS else values.dtype
        return values.to(self._place, kind)

    def _inference(self, forward: Any) -> Run:
        def run(count: int) -> None:
            with self._torch.inference_mode():
                for _ in range(count):
                    forward()
            self._wait()

        return run

    def _training(self, forward: Any, weights: list[Any]) -> Run:
        if not weights:
            raise ValueError("it has no parameters, so there is nothing to train")
        optimizer = self._torch.optim.SGD(weights, lr=1e-6)

        def run(count: int) -> None:
            for _ in range(count):
                optimizer.zero_grad()
                sum(y.sum() for y in forward()).backward()
                optimizer.step()
            self._wait()

        return run

    def _wait(self) -> None:
        if self.covers == "gpu":
            self._torch.cuda.synchronize()


def open_executor(place: str = "", threads: int | None = None) -> Torch:
    """On ``cpu`` or ``cuda``; without an argument on the GPU where there is one."""
    try:
        import torch
    except ImportError:
        raise ValueError('torch is not installed: pip install "tocompiler[torch]"') from None
    place = place or ("cuda" if torch.cuda.is_available() else "cpu")
    if place != "cpu" and not (place.startswith("cuda") and torch.cuda.is_available()):
        raise ValueError(f"torch has no device '{place}' here")
    return Torch(torch, place, threads or os.cpu_count() or 1)
