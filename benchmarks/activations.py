"""What an activation costs: accuracy claims measured again, and the cost ranking held against run time here.

The peers are what FLOP counters charge for the same functions: onnx-tool (run here if it is installed) and torch's
FlopCounterMode (run here). calflops and DeepSpeed charge 1 for ReLU and GELU and 0 for sigmoid and tanh; fvcore,
ptflops, thop and torchprofile charge 0 for all of them (read from their sources, 2026).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from claims import Claim, Options, main

from alu_library import FunctionRow, cost, function, function_rows, unit_cost
from alu_library.elementary import (
    Choice,
    Searcher,
    choices,
    errors_at,
    errors_of,
    in_float64,
    measure,
    names,
    special_values_wrong,
    used_rows,
)
from alu_library.elementary import points as sample

FOUR = ("exp", "tanh", "sigmoid", "gelu")
MAX_ERROR_ULP = 4.0
USELESS_ULP = 1000.0
"""An error in ulp beyond which a kernel is judged by its absolute error: it gave up its tail."""
SLACK = 1.02  # two samples of one format need not share their worst point
FORMATS = ("fp32", "bf16", "fp16", "tf32", "fp64", "fp8_e4m3", "fp8_e5m2")
ELEMENTS = 1 << 15  # fits the second-level cache, so that arithmetic and not memory is timed
ROUNDS, PARTS = 400, 5  # of timing: every round times every function once, every part is a fifth of the rounds
ONNX_NAMES = {
    "relu": "Relu", "leaky_relu": "LeakyRelu", "elu": "Elu", "selu": "Selu", "celu": "Celu", "sigmoid": "Sigmoid",
    "hard_sigmoid": "HardSigmoid", "hard_swish": "HardSwish", "tanh": "Tanh", "softplus": "Softplus", "gelu": "Gelu",
    "softsign": "Softsign", "mish": "Mish",
}
TORCH_NAMES = {
    "relu": "relu", "relu6": "relu6", "leaky_relu": "leaky_relu", "hard_tanh": "hardtanh",
    "hard_sigmoid": "hardsigmoid", "hard_swish": "hardswish", "softsign": "softsign",
    "sigmoid": "sigmoid", "silu": "silu", "tanh": "tanh", "elu": "elu",
    "selu": "selu", "celu": "celu", "softplus": "softplus", "log_sigmoid": "logsigmoid", "mish": "mish", "gelu": "gelu",
}


def run(options: Options) -> Iterator[Claim]:
    """All claims; ``--full`` measures fp32 on ten million points and searches the rows in use on all 2^32 numbers."""
    points = 10_000_000 if options.full else 20_000 if options.smoke else 200_000
    for name in FOUR:
        yield fp32_claim(name, points)
        yield default_claim(name)
    for format in ("fp16", "bf16"):
        yield worst_best(format, names()[:: 8 if options.smoke else 1])
    yield over_stated(names()[:: 8 if options.smoke else 1], points, options.full)
    yield special_values(FORMATS[:: 3 if options.smoke else 1], names()[:: 4 if options.smoke else 1])
    yield from charges()
    yield from rank_correlations(5 * PARTS if options.smoke else ROUNDS)


def default_claim(name: str) -> Claim:
    """The error of the fp32 algorithm that the compiler uses unless told otherwise, as the table states it."""
    row = function(name, "fp32")
    return Claim(f"{name}_fp32_default_ulp", row.max_error_ulp, "ulp",
                 {"required": MAX_ERROR_ULP, "multiplies": cost(row) / unit_cost("fp32"), "points": row.points},
                 f"{row.algorithm} in {row.internal_format}; worst at {row.worst:.9g}")


def over_stated(functions: list[str], points: int, full: bool) -> Claim:
    """How many of the fp32 rows in use (default, and the cheapest within 1 ulp) err by more than their table says.

    Looked at are the worst argument on record and fresh points: neighbours of powers of two, of quarter turns and of
    multiples of ln 2 / 2, and random ones that no earlier run has seen; with ``full`` every number there is.
    """
    rows = [(row, choice_of(row)) for name in functions for row in used_rows(name)]
    over, searched = [], 0
    for row, choice in rows:
        found = measure(choice, points // 4, checked=20, seed=time.time_ns()).max_error_ulp
        found = max(found, errors_at(choice, row.worst))
        if full:
            found = max(found, Searcher(choice).search().max_error_ulp)
        # float64 is the reference of all but a few points: it is right to a millionth of an ulp
        over += [f"{row.name} by {row.algorithm} in {row.internal_format}: {found:.6g} where {row.max_error_ulp:g} is "
                 "stated"] if found > row.max_error_ulp * (1 + 1e-6) else []
        searched += row.points >= 0.999 * numbers(*row.domain)
    return Claim("functions_over_stated_ulp", len(over), "rows",
                 {"rows": len(rows), "rows_searched_on_every_number": searched,
                  "fewest_points_on_record": min(row.points for row, _ in rows)}, "; ".join(over[:5]))


def numbers(low: float, high: float) -> int:
    """How many finite numbers of fp32, both zeros counted, lie between two ends."""
    top = float(np.finfo(np.float32).max)

    def below(end: float) -> int:
        return int(np.float32(min(abs(end), top)).view(np.uint32)) + 1

    positive = max(below(high) - (below(low) - 1 if low > 0 else 0), 0) if high >= 0 else 0
    return positive + (below(low) if low <= 0 else 0)


def special_values(formats: tuple[str, ...], functions: list[str]) -> Claim:
    """How many results for infinities, NaN, zeros, poles and the smallest and largest numbers are not what IEEE 754 and
    C99 say, over every algorithm in every table; any finite result may err by what its row states."""
    lines, rows = [], 0
    for format in formats:
        for name in functions:
            programs = {(c.algorithm, c.internal_format): c for c in choices(name, format)}
            for row in function_rows(name, format):
                rows += 1
                lines += special_values_wrong(programs[row.algorithm, row.internal_format], row.max_error_ulp)
    return Claim("special_values_wrong", len(lines), "results", {"rows": rows, "formats": len(formats)},
                 "; ".join(lines[:5]))


def choice_of(row: FunctionRow) -> Choice:
    """The program behind a row."""
    return next(c for c in choices(row.name, row.format)
                if (c.algorithm, c.internal_format) == (row.algorithm, row.internal_format))


def fp32_claim(name: str, points: int) -> Claim:
    """The error, measured now, of the cheapest fp32 algorithm that the table says is within 1 ulp."""
    row = function(name, "fp32", max_error_ulp=1.0)
    found = measure(choice_of(row), points)
    return Claim(f"{name}_fp32_ulp", found.max_error_ulp, "ulp",
                 {"required": 1.0, "table": row.max_error_ulp, "multiplies": cost(row) / unit_cost("fp32"),
                  "points": found.points},
                 f"{row.algorithm} in {row.internal_format}; worst at {found.worst:.9g}")


def worst_best(format: str, functions: list[str]) -> Claim:
    """Over all functions, the largest error of each one's most accurate algorithm: the whole format, measured now."""
    worst, where, points = 0.0, "", 0
    for name in functions:
        row = min(function_rows(name, format), key=lambda r: (r.max_error_ulp, cost(r)))
        found = measure(choice_of(row), 20_000, checked=100)
        points += found.points
        if found.max_error_ulp > worst:
            worst, where = found.max_error_ulp, f"{name} ({row.algorithm} in {row.internal_format})"
    return Claim(f"{format}_worst_best_ulp", worst, "ulp",
                 {"required": 0.51, "functions": len(functions), "points": points}, f"the least accurate is {where}")


def charges() -> Iterator[Claim]:
    """What one evaluation costs in multiplications of its format, beside what FLOP counters charge."""
    counters = {"onnx_tool": onnx_tool_charges(), "torch_flop_counter": torch_charges()}
    for name in TORCH_NAMES:
        row = function(name, "fp32", max_error_ulp=MAX_ERROR_ULP)
        peers = {peer: charged.get(name) for peer, charged in counters.items()}
        yield Claim(f"{name}_fp32_multiplies", cost(row) / unit_cost("fp32"), "fp32 multiplications", peers,
                    f"{row.algorithm} in {row.internal_format}, {row.max_error_ulp:.3g} ulp")


def onnx_tool_charges() -> dict[str, float | None]:
    """MACs for each element by onnx-tool; None where it fails. Empty where it is not installed."""
    try:
        import onnx_tool
    except ImportError:
        return {}
    return {name: _onnx_tool_charge(onnx_tool, operator) for name, operator in ONNX_NAMES.items()}


def _onnx_tool_charge(onnx_tool: Any, operator: str) -> float | None:
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1000]) for name in "xy")
    graph = helper.make_graph([helper.make_node(operator, ["x"], ["y"])], "one", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            profiled = onnx_tool.Model(model).graph
            profiled.shape_infer({"x": np.zeros((1, 1000), np.float32)})
            profiled.profile()
        except (NotImplementedError, AttributeError):
            return None
    return float(profiled.macs[0]) / 1000


def torch_charges() -> dict[str, float | None]:
    """FLOPs for each element by torch's FlopCounterMode; empty where torch is not installed."""
    try:
        import torch
        from torch.utils.flop_counter import FlopCounterMode
    except ImportError:
        return {}
    x, found = torch.zeros(1000), {}
    for name, operation in TORCH_NAMES.items():
        with FlopCounterMode(display=False) as counter:
            getattr(torch.nn.functional, operation)(x)
        found[name] = counter.get_total_flops() / 1000
    return found


def rank_correlations(rounds: int) -> Iterator[Claim]:
    """Spearman's rank correlation of our cost with measured time per element, in torch's kernels and in numpy.

    Vector kernels evaluate polynomials: a table of pieces would be a gather for each element. So the cost compared is
    that of the cheapest algorithm without one that is as accurate as torch's kernel is found to be (as numpy's are
    assumed to be: 4 ulp). The cost of the default choices is held against the same times beside it. The spread is that
    of the same figure from each fifth of the rounds alone.
    """
    tool = {name: charge for name, charge in onnx_tool_charges().items() if charge is not None}
    default = {name: cost(function(name, "fp32", max_error_ulp=MAX_ERROR_ULP)) for name in TORCH_NAMES}
    errors = dict.fromkeys(TORCH_NAMES, (MAX_ERROR_ULP, 0.0))
    torch, numpy = torch_rounds(rounds), numpy_rounds(max(rounds // 8, PARTS))
    between = spearman(least(numpy), least(torch)) if torch else None
    for name, times, accuracy in (("activation_rank_correlation", torch, torch_errors()),
                                  ("activation_rank_correlation_numpy", numpy, errors)):
        if not times:
            yield Claim(name, None, "Spearman", reason="torch is not installed")
            continue
        seconds = least(times)
        ours = {n: vector_cost(n, *accuracy[n]) for n in seconds}
        shared = {n: seconds[n] for n in tool}
        parts = [spearman(ours, least(times, part)) for part in range(PARTS)]
        yield Claim(name, spearman(ours, seconds), "Spearman",
                    {"functions": len(seconds), "lowest_of_five_parts": min(parts), "highest_of_five_parts": max(parts),
                     "default_algorithms": spearman(default, seconds),
                     "onnx_tool": spearman(tool, shared) if tool else None,
                     "ours_where_onnx_tool_answers": spearman(ours, shared) if tool else None,
                     "torch_time_against_numpy_time": between},
                    "largest rank differences: " + misses(ours, seconds))


def vector_cost(name: str, ulp: float, absolute: float) -> float:
    """Transistor operations of the cheapest fp32 algorithm, no table of pieces, within either error."""
    rows = [row for row in function_rows(name, "fp32") if not row.algorithm.startswith("segments")]
    good = [row for row in rows if row.max_error_ulp <= ulp or row.max_error_absolute <= absolute]
    return min(map(cost, good or [min(rows, key=lambda row: row.max_error_ulp)]))


def torch_errors() -> dict[str, tuple[float, float]]:
    """What torch's fp32 kernels get wrong: ulp, and absolute within [-16, 16] where the ulp error is past all use."""
    try:
        import torch
    except ImportError:
        return {}
    found = {}
    for name, operation in TORCH_NAMES.items():
        # On the domain of a program that works in fp32 itself, as the kernels do.
        choice = next(c for c in choices(name, "fp32") if c.internal_format == "fp32")
        kernel, worst, absolute = getattr(torch.nn.functional, operation), 0.0, 0.0
        for x, _ in sample(choice, 100_000):
            result = kernel(torch.from_numpy(x.astype(np.float32))).numpy().astype(np.float64)
            exact = in_float64(name)(x)
            ulp, gap = errors_of(choice, result, exact)
            # Kernels flush subnormal numbers; they are judged by what is normal.
            judged = np.isfinite(ulp) & ((np.abs(exact) >= 2.0**-126) | (exact == 0)) & (np.abs(x) >= 2.0**-126)
            worst = max(worst, float(np.max(ulp[judged], initial=0.0)))
            absolute = max(absolute, float(np.nanmax(gap[np.abs(x) <= 16], initial=0.0)))
        found[name] = (max(SLACK * worst, 0.51), SLACK * absolute if worst > USELESS_ULP else 0.0)
    return found


def spearman(ours: Mapping[str, float], seconds: Mapping[str, float]) -> float:
    """Rank correlation over the functions of ``seconds``."""
    from scipy.stats import spearmanr

    names = sorted(seconds)
    return float(spearmanr([ours[n] for n in names], [seconds[n] for n in names])[0])


def misses(ours: Mapping[str, float], seconds: Mapping[str, float]) -> str:
    """The three functions whose places in the two rankings differ most, with both places and the time."""
    names = list(seconds)
    place = {n: i + 1 for i, n in enumerate(sorted(names, key=lambda n: ours[n]))}
    measured = {n: i + 1 for i, n in enumerate(sorted(names, key=lambda n: seconds[n]))}
    worst = sorted(names, key=lambda n: -abs(place[n] - measured[n]))[:3]
    return "; ".join(f"{n} is {place[n]}. by cost, {measured[n]}. by time ({seconds[n] * 1e9:.2f} ns)" for n in worst)


def interleaved(calls: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds for each element in every round; a round calls each function once, so that load meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - start) / ELEMENTS)
    return times


def least(times: Mapping[str, list[float]], part: int | None = None) -> dict[str, float]:
    """The least of all rounds, or of one part's: what disturbs a run only ever adds to it."""
    return {name: min(values if part is None else values[part::PARTS]) for name, values in times.items()}


def torch_rounds(rounds: int) -> dict[str, list[float]]:
    """Times of torch's own kernels on one thread; empty where torch is not installed."""
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(1)
    x = torch.from_numpy(np.random.default_rng(0).normal(size=ELEMENTS).astype(np.float32))
    with torch.no_grad():
        return interleaved({name: partial(getattr(torch.nn.functional, operation), x)
                            for name, operation in TORCH_NAMES.items()}, rounds)


def numpy_rounds(rounds: int) -> dict[str, list[float]]:
    """Times in numpy and scipy, whole arrays of fp32, one pass for each operation."""
    x = np.random.default_rng(0).normal(size=ELEMENTS).astype(np.float32)
    return interleaved({name: partial(in_float64(name), x) for name in TORCH_NAMES}, rounds)


if __name__ == "__main__":
    main(run, __doc__)
