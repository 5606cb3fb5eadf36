"""How well energy is predicted on networks that were held out, beside plain models on the same splits.

    python benchmarks/energy.py [--json -] [--smoke]

One general form serves every row: non-negative coefficients on at most eight physical terms (docs/energy.md). What a
row adds, a runtime preset or a correction, is named in its note. Figures are mean absolute percentage errors of held-
out rows; intervals are for 90 %.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from claims import Claim, Options, datasets, main
from energy_protocols import PLAIN, Result, draws, errors, folds_of, leave_out, model, score
from energy_sets import EnergySet, load

from tocompiler.energy.fitting import Array, Choices
from tocompiler.energy.metrics import mape

LAYERS = Choices(exponent=False)
PROGRAMS = Choices()
FEW = Choices(correction=False)

RAPTORLAKE = (("conv_forward", "conv2d ", "inference"), ("conv_backward", "conv2d ", "backward"),
              ("maxpool", "max_pool2d ", "inference"), ("linear_backward", "linear ", "backward"))
FLEXIBERT = {"m1_gpu": "m1_gpu", "rpi4": "rpi4", "jetson_cpu": "jetson_nano_cpu", "m1_cpu": "m1_cpu"}
FAMILIES = {"BERT": "encoder", "ViT": "encoder", "GPT": "gpt", "T5": "t5", "BART": "bart"}


def run(options: Options) -> Iterator[Claim]:
    """Every claim, then the coverage of all intervals together."""
    results: dict[str, dict[str, float]] = {}
    pooled: list[tuple[int, float]] = []
    for claim, count in _all(options):
        if "coverage" in claim.compared_with:
            results[claim.name] = {k: float(v) for k, v in claim.compared_with.items() if isinstance(v, float)}
            pooled.append((count, results[claim.name]["coverage"]))
        yield claim
        print(f"{claim.name}: {claim.value}", file=sys.stderr, flush=True)
    if pooled:
        total = sum(n for n, _ in pooled)
        yield Claim("coverage_pooled", sum(n * c for n, c in pooled) / total, "%", {"rows": total})
        worst = max(results, key=lambda k: abs(results[k]["coverage"] - 90))
        yield Claim("coverage_worst_row", results[worst]["coverage"], "%", {"row": worst})


def _all(options: Options) -> Iterator[tuple[Claim, int]]:
    number = 2 if options.smoke else 20
    folder = datasets()
    if folder is None:
        reason = "the data carry no licence: set TOCOMPILER_DATASETS to their folder"
        for name in ("network", "conv_layer", "linear_layer", "maxpool_layer"):
            yield Claim(f"getzner_{name}_mape", None, "%", reason=reason), 0
    else:
        from energy_getzner import claims

        for claim in claims(folder, options.smoke):
            yield claim, 500
    yield from _raptorlake(options.smoke)
    yield from _k_rows("rtx6000_training", load("gpu_rtx6000"), 30, number)
    yield from _tx2()
    yield from _transformers(number, FEW if options.smoke else PROGRAMS)
    for name, table in list(FLEXIBERT.items())[:1 if options.smoke else None]:
        yield from _k_rows(name, load(table), 30, number)


def _claim(name: str, data: EnergySet, splits: list[tuple[Array, Array]], choices: Choices, note: str,
           level: str = "program", inner: bool = False) -> tuple[Claim, Result]:
    result = score(data.rows, splits, choices, level, inner)
    plain = {n: errors(data, splits, p) for n, p in PLAIN.items()}
    plain |= _with_products(data, splits, choices, level)
    return Claim(f"{name}_mape", result.mape, "%", {**result.summary(), **plain}, note), result


def _with_products(data: EnergySet, splits: list[tuple[Array, Array]], choices: Choices,
                   level: str) -> dict[str, float]:
    """The same model with multiply-accumulates in place of transistor operations; without the correction, where there
    is one, for both, as it would hide what the term is worth."""
    bare = replace(choices, correction=False)
    figures = {"same_with_macs": errors(data, splits, model(bare, level, macs=True))}
    if choices.correction:
        figures["same_uncorrected"] = errors(data, splits, model(bare, level))
    return figures


def _raptorlake(smoke: bool) -> Iterator[tuple[Claim, int]]:
    everything = load("cpu_raptorlake")
    for name, layer, phase in RAPTORLAKE:
        data = everything.take(np.array([r.model.startswith(layer) and r.phase == phase for r in everything.table]))
        if smoke:
            data = data.take(np.arange(150))
        claim, result = _claim(f"raptorlake_{name}", data, folds_of(data), replace(LAYERS, correction=not smoke),
                               "correction: kernel + trees; preset onednn_avx2", "operator")
        yield claim, len(data.table)
        if name.startswith("conv"):
            long = np.array([(data.table[i].latency_second or 0.0) >= 1e-3 for i in result.index])
            kept = Result(result.joule[long], result.predicted[long], result.half_width[long], result.index[long])
            yield Claim(f"raptorlake_{name}_1ms_mape", kept.mape, "%", {**kept.summary()},
                        "the same predictions, rows that last 1 ms or longer"), int(long.sum())


def _k_rows(name: str, data: EnergySet, k: int, number: int) -> Iterator[tuple[Claim, int]]:
    splits = draws(len(data.table), k, number)
    power = "; power of the sum" if k >= 15 else ""
    claim, _ = _claim(f"{name}_k{k}", data, splits, FEW, f"preset {data.table[0].runtime}{power}", inner=True)
    yield claim, len(data.table)


def _tx2() -> Iterator[tuple[Claim, int]]:
    data = load("jetson_tx2_maxn")
    family = np.array([g.split("_")[0] for g in data.rows.groups])
    for name, groups in (("model", data.rows.groups), ("family", family)):
        claim, _ = _claim(f"tx2_{name}_out", data, leave_out(groups), FEW, "preset packed_gpu; power of the sum")
        yield claim, len(data.table)


def _transformers(number: int, choices: Choices) -> Iterator[tuple[Claim, int]]:
    data = load("gpu_rtx4090_laptop")
    family = np.array([next(f for key, f in FAMILIES.items() if key.lower() in g.lower()) for g in data.rows.groups])
    for name, groups in (("model", data.rows.groups), ("family", family)):
        claim, _ = _claim(f"rtx4090_{name}_out", data, leave_out(groups), choices,
                          "preset pytorch_cuda; power of the sum; correction: kernel + trees where "
                          "cross-validation gains")
        yield claim, len(data.table)
    yield from _k_rows("rtx4090", data, 10, number)
    half = np.array([r.format == "fp16" for r in data.table])
    for name, train in (("fp16_to_fp32", half), ("fp32_to_fp16", ~half)):
        split = [(np.flatnonzero(train), np.flatnonzero(~train))]
        figures = {n: errors(data, split, p) for n, p in PLAIN.items()}
        predicted = model(FEW)(data, *split[0])
        figures["same_with_macs"] = mape(data.rows.joule[~train], model(FEW, macs=True)(data, *split[0]))
        yield Claim(f"rtx4090_{name}_mape", mape(data.rows.joule[~train], predicted), "%", figures,
                    "preset pytorch_cuda; the ratio of the formats is that of significand multipliers"), 0


if __name__ == "__main__":
    main(run, __doc__)

