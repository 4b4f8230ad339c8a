"""What another policy would change, over the real ledger: nothing is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection

from hooks.ledger import tagged
from hooks.ledger.codec import read_facts
from hooks.ledger.database import Database
from hooks.ledger.prepared import Raw
from hooks.ledger.records import Values
from hooks.ledger.tagged import Known
from hooks.retention.policy import Policy
from hooks.surroundings import Reading, alone, bearing, persons_of
from hooks.tagging import tags, tags_alone

CHUNK = 1000
EXAMPLES = 10

ALARMING = 0.01
"""A policy that makes a larger part than this of all records due at once is not put in force without a word."""


@dataclass
class Impact:
    """Counts of records. `moved`: their governing date, class or basis would be another one, `parts_moved`: only that
    of a part. `due_at_once`: they, or a part of them, would be due today and are not by the tags that they have."""

    total: int = 0
    moved: int = 0
    parts_moved: int = 0
    earlier: int = 0
    later: int = 0
    due_at_once: int = 0
    by_class: dict[str, dict[str, int]] = field(default_factory=dict)
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def alarming(self) -> bool:
        """Whether it must not come into force without a word of the operator."""
        return self.due_at_once > self.total * ALARMING

    def add(self, of_class: str, counted: Iterable[str], number: int) -> None:
        """Count so many records of a class that have a part in these counts."""
        self.total += number
        for name in counted:
            setattr(self, name, getattr(self, name) + number)
            counts = self.by_class.setdefault(of_class, {})
            counts[name] = counts.get(name, 0) + number

    def takes(self, *, due: bool) -> bool:
        """Whether one more example is wanted, which would be `due` at once or not."""
        return len(self.examples) < EXAMPLES or (due and not all(one["due_at_once"] for one in self.examples))

    def as_dict(self) -> dict[str, Any]:
        """As the ledger keeps it and commands print it."""
        counts = {name: getattr(self, name) for name in ("total", "moved", "parts_moved", "earlier", "later")}
        return counts | {"due_at_once": self.due_at_once, "by_class": self.by_class, "examples": self.examples}


def impact_of(database: Database, policy: Policy, today: date) -> Impact:
    """What this policy would make of the records that there are. Days are in the policy's time zone.

    Reads a chunk at a time, so that memory does not depend on their number. Raises LedgerUnavailableError.
    """
    found, last = Impact(), 0
    while True:
        with database.read() as connection:
            rows = tagged.kept(connection, after=last, limit=CHUNK)
            _Comparison.of(connection, policy, today, rows).count(found, rows)
        if len(rows) < CHUNK:
            return found
        last = rows[-1][0]


@dataclass(slots=True)
class _Outcome:
    """What would become of records of which the same is true, and how many these are. `counted` are the counts that
    each has a part in."""

    wanted: Values
    counted: tuple[str, ...]
    of_class: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Compares records with what the policy would make of them, once all that are alike."""

    connection: Connection
    policy: Policy
    today: date
    source: Reading
    _alike: dict[object, _Outcome] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection, policy: Policy, today: date, rows: Iterable[Raw]) -> _Comparison:
        """For these records."""
        return cls(connection, policy, today, Reading(connection, persons_of(connection, rows)))

    def count(self, found: Impact, rows: Iterable[Raw]) -> None:
        """Count what would become of each."""
        for row in rows:
            outcome = self._outcome(row)
            outcome.number += 1
            if outcome.counted and found.takes(due="due_at_once" in outcome.counted):
                _show(
                    found, tagged.read_kept(self.connection, row), outcome.wanted, due="due_at_once" in outcome.counted
                )
        for outcome in self._alike.values():
            found.add(outcome.of_class, outcome.counted, outcome.number)

    def _outcome(self, row: Raw) -> _Outcome:
        known = Known.of(row)
        told = alone(self.source.persons, known, self.policy.time_zone)
        key = (known.kind, told.text, *row[tagged.SHARED]) if told else known.id
        outcome = self._alike.get(key)
        if outcome is None:
            outcome = self._alike[key] = self._made(tagged.read_kept(self.connection, row), told is not None)
        return outcome

    def _made(self, known: Values, alone: bool) -> _Outcome:
        facts = read_facts(known["kind"], known["facts"], known["email_hash"])
        if alone:
            (_, wanted), _ = tags_alone(facts, self.policy)
        else:
            _, wanted = tags(facts, self.policy, bearing(self.source, known, facts))
        return _Outcome(wanted, _counted(known, wanted, self.today), known["retention_class"] or "none")


def _counted(known: Values, wanted: Values, today: date) -> tuple[str, ...]:
    """In which counts a record has a part; none, where nothing of it moves."""
    moved = any(known[name] != wanted[name] for name in ("delete_after", "retention_class", "legal_basis"))
    if not moved and known["part_delete_after"] == wanted["part_delete_after"]:
        return ()
    before, after = _end(known), _end(wanted)
    counts = {
        "moved": moved,
        "parts_moved": not moved,
        "due_at_once": _due(wanted, today) and not _due(known, today),
        "earlier": moved and after < before,
        "later": moved and after > before,
    }
    return tuple(name for name, counts_in in counts.items() if counts_in)


def _show(found: Impact, known: Values, wanted: Values, *, due: bool) -> None:
    """Keep an example; those that would be due at once take the place of others."""
    example = {
        "store": known["store"],
        "kind": known["kind"],
        "id": known["external_id"],
        "from": [known["retention_class"], _text(known["delete_after"]), _text(known["part_delete_after"])],
        "to": [wanted["retention_class"], _text(wanted["delete_after"]), _text(wanted["part_delete_after"])],
        "due_at_once": due,
    }
    kept = [one for one in found.examples if one["due_at_once"]]
    rest = [one for one in found.examples if not one["due_at_once"]]
    found.examples = (([*kept, example, *rest]) if due else [*kept, *rest, example])[:EXAMPLES]


def _end(row: Values) -> date:
    """The last day on which it is kept; where only an event ends it, none is later."""
    return row["delete_after"] or date.max


def _due(row: Values, today: date) -> bool:
    whole = row["delete_after"] if row["state"] != "erased" else None  # what was erased is gone, but for parts
    days = (whole, row["part_delete_after"])
    return any(day is not None and day < today for day in days)


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
