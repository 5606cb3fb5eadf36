"""Plan: which workloads to measure, as a TOML file.

Each ``[[workloads]]`` table names models outright, or draws them from ranges:

=================  ====================================================================================
key                meaning
=================  ====================================================================================
models             model cells as measurement tables write them: a zoo name, a file, a layer
template, count    a model cell with ``{names}``, drawn that often from ``[workloads.ranges]``
ranges             ``name = {from = 1, to = 512}``: whole numbers, evenly spread in the logarithm, or
                   evenly with ``even = true``; ``name = {one_of = [...]}``
batch              a number, a list (each in turn), or a range (drawn; with ``template`` only)
formats, phases    lists; default fp32, inference
operands           list of operand distributions (see ``operands``); default normal
most_products      drawn models with more multiply-accumulates are drawn again (default 2e11)
most_elements      the same for the largest tensor, batch included (default 2e8)
=================  ====================================================================================

Beside them: ``budget_second``, ``order`` (``random``, ``informative`` or ``listed``), ``visits``, ``seed``.
"""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["ORDERS", "Plan", "Workload", "load_plan", "plan_names"]

ORDERS = ("random", "informative", "listed")
_DRAWS = 200  # attempts at a model that can be built and is small enough
_PLAN_KEYS = {"description", "budget_second", "order", "visits", "seed", "workloads"}
_KEYS = {"models", "template", "count", "ranges", "batch", "formats", "phases", "operands", "most_products",
         "most_elements"}


@dataclass(frozen=True)
class Workload:
    """One thing to execute again and again."""

    model: str
    batch: int = 1
    format: str = "fp32"
    phase: str = "inference"
    operands: str = "normal"
    visit: int = 1


@dataclass(frozen=True)
class Plan:
    """Workloads and how to go about them; ``budget_second`` None: until all are done."""

    name: str
    workloads: tuple[Workload, ...]
    budget_second: float | None = None
    order: str = "random"
    seed: int = 0

    def ordered(self) -> tuple[Workload, ...]:
        """The workloads in the plan's order, the same at every start; ``informative`` begins shuffled."""
        if self.order == "listed":
            return self.workloads
        shuffled = np.random.default_rng(self.seed).permutation(len(self.workloads))
        return tuple(self.workloads[i] for i in shuffled)


def plan_names() -> list[str]:
    """Names of the plans that ship."""
    folder = resources.files("tocompiler.measuring").joinpath("plans")
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))


def load_plan(name_or_path: str | Path) -> Plan:
    """A shipped plan by name, or a TOML file; ValueError says what is wrong with it."""
    path = Path(name_or_path)
    try:
        if path.suffix == ".toml":
            text = path.read_text(encoding="utf-8")
        elif str(name_or_path) in plan_names():
            text = resources.files("tocompiler.measuring").joinpath(f"plans/{path}.toml").read_text(encoding="utf-8")
        else:
            raise ValueError(f"unknown plan '{name_or_path}'; use one of {', '.join(plan_names())} or a .toml file")
        return _plan(path.stem, tomllib.loads(text))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: not a plan: {error}") from None


def _plan(name: str, table: Mapping[str, Any]) -> Plan:
    _known(name, table, _PLAN_KEYS)
    order, seed = table.get("order", "random"), int(table.get("seed", 0))
    if order not in ORDERS:
        raise ValueError(f"{name}: order '{order}' is none of {', '.join(ORDERS)}")
    random = np.random.default_rng(seed)
    found = [w for entry in table.get("workloads", ()) for w in _workloads(name, entry, random)]
    if not found:
        raise ValueError(f"{name}: the plan has no [[workloads]]")
    visits = range(1, int(table.get("visits", 1)) + 1)
    every = dict.fromkeys(replace(w, visit=v) for v in visits for w in found)
    budget = table.get("budget_second")
    return Plan(name, tuple(every), None if budget is None else float(budget), order, seed)


def _known(name: str, table: Mapping[str, Any], keys: set[str]) -> None:
    unknown = sorted(set(table) - keys)
    if unknown:
        raise ValueError(f"{name}: unknown key '{unknown[0]}'; use one of {', '.join(sorted(keys))}")


def _workloads(name: str, entry: Mapping[str, Any], random: np.random.Generator) -> Iterator[Workload]:
    _known(name, entry, _KEYS)
    rest = [entry.get(k, [d]) for k, d in (("formats", "fp32"), ("phases", "inference"), ("operands", "normal"))]
    if "models" in entry:
        batches = entry.get("batch", 1)
        pairs = list(itertools.product(entry["models"], batches if isinstance(batches, list) else [batches]))
    else:
        pairs = [_drawn(name, entry, random) for _ in range(int(entry["count"]))]
    for model, batch in pairs:
        for combination in itertools.product(*rest):
            yield Workload(model, batch, *combination)


def _drawn(name: str, entry: Mapping[str, Any], random: np.random.Generator) -> tuple[str, int]:
    """A model of the template that can be built and is not too large, and its batch."""
    for _ in range(_DRAWS):
        values = {key: _draw(spread, random) for key, spread in entry.get("ranges", {}).items()}
        batch = int(_draw(entry.get("batch", 1), random))
        model = entry["template"].format(**values)
        if _fits(model, batch, entry):
            return model, batch
    raise ValueError(f"{name}: no model of template '{entry['template']}' within the ranges can be built and is within "
                     "most_products and most_elements")


def _draw(spread: Any, random: np.random.Generator) -> Any:
    if isinstance(spread, Mapping) and "one_of" in spread:
        return spread["one_of"][int(random.integers(len(spread["one_of"])))]
    if isinstance(spread, Mapping):
        low, high = spread["from"], spread["to"]
        if spread.get("even"):
            return int(random.integers(low, high + 1))
        return min(high, int(math.exp(random.uniform(math.log(low), math.log(high + 1)))))
    if isinstance(spread, Sequence) and not isinstance(spread, str):
        return spread[int(random.integers(len(spread)))]
    return spread


def _fits(model: str, batch: int, entry: Mapping[str, Any]) -> bool:
    from tocompiler.families import build
    from tocompiler.lowering import lower

    try:
        network = build(model, batch)
    except ValueError:
        return False
    tensors = [t for op in network.operators for t in (*op.inputs, *op.outputs) if t is not None]
    if not tensors or any(d <= 0 for t in tensors for d in t.shape):
        return False
    if max(t.elements for t in tensors) > float(entry.get("most_elements", 2e8)):
        return False
    products = sum(row.multiply_accumulates for row in lower(network, format="fp32").rows)
    return bool(products <= float(entry.get("most_products", 2e11)))
