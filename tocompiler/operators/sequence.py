"""Sequences and optionals, which name tensors and move none, and operators on text and files, which are refused."""

from __future__ import annotations

from collections.abc import Sequence

from tocompiler.operators import Rule, Work, add_rule
from tocompiler.tensors import Operator

__all__ = ["Naming", "Refusal"]


class Naming(Rule):
    """It groups or picks whole tensors without touching their elements."""

    data_only = "it groups or picks whole tensors"

    def work(self, op: Operator) -> Work:
        return Work(reads=(), writes=())

    def gradient(self, op: Operator, needed: Sequence[bool]) -> Work:
        return Work(reads=(), writes=())


class Copying(Rule):
    """It copies elements between tensors and the parts of a sequence."""

    data_only = "it copies whole tensors into one, or out of one"


class Refusal(Rule):
    """An operator that is known and cannot be counted."""

    def __init__(self, reason: str) -> None:
        self.refused = reason


for _name in ("SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength",
              "Optional", "OptionalGetElement", "OptionalHasElement"):
    add_rule(_name, Naming())
add_rule("ConcatFromSequence", Copying())
add_rule("SplitToSequence", Copying())

_TEXT = "it works on text, whose length no shape tells"
for _name in ("StringConcat", "StringNormalizer", "StringSplit", "RegexFullMatch"):
    add_rule(_name, Refusal(_TEXT))
add_rule("TfIdfVectorizer", Refusal("it searches n-grams in a vocabulary, and its comparisons depend on the data"))
add_rule("ImageDecoder", Refusal("it decodes a compressed image, and its work depends on the file"))
