"""Passes from Network to Network: one file, one name, one contract each; this file says which run and in what order.

Constant folding and dead code run by default, as do recognition (operators that an exporter took apart count as the
operator they are), integer arithmetic for quantised models, and the passes that only annotate. Whatever else changes
what is executed is an option, by name, and is named in the output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tocompiler.network import Network
from tocompiler.passes.constant_folding import fold_constants
from tocompiler.passes.dead_code import remove_dead_code
from tocompiler.passes.fold_batch_norm import fold_batch_norm
from tocompiler.passes.formats import convert_formats
from tocompiler.passes.integer_arithmetic import use_integer_arithmetic
from tocompiler.passes.operand_statistics import annotate_statistics, state_statistics
from tocompiler.passes.recognise import recognise
from tocompiler.passes.recognise_attention import recognise_attention
from tocompiler.passes.training_mode import set_training_mode
from tocompiler.tensors import Statistics

__all__ = ["NETWORK_OPTIONS", "pipeline"]

NETWORK_OPTIONS: Mapping[str, Callable[[Network], Network]] = {
    "fold_batch_norm": fold_batch_norm,
}
"""Passes that change what is executed, by the name that switches each on."""


def pipeline(network: Network, *, format: str | None = None, phase: str = "inference", options: Sequence[str] = (),
             statistics: Mapping[str, Statistics] | None = None) -> Network:
    """The network that is lowered.

    ``statistics`` states what is known of tensors' values, by name or shell pattern; the option ``dead_branches``
    keeps operators that no output needs, as some runtimes do. ValueError names an unknown format or pattern.
    """
    if statistics:
        network = state_statistics(network, statistics)
    network = fold_constants(network, parameters=phase == "inference")
    if "dead_branches" not in options:
        network = remove_dead_code(network)
    network = recognise(network)
    if "decomposed_attention" not in options:
        network = recognise_attention(network)
    if phase == "inference":
        network = use_integer_arithmetic(network)
    for option in options:
        if option in NETWORK_OPTIONS:
            network = NETWORK_OPTIONS[option](network)
    if phase != "inference":
        network = set_training_mode(network)
    if format is not None:
        network = convert_formats(network, format)
    return annotate_statistics(network)
