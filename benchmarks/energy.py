"""How well energy is predicted on networks that were held out, beside plain models on the same splits.

    python benchmarks/energy.py [--json -] [--smoke] [--full]

Every figure is what ``tocompiler.calibrate`` and ``tocompiler.predict`` give a user: mean absolute percentage errors of
held-out rows, and their 90 % intervals. By default, layers are held out in two folds of ten and rows in five draws of
twenty; ``--full`` takes all.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import energy_getzner
import numpy as np
from claims import Claim, Options, datasets, main
from energy_rows import Array, Rows, draws, folds, in_products, leave_out, load, plain_errors, score

RAPTORLAKE = (("conv_forward", "conv2d ", "inference"), ("conv_backward", "conv2d ", "backward"),
              ("maxpool", "max_pool2d ", "inference"), ("linear_backward", "linear ", "backward"))
FLEXIBERT = {"m1_gpu": "m1_gpu", "rpi4": "rpi4", "jetson_cpu": "jetson_nano_cpu", "m1_cpu": "m1_cpu"}
FAMILIES = {"BERT": "encoder", "ViT": "encoder", "GPT": "gpt", "T5": "t5", "BART": "bart"}


def run(options: Options) -> Iterator[Claim]:
    """Every claim, then the coverage of all intervals together."""
    covered: dict[str, float] = {}
    pooled: list[tuple[int, float]] = []
    for claim, count in _all(options):
        if "coverage" in claim.compared_with:
            covered[claim.name] = float(claim.compared_with["coverage"] or 0.0)
            pooled.append((count, covered[claim.name]))
        yield claim
        print(f"{claim.name}: {claim.value}", file=sys.stderr, flush=True)
    if pooled:
        total = sum(n for n, _ in pooled)
        yield Claim("coverage_pooled", sum(n * c for n, c in pooled) / total, "%", {"rows": total})
        worst = max(covered, key=lambda k: abs(covered[k] - 90))
        yield Claim("coverage_worst_row", covered[worst], "%", {"row": worst})


def _all(options: Options) -> Iterator[tuple[Claim, int]]:
    number = 20 if options.full else 1 if options.smoke else 5
    folder = datasets()
    if folder is None:
        reason = "the data carry no licence: set TOCOMPILER_DATASETS to their folder"
        for name in ("network", "conv_layer", "linear_layer", "maxpool_layer"):
            yield Claim(f"getzner_{name}_mape", None, "%", reason=reason), 0
    else:
        yield from energy_getzner.claims(folder, options.smoke)
    yield from _raptorlake(options)
    yield from _k_rows("rtx6000_training", load("gpu_rtx6000", options.smoke), 30, number)
    yield from _tx2(options)
    yield from _transformers(number, options)
    for name, table in list(FLEXIBERT.items())[:1 if options.smoke else None]:
        yield from _k_rows(name, load(table, options.smoke), 30, number)


def _claim(name: str, rows: Rows, splits: list[tuple[Array, Array]], note: str = "") -> Claim:
    return Claim(f"{name}_mape", (found := score(rows, splits)).mape, "%",
                 {**found.summary(), **plain_errors(rows, splits)}, note)


def _raptorlake(options: Options) -> Iterator[tuple[Claim, int]]:
    everything = load("cpu_raptorlake", options.smoke)
    for name, layer, phase in RAPTORLAKE:
        rows = everything.take(np.array([m.group.startswith(layer) and m.program.alu.phase == phase
                                         for m in everything.measured]))
        if options.smoke:
            rows = rows.take(np.arange(60))
        splits = folds(rows)[:None if options.full else 1 if options.smoke else 2]
        found = score(rows, splits)
        yield Claim(f"raptorlake_{name}_mape", found.mape, "%", {**found.summary(), **plain_errors(rows, splits)},
                    f"{len(splits)} of 10 folds"), len(found.joule)
        if name.startswith("conv"):
            seconds = np.array([m.latency_second or 0.0 for m in rows.measured])
            kept = found.take(seconds[found.index] >= 1e-3)
            yield Claim(f"raptorlake_{name}_1ms_mape", kept.mape, "%", kept.summary(),
                        "the same predictions, rows that last 1 ms or longer"), len(kept.joule)


def _k_rows(name: str, rows: Rows, k: int, number: int) -> Iterator[tuple[Claim, int]]:
    yield _claim(f"{name}_k{k}", rows, draws(len(rows), k, number), f"{number} of 20 draws"), len(rows)


def _tx2(options: Options) -> Iterator[tuple[Claim, int]]:
    rows = load("jetson_tx2_maxn", options.smoke)
    for name, groups in (("model", rows.groups), ("family", np.array([g.split("_")[0] for g in rows.groups]))):
        splits = leave_out(groups)[:1 if options.smoke else None]
        yield _claim(f"tx2_{name}_out", rows, splits), len(rows)


def _transformers(number: int, options: Options) -> Iterator[tuple[Claim, int]]:
    rows = load("gpu_rtx4090_laptop", options.smoke)
    family = np.array([next(f for key, f in FAMILIES.items() if key.lower() in g.lower()) for g in rows.groups])
    for name, groups in (("model", rows.groups), ("family", family)):
        yield _claim(f"rtx4090_{name}_out", rows, leave_out(groups)[:1 if options.smoke else None]), len(rows)
    yield from _k_rows("rtx4090", rows, 10, number)
    half = np.array([m.program.alu.format == "fp16" for m in rows.measured])
    for name, train in (("fp16_to_fp32", half), ("fp32_to_fp16", ~half)):
        split = [(np.flatnonzero(train), np.flatnonzero(~train))]
        figures = plain_errors(rows, split) | {"same_with_macs": score(in_products(rows), split).mape}
        yield Claim(f"rtx4090_{name}_mape", score(rows, split).mape, "%", figures,
                    "the ratio of the formats is that of significand multipliers"), 0


if __name__ == "__main__":
    main(run, __doc__)
