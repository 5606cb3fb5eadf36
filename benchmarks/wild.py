"""Models as people have them: made by installed packages with random weights, read, compiled, and counted again.

    python benchmarks/wild.py [--json -] [--full | --smoke]

Torch modules (torchvision, timm, transformers, diffusers, torchaudio) are read by torch.export; scikit-learn,
LightGBM, XGBoost, CatBoost, Keras and TFLite write files. ``wild_accepted`` is the fraction, of the models that state
their sizes, that compiles with no operator left out and nothing given by hand; ``wild_accepted_bound`` that of all
models, with the options that a refusal names. ``wild_mac_mismatches`` counts models whose products differ from torch's
flop counter (on meta tensors) or from a formula over the estimator's or layers' arrays; where they are equal before
constants are folded, the difference is that and is explained.
``wild_tracebacks`` counts errors that are not one line. ``wild_seconds_vs_export`` is the median, over modules, of the
time to read and compile over torch.export's own in the same process; ``wild_memory_byte`` the most that reading a file
added to a process.

The default run takes a fixed part of every package; ``--full`` all. Files that were written stay in a folder under the
system's temporary one (``TOCOMPILER_WILD`` names another), as do results, by the text of the package: a run goes on
where another stopped. A package that is not installed is left out by name.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from claims import Claim, Options, main

FOLDER = Path(os.environ.get("TOCOMPILER_WILD") or Path(tempfile.gettempdir()) / "tocompiler_wild")
SECONDS = 300
"""What one model may take."""
LARGEST = 400_000_000
"""Parameters of a module that is made with values."""
KEPT = {"torchvision": 8, "timm": 12, "transformers": 14, "diffusers": 5, "torchaudio": 5, "keras": 3, "tflite": 1}
"""How many of a package's models a default run takes; all of those that are not named."""
_SMOKE = ("sklearn/Pipeline", "sklearn/RandomForestClassifier", "sklearn/SVC", "lightgbm/binary")


def run(options: Options) -> Iterator[Claim]:
    """Every claim about models from outside."""
    names = chosen(options)
    results = [result for name in names if (result := known(name)) is not None]
    done = {result["name"] for result in results}
    results += worked([name for name in names if name not in done])
    absent = Counter(str(r["absent"]) for r in results if "absent" in r)
    for reason, count in absent.items():
        print(f"left out: {count} models: {reason}", file=sys.stderr)
    results = [r for r in results if "absent" not in r]
    for result in results:
        said = verdict(result)
        if said:
            print(f"{result['name']}: {said}", file=sys.stderr)
    yield from claims(results, absent)


def claims(results: list[dict[str, Any]], absent: Mapping[str, int]) -> Iterator[Claim]:
    """What the results come to."""
    n = len(results)
    if not n:
        yield Claim("wild_accepted", None, reason="none of the packages is installed")
        return
    packages: dict[str, float | int | str | None] = {"models": n}
    packages |= Counter(r["name"].split("/")[0] for r in results)
    left_out = f"{sum(absent.values())} models left out, their packages cannot make them here" if absent else ""
    stated = [r for r in results if not r.get("bound")]
    yield Claim("wild_accepted", sum(bool(r.get("accepted")) for r in stated) / len(stated) if stated else None, "",
                packages | {"models that state their sizes": len(stated)},
                left_out if stated else "no model of this run states its sizes")
    yield Claim("wild_accepted_bound", sum(bool(r.get("accepted")) for r in results) / n, "", {
        "models whose options were pasted": sum(bool(r.get("bound")) for r in results)})
    checked = [r for r in results if r.get("accepted") and r.get("expected") is not None]
    yield Claim("wild_mac_mismatches", sum(differs(r) for r in checked), "models", {
        "checked": len(checked), "explained by folding": sum(r["products"] != r["expected"] and not differs(r)
                                                            for r in checked)})
    yield Claim("wild_tracebacks", sum("traceback" in r for r in results), "models")
    ratios = [r["seconds"] / r["export_seconds"] for r in results if r.get("export_seconds") and r.get("accepted")]
    yield Claim("wild_seconds_vs_export", statistics.median(ratios) if ratios else None, "", {
        "modules": len(ratios), "worst": max(ratios, default=0.)}, "" if ratios else "no module was read")
    memory = [r["memory_byte"] for r in results if "memory_byte" in r]
    yield Claim("wild_memory_byte", max(memory, default=None), "byte", {"files": len(memory)},
                "" if memory else "no file was read in this run")


def differs(result: Mapping[str, Any]) -> bool:
    """Whether neither the program's products nor those before folding are the expected ones."""
    return result["expected"] not in (result["products"], result["unfolded"])


def verdict(result: Mapping[str, Any]) -> str:
    """What is to be said of a result, or nothing."""
    if "traceback" in result:
        return str(result["traceback"])
    if not result.get("accepted"):
        return str(result.get("refused") or f"unmodelled: {', '.join(result.get('unmodelled', ()))}")
    if result.get("expected") is None or result["expected"] == result["products"]:
        return ""
    why = "not explained" if differs(result) else "operators over stored tensors are folded"
    return f"{result['products']} products, {result['expected']} expected: {why}"


def chosen(options: Options) -> list[str]:
    """The models of this run, spread evenly over each package's list."""
    if options.smoke:
        return list(_SMOKE)
    names = [*modules_by_name(), *writers_by_name()]
    if options.full:
        return names
    packages: dict[str, list[str]] = {}
    for name in names:
        packages.setdefault(name.split("/")[0], []).append(name)
    found = []
    for package, members in packages.items():
        step = max(len(members) // KEPT.get(package, len(members)), 1)
        found += members[::step][:KEPT.get(package, len(members))]
    return found


def modules_by_name() -> dict[str, Any]:
    from wild_torch import modules

    return {module.name: module for module in modules()}


def writers_by_name() -> dict[str, Any]:
    from wild_files import writers

    return writers()


# Results, kept by the text of what made them.


def digest() -> str:
    """Of every file of the program: a result stands for one state of it."""
    import tocompiler

    folder = Path(tocompiler.__file__).parent
    found = hashlib.sha256()
    for path in sorted((*folder.rglob("*.py"), *Path(__file__).parent.glob("wild*.py"))):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


def kept_at(name: str) -> Path:
    """Where a result is kept."""
    return FOLDER / "results" / digest() / f"{name.replace('/', '.')}.json"


def known(name: str) -> dict[str, Any] | None:
    """The result of an earlier run of this state of the program."""
    path = kept_at(name)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def worked(names: list[str]) -> Iterator[dict[str, Any]]:
    """Each result in turn: a process for each package, and another one where a model ends it."""
    packages: dict[str, list[str]] = {}
    for name in names:
        packages.setdefault(name.split("/")[0], []).append(name)
    for waiting in packages.values():
        while waiting:
            before = len(waiting)
            for line in _worker(waiting):
                result = json.loads(line)
                waiting.remove(result["name"])
                yield result
            if waiting and len(waiting) == before:  # the first one ended its process
                yield {"name": waiting.pop(0), "traceback": f"its process ended, or took more than {SECONDS} s"}


def _worker(names: list[str]) -> Iterator[str]:
    """Lines of a process that works on the models; it is ended when one of them takes too long."""
    command = [sys.executable, str(Path(__file__).resolve()), "--worker", *names]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "3",
                                "KERAS_BACKEND": "tensorflow" if names[0].startswith("tflite") else "torch"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment,
                          stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        yield from (line for line in process.stdout if line.startswith("{"))


# In the worker.


def work(names: list[str]) -> None:
    """Every model in turn, a line of JSON each; a model that takes too long ends the process."""
    import signal

    warnings.simplefilter("ignore")
    modules, files = modules_by_name(), writers_by_name()
    for name in names:
        signal.alarm(SECONDS)
        result: dict[str, Any] = {"name": name}
        try:
            result |= of_module(modules[name]) if name in modules else of_file(name, files[name])
        except ValueError as error:
            result["refused"] = " ".join(str(error).split())
        except Exception:
            result["traceback"] = traceback.format_exc()[-2000:]
        signal.alarm(0)
        path = kept_at(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result), encoding="utf-8")
        print(json.dumps(result), flush=True)


def of_module(architecture: Any) -> dict[str, Any]:
    """A torch module by torch.export, on the meta device where it runs there; torch's own counter beside it."""
    import torch

    import tocompiler

    try:
        module, inputs, expected = made(architecture)
    except Exception as error:
        first = str(error).splitlines() or [""]
        return {"absent": f"{type(error).__name__} when {architecture.name} is made: {first[0][:200]}"}
    keywords = inputs if isinstance(inputs, Mapping) else {}
    export = time.perf_counter()
    try:
        with torch.no_grad():
            torch.export.export(module, () if keywords else inputs, keywords, strict=False)
        exported = time.perf_counter() - export
    except Exception:
        exported = None
    start = time.perf_counter()
    counted = of_network(tocompiler.load(module, example_inputs=inputs))
    return counted | {"seconds": time.perf_counter() - start, "export_seconds": exported, "expected": expected}


def made(architecture: Any) -> tuple[Any, Any, int]:
    """The module, its inputs and its products: on the meta device, or on the CPU where it looks at values and is small
    enough. Fused attention and LSTMs are not counted on the CPU, so they are written out there."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with torch.device("meta"):
        inputs = architecture.inputs()
    module = architecture.module()
    try:
        return module, inputs, products(module, inputs)
    except Exception:
        if sum(p.numel() for p in module.parameters()) > LARGEST:
            raise
    module, inputs = architecture.make().eval(), architecture.inputs()
    with sdpa_kernel(SDPBackend.MATH), torch.backends.mkldnn.flags(enabled=False):
        return module, inputs, products(module, inputs)


def products(module: Any, inputs: Any) -> int:
    """Half of what torch's flop counter finds, and the products with experts that it cannot: without values,
    transformers' loop over the experts that were chosen is empty. Each token meets as many as the configuration says.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    torch.backends.mha.set_fastpath_enabled(False)  # it hides the products of torch's own transformer layers
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(**inputs) if isinstance(inputs, Mapping) else module(*inputs)
    experts = [m for m in module.modules() if type(m).__name__.endswith("Experts")]
    kernels = [p for m in experts for p in m.parameters(recurse=False) if p.ndim == 3 and p.is_meta]
    met = inputs["input_ids"].numel() * module.config.num_experts_per_tok if kernels else 0
    return int(counter.get_total_flops()) // 2 + met * sum(p[0].numel() for p in kernels)


def of_file(name: str, write: Any) -> dict[str, Any]:
    """A file, written once and kept."""
    import tocompiler

    folder = FOLDER / "files" / name
    note = folder / "made.json"
    if not note.exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            path, products = write(folder)
        except Exception as error:  # of any kind: the other package's, or its absence
            return {"absent": f"{type(error).__name__} when {name} is written: {str(error).splitlines()[0][:200]}"}
        note.write_text(json.dumps({"file": str(path), "products": products}), encoding="utf-8")
    made = json.loads(note.read_text(encoding="utf-8"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bound, options = "", {}
    for _ in range(3):  # what runs may only be known once the inputs are
        try:
            network = tocompiler.load(made["file"], **options)
            break
        except ValueError as error:
            bound = str(error)
            options = pasted(bound, options)
    else:
        raise ValueError(bound)
    counted = of_network(network)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return counted | {"expected": made["products"], "bound": bound, "memory_byte": grown}


def pasted(message: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a refusal names, added to those given; the refusal itself where it names none."""
    batch = re.search(r"--batch (\d+)", message)
    dims = {name: int(size) for name, size in re.findall(r"--dim '?([^\s'=]+)=(\d+)", message)}
    if batch is None and not dims:
        raise ValueError(message)
    return {"batch": int(batch.group(1)) if batch else options.get("batch"), "dims": options.get("dims", {}) | dims}


def of_network(network: Any) -> dict[str, Any]:
    """What a network counts, and what it counts before constants are folded and dead operators dropped."""
    import tocompiler
    from tocompiler.operators import Refused, Unmodelled, forward_work

    program = tocompiler.compile(network)
    unfolded = 0
    for op in network.operators:
        try:
            unfolded += forward_work(op).multiply_accumulates
        except (Refused, Unmodelled):
            continue
    unmodelled = sorted({u.operator for u in program.unmodelled})
    return {"accepted": not unmodelled, "unmodelled": unmodelled, "operators": len(network.operators),
            "products": int(program.alu.multiply_accumulates), "unfolded": int(unfolded)}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[2:])
    else:
        main(run, __doc__)
