"""``tocompiler compile``: a model to transistor operations and, on a calibrated device, to joules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from tocompiler import limits
from tocompiler.commands.output import note, put, put_json
from tocompiler.commands.planning import plan_of, planning_options
from tocompiler.commands.subject import dimensions, extend, values
from tocompiler.compiler import compile
from tocompiler.loading import load
from tocompiler.network import Network
from tocompiler.passes import GROUPS
from tocompiler.passes import options as pass_options
from tocompiler.report.compiled import as_json, as_table
from tocompiler.report.levels import LEVELS, print_energy
from tocompiler.report.records import as_csv
from tocompiler.tensors import Statistics

if TYPE_CHECKING:
    from hardware.device import Device
    from tocompiler.costing import TransistorProgram
    from tocompiler.energy.prediction import Prediction
    from tocompiler.execution import ExecutionProgram
    from tocompiler.report.planning import Plan

__all__ = ["command"]


def _limits(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    found = dimensions(ctx, parameter, values)
    unknown = sorted(found.keys() - limits.DEFAULTS.keys())
    if unknown:
        raise click.BadParameter(f"there is no budget '{unknown[0]}'; there are {', '.join(limits.DEFAULTS)}")
    return found


def _zeros(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, Statistics]:
    found: dict[str, Statistics] = {}
    for text in values:
        pattern, _, number = text.rpartition("=")
        try:
            zeros = float(number)
        except ValueError:
            zeros = -1.0
        if not pattern or not 0 <= zeros <= 1:
            raise click.BadParameter(f"'{text}' is not TENSOR=FRACTION between 0 and 1, as in '*.weight=0.8'")
        found[pattern] = Statistics(zeros=zeros)
    return found


@click.command("compile")
@click.argument("model")
@click.option("--batch", type=click.IntRange(min=1), help="Batch size; binds a dynamic first dimension.")
@click.option("--dim", "dims", multiple=True, callback=dimensions, metavar="NAME=N", help="Bind a dynamic dimension.")
@click.option("--value", "given", multiple=True, callback=values, metavar="NAME=V",
              help="State the value of an ONNX input that decides shapes or a branch, as in sr=16000.")
@click.option("--trips", multiple=True, callback=dimensions, metavar="LOOP=N",
              help="State how often a loop of the model runs.")
@click.option("--operators", multiple=True, callback=extend, is_eager=True, metavar="FILE.py",
              type=click.Path(exists=True, dir_okay=False), help="Run a file that registers rules for operators.")
@click.option("--symbolic", is_flag=True, help="Keep unbound dimensions as symbols: counts become formulas in them.")
@click.option("--format", help="Number format of every floating-point tensor (fp32, fp16, fp8_e4m3, ...), or a "
              "scheme for products with weights (mxfp4, nvfp4, w4a16, ...).")
@click.option("--phase", default="inference", show_default=True, help="inference, training or backward.")
@click.option("--optimizer", default="sgd", show_default=True, help="sgd, momentum, adam, adamw or rmsprop.")
@click.option("--device", help="A calibrated device by name, or its TOML file: adds energy with a 90 % interval.")
@click.option("--runtime", metavar="NAME|FILE", help="A runtime or a runtime file, instead of the device's own.")
@click.option("--without-startup", is_flag=True, help="Leave out what belongs to the execution and to no operator.")
@click.option("--circuits", default="default", show_default=True, help="Circuit set that prices the tasks.")
@click.option("--activation-error", type=float, metavar="ULP", help="Largest error of elementary functions, in ulp.")
@click.option("--option", "options", multiple=True, help=f"Change what runs: {', '.join((*pass_options(), *GROUPS))}.")
@click.option("--zeros", callback=_zeros, multiple=True, metavar="TENSOR=F",
              help="Fraction of zeros in a tensor, by name or pattern.")
@click.option("--read-weights", is_flag=True, help="Take the zeros of the weights from the ONNX file.")
@click.option("--profile", type=click.Path(exists=True, dir_okay=False), metavar="INPUTS.npz",
              help="Run the ONNX model once on these inputs and take every tensor's zeros.")
@click.option("--operands", type=click.Path(exists=True, dir_okay=False), metavar="PROFILE.json",
              help="Take what is known of tensors' values from a file; with --profile or --read-weights as well.")
@click.option("--write-operands", type=click.Path(dir_okay=False), metavar="PROFILE.json",
              help="Write what --profile and --read-weights found, for --operands.")
@click.option("--emit", type=click.Choice(["network", "alu", "transistors", "execution", "energy"]),
              help="Print one level as text.")
@click.option("--top", type=click.IntRange(min=1), help="List only the dearest rows.")
@click.option("--explain", is_flag=True, help="Print every constant behind the figures, with its source.")
@click.option("--allow-unmodelled", is_flag=True, help="Exit 0 although some operators were not counted.")
@click.option("--limit", "budgets", multiple=True, callback=_limits, metavar="NAME=N",
              help=f"Raise a budget: {', '.join(limits.DEFAULTS)}.")
@planning_options
@click.option("--csv", "csv_path", metavar="PATH", help="Write the rows as CSV; - is standard output.")
@click.option("--json", "json_path", metavar="PATH", help="Write every figure as JSON; - is standard output.")
@click.option("--output", type=click.Path(dir_okay=False), help="Write the table or level to a file.")
def command(model: str, batch: int | None, dims: dict[str, int], given: dict[str, Any], trips: dict[str, int],
            operators: tuple[str, ...], symbolic: bool, format: str | None, phase: str,
            optimizer: str, device: str | None, runtime: str | None, without_startup: bool,
            circuits: str, activation_error: float | None,
            options: tuple[str, ...], zeros: dict[str, Statistics], read_weights: bool, profile: str | None,
            operands: str | None, write_operands: str | None, emit: str | None, top: int | None, explain: bool,
            allow_unmodelled: bool, budgets: dict[str, int], executions: float | None, grid: str | None,
            price: float | None, csv_path: str | None, json_path: str | None, output: str | None) -> int:
    """Compile MODEL (an ONNX file, a zoo name such as resnet50, or hf:config.json) to transistor operations.

    \b
    Example: tocompiler compile resnet50 --device jetson_tx2_maxn --top 5
             tocompiler compile model.onnx --batch 8 --device rpi4 --executions 1e6 --grid France --price .3
    """
    plan = plan_of(executions, grid, price, device)
    if symbolic and device is not None:
        raise ValueError("--symbolic gives formulas, and energy needs numbers: bind the dimensions to use --device")
    if emit == "energy" and device is None:
        raise ValueError("--emit energy needs --device; `tocompiler devices` lists them")
    with limits.raised(**budgets):
        network = load(model, batch=batch, dims=dims, symbolic=symbolic, values=given, trips=trips)
    measured = _measured(network, model, read_weights, profile, operands)
    if write_operands is not None:
        from tocompiler.profiling import save_profile

        save_profile(measured, write_operands)
    program = compile(network, format=format, phase=phase, circuits=circuits, optimizer=optimizer,
                      activation_error_ulp=activation_error, options=options, statistics={**measured, **zeros})
    hardware, prediction, execution = None, None, None
    if device is not None:
        from tocompiler.energy.prediction import predict

        hardware = _device(device, runtime)
        prediction = predict(program, hardware)
        if without_startup:
            prediction = prediction.without_execution()
    if emit == "execution" or device is not None or runtime is not None:
        execution = _execution(program, hardware, runtime)
    figures = as_json(program, prediction, model, _batch(network), hardware, plan) if json_path or csv_path else {}
    taken = put_json(figures, json_path) if json_path else False
    if csv_path is not None:
        put(as_csv(figures), csv_path)
    if not taken and csv_path != "-":
        put(_text(program, prediction, hardware, execution, emit, top, explain, plan), output)
    if program.unmodelled and not allow_unmodelled:
        named = ", ".join(sorted({u.operator for u in program.unmodelled}))
        note(f"tocompiler: {model}: {len(program.unmodelled)} operators are not modelled ({named}); "
             "--allow-unmodelled accepts totals without them")
        return 1
    return 0


def _device(name: str, runtime: str | None) -> Device:
    from hardware.device import load_device
    from hardware.runtime import load_runtime

    found = load_device(name)
    return found if runtime is None else replace(found, runtime=load_runtime(runtime))


def _execution(program: TransistorProgram, device: Device | None, runtime: str | None) -> ExecutionProgram:
    from tocompiler.execution import execute

    if device is not None:
        return execute(program, device.runtime, last_cache_byte=device.last_cache_byte)
    return execute(program, runtime or "generic")


def _batch(network: Network) -> int | None:
    """The batch that is compiled: the first dimension of the first input, where it is a number."""
    first = next((t.shape[0] for t in network.inputs if t.shape), None)
    return first if isinstance(first, int) else None


def _measured(network: Network, model: str, read_weights: bool, profile: str | None, operands: str | None
              ) -> dict[str, Statistics]:
    if not read_weights and profile is None and operands is None:
        return {}
    from tocompiler.profiling import load_profile, profiled_statistics, weight_statistics

    stated = {} if operands is None else load_profile(operands)
    found = weight_statistics(model) if read_weights else {}
    if profile is not None:
        found |= profiled_statistics(model, profile)
    known = {t.name for op in network.operators for t in (*op.inputs, *op.outputs) if t is not None}
    return {**stated, **{name: statistics for name, statistics in found.items() if name in known}}


def _text(program: TransistorProgram, prediction: Prediction | None, device: Device | None,
          execution: ExecutionProgram | None, emit: str | None, top: int | None, explain: bool,
          plan: Plan | None) -> str:
    if emit == "energy":
        assert prediction is not None
        text = print_energy(program, prediction)
    elif emit == "execution" and execution is not None:
        from tocompiler.report.execution import print_execution

        text = print_execution(execution)
    elif emit is not None:
        text = LEVELS[emit](program)
    else:
        text = as_table(program, prediction, device.name if device is not None else None, top, execution, plan)
    if explain:
        from tocompiler.report.explain import explanation

        text += "\n\n" + explanation(program, device, execution)
    return text
