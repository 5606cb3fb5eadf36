"""Numbers as spreadsheets of several countries write them: ``1234.5``, ``1234,5``, ``1.234,5``, ``1 234,5``."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["ambiguous", "decimal_mark", "plain"]

_SPACES = " \u00a0\u202f\u2009'\u2019"
_PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII)
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
_GROUPED = {",": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?", re.ASCII),
            ".": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)}


def decimal_mark(texts: Iterable[str]) -> str | None:
    """Which mark these numbers have between whole and fraction; None where they do not tell.

    >>> decimal_mark(["12", "1.234,5"]), decimal_mark(["0,125"]), decimal_mark(["1,234,567.8"]), decimal_mark(["1,234"])
    (',', ',', '.', None)
    """
    for text in map(_squeezed, texts):
        if _PLAIN.fullmatch(text) and "." in text and not _GROUPED[","].fullmatch(text):
            return "."
        if _COMMA.fullmatch(text) and not _EITHER.fullmatch(text):
            return ","
        for mark, other in ((",", "."), (".", ",")):
            if _GROUPED[mark].fullmatch(text) and (mark in text or text.count(other) > 1):
                return mark
    return None


def ambiguous(text: str) -> bool:
    """Whether a number reads as a thousand times another where nothing tells what its comma is for."""
    return _EITHER.fullmatch(_squeezed(text)) is not None


def plain(text: str, mark: str) -> str:
    """The number with a decimal point and nothing between its digits; any other text as it is.

    >>> plain("1.234,5", ","), plain("1,234.5", "."), plain("1 234,5", ","), plain("2,5e-3", ","), plain("1 J", ",")
    ('1234.5', '1234.5', '1234.5', '2.5e-3', '1 J')
    """
    squeezed = _squeezed(text)
    if _GROUPED[mark].fullmatch(squeezed):
        return squeezed.replace("." if mark == "," else ",", "").replace(",", ".")
    if mark == "," and _COMMA.fullmatch(squeezed):
        return squeezed.replace(",", ".")
    return squeezed if _PLAIN.fullmatch(squeezed) else text


def _squeezed(text: str) -> str:
    """Without the spaces and apostrophes that separate thousands: groups of three behind the first."""
    pieces = re.split(f"[{_SPACES}]", text)
    grouped = len(pieces) > 1 and pieces[0].lstrip("+-").isdigit() and all(
        re.match(r"\d{3}(?!\d)", piece) for piece in pieces[1:])
    return "".join(pieces) if grouped else text
