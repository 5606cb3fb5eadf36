"""A graph of ATen calls to Network: placeholders become tensors, each call goes through the ATen table."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from tocompiler.frontends.torch.aten_complex import MIXED, complex_arguments
from tocompiler.frontends.torch.table import Call, NotTabled, handlers
from tocompiler.network import Network
from tocompiler.operators import Refused, Unmodelled
from tocompiler.tensors import Tensor

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node

__all__ = ["Graph", "convert", "decompositions", "exported_graph"]

_FORMATS = {
    torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16", torch.float64: "fp64",
    torch.float8_e4m3fn: "fp8_e4m3", torch.float8_e5m2: "fp8_e5m2", torch.int8: "int8", torch.uint8: "uint8",
    torch.int16: "int16", torch.int32: "int32", torch.int64: "int64", torch.bool: "bool", torch.uint16: "uint16",
    torch.uint32: "uint32", torch.uint64: "uint64", torch.complex32: "fp16", torch.complex64: "fp32",
    torch.complex128: "fp64",
}
"""A complex tensor is one of its parts' format, with an axis of two more."""


@dataclass(frozen=True)
class Graph:
    """Calls in order: placeholders that are no input by (name, kind), the names of the results, whether some dimension
    is a symbol, and the placeholders that only order effects."""

    graph: torch.fx.Graph
    stored: Mapping[str, tuple[str, str]]
    results: frozenset[str]
    symbolic: bool = False
    tokens: frozenset[str] = frozenset()


def exported_graph(exported: ExportedProgram) -> Graph:
    """The graph of an exported program, after torch has decomposed what the table lacks."""
    exported = exported.run_decompositions(dict(decompositions()))
    signature = exported.graph_signature
    stored = {given: (name, kind) for kind, named in (
        ("parameter", signature.inputs_to_parameters), ("buffer", signature.inputs_to_buffers),
        ("constant", signature.inputs_to_lifted_tensor_constants)) for given, name in named.items()}
    return Graph(exported.graph, stored, frozenset(signature.user_outputs), bool(exported.range_constraints),
                 frozenset(signature.input_tokens))


def convert(graph: Graph, name: str, tied: Mapping[str, str]) -> Network:
    """The Network of a graph; ``tied`` maps further names of a shared parameter to its first."""
    return _Conversion(graph, name, tied).network()


@cache
def decompositions() -> Mapping[Any, Any]:
    """torch's own decompositions, without those of operators that the table has."""
    table: Any = torch.export.default_decompositions()
    for overload in list(table.keys()):
        if overload.namespace == "aten" and overload._schema.name.removeprefix("aten::") in handlers():
            table.pop(overload)
    return dict(table)


def _tensors(node: Node) -> list[torch.Tensor]:
    """What torch knows of a call's operands and results."""
    known: list[Any] = [n.meta.get("val") for n in (node, *node.all_input_nodes)]
    values = [v for each in known for v in (each if isinstance(each, (list, tuple)) else [each])]
    return [v for v in values if isinstance(v, torch.Tensor)]


class _Conversion:
    """One pass over the graph."""

    def __init__(self, graph: Graph, name: str, tied: Mapping[str, str]) -> None:
        self.given = graph
        self.tied = tied
        self.net = Network(name)
        self.values: dict[str, Any] = {}
        self.symbols: dict[Any, Any] = {}
        self.readers: Counter[str] = Counter()

    def network(self) -> Network:
        nodes = self.given.graph.nodes
        for node in nodes:
            if node.op == "placeholder":
                self.values[node.name] = self.placeholder(node)
            elif node.op == "call_function":
                self.values[node.name] = self.call(node)
        output: Any = next(n for n in reversed(nodes) if n.op == "output").args[0]
        values = [self.values.get(n.name) for n in output
                  if isinstance(n, torch.fx.Node) and n.name in self.given.results]
        self.net.output(*(v for v in values if isinstance(v, Tensor)))
        return self.net

    def placeholder(self, node: Node) -> Any:
        """A parameter, buffer, constant or input; a number where the input is one."""
        value = node.meta.get("val")
        if not isinstance(value, torch.Tensor):
            return value
        if node.name in self.given.tokens:
            return None
        shape, format = self.result(value)
        if node.name not in self.given.stored:
            return self.net.input(shape, format, node.name)
        name, kind = self.given.stored[node.name]
        if kind == "parameter":
            name = self.tied.get(name, name)
            self.readers[name] += len(node.users)
        return Tensor(name, shape, format, kind)

    def call(self, node: Node) -> Any:
        """The value of one call: a tensor, several, or a number (sizes are read off, not computed)."""
        if node.target is operator.getitem:
            whole, index = (self.argument(a) for a in node.args)
            return whole[index]
        value: Any = node.meta.get("val")
        if str(node.target) == "with_effects":  # a check that may stop the program and gives nothing
            return (None,) * len(value)
        if isinstance(value, (int, float, bool, torch.SymInt, torch.SymFloat, torch.SymBool)):
            return self.number(value)
        if value is None:
            return None
        stack = list(node.meta.get("nn_module_stack", {}).values())
        path = stack[-1][0] if stack else ""
        results = tuple(self.result(v) for v in (value if isinstance(value, (tuple, list)) else [value])
                        if isinstance(v, torch.Tensor))
        with self.net.scope(path) if path else nullcontext():
            return self.row(node, results)

    def row(self, node: Node, results: tuple[tuple[Any, ...], ...]) -> Any:
        """Apply the table's row and compare its shape with torch's; without a row the ATen name is kept."""
        schema = getattr(node.target, "_schema", None)
        space, _, name = str(schema.name if schema else node.target).partition("::")
        arguments = [self.argument(a) for a in node.args]
        own = frozenset(a.name for a in arguments if isinstance(a, Tensor) and self.readers[a.name] == 1)
        call = Call(self.net, name, results, own)
        keywords = {k: self.argument(v) for k, v in node.kwargs.items()
                    if k not in ("layout", "device", "pin_memory", "memory_format", "dtype", "non_blocking")}
        own_name = name if space == "aten" else f"{space}.{name}"
        complexes = any(v.is_complex() for v in _tensors(node))
        handler = handlers().get(f"complex.{own_name}" if complexes else own_name) or handlers().get(own_name)
        if handler is not None:
            try:
                if complexes and own_name in MIXED:
                    arguments = [self.widened(a, given) for a, given in zip(arguments, node.args, strict=True)]
                if complexes and f"complex.{own_name}" not in handlers():
                    arguments = complex_arguments(own_name, arguments)
                made = handler(call, *arguments, **keywords)
            except (NotTabled, Unmodelled, Refused):
                pass
            else:
                self.check(node, call, made)
                return made
        tensors = [t for a in arguments for t in (a if isinstance(a, list) else [a]) if isinstance(t, Tensor)]
        made = self.net.emit(f"{space}.{name}", tensors, results=call.results)
        return made if isinstance(node.meta["val"], (tuple, list)) else made[0]

    def widened(self, argument: Any, given: Any) -> Any:
        """A real operand beside a complex one, with the axis of its parts."""
        value = given.meta.get("val") if isinstance(given, torch.fx.Node) else None
        if not isinstance(argument, Tensor) or not isinstance(value, torch.Tensor) or value.is_complex():
            return argument
        return self.net.unsqueeze(argument, len(argument.shape))

    def check(self, node: Node, call: Call, made: Tensor | Sequence[Tensor]) -> None:
        """ValueError where an operator's own shape rule disagrees with torch."""
        first = made if isinstance(made, Tensor) else made[0]
        if self.given.symbolic:
            return
        if first.shape != call.shape:
            raise ValueError(f"{node.target} '{node.name}': its result is {call.shape} in torch, "
                             f"{first.shape} by the rules of its ONNX operators")

    def argument(self, value: Any) -> Any:
        """An argument with graph nodes replaced by what they stand for."""
        if isinstance(value, torch.fx.Node):
            return self.values[value.name]
        if isinstance(value, (list, tuple)):
            return [self.argument(v) for v in value]
        return self.number(value) if isinstance(value, (torch.SymInt, torch.SymFloat)) else value

    def result(self, value: torch.Tensor) -> tuple[tuple[Any, ...], str]:
        """Shape and number format of a traced tensor."""
        format = _FORMATS.get(value.dtype)
        if format is None:
            raise ValueError(f"the module computes in {value.dtype}, which has no number format here")
        parts = (2,) if value.is_complex() else ()
        return (*(self.number(d) for d in value.shape), *parts), format

    def number(self, value: Any) -> Any:
        """A number, or the sympy expression of a symbolic one."""
        if not isinstance(value, (torch.SymInt, torch.SymFloat)):
            return value
        expression = value.node.expr
        if expression.is_number:
            return int(expression) if expression.is_Integer else float(expression)
        for symbol in sorted(expression.free_symbols, key=str):
            self.symbols.setdefault(symbol, self.named(len(self.symbols)))
        return expression.subs(self.symbols)

    @staticmethod
    def named(index: int) -> Any:
        """Symbols in order of appearance; the first one is the batch."""
        import sympy

        return sympy.Symbol("batch" if index == 0 else f"dimension_{index}", integer=True, positive=True)
