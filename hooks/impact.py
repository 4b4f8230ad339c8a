"""What another policy would change, over the real ledger: nothing is written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from hooks.ledger import records
from hooks.ledger.codec import read_facts
from hooks.ledger.database import Database
from hooks.ledger.records import Values
from hooks.retention.policy import Policy
from hooks.surroundings import Reading, bearing
from hooks.tagging import tags

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
            rows = records.kept(connection, after=last, limit=CHUNK)
            source = Reading.about(connection, rows)
            for known in rows:
                facts = read_facts(known["kind"], known["facts"])
                _, wanted = tags(facts, policy, bearing(source, known, facts))
                _compare(found, known, wanted, today)
        if len(rows) < CHUNK:
            return found
        last = rows[-1]["id"]


def _compare(found: Impact, known: Values, wanted: Values, today: date) -> None:
    found.total += 1
    due = _due(wanted, today) and not _due(known, today)
    moved = [name for name in ("delete_after", "retention_class", "legal_basis") if known[name] != wanted[name]]
    parts = known["part_delete_after"] != wanted["part_delete_after"]
    if not moved and not parts:
        return
    before, after = _end(known), _end(wanted)
    counted = Counter({"moved": bool(moved), "parts_moved": not moved, "due_at_once": due})
    counted |= {"earlier": bool(moved) and after < before, "later": bool(moved) and after > before}
    of_class = found.by_class.setdefault(known["retention_class"] or "none", {})
    for name, number in counted.items():
        setattr(found, name, getattr(found, name) + number)
        of_class[name] = of_class.get(name, 0) + number
    if len(found.examples) < EXAMPLES or (due and not all(one["due_at_once"] for one in found.examples)):
        _show(found, known, wanted, due=due)


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
