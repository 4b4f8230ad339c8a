"""The schedule of one record: its phase, and an entry for each data category with the day and the reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from hooks.retention.facts import (
    ConsentFacts,
    CustomerFacts,
    Facts,
    OrderFacts,
    SupportRequestFacts,
)

Phase = Literal["unknown", "active", "trashed", "erased", "ignored"]

OPEN_PHASES: tuple[Phase, ...] = ("active", "trashed")
"""Phases in which the whole record is kept."""

KEPT_PHASES: tuple[Phase, ...] = (*OPEN_PHASES, "erased")
"""Phases of records of which at least a part may be left: the store's eraser leaves some data."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One data category of one record, or one `part` of it.

    All days are days in the policy's time zone.
    `delete_after`: the last day on which it is kept.
    `until`: the event that ends it, where no day is known.
    `review_after`: the first day on which it may be deleted.
    `requested_on`: the day on which the request or objection came that brought its end forward.
    `governs`: it may be the entry that tags the record as a whole.
    `reason`: one sentence that says how the day comes about, with its source.
    """

    rule: str
    data: str
    purpose: str
    basis: str
    retention_class: str
    event: str
    runs_from: date
    review_after: date | None
    delete_after: date | None
    until: str | None
    action: str
    governs: bool
    reason: str
    part: str = ""
    requested_on: date | None = None

    @property
    def name(self) -> str:
        """The data category, with the part of it: 'identity-contact (contact)'."""
        if self.part:
            return f"{self.data} ({self.part})"
        return self.data

    def __hash__(self) -> int:
        """Hash the two fields that tell most apart, since caches look entries up often."""
        return hash((self.rule, self.reason))


@dataclass(frozen=True, slots=True)
class Schedule:
    """The entries of one record, and the `governing` entry that tags the record as a whole.

    For a record that the store has erased, `governing` is the entry from before that, and `entries` are what the
    eraser left.
    """

    phase: Phase
    entries: tuple[Entry, ...]
    governing: Entry | None


def phase(facts: Facts) -> Phase:
    """Return the phase of a record's life, as its own facts tell it."""
    match facts:
        case CustomerFacts(is_seen=False):
            return "unknown"
        case CustomerFacts(staff=True):
            return "ignored"
        case SupportRequestFacts() | ConsentFacts() if facts.since is None:
            return "unknown"
        case ConsentFacts() if _was_renewed(facts):
            return "active"
        case OrderFacts() | SupportRequestFacts() | ConsentFacts() if facts.erased_at:
            return "erased"
        case OrderFacts(trashed=True):
            return "trashed"
        case _:
            return "active"


def _was_renewed(facts: ConsentFacts) -> bool:
    """Tell whether a consent was given after its record was erased."""
    if facts.erased_at is None:
        return False
    latest = facts.choices[-1]
    return latest.given and latest.at > facts.erased_at
