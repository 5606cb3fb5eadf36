"""Configurations as Keras 2 wrote them, in the form that Keras 3 writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["in_new_form"]


def in_new_form(model: Mapping[str, Any]) -> dict[str, Any]:
    """A model's configuration with the calls of its layers as ``args`` and ``kwargs``; Keras 3's stays as it is.

    Keras 2 lists for each call the tensors it reads, ``[layer, call, tensor, {keyword: value}]``, and means a list
    where there are several.
    """
    config = dict(model["config"])
    if isinstance(model["config"].get("layers"), Sequence):
        config["layers"] = [_layer(layer) for layer in config["layers"]]
    return {**model, "config": config}


def _layer(layer: Mapping[str, Any]) -> Mapping[str, Any]:
    found = in_new_form(layer) if isinstance(layer.get("config"), dict) and "layers" in layer["config"] else dict(layer)
    if "inbound_nodes" in found:
        found["inbound_nodes"] = [_node(node) for node in found["inbound_nodes"]]
    return found


def _node(node: Any) -> Any:
    if isinstance(node, Mapping):
        return node
    tensors = [_tensor(end) for end in ([node] if node and isinstance(node[0], str) else node)]
    last = node[-1] if node and not isinstance(node[0], str) else node
    keywords = last[3] if len(last) > 3 and isinstance(last[3], Mapping) else {}
    return {"args": tensors if len(tensors) < 2 else [tensors],
            "kwargs": {name: _argument(value) for name, value in keywords.items()}}


def _argument(value: Any) -> Any:
    """A keyword's value: a tensor is written as its layer, call and number."""
    is_end = isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], int)
    return _tensor(value) if is_end else value


def _tensor(end: Sequence[Any]) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": list(end[:3]), "shape": None}}
