"""A skimming reader of ONNX files: everything but the weights.

An ONNX file is a protobuf message tree. The reader walks it with pread, copies what describes the network and
steps over the payload of every tensor whose message is longer than ``KEPT_BYTES``, so a file of any size costs
about the memory of its graph. (Mapping the file instead would count the touched pages as resident.) What comes
out is again a serialised ModelProto, whose large tensors have their name, type and dimensions and no values.

Field numbers are those of onnx.proto (ONNX IR specification); wire types those of the protobuf encoding
documentation.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tocompiler import limits

__all__ = ["KEPT_BYTES", "skim"]

KEPT_BYTES = 1024
"""Tensor messages up to this size keep their payload: shapes, scales and other small constants."""

_WINDOW_BYTES = 16 * 1024
_DEEPEST = 100
"""Nesting that protobuf itself accepts; deeper files are refused instead of exhausting the stack."""

_LAST_FIELD = 31
"""No message of onnx.proto numbers its fields beyond this (25 today); what a future one adds is no weight to keep."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class _Message:
    """What to do with the fields of one message type: which hold messages to walk, and which to leave out, unless they
    begin in one of certain ways."""

    children: Mapping[int, _Message] = field(default_factory=dict)
    dropped: frozenset[int] = frozenset()
    kept: tuple[bytes, ...] = ()


# Payloads of a TensorProto: float_data, int32_data, string_data, int64_data, raw_data, double_data, uint64_data.
_TENSOR = _Message(dropped=frozenset({4, 5, 6, 7, 9, 10, 11, 12, 16}))
_SPARSE_TENSOR = _Message({1: _TENSOR, 2: _TENSOR})
_ATTRIBUTE_CHILDREN: dict[int, _Message] = {5: _TENSOR, 10: _TENSOR, 22: _SPARSE_TENSOR, 23: _SPARSE_TENSOR}
_ATTRIBUTE = _Message(_ATTRIBUTE_CHILDREN, frozenset({13}))
# Doc strings and metadata of long nodes and graphs are dropped, because exporters write stack traces there; what says
# which module a node comes from is kept (an entry begins with its key, and that with its tag and length).
_NODE = _Message({5: _ATTRIBUTE}, frozenset({6, 9}), tuple(
    bytes((10, len(key))) + key.encode() for key in ("pkg.torch.onnx.name_scopes", "namespace")))
_VALUE_INFO = _Message(dropped=frozenset({3, 4}))
_GRAPH = _Message({1: _NODE, 5: _TENSOR, 11: _VALUE_INFO, 12: _VALUE_INFO, 13: _VALUE_INFO, 15: _SPARSE_TENSOR},
                  frozenset({10, 14, 16}))
_ATTRIBUTE_CHILDREN.update({6: _GRAPH, 11: _GRAPH})
_FUNCTION = _Message({7: _NODE, 11: _ATTRIBUTE, 12: _VALUE_INFO}, frozenset({8, 14}))
# Training graphs (20) describe a training loop of the exporter's making; the forward graph is what is costed.
_MODEL = _Message({7: _GRAPH, 25: _FUNCTION}, frozenset({6, 14, 20}))


def skim(path: str | os.PathLike[str]) -> bytes:
    """The file as a serialised ModelProto without the payloads of its large tensors.

    ValueError, naming the file and what to do, if it is missing, empty, truncated or no protobuf message.
    """
    path = Path(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ValueError(f"{path}: is not a regular file; give the path of an .onnx file")
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); give the path of an .onnx file") from None
    try:
        return _Skimmer(path, descriptor).model()
    finally:
        os.close(descriptor)


class _Skimmer:
    """Walks one open file through a window of a few kilobytes."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._window = b""
        self._window_start = 0
        self._kept = 0

    def model(self) -> bytes:
        if self._size == 0:
            raise ValueError(f"{self._path}: is empty; export or download it again")
        if self._read(0, min(self._size, 12)) == b"version http":
            raise ValueError(f"{self._path}: is a Git LFS pointer, not the model; fetch it with 'git lfs pull'")
        return self._message(_MODEL, 0, self._size, 0)

    def _message(self, kind: _Message, start: int, end: int, depth: int) -> bytes:
        """The message between two offsets, rebuilt without what is dropped."""
        if depth > _DEEPEST:
            raise self._misfit(start, f"messages nest deeper than {_DEEPEST}")
        kept: list[bytes] = []
        position = run = start  # the bytes from run to position are kept as they are
        while position < end:
            field_start = position
            tag, position = self._varint(position, end)
            number, wire = tag >> 3, tag & 7
            if wire == _BYTES:
                length, position = self._varint(position, end)
                after = position + length
                if after > end:
                    raise self._overrun(field_start, length, end - position, at_end=end == self._size)
                if length > KEPT_BYTES and not _skipped(kind, number) and number not in kind.children:
                    limits.check("text_byte", length, str(self._path))
            else:
                after = self._after_scalar(wire, number, position, end)
            walked = wire == _BYTES and length > KEPT_BYTES and number in kind.children
            if walked or (_skipped(kind, number) and not self._begins(kind.kept, position, after)):
                if run < field_start:
                    kept.append(self._read(run, field_start))
                run = after
            if walked:
                body = self._message(kind.children[number], position, after, depth + 1)
                kept += (_encoded(tag), _encoded(len(body)), body)
            position = after
        if run < end:
            kept.append(self._read(run, end))
        return b"".join(kept)

    def _after_scalar(self, wire: int, number: int, position: int, end: int) -> int:
        """The offset behind a field that carries no length."""
        if number == 0 or wire not in (_VARINT, _FIXED64, _FIXED32):
            raise self._misfit(position, f"there is no field {number} of wire type {wire}")
        if wire == _VARINT:
            return self._varint(position, end)[1]
        after = position + (8 if wire == _FIXED64 else 4)
        if after > end:
            raise self._overrun(position, after - position, end - position, at_end=end == self._size)
        return after

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        """A base-128 integer of at most ten bytes, and the offset behind it."""
        offset = position - self._window_start
        if not 0 <= offset <= len(self._window) - 10:
            self._fill(position)
            offset = 0
        window = self._window
        if offset < len(window) and window[offset] < 0x80 and position < end:
            return window[offset], position + 1
        value = shift = 0
        last = min(end - self._window_start, len(window))
        while offset < last and shift < 70:
            byte = window[offset]
            offset += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, self._window_start + offset
            shift += 7
        if shift >= 70:
            raise self._misfit(position, "an integer is longer than ten bytes")
        raise self._overrun(position, shift // 7 + 1, end - position, at_end=end == self._size)

    def _begins(self, ways: tuple[bytes, ...], position: int, end: int) -> bool:
        """Whether a field's content begins in one of these ways."""
        if not ways:
            return False
        longest = max(map(len, ways))
        if not 0 <= position - self._window_start <= len(self._window) - longest:
            self._fill(position)
        offset = position - self._window_start
        return self._window[offset:min(offset + longest, end - self._window_start)].startswith(ways)

    def _fill(self, position: int) -> None:
        self._window = os.pread(self._descriptor, _WINDOW_BYTES, position)
        self._window_start = position

    def _read(self, start: int, end: int) -> bytes:
        self._kept += end - start
        limits.check("graph_byte", self._kept, str(self._path))
        offset = start - self._window_start
        if offset >= 0 and end - self._window_start <= len(self._window):
            return self._window[offset:end - self._window_start]
        data = os.pread(self._descriptor, end - start, start)
        if len(data) < end - start:
            raise self._overrun(start, end - start, len(data), at_end=True)
        return data

    def _overrun(self, position: int, wanted: int, present: int, at_end: bool) -> ValueError:
        where = f"{self._path}: byte {position} announces {wanted} bytes and {max(present, 0)} are left"
        what = "the file is truncated; download or export it again" if at_end else (
            "it is damaged or not an ONNX file; export it again")
        return ValueError(f"{where}: {what}")

    def _misfit(self, position: int, why: str) -> ValueError:
        return ValueError(f"{self._path}: not an ONNX file (at byte {position} {why}); give a model saved as .onnx")


def _skipped(kind: _Message, number: int) -> bool:
    return number in kind.dropped or number > _LAST_FIELD


def _encoded(value: int) -> bytes:
    """A base-128 integer."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
