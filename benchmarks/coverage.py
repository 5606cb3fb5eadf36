"""What is accounted for: onnx's own test suite, every standard operator, real exports against torch's counter, scale.

    python benchmarks/coverage.py [--json -] [--full]

``coverage_onnx_backend_failures`` counts the cases of the ONNX backend suite that do not compile to the expected
output shapes; a use that is refused names its operator and is listed apart. ``coverage_forward_mismatches`` counts
exports whose forward multiply-accumulates differ from torch's flop counter on the same module (in this run on meta
tensors where torch is installed, else as recorded with the exports); ``coverage_backward_mismatches`` the same for the
backward pass. torch multiplies the weight gradient of a grouped convolution by the group count; it is counted here as
what it is, as many products as forward (``strip_models.convolution_backward_flops``). The claims about
torch.export are those of ``architectures.py``.
"""

from __future__ import annotations

import importlib.util
import json
import math
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import architectures
import onnx
from claims import Claim, Options, main
from onnx_cases import Case, backend_cases

import tocompiler
from tocompiler import operators

DATA = Path(__file__).parent.parent / "tests" / "data"


def run(options: Options) -> Iterator[Claim]:
    """Every claim about coverage."""
    yield backend(options)
    yield standard_operators()
    yield from exports(options)
    yield linear_exponent((100, 1000) if options.smoke else (1000, 10_000, 100_000))
    yield from architectures.run(options)


def backend(options: Options) -> Claim:
    """The suite that the onnx package ships and generates."""
    cases = refused = bound = 0
    failures: list[str] = []
    for case in backend_cases():
        cases += 1
        if options.smoke and cases % 50:
            continue
        verdict = judge(case)
        refused += verdict == "refused"
        bound += verdict == "bound"
        if verdict not in ("", "refused", "bound"):
            failures.append(f"{case.name}: {verdict}")
    _note(failures)
    return Claim("coverage_onnx_backend_failures", len(failures), "cases",
                 {"cases": cases, "refused_by_name": refused, "data_dependent_and_bound": bound})


def judge(case: Case) -> str:
    """Nothing if the case compiles to the expected shapes, ``refused`` or ``bound``, or what is wrong with it.

    Inputs are given by shape alone; by value where the shapes of the outputs follow from it (the target of a Reshape);
    and where no value of an input says (how many boxes survive), the number is bound as a user would.
    """
    verdict, _ = attempt(case, {}, {})
    if verdict:
        verdict, wrong = attempt(case, dict(case.inputs), {})
        if wrong and not attempt(case, dict(case.inputs), wrong)[0]:
            return "bound"
    return verdict


def attempt(case: Case, values: dict[str, Any], dims: dict[str, int]) -> tuple[str, dict[str, int]]:
    """A verdict, and the results' dimensions that came out otherwise than expected, as a user would bind them."""
    try:
        network = tocompiler.load(case.model, dims=dims, values=values)
        program = tocompiler.compile(network)
    except ValueError as error:
        operators = {n.op_type for n in case.model.graph.node} | {f.name for f in case.model.functions}
        named = any(op in str(error) for op in operators | {"SequenceAt", "Loop"})
        return "refused" if named else f"refused without a name ({error})", {}
    if program.unmodelled:
        first = program.unmodelled[0]
        return "refused" if "no rule" not in first.reason else f"unmodelled {first.operator}", {}
    for tensor, value in zip(network.outputs, case.outputs, strict=True):
        if value is not None and tuple(tensor.shape) != value.shape:
            wrong = {f"{tensor.name}_{axis}": size for axis, (size, found)
                     in enumerate(zip(value.shape, tensor.shape, strict=False)) if size != found}
            return f"{tensor.name} is {tensor.shape}, expected {value.shape}", wrong
    return "", {}


def standard_operators() -> Claim:
    """Operators of onnx.defs (every domain) that have no rule."""
    current = {(s.domain, s.name) for s in onnx.defs.get_all_schemas() if not s.deprecated}
    modelled = set(operators.names())
    missing = sorted(f"{d}.{n}" if d else n for d, n in current if (f"{d}.{n}" if d else n) not in modelled)
    _note(missing)
    return Claim("coverage_unmodelled_standard_operators", len(missing), "operators",
                 {"operators_in_onnx_defs": len(current), "opset": onnx.defs.onnx_opset_version()})


def exports(options: Options) -> Iterator[Claim]:
    """The real models in tests/data: nothing unmodelled, and the products torch counts."""
    recorded = json.loads((DATA / "exports.json").read_text(encoding="utf-8"))["models"]
    unmodelled: list[str] = []
    mismatches: dict[str, list[str]] = {"forward": [], "backward": []}
    compared: set[str] = set()
    live = importlib.util.find_spec("torch") is not None and not options.smoke
    counts = recorded | (dict(_counted_now(recorded)) if live else {})
    files = sorted(DATA.glob("*.onnx"))
    for file in files:
        name, form = file.name.split(".")[:2]
        network = tocompiler.load(file, batch=1 if name.endswith("_dynamic") else None)
        program = tocompiler.compile(network)
        unmodelled += [f"{file.name}: {u.operator} ({u.reason})" for u in program.unmodelled]
        if form in ("script", "dynamo") and name in counts:
            compared.add(name)
            found = {"forward": program.alu.multiply_accumulates,
                     "backward": tocompiler.compile(network, phase="backward").alu.multiply_accumulates}
            for phase, key in (("forward", "multiply_accumulates"), ("backward", "backward_multiply_accumulates")):
                if found[phase] != counts[name][key]:
                    mismatches[phase].append(f"{file.name} {phase}: {found[phase]}, torch {counts[name][key]}")
    _note(unmodelled + mismatches["forward"] + mismatches["backward"])
    yield Claim("coverage_exports_unmodelled", len(unmodelled), "operators", {"exports": len(files)})
    source = "torch flop counter in this run" if live else "recorded torch flop counter"
    for phase, lines in mismatches.items():
        yield Claim(f"coverage_{phase}_mismatches", len(lines), "exports",
                    {"architectures": len(compared), "oracle": source})


def _counted_now(recorded: Iterable[str]) -> Iterator[tuple[str, dict[str, int]]]:
    """torch's multiply-accumulates of each recorded architecture that can be built here."""
    from exported_models import MODELS
    from strip_models import products

    for name in recorded:
        try:
            yield name, products(MODELS[name])
        except ImportError as error:
            print(f"{name}: {error}; its recorded count is used", file=sys.stderr)


def linear_exponent(sizes: tuple[int, ...]) -> Claim:
    """How load and compile grow with the number of operators: the slope between the smallest and the largest."""
    seconds = {n: _chain_seconds(n) for n in sizes}
    small, large = sizes[-2], sizes[-1]
    slope = math.log(seconds[large] / seconds[small]) / math.log(large / small)
    return Claim("coverage_linear_exponent", slope, "", {f"second_at_{n}": t for n, t in seconds.items()})


def _chain_seconds(operators: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "chain.onnx"
        onnx.save(chain(operators), str(file))
        start = time.process_time()  # one thread: what others do on the machine meanwhile must not count
        network = tocompiler.load(file)
        tocompiler.compile(network)
        elapsed = time.process_time() - start
    assert len(network.operators) == operators
    return elapsed


def chain(operators: int) -> Any:
    """A model of alternating 1x1 convolutions and ReLUs, one after the other."""
    h, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes, weights = [], []
    for i in range(0, operators, 2):
        nodes.append(h.make_node("Conv", [f"x{i}", f"w{i}"], [f"x{i + 1}"], name=f"conv{i}"))
        nodes.append(h.make_node("Relu", [f"x{i + 1}"], [f"x{i + 2}"], name=f"relu{i}"))
        weights.append(h.make_tensor(f"w{i}", kind, [8, 8, 1, 1], bytes(256), raw=True))
    graph = h.make_graph(nodes, "chain", [h.make_tensor_value_info("x0", kind, [1, 8, 4, 4])],
                         [h.make_tensor_value_info(f"x{operators}", kind, None)], weights)
    return h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)


def _note(lines: list[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)


if __name__ == "__main__":
    main(run, __doc__)
