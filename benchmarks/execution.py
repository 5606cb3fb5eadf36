"""Whether there is one public path: nothing private in the benchmarks, no library or device in the energy model, and
the study of networks from layers through ``calibrate`` and ``predict`` alone.

    python benchmarks/execution.py [--json -] [--smoke]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import energy_getzner
import numpy as np
from claims import Claim, Options, datasets, main
from energy_rows import predictions
from public_imports import inner_imports

import hardware

NAMES = ("onednn", "mkl", "cudnn", "cublas", "cuda", "pytorch", "torch", "aten", "tensorflow", "tensorrt",
         "onnxruntime", "glibc", "flashattention", "xeon", "raptor", "jetson", "rtx", "nvidia", "intel", "arm", "apple",
         "getzner", "flexibert", "nasbench", "qutibench", "h100", "h200", "b200", "a100")
"""Libraries, devices, makers and studies, beside the names of the shipped devices and runtimes."""


def run(options: Options) -> Iterator[Claim]:
    """The three claims."""
    files = _files(Path(__file__).parent)
    found = [f"{path.name}: {name}" for path in files for name in inner_imports(path.read_text(encoding="utf-8"))]
    yield Claim("execution_public_imports", len(found), "imports", {"files": len(files)}, "; ".join(found))
    named = sorted(_named())
    yield Claim("execution_families_in_energy", len(named), "names", {}, "; ".join(named))
    folder = datasets()
    if folder is None:
        yield Claim("execution_getzner_network_public", None, "%",
                    reason="the data carry no licence: set TOCOMPILER_DATASETS to their folder")
        return
    device = energy_getzner.calibrated(folder, options.smoke)
    nets = energy_getzner.networks(folder)
    whole = nets.take(np.array([m.conditions["split"] == "arch_full" for m in nets.measured]))
    scored = predictions(device, whole, np.arange(len(whole)))
    yield Claim("execution_getzner_network_public", scored.mape, "%", scored.summary(),
                f"{len(whole)} measured networks of the published split, calibrated on random layers alone")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.py"))


def _named() -> Iterator[str]:
    """Names of libraries and devices in the energy model's code."""
    spec = find_spec("tocompiler.energy")
    folder = Path(str(spec.origin)).parent if spec is not None else Path()
    general = {"generic", "accelerator", "microcontroller"}
    words = sorted({*NAMES, *hardware.device_names(), *hardware.runtime_names()} - general)
    pattern = re.compile(r"(?<![a-z])(" + "|".join(map(re.escape, words)) + r")(?![a-z])")
    for path in _files(folder):
        for number, line in enumerate(path.read_text(encoding="utf-8").lower().splitlines(), 1):
            for name in pattern.findall(line):
                yield f"{path.name}:{number}: {name}"


if __name__ == "__main__":
    main(run, __doc__)
