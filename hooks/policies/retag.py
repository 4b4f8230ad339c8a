"""Tagging records anew, under a policy that was put in force, or for what was asked for or decided about a person.

Level-triggered, as writing back is: each record says what made its tags, and those that something else made are due.
A crash costs nothing, and a record that a process still on the old policy tagged meanwhile is due again.

What is to become of records is worked out before the write transaction, from what can be read without waiting for
anybody, and once for all of which the same is true. In it, what has changed meanwhile is left out, and seen to alone.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from sqlalchemy import Connection

from hooks.ledger import policies, tagged_rows
from hooks.ledger.codec import read_facts
from hooks.ledger.facts_outline import read_ways
from hooks.ledger.moment import Moment
from hooks.ledger.persons import Persons
from hooks.ledger.prepared import Bind, Prepared, Raw
from hooks.ledger.records import AGAIN, RecordKey, Values
from hooks.ledger.statements import ADD_HISTORY, updating
from hooks.ledger.tagged_rows import Known
from hooks.ledger.unit import Unit
from hooks.retention.facts import STORED_KINDS
from hooks.retention.recipients import RecipientCriteria, matching_recipients
from hooks.runtime import Runtime
from hooks.tagging.context import alone, owner_of_row, persons_of
from hooks.tagging.recorder import Recorder
from hooks.tagging.tags import tagged_by, tags_alone

FEWEST, MOST = 50, 2000
AHEAD = 2000
"""So many records are looked at together: the more of them, the more are alike. Those that change before it is their
turn are looked at anew."""

HELD_SECONDS = 0.03
"""For about as long a chunk keeps the ledger locked, so that whoever else wants to write waits for moments only."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of a record, and of those that are like it: how it is written, and its lines of the history."""

    statement: Prepared
    row: Bind
    lines: tuple[Bind, ...]


Foreseen = tuple[Raw, Change | None]
"""A record that is due, and what is to become of it; None where more bears on it than its own facts."""


@dataclass
class Retagger:
    """Tags anew what is due, a chunk at a time; any number may be at it."""

    runtime: Runtime
    size: int = FEWEST
    _ahead: list[Foreseen] = field(default_factory=list)
    _was_marked: bool = False
    """True if something had come about a record of the last chunk, or about its person."""

    def turn(self) -> int:
        """Do a step; and more of them while records wait for what was decided about a person, up to AHEAD records.

        Returns how many records those were. Raises LedgerUnavailableError.
        """
        done = step = self.step()
        while step and done < AHEAD and self._was_marked:
            step = self.step()
            done += step
        return done

    def step(self, limit: int | None = None) -> int:
        """Tag up to `limit` records anew, or as many as take a moment. Returns how many those were; 0 also where
        others were faster.

        Raises LedgerUnavailableError.
        """
        wanted, size = tagged_by(self.runtime.policy), limit or self.size
        ahead = self._ahead or self._foreseen(wanted, limit or AHEAD)
        chunk, self._ahead = ahead[:size], []
        if not chunk:
            return 0
        self._was_marked = any(row[tagged_rows.TAGGED_BY].startswith(AGAIN) for row, _ in chunk)
        began = [0.0]

        def work(unit: Unit) -> int:
            began[0] = time.monotonic()
            return self._carried_out(unit, wanted, chunk)

        done = self.runtime.transaction(work)
        self.size = fitting(len(chunk), time.monotonic() - began[0])
        if done:
            self._ahead = ahead[size:]
        return done

    def _foreseen(self, wanted: str, limit: int) -> list[Foreseen]:
        with self.runtime.database.read() as connection:  # a look that waits for nobody
            rows = tagged_rows.otherwise(connection, wanted, limit=limit)
            outlook = Outlook.of(connection, self.runtime, rows)
            return [(row, outlook.change(row)) for row in rows]

    def _carried_out(self, unit: Unit, wanted: str, chunk: Sequence[Foreseen]) -> int:
        if policies.digest_in_force(unit.connection) not in (None, self.runtime.policy.digest):
            return 0  # another policy was put in force, which this process follows in a moment
        unchanged = tagged_rows.unchanged(unit.connection, (row for row, change in chunk if change))
        _write(
            unit.connection,
            ((row[0], change) for row, change in chunk if change and row[0] in unchanged),
        )
        others = [row[0] for row, _ in chunk if row[0] not in unchanged]
        return len(unchanged) + (self._one_by_one(unit, wanted, others) if others else 0)

    def _one_by_one(self, unit: Unit, wanted: str, ids: Iterable[int]) -> int:
        due = tagged_rows.whole(unit.connection, wanted, ids)
        unit.persons = Persons(unit.connection, map(owner_of_row, due))
        moment = self.runtime.moment()
        held = [(_turn(row), unit.hold(row)) for row in due]
        for turn, key in sorted(held, key=itemgetter(0)):
            if not turn or not _is_done(unit, key, wanted):
                Recorder(self.runtime.policy).tag_anew(unit, key, moment)
        return len(due)


@dataclass(frozen=True, slots=True)
class Alike:
    """What becomes of records that are like each other: the columns that are different, but for who has got data of
    them, and lines of the history."""

    columns: Values
    lines: tuple[Bind, ...]
    reach: RecipientCriteria
    changes: dict[str | None, Change] = field(default_factory=dict)
    """By recipients, where these are others than before."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Works out what is to become of records, once for all that are alike."""

    connection: Connection
    runtime: Runtime
    persons: Persons
    moment: Moment
    _alike: dict[object, Alike] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection, runtime: Runtime, rows: Iterable[Raw]) -> Outlook:
        """For these records."""
        return cls(connection, runtime, persons_of(connection, rows), runtime.moment())

    def change(self, row: Raw) -> Change | None:
        """What is to become of this record, unless more bears on it than its own facts."""
        known, policy = Known.of(row), self.runtime.policy
        told = alone(self.persons, known, policy.time_zone) if _fresh(row) else None
        if told is None:
            return None
        key = known.kind, told.text, *row[tagged_rows.SHARED]
        alike = self._alike.get(key)
        if alike is None:
            alike = self._alike[key] = self._first(row)
        ways = read_ways(told.ways) if known.kind == "order" else None
        found: str | None = ",".join(matching_recipients(alike.reach, ways, policy))
        if found == known.recipients:
            found = None
        return alike.changes.get(found) or self._made(alike, found)

    def _first(self, row: Raw) -> Alike:
        """What becomes of this record, as of any other, and of all like it."""
        known = tagged_rows.read(self.connection, row) | {"updated_at": None}
        facts = read_facts(known["kind"], known["facts"], known["email_hash"])
        made, reach = tags_alone(facts, self.runtime.policy)
        unit = Unit(self.connection, self.persons)
        key = unit.hold(known)
        Recorder(self.runtime.policy).tag_alone(unit, known, facts, made, self.moment)
        columns, lines = unit.difference(key)
        told = tuple(ADD_HISTORY.bind_except(self.connection, line, "record_id") for line in lines)
        return Alike(columns, told, reach)

    def _made(self, alike: Alike, recipients: str | None) -> Change:
        columns = (
            alike.columns if recipients is None else alike.columns | {"recipients": recipients}
        )
        statement = updating(tuple(sorted(columns)))
        made = Change(
            statement, statement.bind_except(self.connection, columns, "row_id"), alike.lines
        )
        alike.changes[recipients] = made
        return made


def _fresh(row: Raw) -> bool:
    """Whether something made its tags, and nothing has come since for which they are to be made anew. Of any other row
    nobody could tell whether more has come after it was read: it says so already."""
    made_by = row[tagged_rows.TAGGED_BY]
    return row[tagged_rows.STATE] != "gone" and made_by != "" and not made_by.startswith(AGAIN)


def _is_done(unit: Unit, key: RecordKey, wanted: str) -> bool:
    """Whether it was tagged along with a request that is linked to it."""
    known = unit.find(key)
    return known is not None and known["tagged_by"] == wanted


def fitting(size: int, held: float) -> int:
    """The size of the next chunk, where one of `size` kept the ledger locked for `held` seconds."""
    fits = size * HELD_SECONDS / max(held, 0.001)
    return int(max(FEWEST, size / 2, min(fits, size * 2, MOST)))


def _write(connection: Connection, changes: Iterable[tuple[int, Change]]) -> None:
    rows: dict[int, list[object]] = defaultdict(list)
    statements: dict[int, Prepared] = {}
    lines = []
    for number, change in changes:
        statements[id(change.statement)] = change.statement
        rows[id(change.statement)].append(change.row(number))
        lines += [line(number) for line in change.lines]
    for name, statement in statements.items():
        statement.run_bound(connection, rows[name])
    ADD_HISTORY.run_bound(connection, lines)


def _turn(known: Values) -> int:
    """When it is tagged: those last that see what became of others. A request has its customer tagged along with it."""
    if known["kind"] not in STORED_KINDS:
        return 1
    return 2 if known["kind"] == "customer" and known["linked"] else 0
