"""PyTorch modules to Networks, through torch.export: shapes are traced, nothing is computed. ``glance`` runs the module
once over tensors without data instead, in a fraction of the time.

On the meta device a model of any size needs no memory for its weights::

    with torch.device("meta"):
        model = MyModel(config)
    net = tocompiler.load(model, example_inputs=torch.zeros(1, 128, dtype=torch.long))

Operators that have an ONNX counterpart keep their granularity (convolution, linear, attention, normalisation,
activation); the rest is decomposed by torch to its core operators. What has no counterpart even then is kept under its
own name, ``aten.NAME``, so that it is listed as unmodelled rather than dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from tocompiler.network import Network

__all__ = ["called", "from_exported", "from_module", "glance", "read", "read_built"]


def read(module: torch.nn.Module | torch.export.ExportedProgram, example_inputs: Any = None, batch: int | None = None,
         dims: Mapping[str, int] | None = None, symbolic: bool = False) -> Network:
    """The Network of a module called with ``example_inputs``: a tensor, a tuple of them, or a dictionary of keyword
    arguments. ``batch`` replaces the first dimension of each; ``symbolic`` keeps it as the symbol ``batch``.

    A program that was exported already has its inputs. ValueError, in one line, where torch.export refuses the module.
    """
    import torch

    if isinstance(module, torch.export.ExportedProgram):
        return from_exported(module)
    if example_inputs is None:
        raise ValueError(f"a torch module needs example_inputs, the tensors it is called with: "
                         f"load({type(module).__name__}(...), example_inputs=torch.zeros(...))")
    if dims:
        raise ValueError(f"the shapes of a torch module come from example_inputs; dims {', '.join(dims)} have no place")
    return from_module(module, *_arguments(example_inputs), batch, symbolic)


def called(module: torch.nn.Module, example_inputs: Any) -> None:
    """Run a module once, for what it makes when it is first called."""
    import torch

    positional, keywords = _arguments(example_inputs)
    with torch.no_grad():
        module(*positional, **keywords)


def read_built(model: Any, batch: int) -> Network | None:
    """The Network of a Keras model over torch that knows its inputs, or None where torch.export refuses it."""
    import torch

    kinds = {"float16": torch.float16, "bfloat16": torch.bfloat16, "int32": torch.int32, "int64": torch.int64}
    inputs = [torch.zeros((batch, *t.shape[1:]), dtype=kinds.get(t.dtype, torch.float32)) for t in model.inputs
              if None not in t.shape[1:]]
    if len(inputs) != len(model.inputs):
        return None
    try:
        return from_module(model, (inputs[0] if len(inputs) == 1 else inputs,))
    except ValueError:
        return None


def _arguments(example_inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    keywords = dict(example_inputs) if isinstance(example_inputs, Mapping) else {}
    return () if keywords else example_inputs if isinstance(example_inputs, tuple) else (example_inputs,), keywords


def glance(module: torch.nn.Module, example_inputs: Any) -> Network | None:
    """The Network that ``read`` gives, from one run over tensors without data; None where that cannot be followed."""
    from tocompiler.frontends.torch.conversion import convert
    from tocompiler.frontends.torch.tracing import trace

    try:
        with _quiet(), _evaluating(module):
            return convert(trace(module, *_arguments(example_inputs)), type(module).__name__, {})
    except Exception:  # torch raises many kinds, and torch.export may still follow, or say why not
        return None


def from_module(module: torch.nn.Module, inputs: tuple[Any, ...], keywords: Mapping[str, Any] | None = None,
                batch: int | None = None, symbolic: bool = False) -> Network:
    """The Network of a module in evaluation mode; its modes are put back afterwards.

    What torch.export refuses is traced by TorchScript's exporter to ONNX instead, where the module has its weights.
    """
    import torch
    from torch.utils import _pytree as pytree

    on_meta = any(p.device.type == "meta" for p in module.parameters())

    def example(value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or (batch is None and not on_meta):
            return value  # what looks at values sees the given ones
        shape = (batch, *value.shape[1:]) if batch is not None and value.ndim else value.shape
        return value.new_empty(shape, device="meta") if on_meta else value.new_zeros(shape)

    inputs, keywords = pytree.tree_map(example, (inputs, dict(keywords or {})))
    shapes = _batch_is_dynamic(module, inputs, keywords) if symbolic else None
    try:
        with _quiet(), _evaluating(module):
            exported = torch.export.export(module, inputs, keywords, dynamic_shapes=shapes, strict=False)
    except Exception as error:  # torch.export raises many kinds; each is the module's refusal
        traced = None if on_meta or symbolic else _traced(module, inputs, keywords)
        if traced is not None:
            return traced
        reason: BaseException = error
        while str(reason).startswith("The error above") and reason.__cause__ is not None:
            reason = reason.__cause__
        first = next((line for line in str(reason).splitlines() if line.strip()), type(reason).__name__)
        raise ValueError(f"torch.export refuses {type(module).__name__}: {first}") from error
    return from_exported(exported, type(module).__name__, _first_names(module.named_parameters(remove_duplicate=False)))


def _traced(module: torch.nn.Module, inputs: tuple[Any, ...], keywords: Mapping[str, Any]) -> Network | None:
    """The Network of what TorchScript's ONNX exporter makes of one call with these inputs, as it fixes what depends on
    their values; None where it cannot either, or where the onnx package is missing."""
    import tempfile
    from pathlib import Path

    import torch

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{type(module).__name__}.onnx"
        try:
            with _quiet(), _evaluating(module):
                torch.onnx.export(module, (*inputs, dict(keywords)) if keywords else inputs, str(file), dynamo=False)
            from tocompiler.frontends.onnx import read as read_onnx

            return read_onnx(file)
        except Exception:  # whatever it raises, the reason that is told is that of torch.export, which came first
            return None


@contextmanager
def _quiet() -> Iterator[None]:
    """What torch's exporters say on the way is no answer: reasons come as errors."""
    import logging
    import warnings
    from contextlib import redirect_stderr, redirect_stdout
    from io import StringIO

    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def from_exported(exported: torch.export.ExportedProgram, name: str = "module",
                  tied: Mapping[str, str] | None = None) -> Network:
    """The Network of an ExportedProgram; ``tied`` maps further names of a shared parameter to its first."""
    from tocompiler.frontends.torch.conversion import convert, exported_graph

    with _quiet():
        return convert(exported_graph(exported), name,
                       _first_names(exported.state_dict.items()) if tied is None else tied)


def _batch_is_dynamic(module: torch.nn.Module, inputs: tuple[Any, ...], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """torch.export's dynamic_shapes that leave the first dimension of every input open."""
    import inspect

    import torch
    from torch.utils import _pytree as pytree

    named = {**dict(zip(inspect.signature(module.forward).parameters, inputs, strict=False)), **keywords}
    opened: dict[str, Any] = pytree.tree_map(
        lambda v: {0: torch.export.Dim.DYNAMIC} if getattr(v, "ndim", 0) else None, named)
    return opened


def _first_names(named: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Every name of a tensor to the first name of the same one."""
    first: dict[int, str] = {}
    return {name: first.setdefault(id(tensor), name) for name, tensor in named}


@contextmanager
def _evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode, attention without its fused inference path, which hides the products."""
    import torch

    modes = [(m, m.training) for m in module.modules()]
    loops = _expert_loops(module)
    fused = torch.backends.mha.get_fastpath_enabled()
    module.eval()
    torch.backends.mha.set_fastpath_enabled(False)
    for config, _ in loops:
        config._experts_implementation = "grouped_mm"
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        for config, implementation in loops:
            config._experts_implementation = implementation
        for m, training in modes:
            m.training = training


def _expert_loops(module: torch.nn.Module) -> list[tuple[Any, str | None]]:
    """transformers' configurations that have experts run in a loop over those that were chosen, which cannot be
    exported: they have the same products grouped as well."""
    configs = {id(c): c for m in module.modules() if (c := getattr(m, "config", None)) is not None}
    chosen = [(c, getattr(c, "_experts_implementation", "none")) for c in configs.values()]
    return [(config, implementation) for config, implementation in chosen if implementation in (None, "eager")]
