"""Networks from layers: fit on the random layers of the Xeon 5120 study, predict layers of networks and networks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from claims import Claim
from energy_protocols import PLAIN, Result, model
from energy_sets import XEON_CACHE_BYTE, EnergySet, layers_of, load_getzner
from tocompiler.energy.pages import resolved

from hardware.energy_model import EnergyModel
from hardware.measurement import MeasurementRow
from hardware.runtime import preset
from tocompiler.energy.fitting import Choices, HeldOut, Rows, fit, held_out
from tocompiler.energy.intervals import conformal, widening
from tocompiler.energy.metrics import mape

__all__ = ["claims"]

KINDS = {"conv2d": "Conv", "linear": "Gemm", "max_pool2d": "MaxPool", "relu": "Relu"}
CORRECTED = ("Conv", "Gemm", "MaxPool")


@dataclass(frozen=True)
class _Kind:
    """One kind of layer: its random layers and its model, whose interval is for layers unlike the fitted ones."""

    data: EnergySet
    model: EnergyModel

    @property
    def page_joule_per_byte(self) -> float:
        """What a byte of a freshly mapped page costs."""
        return self.model.coefficients[self.model.terms.index("fresh")]


def claims(folder: Path, smoke: bool) -> Iterator[Claim]:
    """The four claims of this data set, and the layer-wise networks beside the first."""
    table = load_getzner(folder)
    split = {name: [r for r in table if r.conditions["split"] == name]
             for name in ("random", "arch_layerwise", "arch_layer_config", "arch_full")}
    kinds: dict[str, _Kind] = {}
    for k, operator in KINDS.items():
        page = kinds["Conv"].page_joule_per_byte if operator == "MaxPool" else None
        kinds[operator] = _fitted(k, [r for r in split["random"] if r.model.startswith(f"{k} ")], smoke, page)
    networks = [r for r in split["arch_full"] + split["arch_layerwise"] if " " not in r.model]
    yield _networks(kinds, networks, "arch_full")
    single = [r for r in split["arch_layerwise"] + split["arch_layer_config"] if " " in r.model]
    for name, kind in (("conv", "conv2d"), ("linear", "linear"), ("maxpool", "max_pool2d")):
        yield _layers(name, kinds[KINDS[kind]], [r for r in single if r.model.startswith(f"{kind} ")])


def _fitted(kind: str, table: list[MeasurementRow], smoke: bool, page: float | None) -> _Kind:
    """The model of one kind. Where the joule per byte of a fresh page is known, rows on recycled pages are told apart:
    only half of the random pooling layers of 32 MiB to 1 GB pay for theirs, but nearly all convolutions do."""
    # The study's ReLU layers write to new memory; torchvision's networks apply them in place.
    runtime = replace(preset("onednn_avx512"), in_place=())
    data = layers_of(kind, table[:200] if smoke else table, XEON_CACHE_BYTE, runtime)
    choices = Choices(exponent=False, correction=KINDS[kind] in CORRECTED and not smoke)
    rows = data.rows
    if page is not None:
        rows, choices = resolved(rows, choices, page), replace(choices, held=(("fresh", page),))
    fitted = fit(rows, choices, "operator")
    interval = replace(conformal(_by_region(rows, choices)), widening=widening(rows, choices))
    return _Kind(data, replace(fitted, interval=interval))


def _by_region(rows: Rows, choices: Choices, regions: int = 6) -> HeldOut:
    """Layers held out region by region of their sizes: residuals of random folds would be those of neighbours, but
    layers of networks lie apart."""
    from sklearn.cluster import KMeans

    facts = rows.facts - rows.facts.mean(0)
    size = np.maximum(facts.std(0), 1e-9)
    region = KMeans(regions, n_init=3, random_state=0).fit_predict(facts / size)
    return held_out(rows, choices, "operator", count=regions, together=region)


def _layers(name: str, kind: _Kind, table: list[MeasurementRow]) -> Claim:
    data = layers_of(name, table, XEON_CACHE_BYTE)
    predicted = kind.model.joule(data.rows.terms, data.rows.facts)
    half = kind.model.half_width(predicted, data.rows.terms, data.rows.facts)
    result = Result(data.rows.joule, predicted, half, np.arange(len(predicted)))
    return Claim(f"getzner_{name}_layer_mape", result.mape, "%", {**result.summary(), **_plain(kind, data)},
                 "correction: kernel + trees; interval from layers held out by region")


def _plain(kind: _Kind, data: EnergySet) -> dict[str, float]:
    """The plain models, and the same form without correction, on transistor operations and on products."""
    both = EnergySet("both", kind.data.table + data.table, [], _joined(kind.data.rows, data.rows),
                     _joined(kind.data.macs, data.macs), np.vstack([kind.data.shapes, data.shapes]),
                     np.vstack([kind.data.roofline, data.roofline]))
    train, test = np.arange(len(kind.data.table)), np.arange(len(kind.data.table), len(both.table))
    figures = {n: mape(data.rows.joule, p(both, train, test)) for n, p in PLAIN.items()}
    bare = Choices(exponent=False, correction=False)
    for name, macs in (("same_with_macs", True), ("same_uncorrected", False)):
        figures[name] = mape(data.rows.joule, model(bare, "operator", macs)(both, train, test))
    return figures


def _joined(a: Rows, b: Rows) -> Rows:
    return Rows(np.vstack([a.terms, b.terms]), np.vstack([a.facts, b.facts]), np.concatenate([a.joule, b.joule]),
                np.concatenate([a.groups, b.groups]), a.names)


def _networks(kinds: dict[str, _Kind], table: list[MeasurementRow], split: str) -> Claim:
    data = layers_of("network", table, XEON_CACHE_BYTE)
    predicted, half = np.zeros(len(table)), np.zeros(len(table))
    by_product = np.zeros(len(table))
    for i, found in enumerate(data.found):
        for name, kind in kinds.items():
            units = [u for u, row in enumerate(found.leaders) if found.rows[row].operator == name]
            joule = kind.model.joule(found.unit_terms[units], found.unit_facts[units])
            width = kind.model.half_width(joule, found.unit_terms[units], found.unit_facts[units])
            predicted[i] += joule.sum()
            half[i] += kind.model.interval.of_sum(joule, width) ** 2
        by_product[i] = data.roofline[i, 0] / 2
    result = Result(data.rows.joule, predicted, np.sqrt(half) / predicted, np.arange(len(table)))
    whole = np.array([r.conditions["split"] == split for r in table])
    conv = kinds["Conv"].data
    rate = float(np.median(conv.rows.joule / (conv.roofline[:, 0] / 2)))
    return Claim("getzner_network_mape", result.mape, "%", {
        **result.summary(), "networks_measured_whole": mape(data.rows.joule[whole], predicted[whole]),
        "networks_measured_layerwise": mape(data.rows.joule[~whole], predicted[~whole]),
        "macs_only": mape(data.rows.joule, rate * by_product),
    }, "sum of layers, errors of one kind as correlated as in regions held out: convolution, linear and pooling "
       "corrected, ReLU in place; other layers count nothing")
