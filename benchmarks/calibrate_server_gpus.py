"""Calibrate the shipped server GPUs again: python benchmarks/calibrate_server_gpus.py [NAME ...].

``gpu_h200`` and ``gpu_b200`` from operators, with what a server adds as services on H100 tell; ``gpu_h100`` from these
services; ``gpu_a100`` and ``gpu_a10`` from whole models. A sample of the operators' rows, so that files stay small.
TOCOMPILER_DATASETS is the folder of the dc_* tables.
"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

from claims import datasets
from data_centre_hub import CACHES, measured_models
from data_centre_rows import DEVICES, OPERATORS, operators, repeated
from data_centre_serving import CACHE_BYTE, services

import hardware
import tocompiler

_ROWS = {"gemm": 700, "prefill": 200, "decode": 250, "encoder": 60, "moe": 400}
"""Rows of each table that a device is calibrated on."""
_EVERY = 4
"""What a server adds has two numbers: every fourth service tells them."""
_FROM_SECOND = 1e-5
"""A decode step is made of short kernels: theirs are fitted with the long ones, although meters read them badly."""
_OPERATORS = ("joule of one operator as vLLM 0.22 runs it, {gpu} alone, NVML while a kernel repeats; what a server "
              "adds is of services on H100")
_SOURCE = ("ai-dynamo/aiconfigurator 095f58a (Apache-2.0); services: derived from ml-energy/leaderboard 0cd52da (data "
           "set card Apache-2.0)")


def main(names: list[str]) -> None:
    """Write ``hardware/devices/NAME.toml`` for each device named (default: all five)."""
    folder = datasets()
    if folder is None:
        raise SystemExit("set TOCOMPILER_DATASETS to the folder of the dc_* tables")
    home = Path(str(resources.files("hardware"))) / "devices"
    for name in names or ["gpu_h100", "gpu_h200", "gpu_b200", "gpu_a100", "gpu_a10"]:
        short = name.removeprefix("gpu_")
        device = (_of_operators(folder, short) if short in DEVICES else _of_services(folder) if short == "h100"
                  else _of_models(folder, short))
        device.write(home / f"{name}.toml")
        for label, model in device.models.items():
            print(f"{name}, {label}: held-out MAPE {model.metrics.get('mape', float('nan')):.1f} %", flush=True)


def _of_operators(folder: Path, short: str) -> hardware.Device:
    runtime, cache = DEVICES[short]
    rows = [m for name in OPERATORS for m in operators(folder, name, short, _ROWS[name], _FROM_SECOND).timed]
    device = tocompiler.calibrate(
        rows, f"gpu_{short}", runtime=hardware.load_runtime(runtime), facts=hardware.facts_of(f"gpu_{short}"),
        known=repeated(short), memory=[hardware.MemoryLevel("l2", cache, source="CUDA's device properties")],
        description=_OPERATORS.format(gpu=short.upper()), source=_SOURCE)
    return tocompiler.with_server(device, services(folder, _EVERY).timed)


def _of_services(folder: Path) -> hardware.Device:
    return tocompiler.calibrate(
        services(folder).timed, "gpu_h100", runtime=hardware.load_runtime("vllm_cuda"),
        facts=hardware.facts_of("gpu_h100"),
        memory=[hardware.MemoryLevel("l2", CACHE_BYTE, source="NVIDIA H100 architecture white paper, 2022")],
        description="joule of one of the H100s for a step of a service under vLLM in steady state, prompts that are "
                    "read with it included; prompt lengths are assumed",
        source="derived from ml-energy/leaderboard 0cd52da (data set card Apache-2.0); NVML through Zeus")


def _of_models(folder: Path, short: str) -> hardware.Device:
    return tocompiler.calibrate(
        measured_models(folder, short), f"gpu_{short}", facts=hardware.facts_of(f"gpu_{short}"),
        memory=[hardware.MemoryLevel("l2", CACHES[short], source="NVIDIA Ampere architecture white papers")],
        description=f"joule of one forward pass of a model under PyTorch, {short.upper()} alone, clocks locked at "
                    "900 MHz",
        source="yifueve/energaizer-ispass26-artifact cd60749 (MIT); NVML, thousands of iterations")


if __name__ == "__main__":
    main(sys.argv[1:])
