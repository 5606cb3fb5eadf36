"""Savings: what one change would save, each computed by compiling the network again and predicting it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hardware.device import Device
    from tocompiler.costing import TransistorProgram
    from tocompiler.network import Network

__all__ = ["Saving", "savings"]

_FORMATS = ("fp16", "bf16", "int8")
_OPTIONS = {"fold_batch_norm": "batch norms folded into convolutions",
            "fuse_activations": "activations fused into products",
            "flash_attention": "attention's scores kept on chip"}
_SPARSE = 0.5


@dataclass(frozen=True)
class Saving:
    """One change: its energy for one sample over that of the program as it is, with the ratio's 90 % interval.

    ``in_domain`` and ``statement`` are the changed program's.
    """

    change: str
    energy_per_sample_joule: float
    ratio: float
    low: float
    high: float
    in_domain: bool
    statement: str

    def as_json(self) -> dict[str, Any]:
        """Every figure, with units in the key names."""
        return {"change": self.change, "energy_per_sample_joule": self.energy_per_sample_joule, "ratio": self.ratio,
                "ratio_low": self.low, "ratio_high": self.high, "in_domain": self.in_domain,
                "statement": self.statement}


def savings(program: TransistorProgram, device: Device, batch: int = 1,
            batched: Mapping[int, Network] | None = None) -> list[Saving]:
    """Changes by what they save, most first; those that save nothing are left out.

    Number formats, what a runtime may fuse, half of the weights zero, and ``batched``: the same network at other
    batches. A change that cannot be compiled or that the device cannot predict is left out.
    """
    from tocompiler.energy.prediction import predict, ratio

    found = []
    for change, changed, samples in _changed(program, batch, batched or {}):
        try:
            r, p = ratio(changed, program, device), predict(changed, device)
        except ValueError:
            continue
        scale = batch / samples
        found.append(Saving(change, p.energy_joule / samples, r.value * scale, r.low * scale, r.high * scale,
                            p.in_domain, p.statement))
    return sorted((s for s in found if s.ratio < 0.995), key=lambda s: s.ratio)


def _changed(program: TransistorProgram, batch: int,
             batched: Mapping[int, Network]) -> Iterator[tuple[str, TransistorProgram, int]]:
    from tocompiler.compiler import compile
    from tocompiler.passes import options
    from tocompiler.tensors import Statistics

    network, alu = program.network, program.alu
    common: dict[str, Any] = {"phase": alu.phase, "circuits": program.circuits, "basis": program.basis}
    as_it_is = {"format": None if alu.format == "mixed" else alu.format, "options": alu.options}
    tries: list[tuple[str, Network, dict[str, Any], int]] = [
        (f"{format} in place of {alu.format}", network, {"format": format, "options": alu.options}, batch)
        for format in _FORMATS if format != alu.format]
    tries += [(what, network, {**as_it_is, "options": (*alu.options, name)}, batch)
              for name, what in _OPTIONS.items() if name in options() and name not in alu.options]
    tries.append((f"{100 * _SPARSE:.0f} % of the weights zero", network,
                  {**as_it_is, "statistics": {t.name: Statistics(zeros=_SPARSE) for t in network.stored_tensors()
                                              if t.kind == "parameter"}}, batch))
    tries += [(f"batch {size} in place of {batch}", other, as_it_is, size) for size, other in batched.items()]
    for change, changed, arguments, samples in tries:
        try:
            yield change, compile(changed, **common, **arguments), samples
        except ValueError:
            continue
