"""Days and instants as ISO 8601 text."""

from __future__ import annotations

from datetime import date


def iso_or_none(value: date | None) -> str | None:
    """Write a day (`2031-12-31`) or an instant with its offset; None stays None."""
    if value is None:
        return None
    return value.isoformat()
