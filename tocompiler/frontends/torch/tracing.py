"""A module run once over tensors without data, every call to ATen written down: the graph that torch.export makes, in a
fraction of its time.

Operators are seen before torch takes composite ones apart, at the dispatch key where torch.export looks too. What the
table lacks is taken apart by torch itself. A write in place becomes a new value, and what looks at the same memory
follows it. Whatever cannot be followed so (a branch on data, a write through an odd view) raises.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch._dispatch.python import enable_python_dispatcher
from torch._subclasses.schema_check_mode import SchemaCheckMode  # the one plain mode that may stand at this key
from torch.utils import _pytree as pytree

from tocompiler.frontends.torch.conversion import Graph, decompositions
from tocompiler.frontends.torch.table import handlers

__all__ = ["trace"]

_META = torch.device("meta")
_LIKE = {
    **dict.fromkeys(("aten::batch_norm", "aten::dropout", "aten::gelu", "aten::hardsigmoid", "aten::hardswish",
                     "aten::hardtanh", "aten::relu", "aten::sigmoid", "aten::silu"), torch.preserve_format),
    **dict.fromkeys(("aten::group_norm", "aten::layer_norm", "aten::roll"), torch.contiguous_format)}
"""Results that are like the first operand: torch finds that out in hundreds of steps of Python."""


def trace(module: torch.nn.Module, inputs: tuple[Any, ...], keywords: Mapping[str, Any]) -> Graph:
    """The graph of one forward pass of a module in evaluation mode. Raises what torch raises where it cannot be run
    without data, NotImplementedError where a write cannot be followed."""
    recorder = _Recorder(module)
    inputs, keywords = recorder.inputs(module, inputs, keywords)
    with torch.no_grad(), _as_exporting(), enable_python_dispatcher(), recorder.paths(), recorder:
        results = module(*inputs, **keywords)
    return recorder.graph_of(results)


@contextmanager
def _as_exporting() -> Iterator[None]:
    """Modules that run otherwise while they are exported do so here, so that both ways give one graph."""
    flags = [name for name in ("_is_compiling_flag", "_is_exporting_flag") if hasattr(torch.compiler, name)]
    before = [getattr(torch.compiler, name) for name in flags]
    for name in flags:
        setattr(torch.compiler, name, True)
    try:
        yield
    finally:
        for name, value in zip(flags, before, strict=True):
            setattr(torch.compiler, name, value)


@dataclass(frozen=True)
class _View:
    """What a tensor looks at, and the call that made it."""

    parent: torch.Tensor
    function: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


class _Recorder(SchemaCheckMode):  # type: ignore[misc]
    """Writes each call down as a node, and answers it on the meta device."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self._dispatch_key = torch._C.DispatchKey.PreDispatch
        self.graph = torch.fx.Graph()
        self.stored: dict[str, tuple[str, str]] = {}
        self.owned = {id(t): (name, kind) for kind, named in
                      (("buffer", module.named_buffers()), ("parameter", module.named_parameters()))
                      for name, t in named}
        self.modules = {id(m): name for name, m in module.named_modules()}
        self.path: list[str] = []
        self.nodes: dict[int, torch.fx.Node] = {}
        self.meta: dict[int, torch.Tensor] = {}
        self.views: dict[int, _View] = {}
        self.written: dict[int, int] = {}  # storage to the number of writes
        self.seen: dict[int, int] = {}  # a view to the writes that its node knows of
        self.kept: list[Any] = []  # what is known by its id must not be freed

    def inputs(self, module: torch.nn.Module, inputs: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
        """The inputs on the meta device, a placeholder for each tensor, named as forward names it."""
        names = list(inspect.signature(module.forward).parameters)
        named = [*((names[i] if i < len(names) else f"input_{i}", v) for i, v in enumerate(inputs)), *keywords.items()]

        def on_meta(name: str, value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            empty = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device=_META)
            self.bind(empty, self.placeholder(name, empty))
            return empty

        made = [pytree.tree_map(lambda v, name=name: on_meta(name, v), value) for name, value in named]
        return tuple(made[:len(inputs)]), dict(zip(keywords, made[len(inputs):], strict=True))

    def graph_of(self, results: Any) -> Graph:
        """What was written down, ended by the results."""
        tensors = [t for t in pytree.tree_leaves(results) if isinstance(t, torch.Tensor)]
        with self:
            nodes = [self.node(t) for t in tensors]
        self.graph.output(tuple(nodes))
        self.graph.eliminate_dead_code()
        return Graph(self.graph, self.stored, frozenset(n.name for n in nodes))

    @contextmanager
    def paths(self) -> Iterator[None]:
        """Keep the path of the module that runs."""
        from torch.nn.modules import module as hooks

        def enter(m: torch.nn.Module, args: Any) -> None:
            self.path.append(self.modules.get(id(m), self.path[-1] if self.path else ""))

        def leave(m: torch.nn.Module, args: Any, result: Any) -> None:
            self.path.pop()

        handles = [hooks.register_module_forward_pre_hook(enter), hooks.register_module_forward_hook(leave)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.call(func, args, kwargs or {})

    def call(self, func: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
        """Write one call down, or take it apart and write down its parts."""
        functional = _functional(func)
        if functional is not None:
            return self.write(functional, args, kwargs)
        if _is_tabled(func):
            return self.record(func, args, kwargs)
        if func._can_decompose():
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        apart = decompositions().get(func)
        if apart is None:
            return self.record(func, args, kwargs)
        with self:
            return apart(*args, **kwargs)

    def record(self, func: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
        """Answer a call on the meta device, with a node for its result."""
        given = {k: self.on_meta(v) for k, v in kwargs.items()}
        if _takes_device(func):
            given["device"] = _META
        operands = self.on_meta(args)
        if func._schema.name in _LIKE and operands[0].is_floating_point():
            result = torch.empty_like(operands[0], memory_format=_LIKE[func._schema.name])
        else:
            with torch._C._DisablePythonDispatcher():  # the kernels, not their much slower definitions in Python
                result = func(*operands, **given)
        keywords = {k: self.as_nodes(v) for k, v in kwargs.items()}
        node = self.graph.call_function(func, tuple(self.as_nodes(args)), keywords)
        node.meta["val"] = result
        node.meta["nn_module_stack"] = {"": (self.path[-1] if self.path else "", None)}
        if isinstance(result, torch.Tensor):
            self.bind(result, node)
            self.look(result, func, args, kwargs)
        elif isinstance(result, (tuple, list)):
            for i, part in enumerate(result):
                if isinstance(part, torch.Tensor):
                    item = self.graph.call_function(operator.getitem, (node, i))
                    item.meta["val"] = part
                    self.bind(part, item)
                    self.look(part, None, args, kwargs)
        return result

    def bind(self, tensor: torch.Tensor, node: torch.fx.Node) -> None:
        """Let a tensor be known by a node."""
        self.kept.append(tensor)
        self.nodes[id(tensor)] = node
        self.meta[id(tensor)] = tensor

    def look(self, result: torch.Tensor, func: Any, args: Any, kwargs: Mapping[str, Any]) -> None:
        """Remember that a result looks at an argument's memory."""
        first = args[0] if args and isinstance(args[0], torch.Tensor) else None
        if first is not None and _memory(self.meta[id(first)]) == _memory(result):
            self.views[id(result)] = _View(first, func, tuple(args), kwargs)
            self.seen[id(result)] = self.written.get(_memory(result), 0)

    def write(self, func: Any, args: Any, kwargs: Mapping[str, Any]) -> torch.Tensor:
        """A write in place: its new value, and the same in all that the tensor looks at."""
        target: torch.Tensor = args[0]
        self.node(target)
        made = self.call(func, args, kwargs)
        if made.dtype != target.dtype or made.shape != target.shape:
            raise NotImplementedError(f"{func} in place changes what the tensor is")
        self.kept.append(made)
        node, memory = self.node(made), _memory(self.meta[id(target)])
        self.written[memory] = self.written.get(memory, 0) + 1
        while True:
            self.nodes[id(target)] = node
            self.seen[id(target)] = self.written[memory]
            view = self.views.get(id(target))
            if view is None:
                return args[0]
            back = self.record(*_undone(view, made))
            made, target, node = back, view.parent, self.node(back)

    def node(self, tensor: torch.Tensor) -> torch.fx.Node:
        """The node that stands for a tensor, made again where what it looks at was written to."""
        known = self.nodes.get(id(tensor))
        if known is None:
            name, kind = self.owned.get(id(tensor), (f"constant_{len(self.stored)}", "constant"))
            empty = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=_META)
            known = self.placeholder(name.replace(".", "_"), empty)
            self.stored[known.name] = (name, kind)
            self.kept.append(tensor)
            self.nodes[id(tensor)], self.meta[id(tensor)] = known, empty
        view = self.views.get(id(tensor))
        if view is not None and self.seen[id(tensor)] != self.written.get(_memory(self.meta[id(tensor)]), 0):
            if view.function is None:
                raise NotImplementedError("one of several views of what was written to")
            again = self.record(view.function, view.args, view.kwargs)
            known = self.nodes[id(tensor)] = self.nodes[id(again)]
            self.seen[id(tensor)] = self.written[_memory(self.meta[id(tensor)])]
        return known

    def placeholder(self, name: str, value: torch.Tensor) -> torch.fx.Node:
        """What the graph is given."""
        node = self.graph.placeholder(name)
        node.meta["val"] = value
        return node

    def as_nodes(self, value: Any) -> Any:
        """An argument with nodes for tensors."""
        if isinstance(value, torch.Tensor):
            return self.node(value)
        return [self.as_nodes(v) for v in value] if isinstance(value, (tuple, list)) else value

    def on_meta(self, value: Any) -> Any:
        """An argument with tensors without data for tensors."""
        if isinstance(value, torch.Tensor):
            if id(value) not in self.meta:
                self.node(value)
            return self.meta[id(value)]
        if isinstance(value, (tuple, list)):
            return type(value)(self.on_meta(v) for v in value)
        return _META if isinstance(value, torch.device) else value


def _memory(tensor: torch.Tensor) -> int:
    """What tells one piece of memory from another."""
    return int(tensor.untyped_storage()._cdata)


@cache
def _is_tabled(func: Any) -> bool:
    space, _, name = func._schema.name.partition("::")
    return (name if space == "aten" else f"{space}.{name}") in handlers()


@cache
def _takes_device(func: Any) -> bool:
    return any(a.name == "device" and a.kwarg_only for a in func._schema.arguments)


@cache
def _functional(func: Any) -> Any:
    """The function that gives what an operator writes in place; None for one that writes nothing."""
    if not func._schema.is_mutable:
        return None
    name = func._schema.name.partition("::")[2]
    packet: Any = getattr(torch.ops.aten, name.removesuffix("_"), None) if name.endswith("_") else None
    overload = getattr(packet, func._overloadname, None)
    if overload is None:
        raise NotImplementedError(f"{func} writes in place")
    return overload


def _undone(view: _View, made: torch.Tensor) -> tuple[Any, tuple[Any, ...], Mapping[str, Any]]:
    """The call that puts a view's new value back into what it looks at."""
    aten: Any = torch.ops.aten
    rest = view.args[1:]
    back: Mapping[Any, Callable[[], tuple[Any, tuple[Any, ...]]]] = {
        aten.slice.Tensor: lambda: (aten.slice_scatter.default, (view.parent, made, *rest)),
        aten.select.int: lambda: (aten.select_scatter.default, (view.parent, made, *rest)),
    }
    if view.function in back:
        function, args = back[view.function]()
        return function, args, view.kwargs
    if view.function in (aten.view.default, aten.reshape.default, aten.flatten.using_ints, aten.unsqueeze.default,
                         aten.squeeze.dim, aten.alias.default, aten.detach.default, aten.contiguous.default):
        return aten.reshape.default, (made, list(view.parent.shape)), {}
    raise NotImplementedError(f"a write through {view.function}")
