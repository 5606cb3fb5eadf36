"""onnx's compiled functions, called in a child process: what they make of a hostile model ends the child alone.

``infer_shapes``, ``infer_node_outputs`` and the inliner are C++ that dereferences what it expects to find, divides by
what a file says and allocates what it is told. The child is forked when it is first needed and answers until this
process ends; it may use a few seconds of processor time and some memory for each request. Where there is no ``fork``
the functions run here.
"""

from __future__ import annotations

import faulthandler
import os
import socket
import struct
import threading
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any, cast

import onnx
import onnx.shape_inference

__all__ = ["inferred", "inlined", "node_outputs"]

_SECONDS, _SECONDS_PER_BYTE = 5, 2e-6
_MEMORY_BYTE, _MEMORY_PER_BYTE = 1 << 29, 24
_DIED = "onnx's compiled code does not survive it"
_Frames = list[bytes]


def inferred(model: Any) -> Any:
    """The model with the types that onnx infers; ValueError with onnx's reason where it cannot.

    Without its data propagation, which spends 80 bytes on each element of a vector that is added or multiplied.
    """
    return onnx.ModelProto.FromString(_CHILD.ask([b"infer", model.SerializeToString()])[0])


def inlined(model: Any) -> Any:
    """The model with its local functions in the place of their calls; ValueError where onnx cannot."""
    return onnx.ModelProto.FromString(_CHILD.ask([b"inline", model.SerializeToString()])[0])


def node_outputs(node: Any, domain: str, types: Mapping[str, Any], data: Mapping[str, Any],
                 opsets: Mapping[str, int]) -> dict[str, Any]:
    """TypeProtos of the node's results by name, from those of its operands and the TensorProtos of known values."""
    request = [b"node", node.SerializeToString(), domain.encode(), *_pairs(types), b"", *_pairs(data), b"",
               *(part for d, v in opsets.items() for part in (b"+" + d.encode(), str(v).encode()))]
    answer = _CHILD.ask(request)
    return {name.decode(): onnx.TypeProto.FromString(text)
            for name, text in zip(answer[::2], answer[1::2], strict=True)}


def _pairs(messages: Mapping[str, Any]) -> _Frames:
    """Names, marked so that none is empty, and messages in turn."""
    return [part for name, message in messages.items() for part in (b"+" + name.encode(), message.SerializeToString())]


# In the child.


def _infer(frames: _Frames) -> _Frames:
    return [onnx.shape_inference.infer_shapes(onnx.ModelProto.FromString(frames[0])).SerializeToString()]


def _inline(frames: _Frames) -> _Frames:
    from onnx.inliner import inline_local_functions

    return [inline_local_functions(onnx.ModelProto.FromString(frames[0])).SerializeToString()]


def _node(frames: _Frames) -> _Frames:
    node, domain = onnx.NodeProto.FromString(frames[0]), frames[1].decode()
    types, rest = _taken(frames[2:])
    data, rest = _taken(rest)
    opsets = {name: int(version) for name, version in _taken([*rest, b""])[0].items()}
    schema = onnx.defs.get_schema(node.op_type, opsets.get(domain, 1), domain)
    found = onnx.shape_inference.infer_node_outputs(
        schema, node, {k: onnx.TypeProto.FromString(v) for k, v in types.items()},
        {k: onnx.TensorProto.FromString(v) for k, v in data.items()},
        opset_imports=[onnx.helper.make_opsetid(d, v) for d, v in opsets.items()])
    return [part for name, type_proto in found.items() for part in (name.encode(), type_proto.SerializeToString())]


def _taken(frames: _Frames) -> tuple[dict[str, bytes], _Frames]:
    """Pairs up to an empty frame, and what comes behind it."""
    end = next(i for i in range(0, len(frames), 2) if not frames[i])
    return {frames[i][1:].decode(): frames[i + 1] for i in range(0, end, 2)}, frames[end + 1:]


_SERVICES: Mapping[bytes, Callable[[_Frames], _Frames]] = {b"infer": _infer, b"inline": _inline, b"node": _node}


def _answer(request: _Frames) -> _Frames:
    """``ok`` and the result, or ``no`` and the reason."""
    try:
        return [b"ok", *_SERVICES[request[0]](request[1:])]
    except Exception as error:  # C++ raises several types, by onnx version, that have only Exception in common
        reason = str(error).strip().splitlines() or [type(error).__name__]
        return [b"no", reason[0].encode(errors="replace")]


def _serve(stream: IO[bytes]) -> None:
    """Answer requests until the other side is gone."""
    faulthandler.disable()  # a test runner's would report deaths that are foreseen
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)  # nobody waits for our output's end or reads C++ libraries' last words
    while (request := _received(stream)) is not None:
        _limit_resources(sum(map(len, request)))
        _send(stream, _answer(request))


def _limit_resources(size: int) -> None:
    """Processor time and memory of the next request."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime + _SECONDS + size * _SECONDS_PER_BYTE) + 1
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    with suppress(ValueError, OSError), open("/proc/self/statm", encoding="ascii") as pages:
        mapped = int(pages.read().split()[0]) * resource.getpagesize()
        most = mapped + _MEMORY_BYTE + size * _MEMORY_PER_BYTE
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


# Both sides: messages are lists of byte strings, each with its length in front.


def _send(stream: IO[bytes], frames: _Frames) -> None:
    stream.write(struct.pack(f"<{len(frames) + 1}Q", len(frames), *map(len, frames)))
    for frame in frames:
        stream.write(frame)
    stream.flush()


def _received(stream: IO[bytes]) -> _Frames | None:
    """The next message, or None where the other side is gone."""
    try:
        (count,) = struct.unpack("<Q", stream.read(8))
        lengths = struct.unpack(f"<{count}Q", stream.read(8 * count))
        frames = [stream.read(n) for n in lengths]
    except (OSError, struct.error):
        return None
    return frames if [len(frame) for frame in frames] == list(lengths) else None


def _stream(link: socket.socket) -> IO[bytes]:
    return cast("IO[bytes]", link.makefile("rwb"))


# In this process.


class _Child:
    """The child process, started when it is first asked, and again after a request that it did not survive."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stream: IO[bytes] | None = None
        self._pid = self._owner = 0

    def ask(self, request: _Frames) -> _Frames:
        """The frames of the answer; ValueError with the reason where the request fails."""
        if not hasattr(os, "fork"):
            answer: _Frames | None = _answer(request)
        else:
            with self._lock:
                answer = self._exchanged(request)
        if answer is None:
            raise ValueError(_DIED)
        if answer[0] != b"ok":
            raise ValueError(answer[1].decode())
        return answer[1:]

    def _exchanged(self, request: _Frames) -> _Frames | None:
        if self._stream is None or self._owner != os.getpid():  # a fork of ours must not talk to our child
            self._stream = self._started()
        answer = None
        with suppress(OSError):
            _send(self._stream, request)
            answer = _received(self._stream)
        if answer is None:
            with suppress(OSError):
                self._stream.close()
            self._stream = None
            with suppress(OSError):
                os.waitpid(self._pid, 0)
        return answer

    def _started(self) -> IO[bytes]:
        here, there = socket.socketpair()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads are no matter: the child runs onnx alone
            self._pid = os.fork()
        if self._pid == 0:
            try:
                here.close()
                _serve(_stream(there))
            finally:
                os._exit(0)
        there.close()
        self._owner = os.getpid()
        with here:
            return _stream(here)


_CHILD = _Child()
