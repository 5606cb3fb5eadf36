"""Are prices what simulation says, where the table has no row, where an operand stays, and around an operation?

Direct simulation draws its own operands, and for a stream the stream itself: a held operand is held, a row of weights
goes round while inputs slide past it. Beside narrow formats stand published units and measured GPUs, which do more than
multiply; the ratios say how much of theirs the arithmetic is.
"""

from __future__ import annotations

import csv
import gzip
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from claims import Claim, Options, datasets

import tocompiler
from alu_library import Operand, Operands, circuits, parse, price, price_netlist

__all__ = ["format_claims"]

NORMAL = Operands(Operand("normal"), Operand("normal"))
DRAWN, TASKS = 30, ("add", "multiply")
STREAMED = ("int8", "bf16", "fp32")
HOLD, ROW, OUTPUTS = 64, 3, 16
FPNEW_SPAN = 2950 / 178
"""Mach et al., IEEE TVLSI 29(4), 2021: 2.95 Tflop/s/W for 8-bit floats (SIMD) over 178 Gflop/s/W for FP64."""
FPNEW: dict[str, Any] = {"word_bits": 64, "formats": 5, "control_bits": 10, "gate_equivalents": 247e3,
                         "cycle_second": 2 / 1.85e9}
"""247 kGE and 1.85 Gflop/s in FP64 (Mach et al., "A 0.80 pJ/flop transprecision floating-point unit", 2019); beside the
operands of a lane go operation, modifier, rounding mode, valid and a box bit (openhwgroup/cvfpu, src/fpnew_fma.sv)."""
ALADDIN = {
    "ADD": ("adder/ripple_carry", "int32", 1, 1.427760e-02 * 6),
    "MUL": ("multiplier/dadda:kogge_stone", "int32", 1, 1.438864 * 6),
    "FP_SP_3STAGE_ADD": ("floating_point/add:kogge_stone,full", "fp32", 3, 4.404667e-01 * 6),
    "FP_SP_3STAGE_MUL": ("floating_point/multiply:dadda,kogge_stone,full", "fp32", 3, 1.346627 * 6),
    "FP_DP_3STAGE_ADD": ("floating_point/add:kogge_stone,full", "fp64", 3, 1.327913 * 6),
    "FP_DP_3STAGE_MUL": ("floating_point/multiply:dadda,kogge_stone,full", "fp64", 3, 5.033110 * 6),
}
"""Circuit, format, stages, and picojoule of a cycle of 6 ns: a 40 nm library (Shao et al., ISCA 2014;
harvard-acc/ALADDIN, common/power_func.h)."""
SNAX = {"mxint8": (657, 657), "mxfp8_e4m3": (1438, 1675), "mxfp4": (4065, 4065)}
"""Gop/s/W of a unit that serves all of them (Cuyckens et al. 2025, arXiv:2511.06313)."""
GEMM = "dc_gemm.csv.gz"
LARGE = 4096


def format_claims(options: Options) -> Iterator[Claim]:
    """Every claim about prices of formats, streams and surroundings."""
    yield interpolation(4 if options.smoke else DRAWN)
    for stream in ("output", "weight", "input", "row"):
        yield stationary(stream, STREAMED[:1] if options.smoke else STREAMED)
    yield fpnew()
    yield aladdin()
    yield published_units()
    yield from measured_ratios()
    yield own_circuit()


def interpolation(count: int) -> Claim:
    """Price over simulation, both ways, of additions and multiplications in formats drawn by seed."""
    rng = np.random.default_rng(19)
    formats = [f"e{rng.integers(2, 12)}m{rng.integers(1, 53)}" if k % 3 else f"int{rng.integers(2, 65)}"
               for k in range(count)]
    worst = {}
    for format in formats:
        for task in TASKS:
            paid = price(task, format, NORMAL)
            found = price_netlist(circuits.build(paid.circuit, format), format=format, operands=NORMAL)
            ratio = paid.transistor_operations / found.transistor_operations
            worst[f"{task} {format}"] = max(ratio, 1 / ratio)
    last = max(worst, key=lambda name: worst[name])
    return Claim("interpolation_worst", worst[last], "x", {"prices": len(worst), "median": median(worst.values())},
                 f"worst: {last}; formats that the table lacks are simulated when asked for")


def stationary(stream: str, formats: tuple[str, ...]) -> Claim:
    """Largest relative error of the price of a multiplication in a stream."""
    errors, free = {}, {}
    for format in formats:
        asked = Operands(NORMAL.a, NORMAL.b, stream, ROW if stream == "row" else HOLD)
        paid = price("multiply", format, asked)
        netlist = circuits.build(paid.circuit, format)
        if stream == "row":
            found = price_netlist(netlist, format=format, operands=row_stationary(format))
        else:
            found = price_netlist(netlist, format=format, operands=asked, vectors=1 << 15)
        errors[format] = abs(paid.transistor_operations / found.transistor_operations - 1)
        free[f"{format}, of independent operands"] = paid.transistor_operations / price(
            "multiply", format, NORMAL).transistor_operations
    return Claim(f"stationary_{stream}", max(errors.values()), "relative error", {**errors, **free},
                 f"multiplications; {'rows of 3 weights' if stream == 'row' else f'held for {HOLD}'}")


def row_stationary(format: str) -> dict[str, np.ndarray]:
    """Operands of a processing element that turns a row of weights over a row of inputs, filter after filter."""
    drawn = circuits.draw(parse(format), "normal/normal", 3, 1 << 15)
    filters = len(drawn.a) // (ROW * OUTPUTS)
    weights = drawn.a[:filters * ROW].reshape(filters, 1, ROW)
    inputs = drawn.b[:filters * (OUTPUTS + ROW - 1)].reshape(filters, -1)
    windows = np.lib.stride_tricks.sliding_window_view(inputs, ROW, axis=1)
    return {"a": np.broadcast_to(weights, windows.shape).ravel(), "b": windows.ravel()}


def fpnew() -> Claim:
    """Our energy span per operation from FP64 to FP8 over the published one."""
    fused = "floating_point/multiply_add:dadda,kogge_stone,full"
    wide, narrow = (circuits.processing_element(fused, f, circuits.Surroundings(**FPNEW, stages=stages),
                                                operands=NORMAL) for f, stages in (("fp64", 3), ("fp8_e5m2", 2)))
    span = wide.transistor_operations / narrow.transistor_operations
    spans, first, second = {}, 0.0, 0.0
    for term in wide.terms:
        first, second = first + wide.terms[term], second + narrow.terms[term]
        spans[f"span, {term} included"] = first / second
    return Claim("fpnew_span_ratio", span / FPNEW_SPAN, "x", {"our span": span, "published span": FPNEW_SPAN, **spans},
                 "one FP64 operation: " + shares(wide) + "; one of eight FP8: " + shares(narrow))


def shares(element: circuits.ProcessingElement) -> str:
    """What an operation's energy goes to, in percent."""
    return ", ".join(f"{name} {100 * to / element.transistor_operations:.0f} %" for name, to in element.terms.items())


def aladdin() -> Claim:
    """Energies of Aladdin's functional units over ours, with one constant: the worst of them. Where a unit has one
    stage, its registers are rows of their own there."""
    ours = {}
    for unit, (circuit, format, stages, _) in ALADDIN.items():
        element = circuits.processing_element(circuit, format, circuits.Surroundings(stages=stages), operands=NORMAL)
        ours[unit] = element.transistor_operations if stages > 1 else element.terms["arithmetic"]
    logs = np.log([ALADDIN[unit][-1] / to for unit, to in ours.items()])
    factors = dict(zip(ours, np.exp(logs - logs.mean()).tolist(), strict=True))
    return Claim("aladdin_worst_ratio", float(np.exp(np.abs(logs - logs.mean()).max())), "x", {
        "femtojoule per transistor operation": float(np.exp(logs.mean())) * 1e3,
        "rms": float(np.exp(logs.std())), **factors,
    }, "energy over cost times constant; its 32-bit multiplier takes 100 times its adder, where Horowitz (2014) has 31")


def published_units() -> Claim:
    """Our cost of a product in block formats over the published energy, relative to MXFP4's."""
    ours = {f: price("multiply_accumulate", f, NORMAL).transistor_operations for f in SNAX}
    compared = {}
    for format, (low, high) in SNAX.items():
        compared[f"{format}, ours"] = ours[format] / ours["mxfp4"]
        compared[f"{format}, published"] = SNAX["mxfp4"][0] * 2 / (low + high)
    ratio = compared["mxfp8_e4m3, ours"] / compared["mxfp8_e4m3, published"]
    return Claim("mx_unit_ratio", ratio, "x", compared,
                 "MXFP8 over MXFP4; the published unit reuses one datapath for all formats, and a quarter of its lanes "
                 "for MXINT8, where ours is built for it")


def measured_ratios() -> Iterator[Claim]:
    """Cost of a product relative to bf16 in large matrix products: ours, and energy as measured."""
    names = {"fp8_block": ("h200", "mxfp8_e4m3", "gpu_fp8_ratio"), "nvfp4": ("b200", "nvfp4", "gpu_nvfp4_ratio")}
    folder = datasets()
    measured = {} if folder is None else energies(folder / GEMM)
    wide = per_product("bf16", 8)
    for format, (gpu, ours, name) in names.items():
        cost = price("multiply_accumulate", ours, NORMAL).transistor_operations / wide
        found = sorted(measured.get((gpu, format), []))
        yield Claim(name, cost / median(found) if found else None, "x",
                    {"ours": cost, "measured, median": median(found) if found else None, "shapes": len(found)},
                    f"{gpu}, {format} over bf16" if found else f"TOCOMPILER_DATASETS has {GEMM}")


def per_product(format: str, lanes: int) -> float:
    """A product in a dot-product unit with a sum in fp32."""
    netlist = circuits.build(f"floating_point/dot_product:{lanes},fp32", format)
    rng = np.random.default_rng(0)
    drawn = circuits.draw(parse(format), "normal/normal", 0, 1 << 14)
    operands = {f"{name}{k}": getattr(drawn, name)[k::lanes] for name in "ab" for k in range(lanes)}
    operands["c"] = rng.standard_normal(len(operands["a0"])).astype(np.float32).view(np.uint32)
    return circuits.switchings(netlist, operands).transistor_operations / lanes


def energies(path: Path) -> dict[tuple[str, str], list[float]]:
    """Energy of a format over that of bf16 for each large shape, by GPU and format."""
    by_shape: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if min(int(row[d]) for d in "mnk") >= LARGE:
                by_shape[row["system"], row["m"], row["n"], row["k"]][row["gemm_dtype"]] = float(row["energy_j"])
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (gpu, *_), formats in by_shape.items():
        for format, joule in formats.items():
            if "bfloat16" in formats and format != "bfloat16":
                found[gpu.partition("_")[0], format].append(joule / formats["bfloat16"])
    return found


def own_circuit() -> Claim:
    """Seconds from a Verilog file to a network's new total: 8 bits, and an fp16 multiplier."""
    seconds = {}
    with TemporaryDirectory() as folder:
        for format, circuit in (("uint8", "multiplier/array:brent_kung"),
                                ("fp16", "floating_point/multiply:dadda,brent_kung,full")):
            verilog, chosen = Path(folder) / f"{format}.v", Path(folder) / f"{format}.toml"
            verilog.write_text(circuits.to_verilog(circuits.build(circuit, format)))
            chosen.write_text(f'base = "default"\n[[circuit]]\ntasks = ["multiply"]\nformats = ["{format}"]\n'
                              f'circuit = "{verilog.name}"\n')
            begun = time.perf_counter()
            tocompiler.compile(tocompiler.load("resnet18"), format=format, circuits=str(chosen))
            seconds[format] = time.perf_counter() - begun
    return Claim("own_circuit_second", seconds["uint8"], "s", {"fp16 multiplier": seconds["fp16"]},
                 "ResNet-18 with a multiplier of one's own")


if __name__ == "__main__":
    from claims import main

    main(format_claims, __doc__)
