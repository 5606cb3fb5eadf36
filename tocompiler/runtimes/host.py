"""What a process and a host do beside the operators: read the checkpoint, hand samples over, wait or not."""

from __future__ import annotations

from dataclasses import replace

from tocompiler.lanes import real
from tocompiler.runtimes import rule
from tocompiler.runtimes.draft import Draft

__all__ = ["host_overlapped", "host_per_request", "host_per_sample", "inputs_handed_over", "stored_wide",
           "whole_checkpoint"]


@rule("whole_checkpoint")
def whole_checkpoint(draft: Draft) -> Draft:
    """Every execution is a process that reads all parameters, embedding tables included, each by its first reader."""
    return replace(draft, weight_byte=draft.first_read_byte)


@rule("stored_wide")
def stored_wide(draft: Draft, *, byte: float) -> Draft:
    """Parameters are stored, and inputs handed over, as words of ``byte`` bytes whatever the network computes in."""
    if draft.row is None or draft.operator == "execution":
        return draft
    reads = draft.row.alu.reads
    weights = sum(real(a.elements) for a in reads if a.kind in ("parameter", "buffer"))
    inputs = sum(real(a.elements) for a in reads if a.kind == "input") if draft.input_byte else 0.0
    return replace(draft, weight_byte=weights * byte, input_byte=inputs * byte)


@rule("inputs_handed_over")
def inputs_handed_over(draft: Draft) -> Draft:
    """The host hands the network's inputs over at every execution."""
    return replace(draft, transfer_byte=draft.transfer_byte + draft.input_byte) if draft.input_byte else draft


@rule("host_per_sample", operators=("execution",))
def host_per_sample(draft: Draft) -> Draft:
    """The host spends time on each sample of a batch, and a launch on every transfer of an input or output."""
    network = draft.network
    if network is None or not network.inputs:
        return draft
    transfers = len(network.inputs) + len(network.outputs)
    return replace(draft, samples=real(network.inputs[0].shape[0]), kernels=float(transfers))


@rule("host_per_request", operators=("execution",))
def host_per_request(draft: Draft, *, requests: float | None = None) -> Draft:
    """A server schedules each request of a step and samples its token: ``requests`` of them, or as many as there are
    sequences of token indices; what has none is an operator, and no server runs it."""
    tokens = [t for t in draft.network.inputs if t.format.startswith("int")] if draft.network is not None else []
    if requests is None and not tokens:
        return draft
    return replace(draft, samples=real(tokens[0].shape[0]) if requests is None else requests)


@rule("host_overlapped", operators=("execution",))
def host_overlapped(draft: Draft) -> Draft:
    """At full load the host's own work overlaps: an execution costs nothing beside its operators and transfers."""
    return replace(draft, constant=0.0)
