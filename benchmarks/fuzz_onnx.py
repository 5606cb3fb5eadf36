"""ONNX files for fuzzing: models made from the schemas with edge values, and real ones changed field by field."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import onnx
from fuzz_seeds import seeds
from onnx import TensorProto, helper

__all__ = ["onnx_file"]

EDGES = (0, 1, -1, 2, 3, 7, 64, 1000, 1 << 31, -(1 << 31), (1 << 31) - 1, 1 << 40, (1 << 63) - 1, -(1 << 63))
_SIZES = (0, 1, 2, 3, 4, 5, 8, 16, 32, 224)
_TEXTS = ("", "banana", "SAME_UPPER", "VALID", "a->b", "ij,jk->ik", "...", "\n", "\x1b[2J", "é" * 40, "x" * 5000)
_FLOATS = (0.0, 1.0, -1.0, 0.5, 1e30, -1e30, float("nan"), float("inf"), float("-inf"), 1e-40)
_TYPES = tuple(range(27))


def onnx_file(rng: random.Random) -> bytes:
    """One case: a schema-made or a small real model, some fields changed, and sometimes its bytes as well."""
    model = onnx.ModelProto.FromString(rng.choice(seeds())) if rng.random() < 0.5 else _from_schemas(rng)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        try:
            rng.choice(_CHANGES)(model, rng)
        except (IndexError, TypeError, ValueError):
            continue  # nothing of the kind in this model
    return model.SerializeToString()


# Models made from the schemas.


@cache
def _schemas() -> tuple[Any, ...]:
    found = [s for s in onnx.defs.get_all_schemas() if not s.deprecated]
    return tuple(sorted(found, key=lambda s: (s.domain, s.name)))


def _from_schemas(rng: random.Random) -> onnx.ModelProto:
    """One to three operators of any kind behind each other, with operands and attributes that may not suit them."""
    inputs = [helper.make_tensor_value_info(f"x{i}", rng.choice((1, 1, 1, 1, 7, 9, 10, 3)),
                                            _shape(rng)) for i in range(3)]
    stored = [_stored(f"w{i}", rng) for i in range(3)]
    known = [f"{kind}{i}" for kind in "xw" for i in range(3)]
    nodes = []
    for i in range(rng.choice((1, 1, 2, 3))):
        schema = rng.choice(_schemas())
        most = min(schema.max_input, schema.min_input + 3)
        reads = [rng.choice(known) for _ in range(rng.randint(schema.min_input, max(schema.min_input, most)))]
        writes = [f"y{i}_{k}" for k in range(max(1, min(schema.max_output, rng.choice((1, 1, 1, 2, 3)))))]
        node = helper.make_node(schema.name, reads, writes, name=f"n{i}", domain=schema.domain)
        for name, attribute in schema.attributes.items():
            if attribute.required or rng.random() < 0.3:
                made = _attribute(name, int(attribute.type.value), rng)
                if made is not None:
                    node.attribute.append(made)
        nodes.append(node)
        known += writes
    outputs = [helper.make_tensor_value_info(nodes[-1].output[0], 1, None)]
    graph = helper.make_graph(nodes, "g", inputs, outputs, stored)
    domains = {node.domain for node in nodes} - {""}
    opsets = [helper.make_opsetid("", rng.choice((7, 9, 11, 13, 17, 18, 20, 21, 22)))]
    return helper.make_model(graph,
                             opset_imports=[*opsets, *(helper.make_opsetid(d, rng.choice((1, 2, 3))) for d in domains)],
                             ir_version=8)


def _shape(rng: random.Random) -> list[Any]:
    return [rng.choice((*_SIZES, *_SIZES, rng.choice(EDGES),
                        "batch")) for _ in range(rng.choice((0, 1, 2, 3, 4, 4, 5)))]


def _stored(name: str, rng: random.Random) -> onnx.TensorProto:
    kind = rng.choice(("ints", "ints", "floats", "weight"))
    if kind == "weight":
        return onnx.numpy_helper.from_array(np.zeros([rng.choice((1, 2, 3, 4)) for _ in range(rng.randint(1, 4))],
                                                     np.float32), name)
    n = rng.choice((0, 1, 1, 2, 3, 4, 8))
    if kind == "ints":
        values: Any = np.array([rng.choice((*_SIZES, *EDGES)) for _ in range(n)], np.int64)
    else:
        values = np.array([rng.choice(_FLOATS) for _ in range(n)], np.float64).astype(np.float32)
    return onnx.numpy_helper.from_array(values.reshape(rng.choice(([n], [n], [1, n], []))) if n == 1 else values, name)


def _attribute(name: str, kind: int, rng: random.Random) -> Any:
    def several(values: tuple[Any, ...]) -> list[Any]:
        return [rng.choice(values) for _ in range(rng.choice((0, 1, 2, 2, 3, 4, 8)))]

    makers: dict[int, Callable[[], Any]] = {
        1: lambda: rng.choice(_FLOATS), 2: lambda: rng.choice((*_SIZES, *EDGES)), 3: lambda: rng.choice(_TEXTS),
        4: lambda: _stored("", rng), 5: lambda: _body(rng), 6: lambda: several(_FLOATS),
        7: lambda: several((*_SIZES, *_SIZES, *EDGES)), 8: lambda: several(_TEXTS),
    }
    if kind not in makers:
        return None
    made = onnx.AttributeProto(name=name, type=kind)
    value = makers[kind]()
    field = {1: "f", 2: "i", 3: "s", 4: "t", 5: "g", 6: "floats", 7: "ints", 8: "strings"}[kind]
    if kind in (1, 2):
        setattr(made, field, value)
    elif kind == 3:
        made.s = value.encode()
    elif kind in (4, 5):
        getattr(made, field).CopyFrom(value)
    else:
        getattr(made, field).extend([v.encode() for v in value] if kind == 8 else value)
    return made


def _body(rng: random.Random) -> onnx.GraphProto:
    inputs = [helper.make_tensor_value_info(f"b{i}", rng.choice((1, 7, 9)), rng.choice((None, [], [2, 3])))
              for i in range(rng.randint(0, 4))]
    known = [i.name for i in inputs] + ["x0", "w0"]
    nodes = [helper.make_node(rng.choice(("Relu", "Identity", "Neg", "Exp")), [rng.choice(known)], [f"r{i}"])
             for i in range(rng.randint(0, 3))]
    results = [n.output[0] for n in nodes] + known
    outputs = [helper.make_tensor_value_info(rng.choice(results), 1, None) for _ in range(rng.randint(0, 4))]
    return helper.make_graph(nodes, "body", inputs, outputs)


# Small models that are right.


# Changes of one field.


def _nodes(model: Any) -> list[Any]:
    found = list(model.graph.node)
    for function in model.functions:
        found += function.node
    for n in list(found):
        found += [inner for a in n.attribute if a.type == 5 for inner in a.g.node]
    return found


def _change_attribute(model: Any, rng: random.Random) -> None:
    attribute = rng.choice([a for n in _nodes(model) for a in n.attribute])
    made = _attribute(attribute.name, rng.choice((attribute.type, attribute.type, attribute.type, rng.randint(1, 8))),
                      rng)
    if made is not None:
        attribute.CopyFrom(made)


def _drop_attribute(model: Any, rng: random.Random) -> None:
    n = rng.choice([n for n in _nodes(model) if n.attribute])
    del n.attribute[rng.randrange(len(n.attribute))]


def _change_operand(model: Any, rng: random.Random) -> None:
    n = rng.choice(_nodes(model))
    names = [o for m in _nodes(model) for o in (*m.input, *m.output)]
    n.input[rng.randrange(len(n.input))] = rng.choice(("", "gone", *names))


def _change_count(model: Any, rng: random.Random) -> None:
    n = rng.choice(_nodes(model))
    field = rng.choice((n.input, n.output))
    if rng.random() < 0.5:
        del field[rng.randrange(len(field))]
    else:
        field.append(rng.choice(("", "extra", *field)))


def _change_operator(model: Any, rng: random.Random) -> None:
    n, schema = rng.choice(_nodes(model)), rng.choice(_schemas())
    n.op_type = rng.choice((schema.name, schema.name, "", "Nonsense", "x" * 300))
    if rng.random() < 0.5:
        n.domain = rng.choice((schema.domain, "ai.onnx", "com.microsoft", "own"))


def _change_order(model: Any, rng: random.Random) -> None:
    nodes = model.graph.node
    i, j = rng.randrange(len(nodes)), rng.randrange(len(nodes))
    held = onnx.NodeProto.FromString(nodes[i].SerializeToString())
    if rng.random() < 0.5:
        nodes[i].CopyFrom(nodes[j])
        nodes[j].CopyFrom(held)
    else:
        nodes.append(held)


def _change_dimension(model: Any, rng: random.Random) -> None:
    value = rng.choice((*model.graph.input, *model.graph.output))
    dims = value.type.tensor_type.shape.dim
    if rng.random() < 0.2:
        value.type.tensor_type.ClearField("shape")
    elif rng.random() < 0.3:
        dims.add().dim_value = rng.choice(EDGES)
    elif rng.random() < 0.3:
        dims[rng.randrange(len(dims))].dim_param = rng.choice(_TEXTS)
    else:
        dims[rng.randrange(len(dims))].dim_value = rng.choice(EDGES)


def _change_type(model: Any, rng: random.Random) -> None:
    value = rng.choice((*model.graph.input, *model.graph.output))
    kind = rng.choice(("elem", "elem", "sequence", "optional", "map", "none"))
    tensor = onnx.TypeProto.FromString(value.type.SerializeToString())
    if kind == "elem":
        value.type.tensor_type.elem_type = rng.choice(_TYPES)
    elif kind == "sequence":
        value.type.sequence_type.elem_type.CopyFrom(tensor)
    elif kind == "optional":
        value.type.optional_type.elem_type.CopyFrom(tensor)
    elif kind == "map":
        value.type.map_type.key_type = 7
    else:
        value.ClearField("type")


def _change_stored(model: Any, rng: random.Random) -> None:
    tensor = rng.choice(model.graph.initializer)
    kind = rng.choice(("dims", "dims", "type", "data", "values", "values", "external", "name"))
    if kind == "dims":
        tensor.dims[:] = [rng.choice((*_SIZES, *EDGES)) for _ in range(rng.randint(0, 4))]
    elif kind == "type":
        tensor.data_type = rng.choice((*_TYPES, 99, -1))
    elif kind == "data":
        tensor.raw_data = tensor.raw_data[:rng.randrange(len(tensor.raw_data))]
    elif kind == "values":
        tensor.CopyFrom(_stored(tensor.name, rng))
    elif kind == "name":
        tensor.name = rng.choice(("", "x", *(t.name for t in model.graph.initializer)))
    else:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key in ("location", "offset", "length"):
            tensor.external_data.add(key=key,
                                     value=rng.choice(("", "w.bin", "../x", "/etc/passwd", "8", "-1", "9" * 30)))


def _change_opset(model: Any, rng: random.Random) -> None:
    model.opset_import[0].version = rng.choice((0, -1, 1, 5, 7, 8, 9, 11, 12, 13, 16, 18, 20, 24, 99, 1 << 40))


def _wrap(model: Any, rng: random.Random) -> None:
    """The whole graph once more as the body of one of its nodes."""
    body = onnx.GraphProto.FromString(model.graph.SerializeToString())
    kind = rng.choice(("If", "Loop", "Scan", "SequenceMap"))
    names = {"If": ("then_branch", "else_branch")}.get(kind, ("body",))
    n = helper.make_node(kind,
                         [rng.choice(["", *(i.name for i in model.graph.input)]) for _ in range(rng.randint(1, 3))],
                         ["wrapped"], name="wrap", **dict.fromkeys(names, body))
    if kind == "Scan":
        n.attribute.append(helper.make_attribute("num_scan_inputs", rng.choice((0, 1, 1, 2, -1, 1 << 40))))
    model.graph.node.append(n)
    if rng.random() < 0.5:
        model.graph.output[0].name = "wrapped"


def _call(model: Any, rng: random.Random) -> None:
    """A function that calls another, or itself."""
    name = rng.choice(("f", "g", "h"))
    inner = [helper.make_node(rng.choice(("f", "g", "h", "Relu")), ["a"], ["b"], domain=rng.choice(("own", "")))]
    model.functions.append(helper.make_function("own", name, ["a"], ["b"], inner, list(model.opset_import)))
    model.graph.node.append(helper.make_node(name, [model.graph.node[0].input[0]], ["called"], domain="own"))
    model.graph.output[0].name = "called"


def _spoil_name(model: Any, rng: random.Random) -> None:
    n = rng.choice(_nodes(model))
    n.name = rng.choice(_TEXTS)
    model.graph.name = rng.choice(_TEXTS)


_CHANGES: tuple[Callable[[Any, random.Random], None], ...] = (
    _change_attribute, _change_attribute, _change_attribute, _drop_attribute, _change_operand, _change_operand,
    _change_count, _change_operator, _change_operator, _change_order, _change_dimension, _change_dimension,
    _change_type, _change_stored, _change_stored, _change_stored, _change_opset, _wrap, _call, _spoil_name,
)
