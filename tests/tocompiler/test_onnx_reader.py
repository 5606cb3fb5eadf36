"""The skimming reader: keeps the graph, leaves the weights, and says what is wrong with a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from tocompiler.frontends import onnx_reader
from tocompiler.frontends.onnx import read
from tocompiler.frontends.onnx_reader import KEPT_BYTES, skim


def _weight(name: str, *dims: int) -> TensorProto:
    return onnx.numpy_helper.from_array(np.ones(dims, np.float32), name)


def _model() -> onnx.ModelProto:
    """A convolution with a large weight, a Reshape with a small one, and an If with large constants inside."""
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["big"], value=_weight("", 4096)),
         helper.make_node("Add", ["flat", "big"], ["sum"], name="inner")],
        "branch", [], [helper.make_tensor_value_info("sum", TensorProto.FLOAT, None)])
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Reshape", ["c", "shape"], ["flat"], name="flatten"),
        helper.make_node("If", ["condition"], ["y"], name="choice", then_branch=branch, else_branch=branch),
    ]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8]),
         helper.make_tensor_value_info("condition", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4096])],
        [_weight("w", 64, 3, 1, 1), _weight("unused", 100, 100),
         onnx.numpy_helper.from_array(np.array([1, 4096], np.int64), "shape")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                             doc_string="stack trace " * 500)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    onnx.save(_model(), str(path))
    return path


_MESSAGES = (
    (onnx_reader._TENSOR, TensorProto, {}, {"float_data", "int32_data", "string_data", "int64_data", "raw_data",
                                            "double_data", "uint64_data", "doc_string", "metadata_props"}),
    (onnx_reader._SPARSE_TENSOR, onnx.SparseTensorProto,
     {"values": onnx_reader._TENSOR, "indices": onnx_reader._TENSOR},
     set()),
    (onnx_reader._ATTRIBUTE, onnx.AttributeProto, {
        "t": onnx_reader._TENSOR, "tensors": onnx_reader._TENSOR, "g": onnx_reader._GRAPH, "graphs": onnx_reader._GRAPH,
        "sparse_tensor": onnx_reader._SPARSE_TENSOR, "sparse_tensors": onnx_reader._SPARSE_TENSOR}, {"doc_string"}),
    (onnx_reader._NODE, onnx.NodeProto, {"attribute": onnx_reader._ATTRIBUTE}, {"doc_string", "metadata_props"}),
    (onnx_reader._VALUE_INFO, onnx.ValueInfoProto, {}, {"doc_string", "metadata_props"}),
    (onnx_reader._GRAPH, onnx.GraphProto, {
        "node": onnx_reader._NODE, "initializer": onnx_reader._TENSOR, "input": onnx_reader._VALUE_INFO,
        "output": onnx_reader._VALUE_INFO, "value_info": onnx_reader._VALUE_INFO,
        "sparse_initializer": onnx_reader._SPARSE_TENSOR}, {"doc_string", "quantization_annotation", "metadata_props"}),
    (onnx_reader._FUNCTION, onnx.FunctionProto, {
        "node": onnx_reader._NODE, "attribute_proto": onnx_reader._ATTRIBUTE, "value_info": onnx_reader._VALUE_INFO},
     {"doc_string", "metadata_props"}),
    (onnx_reader._MODEL, onnx.ModelProto, {"graph": onnx_reader._GRAPH, "functions": onnx_reader._FUNCTION},
     {"doc_string", "metadata_props", "training_info"}),
)
"""What the reader does with each message's fields, by their names in onnx.proto: walk into them, or leave them out."""


@pytest.mark.parametrize(("message", "kind", "walked", "dropped"), _MESSAGES, ids=[m[1].__name__ for m in _MESSAGES])
def test_field_numbers_are_those_of_onnx(message: Any, kind: Any, walked: dict[str, Any], dropped: set[str]) -> None:
    numbers = {f.name: f.number for f in kind.DESCRIPTOR.fields}
    assert {number: id(child) for number, child in message.children.items()} == {
        numbers[name]: id(child) for name, child in walked.items()}
    assert message.dropped == {numbers[name] for name in dropped if name in numbers}
    assert max(numbers.values()) <= onnx_reader._LAST_FIELD


def test_large_payloads_are_left_out_wherever_they_are(file: Path) -> None:
    skimmed = onnx.ModelProto.FromString(skim(file))
    tensors = {t.name: t for t in skimmed.graph.initializer}
    assert list(tensors["unused"].dims) == [100, 100]
    assert not tensors["unused"].raw_data
    assert list(onnx.numpy_helper.to_array(tensors["shape"])) == [1, 4096]
    branch = skimmed.graph.node[2].attribute[0].g
    assert list(branch.node[0].attribute[0].t.dims) == [4096]
    assert not branch.node[0].attribute[0].t.raw_data
    assert not skimmed.doc_string
    # 64*3 weights of 4 bytes are under the limit and kept: nothing else is longer than a few hundred bytes.
    assert len(skim(file)) < 3 * KEPT_BYTES < file.stat().st_size / 10


def test_what_is_kept_is_what_onnx_would_have_read(file: Path) -> None:
    whole = onnx.load(str(file))
    skimmed = onnx.ModelProto.FromString(skim(file))
    assert [n.op_type for n in skimmed.graph.node] == [n.op_type for n in whole.graph.node]
    assert skimmed.graph.input == whole.graph.input
    assert skimmed.opset_import == whole.opset_import


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
def test_a_gigabyte_of_weights_costs_no_memory(tmp_path: Path) -> None:
    """A sparse file whose one initializer claims 2 GB: read in a fresh process with little resident memory."""
    path = tmp_path / "huge.onnx"
    length = 1 << 31
    tensor_head = b"\x08" + _varint(1 << 29) + b"\x10\x01" + b"\x42\x01w" + b"\x4a" + _varint(length)
    tensor = len(tensor_head) + length
    node = helper.make_node("Add", ["x", "w"], ["y"], name="add").SerializeToString()
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1 << 29]).SerializeToString()
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None).SerializeToString()
    front = b"\x0a" + _varint(len(node)) + node + b"\x5a" + _varint(len(x)) + x + b"\x62" + _varint(len(y)) + y
    graph_head = front + b"\x2a" + _varint(tensor) + tensor_head
    with path.open("wb") as out:
        out.write(b"\x08\x08\x42\x04\x0a\x00\x10\x11\x3a" + _varint(len(graph_head) + length) + graph_head)
        out.truncate(out.tell() + length)
    # VmHWM, not getrusage: the latter carries over the peak of the process that started this one.
    code = (f"from tocompiler.frontends.onnx_reader import skim\nprint(len(skim({str(path)!r})))\n"
            "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kept, kilobytes = map(int, done.stdout.split())
    assert kept < 200
    assert kilobytes < 40 * 1024
    assert read(path).operators[0].given(1).elements == 1 << 29


def _varint(n: int) -> bytes:
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def test_every_truncation_is_one_clear_line(file: Path, tmp_path: Path) -> None:
    """Cut anywhere, a file is refused by name. (Its last field names the opset, without which it means nothing.)"""
    data = file.read_bytes()
    cut = tmp_path / "cut.onnx"
    for end in [*range(0, 300), *range(300, len(data), 997), *range(len(data) - 40, len(data))]:
        cut.write_bytes(data[:end])
        with pytest.raises(ValueError, match=r"^\S*cut\.onnx: [^\n]*$"):
            read(cut)


@given(st.binary(min_size=1, max_size=400))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes_give_a_value_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "any.onnx"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"any\.onnx"):
        read(path)


@given(st.integers(0, 10_000), st.integers(0, 255))
@settings(max_examples=200, deadline=None)
def test_one_changed_byte_never_gives_a_traceback(tmp_path_factory: pytest.TempPathFactory, at: int, byte: int) -> None:
    data = bytearray(_model().SerializeToString())
    data[at % len(data)] = byte
    path = tmp_path_factory.mktemp("changed") / "changed.onnx"
    path.write_bytes(data)
    try:
        names = [op.name for op in read(path).operators]
    except ValueError as error:
        names = [str(error)]
    assert all(isinstance(name, str) for name in names)


@pytest.mark.parametrize(("content", "why"), [
    (b"", "is empty"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
    (b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "truncated"),
    (b"\x3a" + b"\xff" * 12, "longer than ten bytes"),
    (b"\x3c\x00", "not an ONNX file"),
    (b"<html><body>404</body></html>", "ONNX file|truncated"),
    (b"\x08\x08\x42\x04\x0a\x00\x10\x11", "holds no graph"),
    (b"\x08\x08\x3a\x00", "names no opset"),
])
def test_bad_files_say_what_is_wrong(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=why) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))


def test_missing_files_and_folders_say_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        skim(tmp_path / "nothing.onnx")
    with pytest.raises(ValueError, match="not a regular file"):
        skim(tmp_path)


def test_endless_nesting_is_refused(tmp_path: Path) -> None:
    """Graphs in attributes of nodes of graphs, deeper than protobuf itself would follow."""
    node = b"\x32" + _varint(2 * KEPT_BYTES) + bytes(2 * KEPT_BYTES)  # a node with a long doc string
    for _ in range(40):
        for tag in (b"\x0a", b"\x32", b"\x2a"):  # is a graph's node, is an attribute's graph, is a node's attribute
            node = tag + _varint(len(node)) + node
    graph = b"\x0a" + _varint(len(node)) + node
    path = tmp_path / "deep.onnx"
    path.write_bytes(b"\x3a" + _varint(len(graph)) + graph)
    with pytest.raises(ValueError, match="nest deeper"):
        skim(path)
