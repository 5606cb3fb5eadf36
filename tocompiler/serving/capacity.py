"""Capacity: what a request costs at every combination of batch, lengths and parallelism, computed together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tocompiler.lanes import Array, values
from tocompiler.serving.cost import Service, ServingCost, serve
from tocompiler.serving.parallelism import Parallel
from tocompiler.serving.workload import Workload
from tocompiler.sweeping.assembly import assembled
from tocompiler.sweeping.points import Points, explored
from tocompiler.sweeping.space import space_of
from tocompiler.sweeping.structures import Structures
from tocompiler.sweeping.table import Table

if TYPE_CHECKING:
    from hardware.device import Device

__all__ = ["FIGURES", "capacity"]

FIGURES = ("devices", "request_joule", "request_low_joule", "request_high_joule", "prefill_joule", "decode_joule",
           "links_joule", "needed_byte", "idle_share")
_PARALLEL = ("tensor", "expert", "pipeline", "data")
_SERVICE = ("weights", "cache", "skew", "memory_byte")


def capacity(config: Mapping[str, Any], device: Device, space: Mapping[str, Any], *, constraints: Sequence[str] = (),
             method: str = "grid", count: int | None = None, seed: int = 0) -> Table:
    """``serve`` at every point of a space: fields of Workload (``batch``, ``prompt``, ``output``, ...), of Parallel
    (``tensor``, ``pipeline``, ``data``, ``expert``) and of Service (``weights``, ``cache``, ``memory_byte``).

    A table of ``FIGURES``, joule for a request with a 90 % interval, and bytes of one device; ``reason`` says where
    memory does not hold the model or a degree of parallelism does not divide it.
    """
    made = space_of(space, method=method, count=count, seed=seed, constraints=constraints)
    texts = [n for n, v in made.axes.items() if n in (*_PARALLEL, *_SERVICE) or v.dtype == object]
    structures = Structures(made, texts)
    runs = []
    for number in range(len(structures)):
        points = structures.points(number)
        fixed = {n: points.first().lanes()[n] for n in texts}
        runs += [_columns(part, result) for part, result in explored(_server(config, device, fixed), points)]
    return assembled(made, runs, FIGURES)


def _server(config: Mapping[str, Any], device: Device, fixed: Mapping[str, Any]) -> Any:
    """What serves the points of one structure: its service is made once."""
    found: list[Service] = []

    def at(point: dict[str, Any]) -> ServingCost:
        if not found:
            parallel = Parallel(**{n: int(fixed[n]) for n in _PARALLEL if n in fixed})
            found.append(Service(config, device, parallel, **{n: fixed[n] for n in _SERVICE if n in fixed}))
        return serve(found[0], Workload(**{n: v for n, v in point.items() if n not in fixed}))

    return at


def _columns(points: Points, cost: ServingCost | Exception) -> dict[str, Array]:
    places = points.places.reshape(-1)
    if isinstance(cost, Exception):
        return {"place": places, "reason": np.full(places.size, " ".join(str(cost).split()), dtype=object)}
    request = cost.request
    figures = (cost.devices, request.joule, request.low_joule, request.high_joule, cost.prefill.joule,
               cost.decode.joule, cost.links_joule, cost.memory.needed_byte, cost.idle_share)
    columns = {n: np.broadcast_to(values(v), points.shape).reshape(-1).astype(float)
               for n, v in zip(FIGURES, figures, strict=True)}
    inside = np.broadcast_to(values(cost.in_domain), points.shape).reshape(-1).astype(bool)
    return {"place": places, **columns, "in_domain": inside}
