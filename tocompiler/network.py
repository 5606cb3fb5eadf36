"""Network: operators in topological order over tensors. The first level of the compiler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from alu_library.tasks import Count
from tocompiler import limits
from tocompiler.layers import Layers
from tocompiler.tensors import Operator, Shape, Tensor

if TYPE_CHECKING:
    import networkx

__all__ = ["Network"]


class Network(Layers):
    """A network: operators in topological order, built with the layer methods or by a frontend.

    >>> net = Network("tiny")
    >>> x = net.input((1, 3, 8, 8))
    >>> net.output(net.relu(net.conv2d(x, out_channels=4, kernel_size=3)))
    >>> [op.operator for op in net.operators]
    ['Conv', 'Relu']
    """

    def __init__(self, name: str = "network", operators: Iterable[Operator] = (),
                 inputs: Iterable[Tensor] = (), outputs: Iterable[Tensor] = (),
                 notes: Sequence[str] = ()) -> None:
        self.name = name
        self.notes = tuple(notes)
        self._operators = list(operators)
        self._inputs = list(inputs)
        self._outputs = list(outputs)
        self._used_names: dict[str, int] = {}
        self._scope = ""

    def __repr__(self) -> str:
        return f"<Network {self.name}: {len(self._operators)} operators, {self.parameters} parameters>"

    def _repr_html_(self) -> str:
        from tocompiler.report.notebook import network_html

        return network_html(self)

    @property
    def operators(self) -> Sequence[Operator]:
        """The operators in topological order."""
        return self._operators

    @property
    def inputs(self) -> Sequence[Tensor]:
        return self._inputs

    @property
    def outputs(self) -> Sequence[Tensor]:
        return self._outputs

    def stored_tensors(self) -> list[Tensor]:
        """Parameters, buffers and constants that some operator reads, each once, in order of first use."""
        seen: dict[str, Tensor] = {}
        for op in self._operators:
            for tensor in op.inputs:
                if tensor is not None and tensor.is_stored:
                    seen.setdefault(tensor.name, tensor)
        return list(seen.values())

    @property
    def parameters(self) -> Count:
        """Trainable elements, tied ones once."""
        return sum(t.elements for t in self.stored_tensors() if t.kind == "parameter")

    def with_operators(self, operators: Iterable[Operator], outputs: Iterable[Tensor] | None = None) -> Network:
        """The same network over other operators, for passes."""
        return Network(self.name, operators, self._inputs, self._outputs if outputs is None else outputs,
                       self.notes)

    def map_tensors(self, changed: Mapping[str, Tensor]) -> Network:
        """The same network with some tensors replaced, by name, wherever they are read or written."""
        def of(tensor: Tensor) -> Tensor:
            return changed.get(tensor.name, tensor)

        def mapped(op: Operator) -> Operator:
            if not any(t is not None and t.name in changed for t in (*op.inputs, *op.outputs)):
                return op
            return replace(op, inputs=tuple([None if t is None else of(t) for t in op.inputs]),
                           outputs=tuple([of(t) for t in op.outputs]))

        return Network(self.name, map(mapped, self._operators), map(of, self._inputs), map(of, self._outputs),
                       self.notes)

    @cached_property
    def graph(self) -> networkx.DiGraph[str]:
        """The operators as a networkx DiGraph: an edge for each tensor that one writes and another reads."""
        import networkx

        graph = networkx.DiGraph(name=self.name)
        writer: dict[str, str] = {}
        for op in self._operators:
            graph.add_node(op.name, operator=op)
            for tensor in op.inputs:
                if tensor is not None and tensor.name in writer:
                    graph.add_edge(writer[tensor.name], op.name, tensor=tensor)
            writer.update((tensor.name, op.name) for tensor in op.outputs)
        return graph

    def emit(self, operator: str, inputs: Sequence[Tensor | None], attributes: Mapping[str, Any] | None = None,
             name: str | None = None, outputs: int | None = None,
             results: Sequence[tuple[Shape, str]] | None = None) -> tuple[Tensor, ...]:
        """Append one operator by its ONNX name and return its outputs, shaped by the operator's own rule unless
        the shapes and formats of the ``results`` are given."""
        from tocompiler.operators import rule

        limits.check("nodes", len(self._operators), f"network {self.name}")
        name = self._unique(name or operator.rsplit(".", 1)[-1].lower())
        draft = Operator(name, operator, tuple(inputs), (), attributes or {})
        if results is None:
            results = rule(operator).results(draft)
        if outputs is not None:
            results = results[:outputs]
        made = tuple(
            Tensor(name if i == 0 else f"{name}.{i}", shape, format) for i, (shape, format) in enumerate(results)
        )
        self._operators.append(replace(draft, outputs=made))
        return made

    def _unique(self, name: str) -> str:
        name = self._scope + name
        n = self._used_names.get(name, 0)
        self._used_names[name] = n + 1
        return name if n == 0 else f"{name}_{n}"
