"""Services measured on H100 (ML.ENERGY leaderboard 0cd52da) as programs of one device's share of a step.

A step of a steady service decodes a token for each of b requests and reads b P / output tokens of new prompts: its
program is a decoding step of so many more rows whose cached tokens add up to the same, for b requests. Prompt
lengths are not published; P is assumed by task. Routed experts are dealt out over the devices; where a token has one
expert, each expert's units are. Nemotron-Nano and Gemma 3, whose configurations are not among the files, are left out.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from data_centre_rows import Array

import hardware
import tocompiler
from tocompiler.serving import Parallel, Service

__all__ = ["CACHE_BYTE", "PROMPTS", "Served", "additive_steps", "calibrated", "ecologits", "one_factor", "services"]

CACHE_BYTE = 50_000_000
"""The last cache of an H100 (NVIDIA H100 architecture white paper, 2022)."""
PROMPTS: Mapping[str, int] = {"lm-arena-chat": 200, "gpqa": 250, "sourcegraph-fim": 2000, "image-chat": 1000,
                              "video-chat": 3000}
"""Tokens of a prompt, assumed: the sources give 100 to 300, about 200 and 1000 to 4000 for the first three tasks."""

_FILES: Mapping[str, tuple[str, str]] = {
    "Qwen/Qwen3-32B": ("Qwen--Qwen3-32B", "qwen3"), "Qwen/Qwen3-8B": ("Qwen--Qwen3-8B", "qwen3"),
    "Qwen/Qwen3-235B-A22B-Instruct-2507": ("Qwen--Qwen3-235B-A22B", "qwen3"),
    "Qwen/Qwen3-235B-A22B-Thinking-2507": ("Qwen--Qwen3-235B-A22B", "qwen3"),
    "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8": ("Qwen--Qwen3-235B-A22B-FP8", "qwen3"),
    "Qwen/Qwen3-235B-A22B-Thinking-2507-FP8": ("Qwen--Qwen3-235B-A22B-FP8", "qwen3"),
    "Qwen/Qwen3-30B-A3B-Thinking-2507": ("Qwen--Qwen3-30B-A3B", "qwen3"),
    "Qwen/Qwen3-Coder-30B-A3B-Instruct": ("Qwen--Qwen3-30B-A3B", "qwen3"),
    "Qwen/Qwen3-Omni-30B-A3B-Instruct": ("Qwen--Qwen3-30B-A3B", "qwen3-omni"),
    "Qwen/Qwen3-VL-235B-A22B-Instruct": ("Qwen--Qwen3-VL-235B-A22B-Instruct", "qwen3-vl"),
    "Qwen/Qwen3-VL-235B-A22B-Instruct-FP8": ("Qwen--Qwen3-VL-235B-A22B-Instruct", "qwen3-vl"),
    "Qwen/Qwen3-VL-30B-A3B-Instruct": ("Qwen--Qwen3-VL-30B-A3B-Instruct", "qwen3-vl"),
    "Qwen/Qwen3-VL-32B-Instruct": ("Qwen--Qwen3-VL-32B-Instruct", "qwen3-vl"),
    "Qwen/Qwen3-VL-8B-Instruct": ("Qwen--Qwen3-VL-8B-Instruct", "qwen3-vl"),
    "meta-llama/Llama-3.1-70B-Instruct": ("meta-llama--Meta-Llama-3.1-70B", "llama-3.1"),
    "meta-llama/Llama-3.1-8B-Instruct": ("meta-llama--Meta-Llama-3.1-8B", "llama-3.1"),
    "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8": ("meta-llama--Llama-4-Maverick-17B-128E-Instruct", "llama-4"),
    "meta-llama/Llama-4-Scout-17B-16E-Instruct": ("meta-llama--Llama-4-Scout-17B-16E-Instruct", "llama-4"),
    "openai/gpt-oss-120b": ("openai--gpt-oss-120b", "gpt-oss"),
}
"""File of each model's configuration, and its family."""
_ALPHA, _BETA, _GAMMA = 1.1665273170451914e-06, -0.011205921025579175, 4.052928146734005e-05


@dataclass(frozen=True)
class Served:
    """Rows of the table: one device's share of a step as a measurement, and what plain models need beside it."""

    measured: list[hardware.Measurement]
    dense: Array
    devices: Array
    batch: Array
    second: Array

    @property
    def joule(self) -> Array:
        return np.array([m.energy_joule for m in self.measured])

    @property
    def groups(self) -> Array:
        return np.array([m.group for m in self.measured])

    @property
    def timed(self) -> list[hardware.Measurement]:
        """With the duration of each step, of which run times are fitted."""
        return [replace(m, latency_second=float(s)) for m, s in zip(self.measured, self.second, strict=True)]

    def take(self, index: Array) -> Served:
        """Some of the rows."""
        at = np.arange(len(self.measured))[index]
        return Served([self.measured[i] for i in at], self.dense[at], self.devices[at], self.batch[at],
                      self.second[at])


def services(folder: Path, every: int = 1, named: str = "") -> Served:
    """Every so-many-th row of models whose name contains a text; configurations lie in ``models`` beside the folder."""
    with (folder / "dc_serving_h100.csv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["model"] in _FILES and named in r["model"]][::every]
    return Served(list(_measured(rows, folder.parent / "models")),
                  np.array([r["architecture"].startswith("Dense") for r in rows]),
                  np.array([int(r["gpus"]) for r in rows]), np.array([float(r["mean_batch"]) for r in rows]),
                  np.array([float(r["mean_batch"]) / float(r["tokens_per_second"]) for r in rows]))


def _measured(rows: list[dict[str, str]], models: Path) -> Iterator[hardware.Measurement]:
    known: dict[tuple[str, str, int], Service] = {}
    any_device = hardware.load_device("gpu_rtx6000")
    for r in rows:
        name, family = _FILES[r["model"]]
        key = (name, r["format"], int(r["gpus"]))
        if key not in known:
            config = json.loads((models / f"{name}.json").read_text(encoding="utf-8"))
            known[key] = Service(config, any_device, _parallel(config, r), _weights(config, r["format"]))
        batch, output = float(r["mean_batch"]), float(r["mean_output_tokens"])
        prompt = PROMPTS[r["task"]]
        rows_in_step = max(1, round(batch * (1 + prompt / output)))
        cached = max(1, round(batch * (prompt + output / 2) / rows_in_step))
        program = known[key].programs.decode(rows_in_step, cached)
        joule = float(r["joule_per_output_token"]) * batch / int(r["gpus"])
        yield hardware.Measurement(program, joule, group=family,
                                   conditions={"runtime": "vllm_cuda", "requests": f"{batch:.6g}"})


def _parallel(config: Mapping[str, object], r: Mapping[str, str]) -> Parallel:
    devices = int(r["gpus"])
    inner = config.get("text_config")
    chosen = (inner if isinstance(inner, Mapping) else config).get("num_experts_per_tok")
    dealt = int(r["expert_parallel"]) if chosen not in (None, 1) else 1
    return Parallel(tensor=devices, expert=dealt)


def _weights(config: Mapping[str, object], format: str) -> str | None:
    """The scheme where the file is of the model before it was quantised."""
    if format != "fp8" or config.get("quantization_config"):
        return None
    return "fp8" if "llama4" in str(config.get("model_type")) else "fp8_block"


def ecologits(served: Served) -> Array:
    """EcoLogits' published formula (mlco2/ecologits, impacts/llm.py), joule of one measured device for a step.

    A token takes (alpha exp(beta B) P + gamma) Wh on each device that 1.2 times the weights in 16 bits need of 80 GB, a
    power of two of them, with P billions of active parameters; the mean of its batches B of 4 and 16.
    """
    macs = np.array([float(m.program.totals.multiply_accumulates) for m in served.measured])
    tokens = np.array([float(m.program.network.inputs[0].shape[0]) for m in served.measured])
    whole = np.array([float(m.program.totals.parameters) for m in served.measured]) * served.devices / 1e9
    billions = np.minimum(macs / tokens * served.devices / 1e9, whole)
    needed = 2 ** np.ceil(np.log2(np.ceil(1.2 * whole * 2 / 80)))
    each = sum(_ALPHA * math.exp(_BETA * b) * billions + _GAMMA for b in (4, 16)) / 2
    return np.asarray(each * 3600 * served.batch * needed / served.devices)


def one_factor(served: Served, train: Array, test: Array) -> Array:
    """One joule for each multiply-accumulate."""
    macs = _totals(served)[:, 0]
    return np.asarray(macs[test] * np.median(served.joule[train] / macs[train]))


def additive_steps(served: Served, train: Array, test: Array) -> Array:
    """Non-negative least squares of relative errors on multiply-accumulates, bytes, parameters and 1."""
    from scipy.optimize import nnls

    totals = _totals(served)
    scale = 1 / totals[train].max(0)
    found, _ = nnls(totals[train] * scale / served.joule[train, None], np.ones(len(served.joule[train])))
    return np.asarray(totals[test] * scale @ found)


def _totals(served: Served) -> Array:
    """Multiply-accumulates, bytes, parameters and 1 of each step."""
    totals = [m.program.totals for m in served.measured]
    return np.array([[float(t.multiply_accumulates), float(t.traffic_bit) / 8, float(t.parameters), 1.0]
                     for t in totals])


def calibrated(served: Served, train: Array) -> hardware.Device:
    """What a user gets who calibrates on some of the rows."""
    return tocompiler.calibrate([served.measured[i] for i in train], "gpu_h100",
                                runtime=hardware.load_runtime("vllm_cuda"), facts=hardware.facts_of("gpu_h100"),
                                memory=[hardware.MemoryLevel("l2", CACHE_BYTE)])
