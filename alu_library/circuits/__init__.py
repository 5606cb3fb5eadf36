"""Circuits as netlists: generated, counted, simulated, proved and characterised."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alu_library.circuits.adders import ADDERS, adder
    from alu_library.circuits.catalogue import FAMILIES, build, register
    from alu_library.circuits.cells import BASES, CELLS
    from alu_library.circuits.characterisation import characterise, draw, operands_at, regenerate
    from alu_library.circuits.listing import circuit_sets, entries
    from alu_library.circuits.load import by_place, load_weighted
    from alu_library.circuits.multipliers import MULTIPLIERS, multiplier
    from alu_library.circuits.netlist import Builder, Netlist
    from alu_library.circuits.pipelining import stage_glitch_factor
    from alu_library.circuits.proofs import (
        ProofError,
        check_adder_cells,
        check_reduction,
        cmos_estimate,
        prove,
        yosys_command,
    )
    from alu_library.circuits.side_by_side import transistor_operations
    from alu_library.circuits.simulation import evaluate, switchings
    from alu_library.circuits.surroundings import ProcessingElement, Surroundings, processing_element
    from alu_library.circuits.verification import mismatches
    from alu_library.circuits.verilog import to_verilog
    from alu_library.circuits.verilog_reader import VerilogError, from_verilog

__all__ = [
    "ADDERS", "BASES", "CELLS", "FAMILIES", "MULTIPLIERS", "Builder", "Netlist", "ProcessingElement",
    "ProofError", "Surroundings", "VerilogError", "adder", "build", "by_place", "characterise", "check_adder_cells",
    "check_reduction", "circuit_sets", "cmos_estimate", "draw", "entries", "evaluate", "from_verilog",
    "load_weighted", "mismatches", "multiplier", "operands_at", "processing_element", "prove", "regenerate",
    "register", "stage_glitch_factor", "switchings", "to_verilog", "transistor_operations", "yosys_command",
]

_HOMES = {
    "adders": ("ADDERS", "adder"),
    "catalogue": ("FAMILIES", "build", "register"),
    "cells": ("BASES", "CELLS"),
    "characterisation": ("characterise", "draw", "operands_at", "regenerate"),
    "listing": ("circuit_sets", "entries"),
    "load": ("by_place", "load_weighted"),
    "multipliers": ("MULTIPLIERS", "multiplier"),
    "netlist": ("Builder", "Netlist"),
    "pipelining": ("stage_glitch_factor",),
    "surroundings": ("ProcessingElement", "Surroundings", "processing_element"),
    "proofs": ("ProofError", "check_adder_cells", "check_reduction", "cmos_estimate", "prove", "yosys_command"),
    "side_by_side": ("transistor_operations",),
    "simulation": ("evaluate", "switchings"),
    "verification": ("mismatches",),
    "verilog": ("to_verilog",),
    "verilog_reader": ("VerilogError", "from_verilog"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing this package costs nothing."""
    if name not in _HOME_OF:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
