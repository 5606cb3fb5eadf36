"""Square root by digit recurrence: one row of subtractors per bit of the root, with its remainder."""

from __future__ import annotations

from alu_library.circuits.dividers import subtract_if_fits
from alu_library.circuits.netlist import ONE, ZERO, Builder, Bus, Netlist

__all__ = ["square_root", "square_rooter"]


def square_root(b: Builder, radicand: Bus) -> tuple[Bus, Bus]:
    """``(root, remainder)`` of an unsigned bus, ``root**2 + remainder == radicand``: for 2m bits (a 0 is put on top of
    an odd number) m bits of root and m + 1 of remainder.

    Each row brings down two bits and tries to subtract ``4 root + 1`` (Ercegovac and Lang, Digital Arithmetic,
    chapter 6; restoring).
    """
    bits = [*radicand, *[ZERO] * (len(radicand) % 2)]
    root: Bus = []
    rest: Bus = []
    for place in range(len(bits) - 2, -1, -2):
        rest = _trimmed([*bits[place:place + 2], *rest])
        rest, fits = subtract_if_fits(b, rest, [b.not_(n) for n in (ONE, ZERO, *root)])
        root = [fits, *root]
    return root, [*rest, *[ZERO] * (len(root) + 1 - len(rest))]


def _trimmed(bus: Bus) -> Bus:
    """A bus without the constant zeros at its top."""
    return bus if not bus or bus[-1] != ZERO else _trimmed(bus[:-1])


def square_rooter(width: int, full_adder_style: int = 28) -> Netlist:
    """A netlist for the square root of ``a``: ``root`` of half the bits, rounded up, and ``remainder`` of one more."""
    b = Builder(f"square_root_{width}", full_adder_style)
    root, remainder = square_root(b, b.input("a", width))
    b.output("root", root)
    b.output("remainder", remainder)
    return b.build()
