"""What the layer methods share: inputs and outputs, scopes of names, parameters, and the checks of their arguments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocompiler.tensors import Shape, Tensor

__all__ = ["Builder", "expect_rank", "open_lengths", "spread"]


def spread(value: int | Sequence[int], n: int, layer: str, what: str) -> tuple[int, ...]:
    """An argument given once or per axis, as a tuple of n."""
    if isinstance(value, int):
        return (value,) * n
    if len(value) != n:
        raise ValueError(f"{layer}: {what} takes one integer or {n}, got {tuple(value)}")
    return tuple(value)


def open_lengths(options: Iterable[str]) -> dict[str, Any]:
    """A symbol for each sequence length among an architecture's options."""
    import sympy

    return {name: sympy.Symbol(name, integer=True, positive=True) for name in options if name.endswith("sequence")}


class Builder:
    """The part of a Network that layer methods build on."""

    _scope: str
    _used_names: dict[str, int]
    _inputs: list[Tensor]
    _outputs: list[Tensor]

    if TYPE_CHECKING:

        def emit(self, operator: str, inputs: Sequence[Tensor | None], attributes: Mapping[str, Any] | None = None,
                 name: str | None = None, outputs: int | None = None,
                 results: Sequence[tuple[Shape, str]] | None = None) -> tuple[Tensor, ...]: ...

        def _unique(self, name: str) -> str: ...

    def input(self, shape: Sequence[Any], format: str = "fp32", name: str = "input") -> Tensor:
        """A network input; ValueError if the number format is unknown."""
        from alu_library.formats import parse
        from tocompiler.tensors import Tensor

        parse(format)
        tensor = Tensor(self._unique(name), tuple(shape), format, "input")
        self._inputs.append(tensor)
        return tensor

    def output(self, *tensors: Tensor) -> None:
        """Declare results of the network."""
        self._outputs.extend(tensors)

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Prefix the names of what is built inside: ``with net.scope("layer1.0"): ...``."""
        outer = self._scope
        self._scope = f"{outer}{name}."
        try:
            yield
        finally:
            self._scope = outer

    @property
    def scope_name(self) -> str:
        """What the names of what is built now start with: ``layer1.0.``, or nothing outside of a scope."""
        return self._scope

    @contextmanager
    def _layer(self, name: str) -> Iterator[str]:
        """The scope of a layer of several operators, numbered if the name is taken; yields its full name."""
        outer = self._scope
        full = self._unique(name)
        self._scope = f"{full}."
        try:
            yield full
        finally:
            self._scope = outer

    def _next(self, name: str) -> str:
        """The full name that the next operator called ``name`` will get."""
        full = self._scope + name
        n = self._used_names.get(full, 0)
        return f"{full}_{n}" if n else full

    def _parameter(self, name: str, shape: Shape, like: Tensor, given: Tensor | bool = True,
                   kind: str = "parameter") -> Tensor | None:
        """A stored tensor in the format of ``like``, the given one if it fits, or None for False."""
        if given is False:
            return None
        if given is True:
            from tocompiler.tensors import Tensor

            return Tensor(name, shape, like.format, kind)
        if given.shape != shape:
            raise ValueError(f"{name}: a tensor of shape {shape} is needed, got '{given.name}' of shape {given.shape}")
        return given

    def constant(self, value: Any, format: str = "int64", name: str = "constant") -> Tensor:
        """A small constant with its value (shapes, axes, scalars)."""
        return self._value(value, self._unique(name), format)

    def stored(self, shape: Sequence[Any], format: str = "fp32", name: str = "parameter",
               kind: str = "parameter") -> Tensor:
        """A stored tensor that several layers may share, or that no layer method makes."""
        from tocompiler.tensors import Tensor

        return Tensor(self._unique(name), tuple(shape), format, kind)

    def _value(self, value: Any, name: str, format: str = "int64") -> Tensor:
        """A constant under a full name. Symbolic dimensions make an array of expressions."""
        import numpy

        from tocompiler.tensors import Tensor

        array = numpy.asarray(value)
        if format == "int64" and array.dtype != object:
            array = array.astype(numpy.int64)
        return Tensor(name, array.shape, format, "constant", array)

    def _one(self, operator: str, inputs: Sequence[Tensor | None], attributes: Mapping[str, Any] | None = None,
             name: str | None = None) -> Tensor:
        """Emit an operator with one result."""
        return self.emit(operator, inputs, attributes, name, outputs=1)[0]


def expect_rank(layer: str, x: Tensor, rank: int, axes: str) -> None:
    """ValueError naming the layer unless the tensor has that many dimensions."""
    if len(x.shape) != rank:
        raise ValueError(f"{layer}: needs a {rank}-D input {axes}, got '{x.name}' of shape {x.shape}")
