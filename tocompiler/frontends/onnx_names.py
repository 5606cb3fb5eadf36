"""Which module of the exported program a node comes from, as its exporter's metadata say."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

__all__ = ["layer_name"]

_LONGEST = 4096
"""Characters of metadata that are read."""


def layer_name(node: Any) -> str:
    """The node's name behind the path of its module (``layer1.0.conv1.conv2d``), or alone where none is known.

    torch writes the names of the modules around a call, the innermost and the call itself last, as a list
    (``pkg.torch.onnx.name_scopes``) and with their classes (``namespace``: ``name: class/name: class``).
    """
    own = node.name or f"{node.op_type}_{node.output[0] if node.output else ''}"
    said = {p.key: p.value for p in node.metadata_props if p.key in ("pkg.torch.onnx.name_scopes", "namespace")}
    scopes = _listed(said.get("pkg.torch.onnx.name_scopes", "")) or _spelt(said.get("namespace", ""))
    path = next((scope for scope in reversed(scopes[:-1]) if scope), "")
    return f"{path}.{own.removeprefix('node_')}" if path else own


def _listed(text: Any) -> Sequence[str]:
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST:
        return ()
    try:
        found = ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ()
    return found if isinstance(found, list) and all(isinstance(scope, str) for scope in found) else ()


def _spelt(text: Any) -> Sequence[str]:
    if not isinstance(text, str) or len(text) > _LONGEST:
        return ()
    return [scope.partition(":")[0].strip() for scope in text.split("/")]
