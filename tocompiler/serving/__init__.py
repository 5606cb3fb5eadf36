"""Serving: what a request to a language model costs on one or several devices, before anyone rents them.

A model's configuration gives the programs of one device (``parallelism`` deals the model out), each compiled once with
the batch and the lengths left open (``programs``); a ``Workload`` says which steps a request takes (``workload``), and
``cost`` adds up what a calibrated device spends on them and what crosses the links between devices.
"""

from __future__ import annotations

from tocompiler.serving.capacity import capacity
from tocompiler.serving.cost import Service, ServingCost, serve, sweep
from tocompiler.serving.parallelism import Collectives, Parallel
from tocompiler.serving.workload import Workload

__all__ = ["Collectives", "Parallel", "Service", "ServingCost", "Workload", "capacity", "serve", "sweep"]
