"""The printed form of each level: stable text, one line for each operator, that tests compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from alu_library.tasks import Tasks
from tocompiler.costing import TransistorProgram
from tocompiler.lowering import AluProgram
from tocompiler.network import Network
from tocompiler.tensors import Tensor

if TYPE_CHECKING:
    from tocompiler.energy.prediction import Prediction

__all__ = ["LEVELS", "print_alu", "print_energy", "print_network", "print_transistors"]


def print_network(network: Network) -> str:
    """The first level.

    >>> from tocompiler.network import Network
    >>> net = Network("tiny")
    >>> net.output(net.relu(net.input((1, 4))))
    >>> print(print_network(net))
    network tiny
      input input fp32[1,4]
      relu fp32[1,4] = Relu(input)
      output relu
    """
    return "\n".join(_network_lines(network))


def _network_lines(network: Network) -> Iterator[str]:
    yield f"network {network.name}"
    for t in network.inputs:
        yield f"  input {t.name} {_type(t)}"
    for t in network.stored_tensors():
        yield f"  {t.kind} {t.name} {_type(t)}"
    for op in network.operators:
        results = ", ".join(f"{t.name} {_type(t)}" for t in op.outputs)
        operands = ", ".join("-" if t is None else t.name for t in op.inputs)
        yield f"  {results} = {op.operator}({operands}){_attributes(op.attributes)}"
    for t in network.outputs:
        yield f"  output {t.name}"


def _type(tensor: Tensor) -> str:
    return f"{tensor.format}[{','.join(str(d) for d in tensor.shape)}]"


def _attributes(attributes: Mapping[str, Any]) -> str:
    if not attributes:
        return ""
    return " {" + ", ".join(f"{name}={_value(value)}" for name, value in sorted(attributes.items())) + "}"


def _value(value: Any) -> str:
    if isinstance(value, Network):
        return f"network {value.name} of {len(value.operators)} operators"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(str(v) for v in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def print_alu(program: AluProgram) -> str:
    """The second level: tasks, products and compulsory traffic of each row."""
    return _program_text("alu", program, [
        (row.name, row.operator, row.phase, _tasks(row.tasks),
         f"products={row.multiply_accumulates} traffic_bit={row.traffic_bit}")
        for row in program.rows
    ])


def print_transistors(program: TransistorProgram) -> str:
    """The third level: transistor operations of each row, the static count beside them."""
    return _program_text(f"transistors circuits={program.circuits} basis={program.basis}", program.alu, [
        (row.name, row.operator, row.phase,
         f"transistor_operations={_number(row.transistor_operations)}",
         f"transistors_exercised={row.transistors_exercised} glitch_factor={row.glitch_factor:.3f}")
        for row in program.rows
    ])


def _program_text(level: str, program: AluProgram, rows: list[tuple[str, ...]]) -> str:
    head = f"{level} {program.network.name} format={program.format} phase={program.phase}"
    if program.options:
        head += f" options={','.join(program.options)}"
    lines = [head, *("  " + " ".join(part for part in row if part) for row in rows)]
    lines += [f"  unmodelled {u.name} {u.operator}: {u.reason}" for u in program.unmodelled]
    return "\n".join(lines)


def _tasks(tasks: Tasks) -> str:
    return " ".join(f"{task}.{format}={n}" for (task, format), n in sorted(tasks.items()))


def _number(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, (int, float)) else str(value)


def print_energy(program: TransistorProgram, prediction: Prediction) -> str:
    """The last level: energy of each row on one device, and of the whole with its 90 % interval."""
    lines = [f"energy {program.name} format={program.alu.format} phase={program.alu.phase} "
             f"energy_joule={prediction.energy_joule:.6g} low_joule={prediction.low_joule:.6g} "
             f"high_joule={prediction.high_joule:.6g} in_domain={str(prediction.in_domain).lower()}"]
    lines += [f"  {row.name} {row.operator} energy_joule={part.energy_joule:.6g}"
              for row, part in zip(program.rows, prediction.operators, strict=True)]
    lines.append(f"  per execution energy_joule={prediction.execution_joule:.6g}")
    return "\n".join(lines)


LEVELS: Mapping[str, Callable[[TransistorProgram], str]] = {
    "network": lambda program: print_network(program.network),
    "alu": lambda program: print_alu(program.alu),
    "transistors": print_transistors,
}
"""What ``--emit`` prints for each level below energy."""
