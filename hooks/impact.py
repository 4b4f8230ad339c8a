"""What another policy would change, over the real ledger: nothing is written.

Both directions matter. A date that falls makes data due that nobody wanted to lose; a date that rises keeps data for
longer than their person was told. Either may be meant, and neither is to happen to many records without a word.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection

from hooks.ledger import tagged
from hooks.ledger.codec import read_entries, read_facts
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
"""A policy that makes a larger part than this of all records due at once, or keeps it longer, is not put in force
without a word."""

DUE_AT_ONCE, KEPT_LONGER = "due-at-once", "kept-longer"

SUSPENDED = frozenset({"hold-lifted", "restriction-lifted"})
"""What is kept until one of these is kept by no policy."""


Part = tuple[str, str]
"""A data category, and the name of a part of it; empty where the category is not split."""


@dataclass
class Impact:
    """Counts of records. `moved`: their governing date, class or basis would be another one, `parts_moved`: only that
    of a part. `earlier`, `later`: they, or a part of them, would go earlier or later than by the tags that they have; a
    record may count in both. `due_at_once`: they, or a part of them, would be due today and are not.

    `told`: of those that would go later, how many people were told an earlier date, by the id of the policy that told
    them; each order of a guest of whom nothing else is known counts as one."""

    total: int = 0
    moved: int = 0
    parts_moved: int = 0
    earlier: int = 0
    later: int = 0
    due_at_once: int = 0
    told: dict[str, int] = field(default_factory=dict)
    by_class: dict[str, dict[str, int]] = field(default_factory=dict)
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def alarms(self) -> tuple[str, ...]:
        """Why it must not come into force without a word of the operator: codes, none where nothing is the matter."""
        counts = {DUE_AT_ONCE: self.due_at_once, KEPT_LONGER: self.later}
        return tuple(code for code, number in counts.items() if number > self.total * ALARMING)

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
        counts |= {"due_at_once": self.due_at_once}
        return counts | {"told": self.told, "by_class": self.by_class, "examples": self.examples}


def impact_of(database: Database, policy: Policy, today: date) -> Impact:
    """What this policy would make of the records that there are. Days are in the policy's time zone.

    Reads a chunk at a time, so that memory does not depend on their number, but on that of the people who were told an
    earlier date. Raises LedgerUnavailableError.
    """
    found, told, last = Impact(), _Told(), 0
    while True:
        with database.read() as connection:
            rows = tagged.kept(connection, after=last, limit=CHUNK)
            _Comparison.of(connection, policy, today, rows).count(found, told, rows)
        if len(rows) < CHUNK:
            found.told = told.counts()
            return found
        last = rows[-1][0]


@dataclass(slots=True)
class _Told:
    """The people who were told an earlier date, by the id of the policy that told them."""

    people: dict[str, set[tuple[str, int | str]]] = field(default_factory=lambda: defaultdict(set))
    guests: Counter[str] = field(default_factory=Counter)

    def add(self, row: Raw, policy_id: str) -> None:
        """Add the person whose record this is."""
        person = tagged.person_of(row)
        if person is None:
            self.guests[policy_id] += 1
        else:
            self.people[policy_id].add(person)

    def counts(self) -> dict[str, int]:
        """How many these are."""
        ids = sorted(self.people.keys() | self.guests.keys())
        return {policy_id: len(self.people.get(policy_id, ())) + self.guests[policy_id] for policy_id in ids}


@dataclass(slots=True)
class _Outcome:
    """What would become of records of which the same is true, and how many these are. `counted` are the counts that
    each has a part in, `told_by` the policy that made the tags that they have."""

    wanted: Values
    counted: tuple[str, ...]
    of_class: str
    told_by: str
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

    def count(self, found: Impact, told: _Told, rows: Iterable[Raw]) -> None:
        """Count what would become of each, and who was told otherwise."""
        for row in rows:
            outcome = self._outcome(row)
            outcome.number += 1
            if "later" in outcome.counted:
                told.add(row, outcome.told_by)
            if outcome.counted and found.takes(due="due_at_once" in outcome.counted):
                _show(
                    found, tagged.read_kept(self.connection, row), outcome.wanted, due="due_at_once" in outcome.counted
                )
        for outcome in self._alike.values():
            found.add(outcome.of_class, outcome.counted, outcome.number)

    def _outcome(self, row: Raw) -> _Outcome:
        known = Known.of(row)
        told = alone(self.source.persons, known, self.policy.time_zone)
        key = (known.kind, told.text, *row[tagged.KEPT_SHARED]) if told else known.id
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
        counted = _counted(known, wanted, self.today)
        return _Outcome(wanted, counted, known["retention_class"] or "none", known["policy_id"] or "none")


def _counted(known: Values, wanted: Values, today: date) -> tuple[str, ...]:
    """In which counts a record has a part; none, where nothing of it moves."""
    moved = any(known[name] != wanted[name] for name in ("delete_after", "retention_class", "legal_basis"))
    earlier, later = directions(known, wanted)
    parts_moved = earlier or later or known["part_delete_after"] != wanted["part_delete_after"]
    counts = {
        "moved": moved,
        "parts_moved": not moved and parts_moved,
        "due_at_once": _due(wanted, today) and not _due(known, today),
        "earlier": earlier,
        "later": later,
    }
    return tuple(name for name, counts_in in counts.items() if counts_in)


def directions(known: Values, wanted: Values) -> tuple[bool, bool]:
    """Whether the record or a part of it would go earlier, and whether it or a part would go later.

    What had no entry was told no date; what a hold or a restriction suspends has none, and gets none from the policy.
    """
    before, after = _ends(known), _ends(wanted)
    pairs = [(old, new) for name, new in after.items() for old in _ends_before(before, name)]
    return any(new < old for old, new in pairs), any(new > old for old, new in pairs)


def _ends_before(before: Mapping[Part, date], name: Part) -> Iterable[date]:
    """When the data of a part were to go; the category may not have been split, or may be so no more."""
    if name in before:
        return (before[name],)
    data, part = name
    return [last for (of, its_part), last in before.items() if of == data and not (part and its_part)]


def _ends(row: Values) -> dict[Part, date]:
    """The last day on which each part of what a record holds is kept; `date.max` where only an event ends it. Nothing
    that is suspended."""
    ends: dict[Part, date] = {}
    for entry in read_entries(row["entries"]):
        if entry["until"] in SUSPENDED:
            continue
        name = entry["data"], entry.get("part", "")
        last = date.fromisoformat(entry["delete_after"]) if entry["delete_after"] else date.max
        ends[name] = max(last, ends.get(name, last))
    return ends


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


def _due(row: Values, today: date) -> bool:
    whole = row["delete_after"] if row["state"] != "erased" else None  # what was erased is gone, but for parts
    days = (whole, row["part_delete_after"])
    return any(day is not None and day < today for day in days)


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
