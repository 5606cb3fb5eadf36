"""Keras 3 models to Networks, from their configuration: neither Keras nor a backend is needed.

A model, a ``.keras`` archive, an HDF5 file (Keras 2 or 3), the JSON that ``model.to_json()`` writes, or that text
itself. Images stay channels-first inside, as ONNX has them; Keras' order comes back where a layer depends on it, by a
Transpose.
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
    """The Network of a Keras model, of its file or of its JSON.

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
    from tocompiler.frontends.keras.keras2 import in_new_form

    return convert(in_new_form(config), batch, dims or {}, symbolic)


def _configuration(source: Any) -> Mapping[str, Any]:
    if hasattr(source, "to_json"):
        return _parsed(source.to_json(), type(source).__name__)
    if isinstance(source, str) and source.lstrip().startswith("{"):
        return _parsed(source, "the text")
    path = Path(os.fspath(source))
    if str(path).endswith((".h5", ".hdf5")):
        return _parsed(_from_hdf5(path), str(path))
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return _parsed(archive.read("config.json"), str(path))
        return _parsed(path.read_bytes(), str(path))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    except (KeyError, zipfile.BadZipFile):
        raise ValueError(f"{path}: is not a .keras archive (it has no readable config.json)") from None


def _from_hdf5(path: Path) -> str | bytes:
    """The configuration that an HDF5 file holds as an attribute."""
    if not path.exists():
        raise ValueError(f"{path}: no such file")
    try:
        import h5py
    except ImportError:
        raise ValueError(f"{path}: reading HDF5 files needs h5py: pip install h5py") from None
    try:
        with h5py.File(path, "r") as file:
            text: str | bytes | None = file.attrs.get("model_config")
    except OSError as error:
        raise ValueError(f"{path}: is no HDF5 file, or damaged ({error})") from None
    if text is None:
        raise ValueError(f"{path}: holds weights alone; save the whole model with model.save('model.keras')")
    return text


def _parsed(text: str | bytes, name: str) -> Mapping[str, Any]:
    try:
        config = json.loads(text)
    except ValueError:
        raise ValueError(f"{name}: is not the JSON of a Keras model") from None
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict) or "class_name" not in config:
        raise ValueError(f"{name}: is not the configuration of a Keras 3 model (class_name and config)")
    return config
