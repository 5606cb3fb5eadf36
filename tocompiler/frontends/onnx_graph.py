"""From an inferred GraphProto to a Network: one operator after the other, in the file's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tocompiler.frontends.onnx_bindings import Bindings
from tocompiler.frontends.onnx_bodies import body_inputs
from tocompiler.frontends.onnx_dimensions import free_inputs
from tocompiler.frontends.onnx_inference import MISINFERRED, infer_again
from tocompiler.frontends.onnx_kinds import stored_kinds
from tocompiler.frontends.onnx_names import layer_name
from tocompiler.frontends.onnx_quantisers import in_integers
from tocompiler.frontends.onnx_reference import by_reference, has_reference
from tocompiler.frontends.onnx_types import (
    constant_of,
    dims_of,
    element_format,
    format_of,
    format_of_array,
    group_shape,
    is_group,
    numbers_of,
    plain_attributes,
    small_value,
)
from tocompiler.frontends.shape_arithmetic import can_evaluate, evaluate, shape_value
from tocompiler.network import Network
from tocompiler.tensors import Operator, Shape, Tensor

__all__ = ["build_network"]

_SOFTMAXES = frozenset({"Softmax", "LogSoftmax", "Hardmax"})
_NONE: Mapping[str, Any] = {}  # one for all nodes without attributes


class _Scope(dict[str, Tensor]):
    """Tensors by name; a subgraph sees those of the graphs around it."""

    def __init__(self, outer: _Scope | None = None) -> None:
        super().__init__()
        self._outer = outer

    def __missing__(self, name: str) -> Tensor:
        if self._outer is None:
            raise KeyError(name)
        return self._outer[name]


def build_network(graph: Any, bindings: Bindings) -> Network:
    """The Network of a GraphProto that went through onnx's shape inference."""
    builder = _Builder(bindings, stored_kinds(graph))
    inputs = builder.all_given(graph)
    return builder.network(graph, inputs, None)


class _Builder:
    """Turns graphs into Networks; one instance for a model and its subgraphs."""

    def __init__(self, bindings: Bindings, kinds: Mapping[str, str]) -> None:
        self._bindings = bindings
        self._kinds = kinds
        self._names: dict[str, int] = {}
        self._shapes: dict[Shape, Shape] = {}
        self._choosers: list[str] = []

    def all_given(self, graph: Any) -> list[Tensor]:
        """The inputs of the model."""
        inputs = [self._given(i) for i in free_inputs(graph)]
        self._choosers = [t.name for t in inputs if t.value is None and t.elements == 1]
        return inputs

    def _given(self, value_info: Any) -> Tensor:
        b, name = self._bindings, value_info.name
        value = b.values.get(name)
        if is_group(value_info.type):
            b.groups[name] = value_info.type
            return Tensor(name, group_shape(value_info.type), element_format(value_info.type), "input")
        dims = dims_of(value_info.type)
        if dims is None and value is not None:
            dims = list(value.shape)
        if dims is None:
            raise ValueError(f"{b.where}: input '{name}' states no shape; export the model with its input shapes")
        shape = tuple(d if isinstance(d, int) else b.symbol(str(d)) for d in dims)
        return Tensor(name, shape, element_format(value_info.type), "input", value)

    def network(self, graph: Any, inputs: Sequence[Tensor], outer: _Scope | None) -> Network:
        """A graph over its inputs, inside the scope of the graph around it."""
        scope = _Scope(outer)
        operators: list[Operator] = []
        self._fill(graph, inputs, scope, operators)
        outputs = [self._find(scope, o.name, "the graph's output") for o in graph.output]
        return Network(graph.name or "network", operators, inputs, outputs)

    def _fill(self, graph: Any, inputs: Sequence[Tensor], scope: _Scope, operators: list[Operator]) -> None:
        scope.update((t.name, self._stored(t)) for t in graph.initializer)
        for sparse in graph.sparse_initializer:
            name = sparse.values.name
            scope[name] = Tensor(name, tuple(sparse.dims), format_of(sparse.values.data_type), self._kind(name))
        scope.update((t.name, t) for t in inputs)
        types = {v.name: v.type for v in (*graph.value_info, *graph.output)}
        for node in graph.node:
            self._node(node, scope, types, operators)

    def _stored(self, tensor: Any, name: str | None = None) -> Tensor:
        name = name or tensor.name
        return Tensor(name, tuple(tensor.dims), format_of(tensor.data_type), self._kind(name),
                      small_value(tensor, self._bindings.folder))

    def _kind(self, name: str) -> str:
        return self._kinds.get(name, "constant")

    def _find(self, scope: _Scope, name: str, reader: str) -> Tensor:
        try:
            return scope[name]
        except KeyError:
            raise self._unmade(reader, name) from None

    def _unmade(self, reader: str, name: str) -> ValueError:
        return ValueError(f"{self._bindings.where}: {reader} reads '{name}', which nothing before it makes; "
                          "the file is damaged or its nodes are out of order")

    def _node(self, node: Any, scope: _Scope, types: Mapping[str, Any], operators: list[Operator]) -> None:
        """One node's operators; whatever goes wrong with it is a ValueError that names the file and the operator."""
        try:
            self._operators(node, scope, types, operators)
        except Exception as error:
            text = str(error)
            if isinstance(error, ValueError) and text.startswith(self._bindings.where):
                raise
            title = f"{node.op_type} '{node.name}'"
            if not isinstance(error, ValueError):
                text = f"is not as ONNX defines it ({type(error).__name__}: {text})"
            raise ValueError(f"{self._bindings.where}: {'' if title in text else f'{title}: '}{text}") from error

    def _operators(self, node: Any, scope: _Scope, types: Mapping[str, Any], operators: list[Operator]) -> None:
        domain = node.domain
        standard = domain in ("", "ai.onnx")
        operator = node.op_type if standard else f"{domain}.{node.op_type}"
        try:
            inputs = tuple([scope[i] if i else None for i in node.input])
        except KeyError as missing:
            raise self._unmade(f"{operator} '{node.name}'", missing.args[0]) from None
        if standard and self._settled(node, inputs, scope, operators):
            return
        name = self._unique(layer_name(node))
        attributes = self._attributes(node, name, inputs, scope)
        outputs = self._outputs(node, name, operator, inputs, attributes, types)
        for t in outputs:
            scope[t.name] = t
        made = Operator(name, operator, inputs, outputs, attributes or _NONE)
        if operator in _SOFTMAXES:
            operators += self._at_its_opset(made)
        else:
            operators += in_integers(made)

    def _settled(self, node: Any, inputs: tuple[Tensor | None, ...], scope: _Scope, operators: list[Operator]) -> bool:
        """Whether the node's results are known without running it; they are then in scope as stored tensors."""
        kind = node.op_type
        if kind == "Constant":
            scope[node.output[0]] = self._constant(node)
        elif kind == "ConstantOfShape":
            return self._made(node, inputs, scope)
        elif kind == "If":
            return self._taken_branch(node, inputs, scope, operators)
        elif kind in ("Shape", "Size") and inputs[0] is not None:
            value = shape_value(inputs[0].shape, plain_attributes(node))
            if kind == "Size":
                value = shape_value((inputs[0].elements,)).reshape(())
            scope[node.output[0]] = Tensor(node.output[0], value.shape, "int64", "constant", value)
        elif (can_evaluate(kind) or has_reference(kind)) and all(t is None or t.value is not None for t in inputs):
            return self._evaluated(node, inputs, scope)
        else:
            return False
        return True

    def _evaluated(self, node: Any, inputs: tuple[Tensor | None, ...], scope: _Scope) -> bool:
        values = [None if t is None else t.value for t in inputs]
        results = (evaluate(node.op_type, values, plain_attributes(node)) if can_evaluate(node.op_type)
                   else by_reference(node, values, self._bindings.opsets))
        if results is None:
            return False
        kind = "parameter" if any(t is not None and t.kind == "parameter" for t in inputs) else "constant"
        for name, value in zip(node.output, results, strict=False):
            scope[name] = Tensor(name, value.shape, format_of_array(value), kind, value)
        return True

    def _constant(self, node: Any) -> Tensor:
        name, tensor = node.output[0], constant_of(node)
        if tensor is not None:
            return self._stored(tensor, name)
        sparse = next((a.sparse_tensor for a in node.attribute if a.name == "sparse_value"), None)
        if sparse is None:
            raise ValueError(f"{self._bindings.where}: Constant '{node.name}' holds no value; the file is damaged")
        return Tensor(name, tuple(sparse.dims), format_of(sparse.values.data_type), self._kind(name))

    def _made(self, node: Any, inputs: tuple[Tensor | None, ...], scope: _Scope) -> bool:
        """ConstantOfShape of a known shape: a stored tensor that is never built unless it is small."""
        source = inputs[0]
        if source is None or source.value is None:
            return False
        attributes = plain_attributes(node)
        fill = attributes.get("value")
        name, shape = node.output[0], tuple(_plain_number(d) for d in source.value.reshape(-1))
        small = evaluate("ConstantOfShape", [source.value], attributes)
        scope[name] = Tensor(name, shape, "fp32" if fill is None else format_of_array(fill), self._kind(name),
                             None if small is None else small[0])
        return True

    def _taken_branch(self, node: Any, inputs: tuple[Tensor | None, ...], scope: _Scope,
                      operators: list[Operator]) -> bool:
        """If on a known condition: the branch taken stands in its place."""
        condition = inputs[0]
        if condition is None or condition.value is None or condition.value.size != 1:
            return False
        wanted = "then_branch" if bool(condition.value.item()) else "else_branch"
        branch = next(a.g for a in node.attribute if a.name == wanted)
        inner = _Scope(scope)
        self._fill(branch, (), inner, operators)
        for outer_name, output in zip(node.output, branch.output, strict=True):
            scope[outer_name] = self._find(inner, output.name, f"If '{node.name}'")
        return True

    def _attributes(self, node: Any, name: str, inputs: tuple[Tensor | None, ...], scope: _Scope) -> dict[str, Any]:
        """The node's attributes, its graphs as Networks, and a bound trip count as the attribute ``trip_count``."""
        attributes = plain_attributes(node)
        if len(attributes) == len(node.attribute):
            return attributes
        for attribute in node.attribute:
            if attribute.type == 5:  # AttributeProto.GRAPH
                given = body_inputs(node.op_type, attributes, attribute.g, inputs, self._bindings.opsets)
                attributes[attribute.name] = self._body(node, attribute.g, given, inputs, scope)
                if (trips := self._bindings.trip_count(name)) is not None:
                    attributes["trip_count"] = trips
        return attributes

    def _body(self, node: Any, body: Any, given: list[Tensor], operands: tuple[Tensor | None, ...],
              scope: _Scope) -> Network:
        """A body as a Network.

        Where the shapes in a Loop's body depend on how often it ran, they are taken from its first run, provided that
        the last run has the same ones.
        """
        try:
            return self.network(body, given, scope)
        except ValueError as error:
            if node.op_type == "If" and self._choosers:
                raise ValueError(f"{error}; if this branch is not taken, say so with --value "
                                 f"{self._choosers[0]}=V") from error
            trips = operands[0].value if node.op_type == "Loop" and operands[0] is not None else None
            if trips is None or not 0 < trips.item() < 2**31:
                raise
            first, last = (self.network(body, [_counted(given[0], n), *given[1:]], scope)
                           for n in (0, int(trips.item()) - 1))
            if [t.shape for op in first.operators for t in op.outputs] != [
                    t.shape for op in last.operators for t in op.outputs]:
                raise
            return first

    def _outputs(self, node: Any, name: str, operator: str, inputs: tuple[Tensor | None, ...],
                 attributes: Mapping[str, Any], types: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """The results with their shapes: as onnx inferred them, or inferred once more with what is known by now."""
        results = list(node.output)
        trusted = operator not in MISINFERRED
        known = [self._inferred(result, types.get(result), trusted) for result in results]
        if any(shape is None for (shape, _), result in zip(known, results, strict=True) if result):
            known = infer_again(node, Operator(name, operator, inputs, (), attributes), known, self._bindings)
        first = next((format for _, format in known if format != "unknown"), "fp32")
        # A result that nobody asked for has no name in ONNX; it keeps its place, without elements.
        return tuple([
            Tensor(result, shape, format if format != "unknown" else first) if result and shape is not None
            else Tensor(f"{name}.{i}", (0,), first)
            for i, (result, (shape, format)) in enumerate(zip(results, known, strict=True))
        ])

    def _inferred(self, name: str, type_proto: Any, trusted: bool) -> tuple[Shape | None, str]:
        if type_proto is None or not trusted:
            return None, "unknown"
        if is_group(type_proto):
            self._bindings.groups[name] = type_proto
            return group_shape(type_proto), element_format(type_proto)
        shape = numbers_of(type_proto)
        return None if shape is None else self._shapes.setdefault(shape, shape), element_format(type_proto)

    def _at_its_opset(self, op: Operator) -> list[Operator]:
        """A softmax in the sense of the newest opset.

        Until opset 12 it flattened its operand to a matrix at ``axis`` (1 unless given).
        """
        if self._bindings.opsets.get("", 13) >= 13:
            return [op]
        source, result = op.given(0), op.outputs[0]
        axis = op.attributes.get("axis", 1) % max(len(source.shape), 1)
        if axis >= len(source.shape) - 1:
            return [Operator(op.name, op.operator, op.inputs, op.outputs, {**op.attributes, "axis": axis})]
        rows, columns = _product(source.shape[:axis]), _product(source.shape[axis:])
        flat = Tensor(f"{result.name}.rows", (rows, columns), source.format)
        scaled = Tensor(f"{result.name}.scaled", (rows, columns), result.format)
        return [
            Operator(f"{op.name}.flatten", "Flatten", (source,), (flat,), {"axis": axis}),
            Operator(op.name, op.operator, (flat,), (scaled,), {"axis": 1}),
            Operator(f"{op.name}.reshape", "Reshape", (scaled,), (result,), {"shape": result.shape}),
        ]

    def _unique(self, name: str) -> str:
        n = self._names.get(name, 0)
        self._names[name] = n + 1
        return name if n == 0 else f"{name}_{n}"


def _counted(iteration: Tensor, n: int) -> Tensor:
    return Tensor(iteration.name, iteration.shape, iteration.format, iteration.kind, np.asarray(n))


def _product(dims: Sequence[Any]) -> Any:
    n: Any = 1
    for d in dims:
        n = n * d
    return n


def _plain_number(d: Any) -> Any:
    return int(d) if isinstance(d, (int, np.integer)) else d
