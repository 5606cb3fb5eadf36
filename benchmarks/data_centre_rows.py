"""Measured operators and services of data-centre GPUs as measurements, and plain models of their shapes beside them.

Operators: ai-dynamo/aiconfigurator 095f58a (Apache-2.0), H200 and B200 under vLLM 0.22. A row's program is named by the
family ``operator:``; its group is the shape that is held out together.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

import hardware
import tocompiler

__all__ = ["DEVICES", "OPERATORS", "Array", "Table", "additive", "boosted", "operators", "products", "repeated"]

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Row: TypeAlias = Mapping[str, str]

DEVICES: Mapping[str, tuple[str, int]] = {"h200": ("vllm_cuda", 50_000_000), "b200": ("vllm_b200", 126_000_000)}
"""Runtime and capacity of the last cache in byte (NVIDIA H100 architecture white paper, 2022; CUDA's device properties
of a B200)."""


_LAUNCH_SECOND = 2e-6


def repeated(device: str) -> Mapping[str, float]:
    """What is known of a kernel that repeats in a stream: nothing starts up, and a launch is a gap of two microseconds
    (assumed) at full power. Fitted on long kernels, both would take part of the arithmetic, and a second kernel double
    it."""
    return {"constant": 0.0, "kernels": _LAUNCH_SECOND * float(hardware.facts_of(f"gpu_{device}").power_watt or 0)}


@dataclass(frozen=True)
class Table:
    """Rows of one device and operator: measurements, latencies, logarithms of shapes, and formats."""

    measured: list[hardware.Measurement]
    second: Array
    shapes: Array
    formats: Array

    @property
    def joule(self) -> Array:
        return np.array([m.energy_joule for m in self.measured])

    @property
    def groups(self) -> Array:
        return np.array([m.group for m in self.measured])

    @property
    def timed(self) -> list[hardware.Measurement]:
        """With their latencies, of which run times are fitted."""
        return [replace(m, latency_second=float(s)) for m, s in zip(self.measured, self.second, strict=True)]

    def take(self, index: Array) -> Table:
        """Some of the rows."""
        at = np.arange(len(self.measured))[index]
        return Table([self.measured[i] for i in at], self.second[at], self.shapes[at], self.formats[at])


def _gemm(r: Row) -> str:
    scheme = "" if r["gemm_dtype"] == "bfloat16" else f",scheme={r['gemm_dtype']}"
    return f"gemm,m={r['m']},n={r['n']},k={r['k']}{scheme}"


def _attention(causal: int) -> Callable[[Row], str]:
    def cell(r: Row) -> str:
        cache = "fp8_e4m3" if r.get("kv_cache_dtype") == "fp8" else "bf16"
        heads, keys = r["num_heads"], int(r["isl"]) + int(r.get("step", 0))
        return (f"attention,batch={r['batch_size']},queries={r['isl']},keys={keys},heads={heads},"
                f"key_heads={r.get('num_key_value_heads', heads)},width={r['head_dim']},"
                f"window={r.get('window_size', 0)},cache={cache},causal={causal}")
    return cell


def _experts(r: Row) -> str:
    alpha = "" if r["distribution"] == "balanced" else f",alpha={r['distribution'].rsplit('_', 1)[1]}"
    scheme = "" if r["moe_dtype"] == "bfloat16" else f",scheme={r['moe_dtype']}"
    return (f"experts,tokens={r['num_tokens']},width={r['hidden_size']},hidden={r['inter_size']},chosen={r['topk']},"
            f"experts={r['num_experts']},tensor_parallel={r['moe_tp_size']},expert_parallel={r['moe_ep_size']}"
            f"{alpha}{scheme}")


@dataclass(frozen=True)
class Operator:
    """One file: how a row is named, which columns are its shape, its group and its format, and which rows count.

    fitted_from, scored_from: seconds
    """

    file: str
    cell: Callable[[Row], str]
    shape: tuple[str, ...]
    group: tuple[str, ...]
    format: str
    fitted_from: float
    scored_from: float


_HEADS = ("num_heads", "num_key_value_heads", "head_dim")
OPERATORS: Mapping[str, Operator] = {
    "gemm": Operator("dc_gemm", _gemm, ("m", "n", "k"), ("n", "k"), "gemm_dtype", 1e-4, 3e-4),
    "prefill": Operator("dc_prefill_attention", _attention(1), ("batch_size", "isl", *_HEADS, "window_size"), _HEADS,
                        "kv_cache_dtype", 5e-5, 1e-4),
    "decode": Operator("dc_decode_attention", _attention(0), ("batch_size", "step", *_HEADS, "window_size"), _HEADS,
                       "kv_cache_dtype", 3e-5, 1e-4),
    "encoder": Operator("dc_encoder_attention", _attention(0), ("batch_size", "isl", "num_heads", "head_dim"),
                        ("num_heads", "head_dim"), "attn_dtype", 5e-5, 1e-4),
    "moe": Operator("dc_moe", _experts, ("num_tokens", "hidden_size", "inter_size", "topk", "num_experts",
                                         "moe_tp_size", "moe_ep_size"),
                    ("hidden_size", "inter_size", "topk", "num_experts"), "moe_dtype", 0.0, 0.0),
}
"""Rows count from .3 ms (products) and .1 ms (attention) on, where two frameworks agree on power; expert layers all do.
"""


def operators(folder: Path, name: str, device: str, most: int | None = None,
              from_second: float | None = None) -> Table:
    """The rows of one operator on a device, those that count or all that take so long; ``most`` of them, evenly from
    the file, where there are more."""
    kind = OPERATORS[name]
    least = kind.fitted_from if from_second is None else from_second
    with gzip.open(folder / f"{kind.file}.csv.gz", "rt", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["system"].startswith(device) and "int4" not in r[kind.format]
                and float(r["latency_ms"]) >= 1e3 * least]
    if most is not None and len(rows) > most:
        rows = [rows[i] for i in np.sort(np.random.default_rng(0).permutation(len(rows))[:most])]
    second = np.array([float(r["latency_ms"]) / 1e3 for r in rows])
    shapes = np.log1p(np.array([[float(r[c]) for c in kind.shape] for r in rows]))
    return Table(list(_measured(kind, rows)), second, shapes, np.array([r[kind.format] for r in rows]))


def _measured(kind: Operator, rows: list[dict[str, str]]) -> Iterator[hardware.Measurement]:
    for r in rows:
        row = hardware.MeasurementRow(f"operator:{kind.cell(r)}", float(r["energy_j"]),
                                      group="/".join(r[c] for c in kind.group if c in r))
        yield row.measurement(tocompiler.compile(tocompiler.network_of(row)))


def products(table: Table, train: Array, test: Array) -> Array:
    """One joule for each multiply-accumulate: the median of the training rows."""
    macs = _totals(table)[:, 0]
    return np.asarray(macs[test] * np.median(table.joule[train] / macs[train]))


def additive(table: Table, train: Array, test: Array) -> Array:
    """Non-negative least squares of relative errors on multiply-accumulates, bytes and 1, a format each."""
    from scipy.optimize import nnls

    totals, joule = _totals(table), table.joule
    wide = np.hstack([totals * (table.formats == f)[:, None] for f in np.unique(table.formats)])
    wide = wide[:, wide[train].any(0)]
    scale = 1 / np.maximum(np.abs(wide[train]).max(0), 1e-300)
    found, _ = nnls(wide[train] * scale / joule[train, None], np.ones(len(joule[train])), maxiter=10_000)
    return np.asarray(np.maximum(wide[test] * scale @ found, 1e-9))


def boosted(table: Table, train: Array, test: Array) -> Array:
    """Boosted trees on logarithms of shapes and the format, on what the additive regression leaves."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    codes = np.unique(table.formats, return_inverse=True)[1]
    inputs = np.c_[table.shapes, codes, [len(m.program.name) for m in table.measured]]
    left = np.log(table.joule[train] / additive(table, train, train))
    grown = HistGradientBoostingRegressor(max_iter=400, learning_rate=0.05, early_stopping=False, random_state=0)
    return np.asarray(additive(table, train, test) * np.exp(grown.fit(inputs[train], left).predict(inputs[test])))


def _totals(table: Table) -> Array:
    totals = [m.program.totals for m in table.measured]
    return np.array([[float(t.multiply_accumulates), t.traffic_bit / 8, t.parameters, 1.0] for t in totals])
