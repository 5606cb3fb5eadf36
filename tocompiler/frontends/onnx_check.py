"""What an ONNX model must be before anything is derived from it: names that exist, attributes of their kind, sizes that
are sizes, and no more of anything than the budgets allow (:mod:`tocompiler.limits`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

import onnx

from tocompiler import limits
from tocompiler.frontends.onnx_types import nested_graphs

__all__ = ["check_expansion", "check_graph"]

_KINDS = {1: "a number", 2: "an integer", 3: "text", 4: "a tensor", 5: "a graph", 6: "numbers", 7: "integers",
          8: "texts", 9: "tensors", 10: "graphs", 11: "a sparse tensor", 12: "sparse tensors", 13: "a type",
          14: "types"}
"""AttributeProto.AttributeType in words."""
_STEPS = frozenset({"strides", "dilations", "kernel_shape"})
"""What sizes are divided by, in compiled code too, where a division by zero ends the process."""
_MOST = 2**31 - 1
_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Schema:
    """What ONNX defines of an operator: kinds of its attributes, those it needs, bounds of its operands."""

    attributes: Mapping[str, int]
    needed: frozenset[str]
    fewest: int
    most: int


@cache
def _schema(operator: str, version: int, domain: str) -> _Schema | None:
    if not onnx.defs.has(operator, version, domain):
        return None
    found: Any = onnx.defs.get_schema(operator, version, domain)  # its stubs know less than its classes
    stated = found.attributes
    return _Schema({name: int(a.type.value) for name, a in stated.items()},
                   frozenset(name for name, a in stated.items() if a.required), found.min_input, found.max_input)


def check_expansion(where: str, model: Any) -> None:
    """ValueError where functions call themselves, nest too deep, or expand to more nodes than the budget.

    Counted from the calls, before anything is expanded.
    """
    functions = {_key(f): f for f in model.functions}
    found: dict[_Key, tuple[int, int]] = {}

    def measured(nodes: Iterable[Any], path: tuple[_Key, ...]) -> tuple[int, int]:
        """How many nodes they become, and how deep functions nest in them."""
        size = depth = 0
        for node in nodes:
            key = node.domain, node.op_type, getattr(node, "overload", "")
            parts = [measured(inner.node, path) for inner in nested_graphs(node)]
            parts.append(expanded(key, path) if key in functions else (1, 0))
            size += sum(part[0] for part in parts)
            depth = max(depth, *(part[1] for part in parts))
        return size, depth

    def expanded(key: _Key, path: tuple[_Key, ...]) -> tuple[int, int]:
        if key in path:
            raise ValueError(f"{where}: function '{key[1]}' calls itself; ONNX has no recursion")
        limits.check("nesting", len(path) + 1, where)
        if key not in found:
            size, depth = measured(functions[key].node, (*path, key))
            found[key] = size, depth + 1
        return found[key]

    size, depth = measured(model.graph.node, ())
    limits.check("nesting", depth, where)
    limits.check("nodes", size, where)


def _key(function: Any) -> _Key:
    return function.domain, function.name, getattr(function, "overload", "")


def check_graph(where: str, graph: Any, opsets: Mapping[str, int]) -> None:
    """ValueError, naming the operator, the tensor or the input, where a graph without functions is not as ONNX defines
    graphs: a name that is made twice, read before it is made, or no text; an operator with too few or too many
    operands or an attribute of another kind; a stored tensor of a negative size."""
    _Check(where, opsets).graph(graph, ())


class _Check:
    def __init__(self, where: str, opsets: Mapping[str, int]) -> None:
        self._where = where
        self._opsets = {**opsets, "ai.onnx": opsets.get("", 1)}
        self._nodes = 0

    def graph(self, graph: Any, outside: tuple[set[str], ...]) -> None:
        limits.check("nesting", len(outside), self._where)
        self._nodes += len(graph.node)
        limits.check("nodes", self._nodes, self._where)
        made: set[str] = set()
        for name in self._names((i.name for i in graph.input), "an input of the graph"):
            self._make(name, made, "an input of the graph")
        made |= self._stored(graph)  # older files list stored tensors among the inputs as well
        scopes = (*outside, made)
        for node in graph.node:
            self._node(node, scopes)
        for name in self._names((o.name for o in graph.output), "an output of the graph"):
            self._read(name, scopes, "the graph's output")

    def _stored(self, graph: Any) -> set[str]:
        """Names of the stored tensors, whose sizes are looked at."""
        found: set[str] = set()
        sparse = [(s.values.name, s.dims) for s in graph.sparse_initializer]
        for name, dims in (*((t.name, t.dims) for t in graph.initializer), *sparse):
            for checked in self._names([name], "a stored tensor"):
                self._make(checked, found, "a stored tensor")
            if any(d < 0 for d in dims):
                self._misfit(f"stored tensor '{name}' has the negative size {list(dims)}")
        return found

    def _node(self, node: Any, scopes: tuple[set[str], ...]) -> None:
        domain, operator, name = self._names((node.domain, node.op_type, node.name), "a node")
        title = f"{operator if domain in ('', 'ai.onnx') else f'{domain}.{operator}'} '{name}'"
        for read in self._names(node.input, title):
            if read:
                self._read(read, scopes, title)
        schema = _schema(operator, self._opsets.get(domain, 1), "" if domain == "ai.onnx" else domain)
        if schema is not None:
            self._fits(node, schema, title)
        for attribute in node.attribute:
            if attribute.type == 4 and any(d < 0 for d in attribute.t.dims):
                self._misfit(f"{title}: its attribute {attribute.name} has the negative size {list(attribute.t.dims)}")
            if attribute.name in _STEPS and any(step < 1 for step in attribute.ints):
                self._misfit(f"{title}: its attribute {attribute.name} is {list(attribute.ints)}, not positive")
        for inner in nested_graphs(node):
            self.graph(inner, scopes)
        for written in self._names(node.output, title):
            if written:
                self._make(written, scopes[-1], title)

    def _fits(self, node: Any, schema: _Schema, title: str) -> None:
        names = list(self._names((a.name for a in node.attribute), title))
        if not schema.fewest <= len(node.input) <= schema.most:
            most = f" to {schema.most}" if schema.most < _MOST else " or more"
            self._misfit(f"{title} has {len(node.input)} inputs and ONNX defines it with {schema.fewest}"
                         f"{most if schema.most != schema.fewest else ''}")
        for lacking in schema.needed.difference(names):
            self._misfit(f"{title} lacks its attribute '{lacking}'")
        for attribute in node.attribute:
            wanted = schema.attributes.get(attribute.name, attribute.type)
            if attribute.type not in (wanted, 0):
                self._misfit(f"{title}: its attribute {attribute.name} is {_KINDS.get(attribute.type, 'unknown')}, "
                             f"and ONNX defines it as {_KINDS[wanted]}")

    def _read(self, name: str, scopes: tuple[set[str], ...], by: str) -> None:
        if not any(name in scope for scope in reversed(scopes)):
            self._misfit(f"{by} reads '{name}', which nothing before it makes; "
                         "the file is damaged or its nodes are out of order")

    def _make(self, name: str, made: set[str], by: str) -> None:
        if name in made:
            self._misfit(f"{by} makes '{name}', which is there already; names must be unique")
        made.add(name)

    def _names(self, names: Iterable[Any], owner: str) -> Iterator[str]:
        for name in names:
            if not isinstance(name, str):
                self._misfit(f"{owner} has a name that is not UTF-8 ({name[:40]!r}); the file is damaged")
            yield name

    def _misfit(self, why: str) -> NoReturn:
        raise ValueError(f"{self._where}: {why}")
