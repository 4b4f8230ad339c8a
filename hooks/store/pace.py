"""What spreads calls to a store over time."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """How a call went, as far as it tells of the store's load."""

    ANSWERED = "answered"
    TIMED_OUT = "timed-out"
    BUSY = "busy"
    OTHER = "other"


class Pace(Protocol):
    """Asked before each call, told after it. `call` names calls that take about as long as each other."""

    def wait(self) -> None:
        """Return when it is this call's turn. Raises LedgerUnavailableError."""

    def observe(self, call: str, seconds: float, outcome: Outcome) -> None:
        """Learn how long a call took, and how it went."""


class NoPace:
    """Calls go out as they come."""

    def wait(self) -> None:
        """Now."""

    def observe(self, call: str, seconds: float, outcome: Outcome) -> None:
        """Nothing is learnt."""
