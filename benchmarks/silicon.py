"""Circuits against arithmetic and against silicon: do they compute, and does their switching follow published energies?

Circuits are chosen on the eight 45 nm energies alone (``silicon_choices.py``); the 7 nm energies are only reported. One
constant per node. Beside each figure stands what a simpler account of the same operations reaches in the same run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from claims import Claim, Options, main
from silicon_approximate import approximate_claims
from silicon_choices import Choice, best, costs, dense_switching, energies_of, space
from silicon_formats import format_claims
from silicon_gpu import gpu_claims

from alu_library import NAMED, Operand, Operands, Row, parse, rows
from alu_library.circuits import (
    ADDERS,
    CELLS,
    MULTIPLIERS,
    build,
    characterise,
    draw,
    entries,
    evaluate,
    mismatches,
    operands_at,
    regenerate,
    stage_glitch_factor,
    switchings,
)
from hardware import PublishedEnergy, published_energies
from tocompiler import NodeFit, node_switching
from tocompiler import fit_node as fit

WIDTHS = (8, 16, 24, 32, 53, 64)


def run(options: Options) -> Iterator[Claim]:
    """Every claim of the circuits."""
    yield correctness(options)
    yield from silicon(options)
    yield from data_dependence()
    yield simulator_rate(1 << (16 if options.smoke else 20))
    yield characterisation_time(options)
    yield from gpu_claims(options)
    yield from approximate_claims(options)
    yield from format_claims(options)


# Do they compute?


def correctness(options: Options) -> Claim:
    """Wrong results of every circuit, over random operands and all combinations of special values."""
    count = 1_000_000 if options.full else 10_000
    todo = list(circuits_to_check())
    if options.smoke:
        count, todo = 100, todo[::23]
    results = [mismatches(circuit, format, count) for circuit, format in todo]
    results += [exhaustive(kind, signed) for kind in MULTIPLIERS for signed in (False, True)]
    checked = sum(n for _, n in results)
    return Claim("circuit_mismatches", sum(wrong for wrong, _ in results), "results",
                 {"results checked": checked, "circuits": len(results), "random operands each": count},
                 "smoke: a sample of the circuits" if options.smoke else "")


def circuits_to_check() -> Iterator[tuple[str, str]]:
    """Every kind of circuit at every width and in every float format."""
    integers = [f"{kind}{width}" for width, kind in product(WIDTHS, ("int", "uint"))]
    kinds = [
        *(f"adder/{kind}" for kind in ADDERS), *(f"multiplier/{kind}:kogge_stone" for kind in MULTIPLIERS),
        "divider/restoring", "divider/non_restoring", "integer/maximum", "integer/to_float:kogge_stone",
        "word/shift", "word/select", "word/logic",
    ]
    yield from product(kinds, integers)
    yield from product(["root/restoring"], [f for f in integers if f.startswith("u")])
    yield from product(["multiply_add/dadda:kogge_stone"], ["int8", "uint8", "int16", "int32"])
    for subnormals, format in product(("full", "flushed"), NAMED):
        for kind in ("add:kogge_stone", "add:brent_kung", "multiply:dadda,kogge_stone", "multiply:booth,kogge_stone",
                     "multiply_add:dadda,kogge_stone", "divide:ripple_carry", "sqrt:ripple_carry",
                     "to_integer:kogge_stone"):
            yield f"floating_point/{kind},{subnormals}", format
        yield f"floating_point/maximum:{subnormals}", format


def exhaustive(kind: str, signed: bool) -> tuple[int, int]:
    """Every 8 by 8 bit product."""
    every: npt.NDArray[np.int64] = np.arange(256) - (128 if signed else 0)
    a, b = (grid.ravel() for grid in np.meshgrid(every, every))
    netlist = build(f"multiplier/{kind}:ripple_carry", "int8" if signed else "uint8")
    found = evaluate(netlist, {"a": a, "b": b})["product"]
    return int((found != (a * b).astype(np.uint64) % (1 << 16)).sum()), len(a)


# Does their switching follow published energies?


def silicon(options: Options) -> Iterator[Claim]:
    """Fits at both nodes with circuits chosen at one, and what simpler accounts reach."""
    at = {nm: [e for e in published_energies() if e.node_nm == nm] for nm in (45.0, 7.0)}
    choice, fitted = best(at[45.0])
    seven = fit(costs(choice, at[7.0]), energies_of(at[7.0]))
    reason = "; ".join(vars(choice).values())
    left_out = {} if options.smoke else leave_one_out(at[45.0])
    for nm, found in ((45, fitted), (7, seven)):
        energies = at[float(nm)]
        others = alternatives(choice, energies)
        if nm == 7:
            direct = [e for e in energies if e.obtained != "second-hand"]
            others["without second-hand values"] = fit(costs(choice, direct), energies_of(direct))
            shared = energies_of(direct)
            others["the 45 nm energies themselves"] = fit({k: energies_of(at[45.0])[k] for k in shared}, shared)
        ratio = {name: f.worst_ratio for name, f in others.items()}
        yield Claim(f"silicon_{nm}nm_log_r2", found.r2_log, "", {n: f.r2_log for n, f in others.items()}, reason)
        yield Claim(f"silicon_{nm}nm_worst_ratio", found.worst_ratio, "x", ratio | (left_out if nm == 45 else {}),
                    f"rms {found.rms_ratio:.3f}; " + by_operation(found))


def by_operation(found: NodeFit) -> str:
    return ", ".join(f"{name} {ratio:.2f}" for name, ratio in found.ratios.items())


def alternatives(choice: Choice, energies: Sequence[PublishedEnergy]) -> dict[str, NodeFit]:
    """Other accounts of the same operations, each with one constant of its own."""
    published = energies_of(energies)
    accounts = {
        "static count (textbook)": costs(choice, energies, lambda c, f: build(c, f).transistors("textbook")),
        "static count (static_cmos)": costs(choice, energies, lambda c, f: build(c, f).transistors("static_cmos")),
        "inertial switching": costs(choice, energies, inertial),
        "formula without circuits": {f"{e.operation} {e.format}": formula(e) for e in energies},
        "naive set": node_switching(energies, "naive"),
        "fast set": node_switching(energies, "fast"),
        "normal operands": costs(choice, energies, lambda c, f: dense_switching(c, f, "normal/normal")),
        "signed integers": costs(choice, [signed(e) for e in energies]),
    }
    accounts["signed integers"] = dict(zip(published, accounts["signed integers"].values(), strict=True))
    found = {name: fit(account, published) for name, account in accounts.items()}
    r2 = sorted(fit(costs(c, energies), published).r2_log for c in space()[::97])
    median = r2[len(r2) // 2]
    found["median declared choice"] = min(
        (fit(costs(c, energies), published) for c in space()[::97]), key=lambda f: abs(f.r2_log - median))
    return found


def signed(energy: PublishedEnergy) -> PublishedEnergy:
    """The same energy taken for a signed operation: the sources do not say which."""
    return replace(energy, format=energy.format.removeprefix("u"))


def inertial(circuit: str, format: str) -> float:
    """Switching with the pulses that inertial delays let through, in pipeline stages."""
    netlist = build(circuit, format)
    drawn = draw(parse(format), "uniform/uniform", 1, 257)
    return dense_switching(circuit, format) * stage_glitch_factor(netlist, operands_at(netlist, drawn, 0.0, 0.0))


def formula(energy: PublishedEnergy) -> float:
    """The floor: operand width alone, 28n and 34n² for integers, 280p and 34p² for floats of p significant bits."""
    format = parse(energy.format)
    width = format.mantissa_bits + 1 if format.is_float else format.bits
    per_digit = 280 if format.is_float else 28
    return float(34 * width**2 if energy.operation == "multiply" else per_digit * width)


def leave_one_out(energies: Sequence[PublishedEnergy]) -> dict[str, float]:
    """Choose and fit on all operations but one, predict that one: worst and typical factor of error."""
    factors = []
    for left in energies:
        choice, fitted = best([e for e in energies if e is not left])
        predicted = fitted.femtojoule * 1e-3 * dense_switching(choice.circuit(left), left.format)
        factors.append(abs(math.log(predicted / left.energy_picojoule)))
    return {"leave-one-operation-out worst": math.exp(max(factors)),
            "leave-one-operation-out rms": math.exp(math.sqrt(sum(f * f for f in factors) / len(factors)))}


# What only circuits show, and how fast they are simulated.


def data_dependence() -> Iterator[Claim]:
    """Switching with zeros in one operand relative to none, from the shipped table, for each 8-bit multiplier."""
    table = {(r.circuit, r.format): r for r in rows()}
    for kind in MULTIPLIERS:
        row = table[f"multiplier/{kind}:ripple_carry", "uint8"]
        shares = {f"{name} {share:.0%} zeros": zeros_at(row, name, share) / zeros_at(row, name, 0.0)
                  for name, share in product("ba", (0.5, 0.9, 1.0))}
        yield Claim(f"switching_half_zeros_{kind}", shares.pop("b 50% zeros"), "of uniform",
                    shares | {"uniform": zeros_at(row, "a", 0.0)}, "8 bits, unsigned; b is what Booth's recodes")


def zeros_at(row: Row, name: str, zeros: float) -> float:
    """Transistor operations on uniform operands with a share of zeros in one of them."""
    shares = {"a": 0.0, "b": 0.0, name: zeros}
    return row.transistor_operations(Operands(Operand("uniform", shares["a"]), Operand("uniform", shares["b"])))


def simulator_rate(vectors: int) -> Claim:
    """Stages (inverting CMOS stages: nodes of cells) times vectors per second of processor time, one core."""
    netlist = build("multiplier/dadda:kogge_stone", "uint32")
    rng = np.random.default_rng(0)
    operands = {name: rng.integers(0, 1 << 32, vectors, dtype=np.uint64) for name in netlist.inputs}
    stages = sum(n * len(CELLS[kind].nodes) for kind, n in netlist.counts.items())
    begun = time.process_time()
    switchings(netlist, operands)
    seconds = time.process_time() - begun
    return Claim("simulator_rate", stages * vectors / seconds, "stage·vectors/s",
                 {"cell·vectors/s": len(netlist.instances) * vectors / seconds},
                 "switchings of every node of a 32-bit multiplier, packing included")


def characterisation_time(options: Options) -> Claim:
    """Processor time to characterise the whole table: all of it with --full, else scaled up from a sample."""
    everything = entries()
    begun = time.process_time()
    if options.full:
        with TemporaryDirectory() as folder:
            regenerate(f"{folder}/table.json")
        return Claim("characterisation_second", time.process_time() - begun, "s", {"rows": len(everything)}, "all rows")
    sample = everything[::200 if options.smoke else 12]
    for circuit, format in sample:
        characterise(circuit, format)
    seconds = (time.process_time() - begun) * len(everything) / len(sample)
    return Claim("characterisation_second", seconds, "s", {"rows": len(everything), "rows measured": len(sample)},
                 "scaled up from every 12th row (--full measures all)" if not options.smoke else "from a few rows")


if __name__ == "__main__":
    main(run, __doc__)
