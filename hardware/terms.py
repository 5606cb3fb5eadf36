"""Terms and facts: the vocabulary of device files. A coefficient belongs to a term, an input of a correction to a fact,
and both are found by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["FACTS", "TERMS", "Term"]


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that costs energy: its unit, and the amounts of an execution (tocompiler.execution) that it sums.

    ``of`` restricts it to ``depthwise`` convolutions (one channel a group), or to all rows but these, ``dense``.
    """

    unit: str
    amounts: tuple[str, ...]
    meaning: str
    of: str = ""


TERMS: Mapping[str, Term] = {
    "compute": Term("transistor operations", ("executed",), "arithmetic that is executed", "dense"),
    "depthwise": Term("transistor operations", ("executed",), "arithmetic of depthwise convolutions", "depthwise"),
    "near": Term("byte", ("near_byte",), "operands and results that are touched, what is read again included"),
    "far": Term("byte", ("far_byte",), "the part of these, and of weights, that the last cache does not keep"),
    "fresh": Term("byte", ("fresh_byte", "copied_byte", "transfer_byte"), "memory newly mapped, copied or handed over"),
    "weights": Term("byte", ("weight_byte",), "parameters read"),
    "uncached": Term("byte", (), "the part of all parameters that the last cache cannot keep for the next execution"),
    "branches": Term("1", ("branches",), "branches that depend on data"),
    "kernels": Term("1", ("kernels",), "kernels launched, and transfers"),
    "collective": Term("byte", ("collective_byte",), "exchanged with other devices"),
    "samples": Term("1", ("samples",), "samples of the batch that a host handles one by one"),
    "constant": Term("1", ("constant",), "executions: start-up and host; never a share of a layer"),
}
"""What a coefficient may belong to, in joule per unit."""

FACTS: Mapping[str, str] = {
    "batch": "log of the batch", "channels_in": "log of the operand's channels",
    "channels_out": "log of the result's channels", "kernel": "root of the window's area",
    "stride": "root of the strides' product", "size_in": "log of the image's width",
    "size_out": "log of the result's width", "padding_waste": "log of the products' growth by padding and tiles",
    "log_products": "log of the products", "log_touched": "log of the operand bytes touched",
    "log_read": "log of the operand bytes", "log_written": "log of the result bytes",
    "log_copied": "log of the bytes copied into another layout", "log_weights": "log of the parameters' bytes",
    "reach": "kernel over stride", "intensity": "log of products over bytes moved",
    "channel_remainder": "share of the operand's last channel block that is filled",
    "width_remainder": "share of a row's last register tile that is filled",
    "log_working_set": "log of operand and result bytes", "small_input": "1 where channels are too few to be padded",
    "result_remainder": "share of the result's last channel block that is filled",
    "log_result_blocks": "log of the result's channel blocks", "log_sample": "log of the operand bytes of one image",
    "log_sample_result": "log of the result bytes of one image", "log_summed": "log of the products in a sum",
    "log_tile_growth": "log of the growth by register tiles", "log_tile_weights": "log of the weight bytes of a tile",
    "log_inside": "log of the share of products inside the image", "blocked": "1 in a blocked layout",
    "log_waves": "log of the waves of tiles", "wave_fill": "share of the waves' places that tiles take",
    "log_idle": "log of the multiprocessors' time over that of their tiles", "tile_rows": "log of a tile's rows",
    "tile_columns": "log of a tile's columns", "log_tile_loads": "log of the bytes that tiles load",
    "log_wave_loads": "log of the bytes that waves load", "log_blocks": "log of the blocks of queries",
    "log_groups": "log of the products of their own, as experts have", "log_busiest": "log of the largest one's rows",
    "log_mean_rows": "log of their rows on average", "operand_width": "log2 of the second operand's bits",
    "log_scale_group": "log of the products that share a scale", "log_heads": "log of the query heads",
    "log_key_heads": "log of the key heads", "log_head_width": "log of a head's width",
    "log_queries": "log of the queries", "log_keys": "log of the keys",
    "log_window": "log of the keys that a query sees",
    "log_key_blocks": "log of the blocks of keys that a block of queries meets", "log_scores": "log of the scores",
    "product_width": "mean width of the products' operands, log2 of bits",
}
"""What a correction may look at beside the terms; sizes are natural logarithms."""
