"""Keras 3 models to Networks, from their configuration: neither Keras nor a backend is needed.

A model, a ``.keras`` archive, the JSON that ``model.to_json()`` writes, or that text itself. Images stay channels-first
inside, as ONNX has them; Keras' order comes back where a layer depends on it, by a Transpose.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["from_config", "read"]


def read(source: Any, batch: Any = None, dims: Mapping[str, int] | None = None, symbolic: bool = False) -> Network:
    """The Network of a Keras model, of its ``.keras`` archive or of its JSON.

    The batch is 1 unless said. Other open dimensions are named after their input and axis (``tokens_1``): ``dims``
    binds them, ``symbolic`` keeps them as symbols. ValueError, in one line, where it cannot be read.
    """
    config = _configuration(source)
    if symbolic and batch is None:
        import sympy

        batch = sympy.Symbol("batch", integer=True, positive=True)
    return from_config(config, 1 if batch is None else batch, dims, symbolic)


def from_config(config: Mapping[str, Any], batch: Any = 1, dims: Mapping[str, int] | None = None,
                symbolic: bool = False) -> Network:
    """The Network of a model's configuration: class_name Sequential or Functional, and config."""
    from tocompiler.frontends.keras.graph import convert

    return convert(config, batch, dims or {}, symbolic)


def _configuration(source: Any) -> Mapping[str, Any]:
    if hasattr(source, "to_json"):
        return _parsed(source.to_json(), type(source).__name__)
    if isinstance(source, str) and source.lstrip().startswith("{"):
        return _parsed(source, "the text")
    path = Path(os.fspath(source))
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return _parsed(archive.read("config.json"), str(path))
        return _parsed(path.read_bytes(), str(path))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    except (KeyError, zipfile.BadZipFile):
        raise ValueError(f"{path}: is not a .keras archive (it has no readable config.json)") from None


def _parsed(text: str | bytes, name: str) -> Mapping[str, Any]:
    try:
        config = json.loads(text)
    except ValueError:
        raise ValueError(f"{name}: is not the JSON of a Keras model") from None
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict) or "class_name" not in config:
        raise ValueError(f"{name}: is not the configuration of a Keras 3 model (class_name and config)")
    return config
