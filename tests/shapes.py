"""Compares the shape of two documents: keys and kinds of values, not the values."""

from __future__ import annotations

from typing import Any


def lacking(real: Any, ours: Any, place: str = "") -> list[str]:
    """Where the real document has a key, or a kind of value, that ours lacks. null goes with anything."""
    if real is None or ours is None:
        return []
    if isinstance(real, dict) and isinstance(ours, dict):
        absent = [f"{place}.{key} is absent" for key in real if key not in ours]
        inner = (lacking(real[key], ours[key], f"{place}.{key}") for key in real if key in ours)
        return absent + [problem for problems in inner for problem in problems]
    if isinstance(real, list) and isinstance(ours, list):
        return lacking(real[0], ours[0], f"{place}[0]") if real and ours else []
    same = isinstance(ours, type(real)) and isinstance(real, type(ours))
    return [] if same else [f"{place} is of kind {type(ours).__name__}, not {type(real).__name__}"]
