"""Energy of served language models: operators on H200 and B200, number formats that were not measured, services.

    python benchmarks/data_centre.py [--json -] [--smoke] [--full]

Protocols, fixed before any figure: shapes are held out in groups (five parts of the groups: (n, k) pairs, heads,
experts); every model sees the same rows; figures are mean absolute percentage errors in the mean of both devices. The
default run takes a sample of the rows and two of the parts, ``--full`` all. Everything of ours goes through
``calibrate`` and ``predict``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from claims import Claim, Options, datasets, main
from data_centre_hub import hub_claims
from data_centre_models import model_claims
from data_centre_rows import DEVICES, OPERATORS, Array, Table, additive, boosted, operators, products, repeated
from data_centre_serving import Served, additive_steps, calibrated, ecologits, one_factor, services

import hardware
import tocompiler

PLAIN = {"macs": products, "additive": additive, "boosted_shapes": boosted}
TRANSFERS = (("h200", "fp8_block", "fp8"), ("b200", "fp8_block", "fp8"), ("b200", "nvfp4", "nvfp4"))


def run(options: Options) -> Iterator[Claim]:
    """Every claim; without the data sets, each with the reason."""
    folder = datasets()
    if folder is None or not (folder / "dc_gemm.csv.gz").exists():
        for name in (*(f"dc_{o}_unseen" for o in OPERATORS), *(_transfer_name(*t) for t in TRANSFERS),
                     "dc_serving_dense_bf16", "dc_serving_all", "dc_models_a10_model_out", "dc_models_a100_model_out"):
            yield Claim(name, None, "%", reason="set TOCOMPILER_DATASETS to the folder of the dc_* tables")
        yield from model_claims(options)
        return
    most = 60 if options.smoke else 600 if not options.full else None
    for name in OPERATORS:
        rows = 2 * most if most and name == "gemm" else most  # two kinds of product share them
        yield _unseen(folder, name, rows, 5 if options.full else 1)
    for transfer in TRANSFERS:
        yield _transfer(folder, *transfer, most)
    served = services(folder, 1 if options.full else 2) if not options.smoke else services(folder, 6, "8B")
    yield _served("dc_serving_dense_bf16", served.take(served.dense))
    yield _served("dc_serving_all", served)
    yield from hub_claims(folder, options)
    yield from model_claims(options)


def _mape(predicted: Array, joule: Array) -> float:
    return 100 * float(np.abs(predicted / joule - 1).mean())


def _unseen(folder: Path, name: str, most: int | None, parts: int) -> Claim:
    """Held-out shapes of an operator, in the mean of both devices, and the plain models on the same rows."""
    figures: dict[str, list[float]] = {}
    for device in DEVICES:
        table = operators(folder, name, device, most)
        rest: dict[str, list[Array]] = {label: [] for label in PLAIN}
        ours, joule = [], []
        for train, test in _folds(table.groups, parts):
            test = test[table.second[test] >= OPERATORS[name].scored_from]
            joule.append(table.joule[test])
            ours.append(_predicted(table, _calibrated(table, train, device), test))
            for label, plain in PLAIN.items():
                rest[label].append(plain(table, train, test))
        measured = np.concatenate(joule)
        for label, found in {device: ours, "ours": ours, **rest}.items():
            figures.setdefault(label, []).append(_mape(np.concatenate(found), measured))
    beside = {label: float(np.mean(values)) for label, values in figures.items() if label != "ours"}
    return Claim(f"dc_{name}_unseen", float(np.mean(figures["ours"])), "%", beside)


def _folds(groups: Array, parts: int) -> Iterator[tuple[Array, Array]]:
    """Training and held-out rows: the groups in a fixed random order dealt to five parts, the first ``parts`` of them.
    """
    names, index = np.unique(groups, return_inverse=True)
    part = (np.random.default_rng(0).permutation(len(names)) % 5)[index]
    for k in range(parts):
        yield np.flatnonzero(part != k), np.flatnonzero(part == k)


def _calibrated(table: Table, train: Array, device: str) -> hardware.Device:
    runtime, cache = DEVICES[device]
    return tocompiler.calibrate([table.measured[i] for i in train], device, runtime=hardware.load_runtime(runtime),
                                facts=hardware.facts_of(f"gpu_{device}"), known=repeated(device),
                                memory=[hardware.MemoryLevel("l2", cache)])


def _predicted(table: Table, device: hardware.Device, test: Array) -> Array:
    return np.array([tocompiler.predict(table.measured[i].program, device).energy_joule for i in test])


def _transfer_name(device: str, format: str, short: str) -> str:
    return f"dc_{device}_bf16_to_{short}"


def _transfer(folder: Path, device: str, format: str, short: str, most: int | None) -> Claim:
    """Fitted on bf16 alone, rows from .3 ms on; bf16 weights were never written by the meter's harness, and where a
    fresh matrix is all zeros (k from 51,200 on: .7 of the energy) the row is left out of the fit."""
    table = operators(folder, "gemm", device, None if most is None else 5 * most)
    table = table.take(table.second >= 3e-4)
    summed = np.expm1(table.shapes[:, 2])
    train = np.flatnonzero((table.formats == "bfloat16") & (summed < 51_200))
    test = np.flatnonzero(table.formats == format)
    if most is not None:
        test = test[::max(1, len(test) // (most // 4))]
    found = _predicted(table, _calibrated(table, train, device), test)
    joule = table.joule[test]
    first = np.expm1(table.shapes[test, 0]) == 32_768
    beside = {"macs": _mape(products(table, train, test), joule),
              "without_first_of_sweep": _mape(found[~first], joule[~first])}
    return Claim(_transfer_name(device, format, short), _mape(found, joule), "%", beside)


def _served(name: str, served: Served) -> Claim:
    """Services whose model's whole family is left out, with the coverage of 90 % intervals."""
    figures: dict[str, list[Array]] = {"ours": [], "macs": [], "additive": []}
    order: list[Array] = []
    inside: list[bool] = []
    for family in np.unique(served.groups):
        train, test = np.flatnonzero(served.groups != family), np.flatnonzero(served.groups == family)
        if not len(train):
            continue
        device = calibrated(served, train)
        found = [tocompiler.predict(m.program, device, m.conditions)
                 for m in (served.measured[i] for i in test)]
        order.append(test)
        inside += [p.low_joule <= served.joule[i] <= p.high_joule for p, i in zip(found, test, strict=True)]
        figures["ours"].append(np.array([p.energy_joule for p in found]))
        figures["macs"].append(one_factor(served, train, test))
        figures["additive"].append(additive_steps(served, train, test))
    joule = served.joule[np.concatenate(order)]
    errors = {label: _mape(np.concatenate(values), joule) for label, values in figures.items()}
    formula = _mape(ecologits(served), served.joule)
    beside = {"ecologits": formula, "coverage": 100 * float(np.mean(inside)), "rows": len(joule)}
    return Claim(name, errors.pop("ours"), "%", {**errors, **beside})


if __name__ == "__main__":
    main(run, __doc__)
