"""Which runtime preset of a device fits what executes here."""

from __future__ import annotations

from pathlib import Path

from hardware.runtime import runtime_names

__all__ = ["preset_for"]


def preset_for(*wanted: str) -> str:
    """The first of some presets that ships, else ``generic``; ``onednn`` stands for this processor's vector width."""
    known = runtime_names()
    for name in wanted:
        full = f"onednn_{_vectors()}" if name == "onednn" else name
        if full in known:
            return full
    return "generic"


def _vectors() -> str:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
    return "avx512" if "avx512f" in flags else "avx2" if "avx2" in flags else ""
