"""Every circuit by name: ``build("multiplier/dadda:brent_kung", "int8")`` is a netlist.

A circuit's name is a family and a kind, then, after a colon, the options it was built with: adders and multipliers
inside it by name, and for floating point ``full`` or ``flushed`` subnormals. Netlists have the buses ``a`` and ``b``
for the operands that statistics speak of, ``c`` for an addend, ``amount`` of a shift and ``select`` of a multiplexer.
The path of a Verilog file is a name as well, with a module of it after the colon.

Seven full adders and a half adder; the ninth bit of a sum of signed numbers takes two more XOR gates:

>>> [build("adder/ripple_carry", format).transistors("textbook") for format in ("uint8", "int8")]
[210, 226]
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from alu_library.circuits import dot_product, floating_convert, floating_division, floating_point
from alu_library.circuits.adders import ADDERS, add, adder
from alu_library.circuits.combinational import maximum, multiplexer, shift_left
from alu_library.circuits.dividers import divider
from alu_library.circuits.multipliers import MULTIPLIERS, multiplier
from alu_library.circuits.multiply_add import multiply_adder
from alu_library.circuits.netlist import ZERO, Builder, Bus, Netlist
from alu_library.circuits.roots import square_rooter
from alu_library.formats import Format, accumulator, parse

__all__ = ["FAMILIES", "build", "integer_format_of", "register", "subnormals"]

_Family = Callable[..., Netlist]


@lru_cache(maxsize=64)
def build(circuit: str, format: str) -> Netlist:
    """The netlist of a named circuit in a number format; ValueError for a name that is not in the catalogue, or a
    Verilog file that does not fit the format."""
    name, _, options = circuit.partition(":")
    if name.endswith(".v"):
        from alu_library.circuits.own import from_file

        return from_file(name, options or None, parse(format))
    if name not in FAMILIES:
        raise ValueError(f"unknown circuit {circuit!r}: use {', '.join(sorted(FAMILIES))}, options after ':'")
    return FAMILIES[name](parse(format), *(options.split(",") if options else ()))


def subnormals(format: Format, choice: str) -> Format:
    """The format with ``full`` or ``flushed`` subnormals; ValueError for another word."""
    if choice not in ("full", "flushed"):
        raise ValueError(f"subnormals are 'full' or 'flushed', not {choice!r}")
    return format.flushed() if choice == "flushed" else format


def integer_format_of(format: Format) -> Format:
    """The integers that a float is rounded to: int8 for 8 bits, int16 to 16, int32 to 32, int64 beyond."""
    return parse(f"int{next(n for n in (8, 16, 32, 64) if format.bits <= n)}")


def _signed(format: Format) -> bool:
    return format.kind == "int"


def _float_netlist(name: str, format: Format, operands: int, generate: Callable[..., Bus]) -> Netlist:
    b = Builder(f"{name}_{format.name}")
    buses = [b.input(bus, format.bits) for bus in "abc"[:operands]]
    b.output("y", generate(b, format, *buses))
    return b.build()


def _float_family(generate: Callable[..., Bus], operands: int) -> _Family:
    """A floating-point family whose options are those of its generator, then the treatment of subnormals."""
    def family(format: Format, *options: str) -> Netlist:
        *inside, treatment = options
        exact = subnormals(format, treatment)
        return _float_netlist(generate.__name__, exact, operands, lambda b, f, *buses: generate(b, f, *buses, *inside))
    return family


def _to_integer(format: Format, adder: str, treatment: str) -> Netlist:
    source, target = subnormals(format, treatment), integer_format_of(format)
    return _float_netlist("to_integer", source, 1, lambda b, f, x: floating_convert.to_integer(b, f, target, x, adder))


def _from_integer(format: Format, adder: str) -> Netlist:
    target = parse("fp32" if format.bits <= 32 else "fp64")
    return _float_netlist("from_integer", format, 1,
                          lambda b, f, x: floating_convert.from_integer(b, f, target, x, adder))


def _integer_accumulator(format: Format, kind: str) -> Netlist:
    """A product, sign-extended, added to a running sum of the accumulator's width; what overflows is dropped."""
    width = parse(accumulator(format.name)).bits
    product = min(2 * format.bits, width)
    b = Builder(f"accumulator_{kind}_{format.name}")
    x, total = b.input("a", product), b.input("b", width)
    fill = x[-1] if _signed(format) else ZERO
    b.output("y", add(b, kind, [*x, *[fill] * (width - product)], total)[0])
    return b.build()


def _float_accumulator(format: Format, kind: str, treatment: str) -> Netlist:
    wide = subnormals(parse(accumulator(format.name)), treatment)
    return _float_netlist("accumulator", wide, 2, lambda b, f, x, y: floating_point.add(b, f, x, y, kind))


def _float_dot_product(format: Format, lanes: str, wide: str) -> Netlist:
    total = parse(wide)
    b = Builder(f"dot_product_{lanes}_{format.name}_{wide}")
    x = [b.input(f"a{k}", format.bits) for k in range(int(lanes))]
    y = [b.input(f"b{k}", format.bits) for k in range(int(lanes))]
    b.output("y", dot_product.dot_product(b, format, total, x, y, b.input("c", total.bits)))
    return b.build()


def _integer_dot_product(format: Format, lanes: str) -> Netlist:
    total = parse(accumulator(format.name))
    b = Builder(f"dot_product_{lanes}_{format.name}")
    x = [b.input(f"a{k}", format.bits) for k in range(int(lanes))]
    y = [b.input(f"b{k}", format.bits) for k in range(int(lanes))]
    b.output("y", dot_product.integer_dot_product(b, format, x, y, b.input("c", total.bits), adder="kogge_stone"))
    return b.build()


def _block_dot_product(format: Format) -> Netlist:
    """A block's products, summed, scaled by both blocks' scales (``s`` and ``t``) and added to a running sum."""
    element, scale, total = parse(format.element), parse(format.scale), parse(accumulator(format.name))
    b = Builder(f"block_{format.name}")
    x = [b.input(f"a{k}", element.bits) for k in range(format.block)]
    y = [b.input(f"b{k}", element.bits) for k in range(format.block)]
    scales = scale, b.input("s", scale.bits), b.input("t", scale.bits)
    b.output("y", dot_product.dot_product(b, element, total, x, y, b.input("c", total.bits), scales))
    return b.build()


def _shift(format: Format) -> Netlist:
    b = Builder(f"shift_{format.bits}")
    x, amount = b.input("a", format.bits), b.input("amount", (format.bits - 1).bit_length())
    b.output("y", shift_left(b, x, amount))
    return b.build()


def _logic(format: Format) -> Netlist:
    b = Builder(f"logic_{format.bits}")
    x, y = b.input("a", format.bits), b.input("b", format.bits)
    b.output("y", [b.xor(p, q) for p, q in zip(x, y, strict=True)])
    return b.build()


def _multiplier(kind: str) -> _Family:
    return lambda format, final="ripple_carry": multiplier(kind, format.bits, _signed(format), final)


def _multiply_adder(kind: str) -> _Family:
    return lambda format, final="ripple_carry": multiply_adder(
        kind, format.bits, parse(accumulator(format.name)).bits, _signed(format), final
    )


def _adder(kind: str) -> _Family:
    return lambda format: adder(kind, format.bits, _signed(format))


def _divider(kind: str) -> _Family:
    return lambda format: divider(kind, format.bits, _signed(format))


FAMILIES: dict[str, _Family] = {
    **{f"adder/{kind}": _adder(kind) for kind in ADDERS},
    **{f"multiplier/{kind}": _multiplier(kind) for kind in MULTIPLIERS},
    **{f"multiply_add/{kind}": _multiply_adder(kind) for kind in MULTIPLIERS},
    **{f"divider/{kind}": _divider(kind) for kind in ("restoring", "non_restoring")},
    "root/restoring": lambda f: square_rooter(f.bits),
    "integer/maximum": lambda f: maximum(f.bits, _signed(f)),
    "integer/to_float": _from_integer,
    "word/select": lambda f: multiplexer(f.bits),
    "word/shift": _shift,
    "word/logic": _logic,
    "accumulator/integer": _integer_accumulator,
    "accumulator/floating_point": _float_accumulator,
    "floating_point/add": _float_family(floating_point.add, 2),
    "floating_point/multiply": _float_family(floating_point.multiply, 2),
    "floating_point/multiply_add": _float_family(floating_point.multiply_add, 3),
    "floating_point/dot_product": _float_dot_product,
    "integer/dot_product": _integer_dot_product,
    "block/dot_product": _block_dot_product,
    "floating_point/divide": _float_family(floating_division.divide, 2),
    "floating_point/sqrt": _float_family(floating_division.sqrt, 1),
    "floating_point/maximum": _float_family(floating_point.maximum, 2),
    "floating_point/to_integer": _to_integer,
}
"""A function of a format and the name's options for each family."""


def register(name: str) -> Callable[[_Family], _Family]:
    """Decorator: file a family of circuits, as in ``multiplier/mine``: a function of a format and the name's options
    that gives a netlist. KeyError if the name is taken."""

    def file(family: _Family) -> _Family:
        if name in FAMILIES:
            raise KeyError(f"circuit {name} is registered twice")
        FAMILIES[name] = family
        return family

    return file
