"""Text files for fuzzing: tables, device files and circuits, right but for a few fields."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources

from fuzz_words import MODELS, NUMBERS, WORDS

__all__ = ["csv_file", "toml_file", "verilog_file"]

_Made = tuple[str, bytes, Sequence[str]]
"""A suffix, the file's bytes, and the command line that reads it (FILE stands for the path)."""

_MODEL_EDGES = ("mlp:", "mlp:4", "mlp:0-3", "mlp:-4-3", "mlp:4-3:banana", "mlp:99999999999-3", "conv2d 3x8x8",
                "conv2d", "conv2d x",
                "conv2d 3x8x8 out_channels=0 kernel_size=3", "conv2d 3x8x8 out_channels=4 kernel_size=3 stride=0",
                "conv2d 3x8x8 out_channels=4 kernel_size=99", "linear 16 out_features=-1", "nets/none.onnx", "relu 0",
                "relu ½",
                "conv2d 3x8x8 out_channels=4 kernel_size=3 groups=0",
                "conv2d 3x8x8 out_channels=4 kernel_size=3 dilation=0",
                "softmax 4 axis=9", "__init__ 3", "output 3", "nasbench101:", "qutibench:mlp", "flexibert:")


def csv_file(rng: random.Random) -> _Made:
    columns = ["model", "batch", "format", "phase", "energy_joule", "executions", "latency_second", "group"]
    rows = [[rng.choice(MODELS), rng.choice(("1", "2", "8")), rng.choice(("fp32", "fp32", "fp16")), "inference",
             f"{rng.uniform(0.01, 2):.4g}", "1", "0.1", f"g{i}"] for i in range(rng.choice((1, 2, 3, 5)))]
    for _ in range(rng.choice((0, 1, 1, 2))):
        row, at = rng.choice((columns, *rows, *rows)), rng.randrange(len(columns))
        if row is columns:
            row[at] = rng.choice((*columns, *WORDS, "condition_", "condition_x", "repeats", "spread", "runtime"))
        elif at == 0:
            row[at] = rng.choice(_MODEL_EDGES)
        else:
            row[at] = rng.choice((*NUMBERS, *WORDS))
    if rng.random() < 0.1:
        rng.choice(rows).append("more")
    if rng.random() < 0.02:
        rng.choice(rows)[0] = "x" * 200_000
    text = io.StringIO()
    csv.writer(text, lineterminator=rng.choice(("\n", "\r\n", "\r"))).writerows([columns, *rows])
    command = rng.choice((("evaluate", "FILE", "--device", "cpu_raptorlake", "--json", "-"),) * 9 + (
        ("calibrate", "FILE", "--name", "board"),))
    return ".csv", text.getvalue().encode(errors="surrogatepass"), command


@cache
def _devices() -> tuple[str, ...]:
    folder = resources.files("hardware") / "devices"
    return tuple(text for file in sorted(folder.iterdir(), key=lambda f: f.name) if file.name.endswith(".toml")
                 if len(text := file.read_text(encoding="utf-8")) < 60_000)


def toml_file(rng: random.Random) -> _Made:
    lines = rng.choice(_devices()).split("\n")
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        at = rng.randrange(len(lines))
        key, equals, value = lines[at].partition(" = ")
        kind = rng.randrange(6)
        if kind == 0 or not equals:
            lines[at:at + 1] = rng.choice(([], [lines[at]] * 2,
                                           [f"[{rng.choice(('runtime', 'models.x', 'memory.l9', 'banana'))}]"]))
        elif kind == 1:
            lines[at] = f"{rng.choice((key + '_', 'banana', 'level', 'exponent'))} = {value}"
        elif kind == 2:
            numbers = re.findall(r"-?\d[\d.e+-]*", value)
            old = rng.choice(numbers) if numbers else value
            lines[at] = f"{key} = {value.replace(old, rng.choice(NUMBERS[:14]), 1)}"
        elif kind == 3:
            other = rng.choice((*NUMBERS, "[]", "[1]", "{}", "[[1, 2]]", json.dumps(rng.choice(WORDS))))
            lines[at] = f"{key} = {other}"
        elif kind == 4:
            lines[at] = f"{key} = [{', '.join(['0.0'] * rng.choice((0, 1, 5, 9)))}]"
        else:
            lines[at] = lines[at].replace("]", "", 1)
    text = "\n".join(lines)
    return ".toml", text.encode(), ("compile", "mlp:4-8-3:relu", "--device", "FILE", "--json", "-")


_CIRCUITS = (
    "module half(input a, input b, output s, output c);\n  xor(s, a, b);\n  assign c = a & b;\nendmodule\n"
    "module full(a, b, cin, s, cout);\n  input a, b, cin;\n  output s, cout;\n  wire t, u, v;\n"
    "  half h1(.a(a), .b(b), .s(t), .c(u));\n  half h2(t, cin, s, v);\n  or(cout, u, v);\nendmodule\n"
    "module add2(input [1:0] x, input [1:0] y, output [2:0] z);\n  wire k;\n  full f0(x[0], y[0], 1'b0, z[0], k);\n"
    "  full f1(.a(x[1]), .b(y[1]), .cin(k), .s(z[1]), .cout(z[2]));\nendmodule\n",
    "module m(input [3:0] a, input s, output [3:0] y, output p);\n  assign y = s ? ~a : {a[2:0], a[3]};\n"
    "  assign p = (a[0] ^ a[1]) | a[3:2] & 2'h1;\nendmodule\n",
    "module t(input a, output y); wire w = ~a; nand n1(y, w, a); endmodule // end\n",
)
_PIECES = ("module", "endmodule", "input", "output", "wire", "assign", "half", "full", "h1(", "(", ")", "[", "]", "{",
           "}", ";", ",",
           ".", "=", "?", ":", "~", "&", "|", "^", "a", "y", "0", "1", "3", "99999999", "1000000000000'h0", "1'b0",
           "8'hff", "'d9",
           "4'bxx", "always", "reg", "\\esc ", "/*", "//", "(*", "*)", "[999999999:0]", "[0:3]", "[-1:0]", "~^", "not",
           "buf(y, a);")


def verilog_file(rng: random.Random) -> _Made:
    tokens = re.findall(r"\s+|[A-Za-z_]\w*|\d+'\w+|\d+|\S", rng.choice(_CIRCUITS))
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        at = rng.randrange(len(tokens))
        kind = rng.randrange(4)
        if kind == 0:
            tokens[at] = rng.choice(_PIECES)
        elif kind == 1:
            tokens.insert(at, rng.choice(_PIECES))
        elif kind == 2:
            del tokens[at]
        else:
            other = rng.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
    text = "".join(tokens)
    if rng.random() < 0.02:
        text = text.replace("a", "(" * rng.choice((50, 5000, 50_000)) + "a", 1)
    return ".v", text.encode(), rng.choice(((), ("circuits", "--verilog", "FILE", "--json", "-")))
