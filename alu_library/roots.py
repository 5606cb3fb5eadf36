"""Square root by digit recurrence: one row of subtractors per bit of the root, with its remainder."""

from __future__ import annotations

from alu_library.adders import ripple_carry
from alu_library.combinational import select
from alu_library.netlist import ONE, ZERO, Builder, Bus, Netlist

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
        rest = [*bits[place:place + 2], *rest]
        inverted = [b.not_(n) for n in (ONE, ZERO, *root)]
        difference, carry = ripple_carry(b, rest[:len(inverted)], inverted, ONE)
        fits = b.or_(carry, *rest[len(inverted):])
        rest = select(b, fits, rest[:len(inverted)], difference)
        root = [fits, *root]
    return root, rest


def square_rooter(width: int, full_adder_style: int = 28) -> Netlist:
    """A netlist for the square root of ``a``: ``root`` of half the bits, rounded up, and ``remainder`` of one more."""
    b = Builder(f"square_root_{width}", full_adder_style)
    root, remainder = square_root(b, b.input("a", width))
    b.output("root", root)
    b.output("remainder", remainder)
    return b.build()
