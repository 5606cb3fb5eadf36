"""Tokens of structural Verilog: text without its comments, cut up, and read from front to back."""

from __future__ import annotations

import re

__all__ = ["LARGEST", "Tokens", "VerilogError", "literal"]

LARGEST = 1 << 16
"""Bits of a bus or a literal; a wider one is a slip or an attack."""

_TOKEN = re.compile(r"\\\S+|[A-Za-z_][\w$]*|(?:\d+\s*)?'\s*[sS]?[bhdoBHDO]\s*[\da-fA-F_]+|\d[\d_]*|~\^|\^~|~&|~\|"
                    r"|&&|\|\||===?|!==?|<<<?|>>>?|<=|>=|\*\*|\S")
_DIRECTIVE = re.compile(r"^[ \t]*`[^\n]*", re.MULTILINE)  # `timescale and its like say nothing of structure
_COMMENT = re.compile(r"//|/\*|\(\*")
_BASES = {"b": 2, "o": 8, "d": 10, "h": 16}
_UNSIZED = 32  # bits of a literal without a size


class VerilogError(ValueError):
    """The text is not structural Verilog as far as it is read here."""


class Tokens:
    """A place in a list of tokens."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = _TOKEN.findall(_DIRECTIVE.sub("", _uncommented(text)))
        self.place = 0

    def peek(self, ahead: int = 0) -> str:
        """The token that comes next, or some further on; VerilogError at the end."""
        if self.place + ahead >= len(self.tokens):
            raise VerilogError("the text ends inside a module")
        return self.tokens[self.place + ahead]

    def take(self) -> str:
        token = self.peek()
        self.place += 1
        return token

    def accept(self, token: str) -> bool:
        """Whether that token comes next; it is taken then."""
        if self.peek() != token:
            return False
        self.place += 1
        return True

    def expect(self, token: str) -> None:
        if not self.accept(token):
            around = " ".join(self.tokens[max(0, self.place - 4):self.place + 4])
            raise VerilogError(f"expected {token!r}, found {self.peek()!r:.40} in: {around:.200}")

    def name(self) -> str:
        """An identifier; a backslash in front of an escaped one is dropped."""
        token = self.take()
        if not re.match(r"[A-Za-z_\\]", token):
            raise VerilogError(f"{token!r:.40} where a name belongs")
        return token.removeprefix("\\")

    def number(self) -> int:
        """A plain number of a bit; no bus is as wide as ten digits say."""
        token = self.take()
        if not (token.isascii() and token.isdecimal() and len(token) < 10):
            raise VerilogError(f"{token!r:.40} where the number of a bit belongs")
        return int(token)


def _uncommented(text: str) -> str:
    """Blanks in the place of comments and attributes, found in one walk whatever the text holds."""
    kept, place, closing = [], 0, -1
    while (start := _COMMENT.search(text, place)) is not None:
        kept.append(text[place:start.start()])
        if start.group() == "(*":  # an attribute ends with the first parenthesis; @(*) is none
            if closing <= start.end():
                closing = text.find(")", start.end() + 1)
            closed = closing > 0 and text[closing - 1] == "*"
            kept.append(" " if closed else "(*")
            place = closing + 1 if closed else start.end()
            continue
        mark = "\n" if start.group() == "//" else "*/"
        end = text.find(mark, start.end())
        if end < 0 and mark == "*/":
            raise VerilogError("a comment has no end")
        place = len(text) if end < 0 else end + (mark == "*/") * 2
        kept.append(" ")
    return "".join([*kept, text[place:]])


def literal(token: str) -> tuple[list[bool], bool]:
    """Bits of a literal, least significant first, and whether it is signed; VerilogError where it is none or wider than
    ``LARGEST``."""
    size, quote, rest = "".join(token.split()).replace("_", "").partition("'")
    signed = not quote or rest[:1] in ("s", "S")
    rest = rest[1:] if quote and signed else rest
    digits, base = (rest[1:], _BASES.get(rest[:1].lower())) if quote else (size, 10)
    if base is None or len(size) > 6 or len(digits) > LARGEST or (base == 10 and len(digits) > 1000) or not digits:
        raise VerilogError(f"{token:.40} is no literal of up to {LARGEST} bits")
    try:
        value = int(digits, base)
    except ValueError:
        raise VerilogError(f"{token:.40} has digits that its base lacks") from None
    width = int(size) if quote and size else max(_UNSIZED, value.bit_length() + signed)
    if not 0 < width <= LARGEST:
        raise VerilogError(f"{token:.40} is no literal of up to {LARGEST} bits")
    return [bool(value >> k & 1) for k in range(width)], signed
