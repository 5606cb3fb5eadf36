"""Device files: TOML under a schema number, in which everything is found by name.

Schema 4 (this one) may have models of run times and what a data sheet says beside the models of energy. Schema 3 had
neither, schema 2 no terms of their own for depthwise convolutions and parameters beyond the cache, schema 1 listed its
terms in a fixed order, and the runtime as fields; all are read and brought up to date. A newer schema is refused.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from hardware.energy_model import Array, Draws, EnergyModel, Interval, Kernel, Trees
from hardware.facts import Facts
from hardware.memory import MemoryLevel
from hardware.model_checks import check_model
from hardware.runtime import Runtime, load_runtime
from hardware.terms import FACTS, TERMS

if TYPE_CHECKING:
    from hardware.device import Device

__all__ = ["SCHEMA", "read", "written"]

SCHEMA = 4
_DEVICE = ("schema", "name", "data_hash", "rows", "description", "source", "runtime", "memory", "models",
           "times", "facts", "measured_watt")
_MODEL = ("level", "operators", "phase", "exponent", "kernel_share", "coefficients", "range", "covariance", "metrics",
          "interval", "seen", "kernel", "trees", "rows", "draws", "plain", "shares", "measured")
_FIRST_TERMS = ("compute", "near", "far", "fresh", "weights", "branches", "kernels", "samples", "constant")
"""The terms of schema 1, in its order; its facts were the first of today's."""
_LATER: Mapping[str, tuple[str, float]] = {"depthwise": ("compute", 1.0), "uncached": ("weights", 0.0)}
"""Terms that older files do not have, the term that was all there was, and what share of its coefficient they had."""


def written(device: Device) -> str:
    """The device as TOML text."""
    import tomli_w

    table: dict[str, Any] = {
        "schema": SCHEMA, "name": device.name, "data_hash": device.data_hash, "rows": device.rows,
        "description": device.description, "source": device.source, "runtime": device.runtime.as_table(),
        "memory": {level.name: {k: v for k, v in asdict(level).items() if k != "name" and v is not None}
                   for level in device.memory},
        "facts": {k: v for k, v in asdict(device.facts).items() if v not in (None, "", {})},
        "models": {label: _model_table(model) for label, model in device.models.items()},
        **({"measured_watt": list(device.measured_watt)} if device.measured_watt else {}),
        "times": {label: _model_table(model) for label, model in device.times.items()},
    }
    return tomli_w.dumps(table, multiline_strings=True)


def _model_table(model: EnergyModel) -> dict[str, Any]:
    table: dict[str, Any] = {
        "level": model.level, "operators": list(model.operators), "phase": model.phase, "exponent": model.exponent,
        "coefficients": dict(zip(model.terms, model.coefficients, strict=True)),
        "range": {t: [low, high] for t, low, high in zip(model.terms, model.low, model.high, strict=True)
                  if low <= high},
        "covariance": {t: dict(zip(model.terms, row, strict=True)) for t, row in zip(model.terms, model.covariance,
                                                                                    strict=False) if any(row)},
        "metrics": dict(model.metrics), "interval": asdict(model.interval),
        "seen": {respect: list(names) for respect, names in model.seen.items()},
    }
    if all(map(math.isfinite, model.measured)):
        table["measured"] = list(model.measured)
    if model.kernel is not None:
        table |= {"kernel_share": model.kernel_share, "kernel": _learner_table(model.kernel)}
    if model.trees is not None:
        table["trees"] = _learner_table(model.trees)
    if model.draws is not None:
        table |= {"rows": model.rows, "draws": {"terms": list(model.terms), **_learner_table(model.draws)}}
    if model.shares:
        table |= {"shares": dict(model.shares), "plain": {
            name: {t: c for t, c in zip(model.terms, values, strict=True) if c}
            for name, values in model.plain.items()}}
    return table


def _learner_table(learner: Kernel | Trees | Draws) -> dict[str, Any]:
    return {k: _text(v) if isinstance(v, np.ndarray) else list(v) for k, v in vars(learner).items()
            if k in type(learner).__dataclass_fields__}


def _text(values: Array) -> str:
    """Numbers as text, one row a line: TOML's own arrays of thousands of numbers are slow to read."""
    return "\n".join(" ".join(f"{x:.5g}" for x in row) for row in np.atleast_2d(values)) + "\n"


def read(text: str) -> Device:
    """A device from its TOML text; ValueError says in one line what is missing, unknown or wrong."""
    from hardware.device import Device

    try:
        table = tomllib.loads(text)
        schema = table.get("schema", 1)
        if schema not in range(1, SCHEMA + 1):
            raise ValueError(f"its schema is {schema}, this version reads up to {SCHEMA}: install a newer tocompiler")
        _known(table, _DEVICE, "a device")
        runtime = table.get("runtime", {"name": "generic"})
        return Device(
            _text_of(table, "name"), load_runtime(runtime["name"]) if schema == 1 else Runtime.from_table(runtime),
            tuple(MemoryLevel(name, **values) for name, values in table.get("memory", {}).items()),
            {label: _model(values if schema > 2 else _with_later(values if schema > 1 else _migrated(values)))
             for label, values in table.get("models", {}).items()},
            _text_of(table, "data_hash", ""), int(table.get("rows", 0)), _text_of(table, "description", ""),
            _text_of(table, "source", ""),
            {label: _model(values) for label, values in table.get("times", {}).items()},
            Facts(**table.get("facts", {})),
            _ends(table["measured_watt"], "measured_watt") if "measured_watt" in table else None)
    except Exception as error:  # whatever a file holds in the place of a table, a list or a number
        what = f"{error} is missing" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise ValueError(f"not a device file: {what}") from error


def _text_of(table: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = table[key] if default is None else table.get(key, default)
    if not isinstance(value, str):
        raise ValueError(f"{key} is {value!r}, not text")
    return value


def _known(table: Mapping[str, Any], allowed: Sequence[str] | Mapping[str, Any], what: str) -> None:
    """ValueError that names the first key that is not allowed."""
    for key in table:
        if key not in allowed:
            raise ValueError(f"{what} has no '{key}'; use one of {', '.join(allowed)}")


def _model(table: Mapping[str, Any]) -> EnergyModel:
    _known(table, _MODEL, "a model")
    coefficients, ranges = table["coefficients"], table.get("range", {})
    for part in (coefficients, ranges, table.get("covariance", {})):
        _known(part, TERMS, "the list of terms")
    terms = tuple(coefficients)
    for term, value in coefficients.items():
        _number(value, f"coefficient {term}", least=0.0)
    if not any(coefficients.values()):
        raise ValueError("every coefficient is 0: nothing would cost energy")
    covariance = table.get("covariance", {})
    for t in covariance:
        if _number(covariance[t].get(t, 0.0), f"variance of {t}", least=0.0) == 0.0 and any(covariance[t].values()):
            raise ValueError(f"variance of {t} is 0, its covariances are not")
    model = EnergyModel(
        level=table["level"], terms=terms, coefficients=tuple(float(coefficients[t]) for t in terms),
        interval=_interval(table["interval"]),
        covariance=tuple(tuple(float(covariance.get(a, {}).get(b, 0.0)) for b in terms) for a in terms)
        if covariance else (),
        operators=tuple(table.get("operators", ())), phase=table.get("phase", ""),
        exponent=_number(table.get("exponent", 1.0), "exponent", least=1e-3),
        low=tuple(float(ranges.get(t, (math.inf, -math.inf))[0]) for t in terms),
        high=tuple(float(ranges.get(t, (math.inf, -math.inf))[1]) for t in terms),
        metrics=dict(table.get("metrics", {})), seen={k: tuple(v) for k, v in table.get("seen", {}).items()},
        kernel_share=float(table.get("kernel_share", 0.5)),
        kernel=Kernel(**_learner(table["kernel"])) if "kernel" in table else None,
        trees=Trees(**_learner(table["trees"])) if "trees" in table else None,
        rows=int(table.get("rows", 0)),
        draws=_draws(table["draws"], terms) if "draws" in table else None,
        plain={name: tuple(float(values.get(t, 0.0)) for t in terms)
               for name, values in table.get("plain", {}).items()},
        measured=_ends(table.get("measured", (-math.inf, math.inf)), "measured"),
        shares={name: float(share) for name, share in table.get("shares", {}).items()})
    check_model(model)
    return model


def _draws(table: Mapping[str, Any], terms: Sequence[str]) -> Draws:
    """Draws whose columns, found by name, follow the model's terms."""
    place = {name: i for i, name in enumerate(table["terms"])}
    if place.keys() != set(terms):
        raise ValueError("the draws' terms are not the coefficients'")
    columns = np.atleast_2d(_array(table["coefficients"]))[:, [place[t] for t in terms]]
    return Draws(columns, **{k: _array(v) for k, v in table.items() if k not in ("terms", "coefficients")})


def _ends(values: Sequence[float], what: str) -> tuple[float, float]:
    low, high = map(float, values)
    if not low <= high:
        raise ValueError(f"{what} is [{low}, {high}]: give the least and the largest")
    return low, high


def _interval(table: Mapping[str, Any]) -> Interval:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    return Interval(**values)


def _number(value: Any, what: str, least: float) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value) or value < least:
        raise ValueError(f"{what} is {value!r}: give a finite number of at least {least:g}")
    return float(value)


def _learner(table: Mapping[str, Any]) -> dict[str, Any]:
    learner = {k: _array(v) if isinstance(v, str) else tuple(v) for k, v in table.items()}
    for name in learner["inputs"]:
        if name.removeprefix("share of ") not in TERMS and name not in FACTS and name != "log_joule":
            raise ValueError(f"no term or fact is called '{name}'")
    return learner


def _array(text: str) -> Array:
    rows = [np.array(line.split(), dtype=float) for line in text.splitlines()]
    return rows[0] if len(rows) == 1 else np.array(rows)


def _with_later(table: Mapping[str, Any]) -> dict[str, Any]:
    """A model of schema 2 with the terms of schema 3."""
    coefficients, ranges = dict(table["coefficients"]), dict(table.get("range", {}))
    for term, (origin, share) in _LATER.items():
        if origin in coefficients:
            coefficients[term] = share * coefficients[origin]
            ranges |= {term: ranges[origin]} if origin in ranges else {}
    return {**table, "coefficients": coefficients, "range": ranges}


def _migrated(table: Mapping[str, Any]) -> dict[str, Any]:
    """A model of schema 1 as one of schema 2: lists in a fixed order become tables by name."""
    terms = table["terms"]
    if tuple(terms) != _FIRST_TERMS:
        raise ValueError(f"its terms are not those of schema 1, in their order ({', '.join(_FIRST_TERMS)})")
    names = ["log_joule", *(f"share of {t}" for t in terms), *(f for f in FACTS if f != "product_width")]
    if table["level"] == "program":
        names = [*names[:1 + len(terms)], "product_width"]
    migrated = {k: v for k, v in table.items() if k in _MODEL and k not in ("kernel", "trees")}
    migrated |= {"coefficients": dict(zip(terms, table["coefficients"], strict=True)),
                 "range": {t: [low, high] for t, low, high in zip(terms, table["low"], table["high"], strict=True)
                           if low <= high},
                 "covariance": {a: dict(zip(terms, row, strict=True)) for a, row in
                                zip(terms, table["covariance"], strict=False) if any(row)}}
    if "kernel" in table:
        columns = table["kernel"]["columns"]
        migrated["kernel"] = {**{k: v for k, v in table["kernel"].items() if k != "columns"},
                              "inputs": [names[i] for i in columns]}
    if "trees" in table:
        migrated["trees"] = {**table["trees"], "inputs": names}
    return migrated
