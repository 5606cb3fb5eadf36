"""The page on loopback: drop a model, choose a device, read the report; nothing leaves the machine."""

from __future__ import annotations

from tocompiler.web.application import application
from tocompiler.web.jobs import Limits

__all__ = ["Limits", "application"]
