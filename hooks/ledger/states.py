"""Groups of the states of a record. The states are unknown, active, trashed, erased, gone and ignored."""

from __future__ import annotations

OPEN_STATES = ("active", "trashed")
"""The whole record is kept: its state is known, it concerns us, and nothing of it was erased or deleted."""

KEPT_STATES = (*OPEN_STATES, "erased")
"""At least a part of the record may be left: the store's eraser leaves some of an order."""
