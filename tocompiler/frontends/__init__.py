"""Ways in: each frontend turns somebody's model into a Network, and counts nothing."""

from __future__ import annotations

__all__: list[str] = []
