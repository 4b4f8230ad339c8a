"""Preview: what another policy would change, counted over the real ledger. Nothing is written.

Both directions matter. A date that moves earlier makes data due that nobody wanted to lose. A date that moves later
keeps data for longer than their person was told. Either may be meant, and neither may happen to many records unseen.
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
from hooks.ledger.rows import RecordChange, RecordRow
from hooks.policies.equivalent import Grouping
from hooks.retention.iso import iso_or_none
from hooks.retention.policy import Policy
from hooks.tagging.context import LedgerContext, context_of
from hooks.tagging.tagger import tag, tag_without_context

CHUNK = 1000
MAX_EXAMPLES = 10

ALARM_SHARE = 0.01
"""A policy that makes a larger share of all records due at once, or keeps it longer, is activated only if an operator
confirms it."""

DUE_AT_ONCE, KEPT_LONGER = "due-at-once", "kept-longer"

SUSPENDING_EVENTS = frozenset({"hold-lifted", "restriction-lifted"})
"""Entries that are kept until one of these events have no day, whatever the policy."""

PROOF_EVENT = "consent-ended"
"""The event from which the period of a proof runs: a consent to marketing was given and ended."""


class Part(NamedTuple):
    """A data category, and the name of a part of it; empty where the category is not split.

    The proof of a consent is separate from the data that were kept by it.
    """

    data: str
    part: str
    is_proof: bool


@dataclass
class Impact:
    """Counts of records that another policy would change.

    `moved`: the governing date, class or basis would differ. `parts_moved`: only that of a part.
    `earlier`, `later`: the record, or a part of it, would go earlier or later. A record may count in both.
    `due_at_once`: the record, or a part of it, would be due today and is not.
    `told`: the people who were told an earlier date than they would get, by the id of the policy that told them. Each
    order of a guest of whom nothing else is known counts as one.
    """

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
        """Codes of the reasons why an operator must confirm the policy; empty where there is none."""
        counts = {DUE_AT_ONCE: self.due_at_once, KEPT_LONGER: self.later}
        return tuple(code for code, count in counts.items() if count > self.total * ALARM_SHARE)

    def add(self, retention_class: str, counters: Iterable[str], count: int) -> None:
        """Count records of a class that belong in these counters."""
        self.total += count
        for name in counters:
            setattr(self, name, getattr(self, name) + count)
            by_name = self.by_class.setdefault(retention_class, {})
            by_name[name] = by_name.get(name, 0) + count

    def has_room(self, *, due: bool) -> bool:
        """Tell whether one more example is needed; `due`: it would be due at once."""
        if len(self.examples) < MAX_EXAMPLES:
            return True
        return due and not all(example["due_at_once"] for example in self.examples)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as the ledger keeps them and commands print them."""
        return {
            "total": self.total,
            "moved": self.moved,
            "parts_moved": self.parts_moved,
            "earlier": self.earlier,
            "later": self.later,
            "due_at_once": self.due_at_once,
            "told": self.told,
            "by_class": self.by_class,
            "examples": self.examples,
        }


def preview(database: Database, policy: Policy, today: date) -> Impact:
    """Count what this policy would change. Days are in the policy's time zone.

    Reads a chunk at a time. Memory grows with the number of people who were told an earlier date, not with that of
    records. Raises LedgerUnavailableError.
    """
    impact, informed, last_id = Impact(), _InformedPeople(), 0
    while True:
        with database.read() as connection:
            rows = tagged_rows.kept(connection, after=last_id, limit=CHUNK)
            _Comparison.of_rows(connection, policy, today, rows).count(impact, informed, rows)
        if len(rows) < CHUNK:
            impact.told = informed.counts()
            return impact
        last_id = rows[-1][0]


@dataclass(slots=True)
class _InformedPeople:
    """The people who were told an earlier date, by the id of the policy that told them."""

    people: dict[str, set[tuple[str, int | str]]] = field(default_factory=lambda: defaultdict(set))
    guests: Counter[str] = field(default_factory=Counter)

    def add(self, row: Raw, policy_id: str) -> None:
        """Add the person of a row."""
        person = tagged_rows.person_of(row)
        if person is None:
            self.guests[policy_id] += 1
        else:
            self.people[policy_id].add(person)

    def counts(self) -> dict[str, int]:
        """Count them by policy."""
        counts = {}
        for policy_id in sorted(self.people.keys() | self.guests.keys()):
            known_people = self.people.get(policy_id, set())
            counts[policy_id] = len(known_people) + self.guests[policy_id]
        return counts


@dataclass(slots=True)
class _Outcome:
    """The outcome for a group of equivalent records, and their number.

    `counters`: the counts in which each belongs. `told_by`: the policy of the tags that they have.
    """

    columns: RecordChange
    counters: tuple[str, ...]
    retention_class: str
    told_by: str
    count: int = 0

    @property
    def is_due(self) -> bool:
        """True if these records would be due at once."""
        return "due_at_once" in self.counters


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Compares records with the tags that the policy would give them, once for each group of equivalent records."""

    connection: Connection
    policy: Policy
    today: date
    grouping: Grouping
    _outcomes: dict[object, _Outcome] = field(default_factory=dict)

    @classmethod
    def of_rows(
        cls, connection: Connection, policy: Policy, today: date, rows: Iterable[Raw]
    ) -> _Comparison:
        """Prepare for these rows."""
        shared = tagged_rows.KEPT_SHARED
        grouping = Grouping.of_rows(connection, rows, policy.time_zone, shared)
        return cls(connection, policy, today, grouping)

    def count(self, impact: Impact, informed: _InformedPeople, rows: Iterable[Raw]) -> None:
        """Count the outcome of each row, and the people who were told otherwise."""
        for row in rows:
            outcome = self._outcome(row)
            outcome.count += 1
            if "later" in outcome.counters:
                informed.add(row, outcome.told_by)
            if outcome.counters and impact.has_room(due=outcome.is_due):
                before = tagged_rows.read_kept(self.connection, row)
                _add_example(impact, before, outcome)
        for outcome in self._outcomes.values():
            impact.add(outcome.retention_class, outcome.counters, outcome.count)

    def _outcome(self, row: Raw) -> _Outcome:
        key, outline = self.grouping.group_of(row)
        outcome = self._outcomes.get(key)
        if outcome is None:
            before = tagged_rows.read_kept(self.connection, row)
            outcome = self._new_outcome(before, has_context=outline is None)
            self._outcomes[key] = outcome
        return outcome

    def _new_outcome(self, row: RecordRow, *, has_context: bool) -> _Outcome:
        facts = read_facts(row["kind"], row["facts"] or "", row["email_hash"])
        if has_context:
            source = LedgerContext(self.connection, self.grouping.persons)
            columns = tag(facts, self.policy, context_of(source, row, facts)).columns
        else:
            columns = tag_without_context(facts, self.policy)[0].columns
        counters = _counters(row, columns, self.today)
        return _Outcome(
            columns, counters, row["retention_class"] or "none", row["policy_id"] or "none"
        )


def _counters(row: RecordRow, change: RecordChange, today: date) -> tuple[str, ...]:
    """Return the counters in which a record belongs; none where nothing of it moves."""
    has_moved = (
        row["delete_after"] != change["delete_after"]
        or row["retention_class"] != change["retention_class"]
        or row["legal_basis"] != change["legal_basis"]
    )
    earlier, later = directions(row, change)
    has_part_moved = earlier or later or row["part_delete_after"] != change["part_delete_after"]
    counters = {
        "moved": has_moved,
        "parts_moved": not has_moved and has_part_moved,
        "due_at_once": due_at_once(row, change, today),
        "earlier": earlier,
        "later": later,
    }
    return tuple(name for name, applies in counters.items() if applies)


def directions(row: RecordRow, change: RecordChange) -> tuple[bool, bool]:
    """Tell whether the record or a part of it would go earlier, and whether it or a part would go later.

    A part without an entry was told no date. A part that a hold or a restriction suspends has no date, and gets none
    from the policy. A part that loses its entry while it is still there stays as long as the record as a whole.
    """
    before, after = _Ends.of_columns(row), _Ends.of_columns(change)
    pairs = [(old, new) for name, new in after.parts.items() for old in before.like(name)]
    dropped = []
    for name, old in before.without(after):
        successors = after.like(name)
        pairs += [(old, new) for new in successors]
        if not successors:
            dropped.append(old)
    is_earlier = any(new < old for old, new in pairs)
    is_later = any(new > old for old, new in pairs)
    stays_longer = not after.is_suspended and any(old < after.whole for old in dropped)
    return is_earlier, is_later or stays_longer


def due_at_once(row: RecordRow, change: RecordChange, today: date) -> bool:
    """Tell whether the record as a whole, or a part of it, would be due today and is not.

    A part is due with the whole record at the latest.
    """
    before, after = _Ends.of_columns(row), _Ends.of_columns(change)
    if after.whole < today <= before.whole:
        return True
    for name, new in after.parts.items():
        old = min(before.whole, max(before.like(name), default=date.max))
        if new < today <= old:
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Ends:
    """The last day of each part of a record, and of the record as a `whole`. `date.max`: only an event ends it.

    Parts that a hold or a restriction suspends are left out. An erased record has no whole any more, only parts.
    """

    parts: Mapping[Part, date]
    whole: date
    is_suspended: bool

    @classmethod
    def of_columns(cls, columns: RecordRow | RecordChange) -> _Ends:
        """Read the ends from the columns of a record."""
        parts: dict[Part, date] = {}
        is_suspended = False
        for entry in read_entries(columns["entries"]):
            if entry["until"] in SUSPENDING_EVENTS:
                is_suspended = True
                continue
            part = Part(entry["data"], entry.get("part", ""), entry["event"] == PROOF_EVENT)
            day = entry["delete_after"]
            last = date.fromisoformat(day) if day else date.max
            parts[part] = max(last, parts.get(part, last))
        whole = columns["delete_after"] if columns["state"] != "erased" else None
        return cls(parts, whole or date.max, is_suspended)

    def like(self, part: Part) -> list[date]:
        """Return the ends of the same data. The category may be split in one policy and whole in the other.

        A proof is compared with a proof, or with the data themselves where there is none.
        """
        if part in self.parts:
            return [self.parts[part]]
        ends, ends_of_kind = [], []
        for candidate, last in self.parts.items():
            if candidate.data != part.data or (part.part and candidate.part):
                continue
            ends.append(last)
            if candidate.is_proof == part.is_proof:
                ends_of_kind.append(last)
        return ends_of_kind or ends

    def without(self, ends: _Ends) -> list[tuple[Part, date]]:
        """Return the parts, with their ends, that `ends` does not have under the same name."""
        return [(part, last) for part, last in self.parts.items() if part not in ends.parts]


def _add_example(impact: Impact, row: RecordRow, outcome: _Outcome) -> None:
    """Keep an example. Examples that would be due at once come first, and displace the rest."""
    example = {
        "store": row["store"],
        "kind": row["kind"],
        "id": row["external_id"],
        "from": _class_and_days(row),
        "to": _class_and_days(outcome.columns),
        "due_at_once": outcome.is_due,
    }
    examples = [*impact.examples, example]
    examples.sort(key=lambda example: not example["due_at_once"])  # a stable sort
    impact.examples = examples[:MAX_EXAMPLES]


def _class_and_days(columns: RecordRow | RecordChange) -> list[str | None]:
    return [
        columns["retention_class"],
        iso_or_none(columns["delete_after"]),
        iso_or_none(columns["part_delete_after"]),
    ]
