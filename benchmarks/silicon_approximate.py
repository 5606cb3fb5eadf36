"""Does load-weighted switching follow published power? 991 synthesised 8-bit circuits, exact and approximate.

EvoApprox8b (Mrazek, Hrbacek, Vasicek, Sekanina, DATE 2017, doi 10.23919/DATE.2017.7926993; MIT licence) publishes
netlists mapped to a 45 nm library, their behaviour in C, and their power. ``data/evoapprox8b.csv`` ships the published
power beside our switching of each netlist by place of the gate terminal, on independent uniform operands; the circuits
themselves are read from the data sets. Protocol: three weights, none negative, fitted to the logarithms of power on one
half drawn by seed, adders and multipliers alike, and scored on the other.
"""

from __future__ import annotations

import csv
import math
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from claims import Claim, Options, datasets
from scipy.optimize import minimize, nnls

from alu_library.circuits import by_place, evaluate, from_verilog, switchings

__all__ = ["approximate_claims"]

TABLE = Path(__file__).parent / "data" / "evoapprox8b.csv"
ARCHIVE = "evoapprox8b.tar.xz"
PLACES = ("input", "net", "internal")
SEED, VECTORS = 0, 4097
GRID = tuple(g.ravel().astype(np.uint64) for g in np.meshgrid(np.arange(256), np.arange(256)))

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Circuit:
    """A circuit's published power and our switching per operation by place."""

    name: str
    power_microwatt: float
    switching: tuple[float, ...]


def approximate_claims(options: Options) -> Iterator[Claim]:
    """The ratio on the held-out half, and wrong results of the imported netlists."""
    circuits = shipped()
    weighted = held_out(circuits, lambda c: c.switching)
    alike = held_out(circuits, lambda c: (sum(c.switching),))
    slopes = {f"switching alike, {kind} alone": geometric_mean(
        [c.power_microwatt / sum(c.switching) for c in circuits if c.name.startswith(kind)]) for kind in ("add", "mul")}
    yield Claim("evoapprox_log_rms_ratio", weighted.ratio, "x", {
        "every terminal alike": alike.ratio, "on the half it was fitted to": weighted.ratio_fitted,
        **{f"weight of {place}": float(w) for place, w in zip(PLACES, weighted.weights, strict=True)}, **slopes},
        f"{len(circuits)} circuits, half held out")
    folder = datasets()
    if folder is None:
        yield Claim("evoapprox_mismatches", None, "results", {}, f"TOCOMPILER_DATASETS has {ARCHIVE}")
        return
    every = 40 if options.smoke else 1
    wrong, apart, read = check(folder / ARCHIVE, {c.name: c for c in circuits}, every)
    yield Claim("evoapprox_mismatches", wrong, "results", {
        "circuits": read, "operands each": len(GRID[0]), "switching off the shipped table, worst": apart},
        "smoke: a sample of the circuits" if options.smoke else "all pairs of operands, against the published C")


def shipped() -> list[Circuit]:
    """The table that ships."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [Circuit(r["circuit"], float(r["power_microwatt"]), tuple(float(r[p]) for p in PLACES))
            for r in csv.DictReader(lines)]


@dataclass(frozen=True)
class HeldOut:
    """Weights in units of the largest, and the typical ratio on both halves."""

    weights: Floats
    ratio: float
    ratio_fitted: float


def held_out(circuits: Sequence[Circuit], terms: Any) -> HeldOut:
    """Fit weights to one half of the circuits and score them on the other."""
    x = np.array([terms(c) for c in circuits])
    y = np.array([c.power_microwatt for c in circuits])
    train = np.zeros(len(y), dtype=bool)
    train[np.random.default_rng(SEED).permutation(len(y))[:len(y) // 2]] = True
    scales = fitted(x[train], y[train])
    error = np.log(x @ scales / y)
    ratio, ratio_fitted = (math.exp(float(np.sqrt((error[m] ** 2).mean()))) for m in (~train, train))
    return HeldOut(scales / scales.max(), ratio, ratio_fitted)


def fitted(x: Floats, y: Floats) -> Floats:
    """Non-negative weights that minimise the squared logarithms of prediction over power."""
    start = np.maximum(nnls(x / y[:, None], np.ones(len(y)))[0], 1e-9)
    found = minimize(lambda logs: float(((np.log(x @ np.exp(logs)) - np.log(y)) ** 2).sum()), np.log(start),
                     method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-4, "fatol": 1e-6})
    scales = np.exp(found.x)
    return np.asarray(np.where(scales < 1e-6 * scales.max(), 0.0, scales))


def geometric_mean(values: Sequence[float]) -> float:
    """exp of the mean logarithm."""
    return math.exp(sum(map(math.log, values)) / len(values))


def check(archive: Path, known: dict[str, Circuit], every: int) -> tuple[int, float, int]:
    """Wrong results of the archive's netlists, and how far their switching is from the shipped table at most."""
    wrong, apart, read = 0, 0.0, 0
    for circuit, netlist, behaviour in members(archive, every):
        wrong += int((evaluate(netlist, {"A": GRID[0], "B": GRID[1]})["O"] != behaviour).sum())
        ours = switching_of(netlist)
        apart = max(apart, *(abs(p - q) for p, q in zip(ours, known[circuit].switching, strict=True)))
        read += 1
    return wrong, apart, read


def members(archive: Path, every: int = 1) -> Iterator[tuple[str, Any, npt.NDArray[np.uint64]]]:
    """Name, netlist and published results for all operands of each circuit."""
    with tarfile.open(archive) as tar:
        texts = {Path(m.name).name: tar.extractfile(m).read().decode()  # type: ignore[union-attr]
                 for m in tar if m.name.endswith((".c", "_pdk45.v"))}
    names = sorted(name.removesuffix("_pdk45.v") for name in texts if name.endswith("_pdk45.v"))
    for name in names[::every]:
        yield name, from_verilog(texts[f"{name}_pdk45.v"]), from_c(texts[f"{name}.c"])


def from_c(text: str) -> npt.NDArray[np.uint64]:
    """What the published C function returns for all pairs of operands: its statements are Python's as well."""
    body = re.sub(r"uint(?:8|16|32)_t\s+", "", text[text.index("{") + 1:text.rindex("return")])
    statements = [" ".join(s.split()) for s in body.split(";")]
    allowed = re.compile(r"[\w\s&|^~<>()+=-]*")
    assert all(allowed.fullmatch(s) for s in statements)
    scope: dict[str, Any] = {"a": GRID[0], "b": GRID[1], "__builtins__": {}}
    exec("\n".join(s for s in statements if "=" in s), scope)
    return np.broadcast_to(np.asarray(scope["c"], dtype=np.uint64), GRID[0].shape)


def switching_of(netlist: Any) -> tuple[float, ...]:
    """Our switching by place on independent uniform operands."""
    rng = np.random.default_rng(SEED)
    operands = {name: rng.integers(0, 256, VECTORS, dtype=np.uint64) for name in ("A", "B")}
    found = by_place(switchings(netlist, operands))
    return tuple(round(found[place], 2) for place in PLACES)


def regenerate() -> None:
    """Write the table from the archive of the data sets."""
    folder = datasets()
    assert folder is not None
    lines = ["# EvoApprox8b: power published at 45 nm (Mrazek et al., DATE 2017, doi 10.23919/DATE.2017.7926993, MIT",
             "# licence, github.com/ehw-fit/evoapprox8b), and transistor operations of the mapped netlists by place of",
             "# the gate terminal, per operation on independent uniform operands (silicon_approximate.py).",
             ",".join(("circuit", "power_microwatt", *PLACES))]
    with tarfile.open(folder / ARCHIVE) as tar:
        powers = {Path(m.name).stem.removesuffix("_pdk45"): re.search(
            r"Power\s+\(45\) = ([\d.]+)", tar.extractfile(m).read().decode())  # type: ignore[union-attr]
            for m in tar if m.name.endswith("_pdk45.v")}
    for name, netlist, _ in members(folder / ARCHIVE):
        published = powers[name]
        assert published is not None
        lines.append(",".join((name, published[1], *(f"{v:g}" for v in switching_of(netlist)))))
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    import sys

    from claims import main

    if "--regenerate" in sys.argv:
        regenerate()
    else:
        main(approximate_claims, __doc__)
