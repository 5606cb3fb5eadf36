"""How many distinct experts a batch touches, and how unevenly: what decides how many weights a step reads.

Each of T tokens chooses k of E experts. Where every expert is as likely, one expert is missed by all tokens with
probability (1 - k/E)^T, so that E (1 - (1 - k/E)^T) are touched in expectation. Measured routing is skewed; with
popularity falling as a power of the rank, expert i is in a token's choice with probability
p_i = min(1, c i^-a), c such that the p_i sum to k, and sum_i 1 - (1 - p_i)^T are touched.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

__all__ = ["expected_experts", "imbalance", "popularity"]


@lru_cache(maxsize=64)
def popularity(experts: int, chosen: int, skew: float = 0.0) -> tuple[float, ...]:
    """The probability that a token chooses each expert, the most popular first; their sum is ``chosen``.

    >>> [round(p, 3) for p in popularity(4, 2, 1.0)]
    [0.96, 0.48, 0.32, 0.24]
    """
    weights = [float(i) ** -skew for i in range(1, experts + 1)]
    capped = 0
    while True:  # whoever would exceed certainty is chosen always; the rest shares what is left
        scale = (chosen - capped) / sum(weights[capped:])
        if capped == experts - 1 or weights[capped] * scale <= 1:
            break
        capped += 1
    return (1.0,) * capped + tuple(min(1.0, w * scale) for w in weights[capped:])


def expected_experts(experts: int, chosen: int, tokens: Any, skew: float = 0.0) -> Any:
    """Expected distinct experts that ``tokens`` touch, each choosing ``chosen`` of ``experts``; a symbolic number of
    tokens gives an expression.

    >>> round(expected_experts(128, 8, 32), 1), expected_experts(8, 2, 1)
    (111.8, 2)
    """
    if isinstance(tokens, int):
        if tokens == 1 or chosen == experts:
            return chosen
        return sum(1 - (1 - p) ** tokens for p in popularity(experts, chosen, skew))
    import sympy

    if skew == 0:
        return experts * (1 - (1 - sympy.Rational(chosen, experts)) ** tokens)
    chances = popularity(experts, chosen, skew)
    return sympy.Add(*(1 - sympy.Float(1 - p) ** tokens if p < 1 else 1 for p in chances))


def imbalance(experts: int, chosen: int, devices: int, skew: float = 0.0) -> float:
    """The busiest device's share of routed rows over the mean, experts dealt out by rank in turn, forth and back.

    >>> imbalance(8, 2, 4), round(imbalance(8, 2, 4, 1.0), 2)
    (1.0, 1.66)
    """
    loads = [0.0] * devices
    for i, p in enumerate(popularity(experts, chosen, skew)):
        turn, place = divmod(i, devices)
        loads[place if turn % 2 == 0 else devices - 1 - place] += p
    return max(loads) * devices / sum(loads)
