"""What another policy would change, over the real ledger: nothing is written.

Both directions matter. A date that falls makes data due that nobody wanted to lose; a date that rises keeps data for
longer than their person was told. Either may be meant, and neither is to happen to many records without a word.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection

from hooks.ledger import tagged_rows
from hooks.ledger.codec import read_entries, read_facts
from hooks.ledger.database import Database
from hooks.ledger.prepared import Raw
from hooks.ledger.records import Values
from hooks.ledger.tagged_rows import Known
from hooks.retention.iso import iso_or_none
from hooks.retention.policy import Policy
from hooks.tagging.context import Reading, alone, bearing, persons_of
from hooks.tagging.tags import tags, tags_alone

CHUNK = 1000
EXAMPLES = 10

ALARMING = 0.01
"""A policy that makes a larger part than this of all records due at once, or keeps it longer, is not put in force
without a word."""

DUE_AT_ONCE, KEPT_LONGER = "due-at-once", "kept-longer"

SUSPENDED = frozenset({"hold-lifted", "restriction-lifted"})
"""What is kept until one of these is kept by no policy."""


PROOF = "consent-ended"
"""The event from which the period of a proof runs: that of a consent to marketing that was given and ended."""


class Part(NamedTuple):
    """A data category, and the name of a part of it; empty where the category is not split. The proof of a consent is
    apart from the data that were kept by it."""

    data: str
    part: str
    is_proof: bool


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
        return len(self.examples) < EXAMPLES or (
            due and not all(one["due_at_once"] for one in self.examples)
        )

    def as_dict(self) -> dict[str, Any]:
        """As the ledger keeps it and commands print it."""
        counts = {
            name: getattr(self, name)
            for name in ("total", "moved", "parts_moved", "earlier", "later")
        }
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
            rows = tagged_rows.kept(connection, after=last, limit=CHUNK)
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
        person = tagged_rows.person_of(row)
        if person is None:
            self.guests[policy_id] += 1
        else:
            self.people[policy_id].add(person)

    def counts(self) -> dict[str, int]:
        """How many these are."""
        ids = sorted(self.people.keys() | self.guests.keys())
        return {
            policy_id: len(self.people.get(policy_id, ())) + self.guests[policy_id]
            for policy_id in ids
        }


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
    def of(
        cls, connection: Connection, policy: Policy, today: date, rows: Iterable[Raw]
    ) -> _Comparison:
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
                    found,
                    tagged_rows.read_kept(self.connection, row),
                    outcome.wanted,
                    due="due_at_once" in outcome.counted,
                )
        for outcome in self._alike.values():
            found.add(outcome.of_class, outcome.counted, outcome.number)

    def _outcome(self, row: Raw) -> _Outcome:
        known = Known.of(row)
        told = alone(self.source.persons, known, self.policy.time_zone)
        key = (known.kind, told.text, *row[tagged_rows.KEPT_SHARED]) if told else known.id
        outcome = self._alike.get(key)
        if outcome is None:
            outcome = self._alike[key] = self._made(
                tagged_rows.read_kept(self.connection, row), told is not None
            )
        return outcome

    def _made(self, known: Values, alone: bool) -> _Outcome:
        facts = read_facts(known["kind"], known["facts"], known["email_hash"])
        if alone:
            (_, wanted), _ = tags_alone(facts, self.policy)
        else:
            _, wanted = tags(facts, self.policy, bearing(self.source, known, facts))
        counted = _counted(known, wanted, self.today)
        return _Outcome(
            wanted, counted, known["retention_class"] or "none", known["policy_id"] or "none"
        )


def _counted(known: Values, wanted: Values, today: date) -> tuple[str, ...]:
    """In which counts a record has a part; none, where nothing of it moves."""
    moved = any(
        known[name] != wanted[name] for name in ("delete_after", "retention_class", "legal_basis")
    )
    earlier, later = directions(known, wanted)
    parts_moved = earlier or later or known["part_delete_after"] != wanted["part_delete_after"]
    counts = {
        "moved": moved,
        "parts_moved": not moved and parts_moved,
        "due_at_once": due_at_once(known, wanted, today),
        "earlier": earlier,
        "later": later,
    }
    return tuple(name for name, counts_in in counts.items() if counts_in)


def directions(known: Values, wanted: Values) -> tuple[bool, bool]:
    """Tell whether the record or a part of it would go earlier, and whether it or a part would go later.

    What had no entry was told no date; what a hold or a restriction suspends has none, and gets none from the policy.
    What loses its entry while it is still held stays as long as the record as a whole.
    """
    before, after = _Ends.of_row(known), _Ends.of_row(wanted)
    pairs = [(old, new) for name, new in after.parts.items() for old in before.like(name)]
    pairs += [(old, new) for name, old in before.without(after) for new in after.like(name)]
    dropped = [old for name, old in before.without(after) if not after.like(name)]
    stays = not after.is_suspended and any(old < after.whole for old in dropped)
    return any(new < old for old, new in pairs), stays or any(new > old for old, new in pairs)


def due_at_once(known: Values, wanted: Values, today: date) -> bool:
    """Tell whether the record as a whole, or a part of it, would be due today and is not.

    A part is due with the whole record at the latest.
    """
    before, after = _Ends.of_row(known), _Ends.of_row(wanted)
    if after.whole < today <= before.whole:
        return True
    return any(
        new < today <= min(before.whole, max(before.like(name), default=date.max))
        for name, new in after.parts.items()
    )


@dataclass(frozen=True, slots=True)
class _Ends:
    """The last day on which each part of what a record holds is kept, and of the record as a `whole`; `date.max` where
    only an event ends it. Nothing that a hold or a restriction suspends. Of a record that the store has erased, the
    whole is gone, and only parts are left."""

    parts: Mapping[Part, date]
    whole: date
    is_suspended: bool

    @classmethod
    def of_row(cls, row: Values) -> _Ends:
        """Those of a record, by its columns."""
        parts: dict[Part, date] = {}
        entries = read_entries(row["entries"])
        for entry in entries:
            if entry["until"] in SUSPENDED:
                continue
            name = Part(entry["data"], entry.get("part", ""), entry["event"] == PROOF)
            last = date.fromisoformat(entry["delete_after"]) if entry["delete_after"] else date.max
            parts[name] = max(last, parts.get(name, last))
        whole = row["delete_after"] if row["state"] != "erased" else None
        return cls(parts, whole or date.max, any(entry["until"] in SUSPENDED for entry in entries))

    def like(self, name: Part) -> list[date]:
        """The ends of the same data; the category may not have been split, or may be so no more. A proof is compared
        with a proof, and with the data themselves where there is none."""
        if name in self.parts:
            return [self.parts[name]]
        ends = {
            other: last
            for other, last in self.parts.items()
            if other.data == name.data and not (name.part and other.part)
        }
        alike = [last for other, last in ends.items() if other.is_proof == name.is_proof]
        return alike or list(ends.values())

    def without(self, others: _Ends) -> list[tuple[Part, date]]:
        """The parts, with their ends, that the others do not have by the same name."""
        return [(name, last) for name, last in self.parts.items() if name not in others.parts]


def _show(found: Impact, known: Values, wanted: Values, *, due: bool) -> None:
    """Keep an example; those that would be due at once take the place of others."""
    example = {
        "store": known["store"],
        "kind": known["kind"],
        "id": known["external_id"],
        "from": [
            known["retention_class"],
            iso_or_none(known["delete_after"]),
            iso_or_none(known["part_delete_after"]),
        ],
        "to": [
            wanted["retention_class"],
            iso_or_none(wanted["delete_after"]),
            iso_or_none(wanted["part_delete_after"]),
        ],
        "due_at_once": due,
    }
    kept = [one for one in found.examples if one["due_at_once"]]
    rest = [one for one in found.examples if not one["due_at_once"]]
    found.examples = (([*kept, example, *rest]) if due else [*kept, *rest, example])[:EXAMPLES]
