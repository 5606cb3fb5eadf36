"""TFLite (LiteRT) files to Networks: the flatbuffer is read by the ``tflite`` package, TensorFlow is not needed.

Every tensor's shape stands in the file, for one batch; ``batch`` scales the open first axis of the inputs. Quantised
operators become what they mean, a real operator between DequantizeLinear and QuantizeLinear, which the compiler counts
in integers again. Images stay channels-first inside, as ONNX has them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocompiler.network import Network

__all__ = ["read"]


def read(path: str, batch: int | None = None) -> Network:
    """The Network of a file's first subgraph.

    ValueError, in one line, where the file is none, another batch than the file's is asked for, or the ``tflite``
    package is not installed.
    """
    try:
        import tflite  # noqa: F401
    except ImportError:
        raise ValueError(f"{path}: reading TFLite files needs the tflite package: pip install tflite") from None
    from tocompiler.frontends.tflite.graph import convert

    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    if data[4:8] != b"TFL3":
        raise ValueError(f"{path}: is not a TFLite file; give a model saved as .tflite")
    return convert(path, data, batch)
