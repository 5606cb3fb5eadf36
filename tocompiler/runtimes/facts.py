"""Facts: what a learned correction may look at in a row, beside what its rules noted."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod, sqrt

from tocompiler.lanes import larger, log, real
from tocompiler.runtimes.draft import Draft

__all__ = ["facts_of"]


def facts_of(draft: Draft) -> Mapping[str, float]:
    """Sizes (natural logarithms) and shape of a row, by the names of ``hardware.terms.FACTS``."""
    stated = real(sum(draft.row.alu.tasks.values())) if draft.row is not None else 0.0
    products = (real(draft.row.multiply_accumulates) if draft.row is not None else 0.0) or stated or 1.0
    moved = draft.touched_byte + draft.written_byte
    return {
        **_shape(draft), "log_products": _log(products), "log_touched": _log(draft.touched_byte),
        "log_read": _log(draft.read_byte), "log_written": _log(draft.written_byte),
        "log_weights": _log(draft.weight_byte), "intensity": log(products / larger(moved, 1.0)),
        "log_working_set": _log(draft.working_set_byte), **draft.facts,
    }


def _shape(draft: Draft) -> dict[str, float]:
    window = draft.window
    if window is None:
        rows, into, out = _matrix(draft)
        return {"batch": _log(rows), "channels_in": _log(into), "channels_out": _log(out), "kernel": 1.0, "stride": 1.0,
                "reach": 1.0}
    into, out = window.channels
    kernel, stride = sqrt(window.area), sqrt(prod(window.strides))
    shape = {"batch": _log(window.image[0]), "channels_in": _log(into), "channels_out": _log(out), "kernel": kernel,
             "stride": stride, "size_in": _log(window.image[-1]), "size_out": _log(window.result[-1]),
             "reach": kernel / stride}
    if (window.image[-1], window.result[-1]) == (1, 1):
        return shape
    batch = window.image[0]
    return {**shape, "log_sample": _log(draft.read_byte / batch), "log_summed": _log(into * kernel**2),
            "log_sample_result": _log(draft.written_byte / batch)}


def _matrix(draft: Draft) -> tuple[float, float, float]:
    """Rows, summed and written features of an operator without a window."""
    op = draft.op
    if op is None or not op.outputs or not op.outputs[0].shape:
        return 1.0, 1.0, 1.0
    x, y = op.input(0), op.outputs[0].shape
    inner = x.shape[-1] if x is not None and x.shape else 1
    return real(prod(y[:-1])), real(inner), real(y[-1])


def _log(x: float) -> float:
    return log(larger(real(x), 1.0))
