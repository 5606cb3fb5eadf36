"""Memory of one device: weights, the cache of all requests on the way, and what a pass works on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from alu_library.formats import parse
from tocompiler.lanes import larger, real, smaller
from tocompiler.serving.programs import Programs
from tocompiler.serving.workload import Workload

if TYPE_CHECKING:
    from hardware.device import Device
    from tocompiler.network import Network
    from tocompiler.tensors import Tensor

__all__ = ["PAGE", "Memory", "device_memory_byte", "memory_of"]

PAGE = 16
"""Tokens of one page of a paged cache: a request holds whole pages (vLLM's default, Kwon et al. 2023)."""

_CHUNK = 8192
"""Tokens that a prefill works on at once, at the most (vLLM's max_num_batched_tokens on data-centre GPUs)."""

_GB = 10**9
_MEMORY_BYTE = {
    # vendors' data sheets: NVIDIA A10, A100 (80 GB SXM), H100 (SXM), H200, DGX B200, RTX 4090 laptop, Quadro RTX 6000
    "gpu_a10": 24 * _GB, "gpu_a100": 80 * _GB, "gpu_h100": 80 * _GB, "gpu_h200": 141 * _GB, "gpu_b200": 180 * _GB,
    "gpu_rtx4090_laptop": 16 * _GB, "gpu_rtx6000": 24 * _GB,
}


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of one device; ``capacity_byte`` is None where it is not known."""

    weights_byte: float
    cache_byte: float
    activations_byte: float
    capacity_byte: float | None

    @property
    def needed_byte(self) -> float:
        return self.weights_byte + self.cache_byte + self.activations_byte

    @property
    def fits(self) -> bool:
        return self.capacity_byte is None or self.needed_byte <= self.capacity_byte

    def check(self, device: str, devices: int) -> None:
        """ValueError with the numbers where it does not fit."""
        if self.fits or self.capacity_byte is None:
            return
        raise ValueError(
            f"{device} has {self.capacity_byte / _GB:.0f} GB and each of {devices} needs "
            f"{self.needed_byte / _GB:.1f} GB (weights {self.weights_byte / _GB:.1f}, cache "
            f"{self.cache_byte / _GB:.1f}, activations {self.activations_byte / _GB:.1f}): use more devices "
            "(--tensor-parallel), a smaller batch or narrower weights or cache")


def device_memory_byte(device: Device) -> float | None:
    """What a device holds by its data sheet, or None where that is not known."""
    for level in device.memory:
        if level.name in ("hbm", "dram", "device_memory") and level.capacity_byte is not None:
            return float(level.capacity_byte)
    return _MEMORY_BYTE.get(device.name)


def memory_of(programs: Programs, workload: Workload, capacity_byte: float | None) -> Memory:
    """What one device needs for a workload; a stage of a pipeline holds its share of the layers."""
    stages, data = programs.parallel.pipeline, programs.parallel.data
    batch = -(-workload.batch // data)
    tokens = -(-workload.longest // PAGE) * PAGE
    decoding = programs.network(batch, 1, tokens - 1)
    reading = programs.network(workload.prefill_batch, smaller(workload.prompt, _CHUNK), 0)
    weights = larger(_stored(decoding), _stored(reading))
    cache = sum(_byte(t) for t in decoding.inputs if "input_ids" not in t.name)
    return Memory(weights / stages, cache / stages, larger(_working(decoding), _working(reading)), capacity_byte)


def _byte(tensor: Tensor) -> float:
    byte: float = real(tensor.elements * parse(tensor.format).bits / 8)
    return byte


def _stored(net: Network) -> float:
    return sum(_byte(t) for t in net.stored_tensors() if t.kind in ("parameter", "buffer"))


def _working(net: Network) -> float:
    """The largest operator's operands and results."""
    most: float = reduce(larger, (
        sum(_byte(t) for t in (*op.inputs, *op.outputs) if t is not None and t.kind == "activation")
        for op in net.operators))
    return most
