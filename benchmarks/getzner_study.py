"""Getzner's own records: the published test R2 of each layer type, and the failure and the cure on whole networks."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tocompiler.estimators import FORMS, Getzner, GetznerRelative, Layer, LayerFit

FILE = "cpu_xeon5120_getzner.csv"
SEED = 1234
Array = NDArray[np.float64]
Layers = dict[str, tuple[list[Layer], Array]]


def records(folder: Path) -> list[dict[str, str]]:
    """The study's records."""
    with (folder / FILE).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def layer(record: Mapping[str, str]) -> Layer:
    """A record of one layer; the work is the study's own count."""
    def number(name: str) -> float:
        return float(record[name] or 0)

    shape = {"batch": number("batch"), "features": number("in_features"), "size": number("in_size"),
             "kernel": number("kernel"), "channels": number("in_channels"), "stride": number("stride"),
             "padding": number("padding")}
    return Layer(record["layer_type"], number("macs") or shape["batch"] * shape["features"], shape)


def random_layers(rows: Iterable[Mapping[str, str]]) -> Layers:
    """The random layers by type, with their joules."""
    kept: dict[str, list[Any]] = defaultdict(list)
    for r in rows:
        if r["split_hint"] == "random":
            kept[r["layer_type"]].append((layer(r), float(r["energy_joule"])))
    return {kind: ([x for x, _ in pairs], np.array([e for _, e in pairs])) for kind, pairs in kept.items()}


def split(count: int, seed: int) -> tuple[Array, Array]:
    """The study's split: a permutation, its first 70 % to train, its last 10 % to test."""
    order = np.random.RandomState(seed).permutation(count)
    return order[:int(0.7 * count)], order[int(0.9 * count):]


def r2(measured: Array, predicted: Array) -> float:
    """Coefficient of determination."""
    return float(1 - np.sum((measured - predicted) ** 2) / np.sum((measured - measured.mean()) ** 2))


def mape(measured: Array, predicted: Array) -> float:
    """Mean absolute relative error, percent."""
    return float(100 * np.mean(np.abs(predicted / measured - 1)))


def test_r2(layers: Sequence[Layer], joule: Array, seed: int) -> float:
    """Test R2 of a type's published form under one split."""
    train, test = split(len(joule), seed)
    fit = LayerFit.of(FORMS[layers[0].kind], [layers[i] for i in train], joule[train])
    return r2(joule[test], fit.predict([layers[i] for i in test]))


Method = TypeVar("Method", Getzner, GetznerRelative)


def trained(rows: Sequence[Mapping[str, str]], estimator: Method, seed: int = SEED) -> Method:
    """An estimator fitted on the 70 % of each type that the split trains on."""
    part: Layers = {}
    for kind, (layers, joule) in random_layers(rows).items():
        train, _ = split(len(joule), seed)
        part[kind] = [layers[i] for i in train], joule[train]
    return estimator.fit_layers(part)


def networks(rows: Iterable[Mapping[str, str]]) -> list[tuple[list[Layer], Array, float]]:
    """The networks measured layer by layer: layers, their joules, joules of the whole."""
    groups: dict[tuple[str, str], list[Mapping[str, str]]] = defaultdict(list)
    for r in rows:
        if r["split_hint"] == "arch_layerwise":
            groups[r["model"], r["batch"]].append(r)
    found = []
    for group in groups.values():
        parts = [r for r in group if r["layer_type"] != "network"]
        whole = next(float(r["energy_joule"]) for r in group if r["layer_type"] == "network")
        found.append(([layer(r) for r in parts], np.array([float(r["energy_joule"]) for r in parts]), whole))
    return found


def network_scores(rows: Sequence[Mapping[str, str]], estimator: Getzner | GetznerRelative) -> dict[str, float]:
    """Total R2 and MAPE on the networks, and R2 of each layer type in them. The sum of a network's
    predicted layers is held against the network measured whole."""
    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for layers, joules, whole in networks(rows):
        predicted = [estimator.predict_layer(x) for x in layers]
        pairs["total"].append((whole, sum(predicted)))
        for x, measured, guess in zip(layers, joules, predicted, strict=True):
            pairs[x.kind].append((measured, guess))
    columns = {kind: np.array(values).T for kind, values in pairs.items() if kind == "total" or kind in FORMS}
    scores = {f"{kind}_r2": r2(*both) for kind, both in columns.items()}
    return {**scores, "total_mape": mape(*columns["total"])}
