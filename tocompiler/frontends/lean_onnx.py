"""onnx without what reading a model does not need: its messages, schemas and shape inference, loaded when asked for.

``import onnx`` runs a package that imports all of its parts (helpers, checker, printer, ml_dtypes, metadata), which
takes a third of the time in which a model is compiled. ``prepare`` puts a module in its place that gives the messages
and the compiled parts, and becomes the whole package as soon as anything else is asked of it. Meant for a process of
our own: the command line.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

__all__ = ["prepare"]

_PARTS = ("defs", "shape_inference", "onnx_cpp2py_export")
_MESSAGES = ("Proto", "AttributeProto", "FunctionProto", "GraphProto", "ModelProto", "NodeProto", "TensorProto",
             "TensorShapeProto", "TypeProto", "ValueInfoProto")


class _Lean(ModuleType):
    """The package before its ``__init__`` has run."""

    def __getattr__(self, name: str) -> Any:
        if name in _PARTS:
            return importlib.import_module(f"{self.__name__}.{name}")
        if name in _MESSAGES:
            return getattr(importlib.import_module(f"{self.__name__}.onnx_ml_pb2"), name)
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        return getattr(self._completed(), name)

    def __dir__(self) -> list[str]:
        return dir(self._completed())

    def _completed(self) -> ModuleType:
        """The whole package, in this module's place."""
        self.__class__ = ModuleType  # type: ignore[assignment]
        assert self.__spec__ is not None
        assert self.__spec__.loader is not None
        self.__spec__.loader.exec_module(self)
        return self


def prepare() -> None:
    """Have the next ``import onnx`` of this process take what is needed; nothing where onnx is imported already, or not
    installed."""
    if "onnx" in sys.modules:
        return
    spec = importlib.util.find_spec("onnx")
    if spec is None or spec.submodule_search_locations is None:
        return
    module = _Lean("onnx")
    module.__spec__, module.__path__ = spec, list(spec.submodule_search_locations)
    module.__file__, module.__loader__, module.__package__ = spec.origin, spec.loader, "onnx"
    sys.modules["onnx"] = module
