"""Re-tagging: records are tagged again by a policy that was put in force, or after a decision about their person.

The danger: a ledger has a million records, and deliveries go on meanwhile. A transaction over all of them would lock
the ledger for minutes; a list of work could be lost in a crash.

The principle: each row says in `tagged_by` which policy and which version of the service made its tags. A record that
says otherwise than it should is due. So a crash costs nothing, and a record that another process has tagged by the old
policy meanwhile is due again.

The rules that keep it quick and safe:

- Plan first, then write. The new tags are worked out before the write transaction, from rows that nobody locks.
- Work a change out once for each group of equivalent records, and write them with the same statement.
- In the transaction, lock the planned rows and compare them with what was read. A row that has changed since is left
  to the slow way: it is read and tagged by itself.
- A record with a context always takes the slow way.
- A transaction locks the ledger for about `LOCKED_SECONDS`; the chunk grows and shrinks with the time that it takes.
- A process that finds another policy in force re-tags nothing. It follows that policy first.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Connection

from hooks.ledger import policies, tagged_rows
from hooks.ledger.codec import read_facts
from hooks.ledger.facts_outline import Outline, read_methods
from hooks.ledger.moment import Moment
from hooks.ledger.persons import Persons
from hooks.ledger.prepared import Bind, Prepared, Raw
from hooks.ledger.records import RecordKey
from hooks.ledger.rows import RETAG_PREFIX, RecordChange, RecordRow
from hooks.ledger.statements import ADD_HISTORY, record_update
from hooks.ledger.tagged_rows import RowHead
from hooks.ledger.unit import Unit
from hooks.policies.equivalent import Grouping
from hooks.retention.facts import STORED_KINDS
from hooks.retention.policy import Policy
from hooks.retention.recipients import RecipientCriteria, matching_recipients
from hooks.retention.tags import tagged_by
from hooks.runtime import Runtime
from hooks.tagging.context import owner_of_row
from hooks.tagging.recorder import Recorder
from hooks.tagging.tagger import tag_without_context

MIN_CHUNK, MAX_CHUNK = 50, 2000
AHEAD = 2000
"""The number of records that are planned together. The more there are, the more are equivalent. A record that changes
before its chunk is written takes the slow way."""

LOCKED_SECONDS = 0.03
"""The time for which a chunk should lock the ledger, so that other writers wait for moments only."""


@dataclass(frozen=True, slots=True)
class PlannedUpdate:
    """The update that equivalent records share: a statement, its parameters, and lines of the history.

    `parameters` and `lines` are completed with the id of each record.
    """

    statement: Prepared
    parameters: Bind
    lines: tuple[Bind, ...]


class PlannedRow(NamedTuple):
    """A record that is due, and its update; None where it takes the slow way."""

    row: Raw
    update: PlannedUpdate | None


@dataclass
class Retagger:
    """Re-tags the records that are due, a chunk at a time. Any number of processes may do so at once."""

    runtime: Runtime
    chunk_size: int = MIN_CHUNK
    _ahead: list[PlannedRow] = field(default_factory=list)
    _was_marked: bool = False
    """True if a record of the last chunk was marked by a delivery or a decision about its person."""

    def turn(self) -> int:
        """Re-tag a chunk; and more, up to `AHEAD` records, while records wait for a decision about a person.

        Returns the number of records. Raises LedgerUnavailableError.
        """
        total = count = self.step()
        while count and total < AHEAD and self._was_marked:
            count = self.step()
            total += count
        return total

    def step(self, limit: int | None = None) -> int:
        """Re-tag one chunk of up to `limit` records, or of the size that takes `LOCKED_SECONDS`.

        Returns the number of records; 0 also where other processes were faster. Raises LedgerUnavailableError.
        """
        current, size = tagged_by(self.runtime.policy), limit or self.chunk_size
        ahead = self._ahead or self._plan(current, limit or AHEAD)
        chunk, self._ahead = ahead[:size], []
        if not chunk:
            return 0
        marks = [str(planned.row[tagged_rows.TAGGED_BY]) for planned in chunk]
        self._was_marked = any(mark.startswith(RETAG_PREFIX) for mark in marks)
        started_at = 0.0

        def work(unit: Unit) -> int:
            nonlocal started_at
            started_at = time.monotonic()
            return self._write(unit, current, chunk)

        count = self.runtime.transaction(work)
        self.chunk_size = next_chunk_size(len(chunk), time.monotonic() - started_at)
        if count:
            self._ahead = ahead[size:]
        return count

    def _plan(self, mark: str, limit: int) -> list[PlannedRow]:
        with self.runtime.database.read() as connection:  # locks nothing
            rows = tagged_rows.tagged_otherwise(connection, mark, limit=limit)
            planner = Planner.of_rows(connection, self.runtime, rows)
            return [PlannedRow(row, planner.plan(row)) for row in rows]

    def _write(self, unit: Unit, mark: str, chunk: Sequence[PlannedRow]) -> int:
        if policies.digest_in_force(unit.connection) not in (None, self.runtime.policy.digest):
            return 0  # this process follows the other policy in a moment
        rows = (planned.row for planned in chunk if planned.update)
        unchanged = tagged_rows.unchanged(unit.connection, rows)
        updates = []
        slow_ids = []
        for row, update in chunk:
            if update and row[0] in unchanged:
                updates.append((row[0], update))
            else:
                slow_ids.append(row[0])
        _write_updates(unit.connection, updates)
        count = len(unchanged)
        if slow_ids:
            count += self._retag_slowly(unit, mark, slow_ids)
        return count

    def _retag_slowly(self, unit: Unit, mark: str, ids: Iterable[int]) -> int:
        """Re-tag each record by itself, with its context."""
        rows = tagged_rows.full_rows(unit.connection, mark, ids)
        unit.persons = Persons(unit.connection, map(owner_of_row, rows))
        moment = self.runtime.moment()
        recorder = Recorder(self.runtime.policy)
        ranked = [(_rank(row), unit.hold(row)) for row in rows]
        for rank, key in sorted(ranked, key=itemgetter(0)):
            if rank == 0 or not _has_mark(unit, key, mark):
                recorder.retag(unit, key, moment)
        return len(rows)


@dataclass(frozen=True, slots=True)
class SharedOutcome:
    """The update that equivalent records share, apart from their recipients: columns and lines of the history.

    `updates`: the same for each list of recipients; None stands for a list that stays.
    """

    columns: RecordChange
    lines: tuple[Bind, ...]
    reach: RecipientCriteria
    updates: dict[str | None, PlannedUpdate] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans the updates of records, once for each group of equivalent records."""

    connection: Connection
    policy: Policy
    moment: Moment
    grouping: Grouping
    _outcomes: dict[object, SharedOutcome] = field(default_factory=dict)

    @classmethod
    def of_rows(cls, connection: Connection, runtime: Runtime, rows: Iterable[Raw]) -> Planner:
        """Prepare for these rows."""
        zone = runtime.policy.time_zone
        grouping = Grouping.of_rows(connection, rows, zone, tagged_rows.SHARED)
        return cls(connection, runtime.policy, runtime.moment(), grouping)

    def plan(self, row: Raw) -> PlannedUpdate | None:
        """Plan the update of a record; None where it has a context, or was marked for re-tagging.

        Nobody could tell whether more has come about a marked record since it was read: the mark is there already.
        """
        if row[tagged_rows.STATE] == "gone" or _is_marked(row):
            return None
        key, outline = self.grouping.group_of(row)
        if outline is None:
            return None
        outcome = self._outcomes.get(key)
        if outcome is None:
            outcome = self._outcomes[key] = self._outcome(row)
        return self._update(outcome, self._new_recipients(RowHead.of(row), outline, outcome))

    def _new_recipients(
        self, head: RowHead, outline: Outline, outcome: SharedOutcome
    ) -> str | None:
        """Return the recipients of a record, where they are other than before."""
        methods = read_methods(outline.methods) if head.kind == "order" else None
        names = ",".join(matching_recipients(outcome.reach, methods, self.policy))
        return names if names != head.recipients else None

    def _outcome(self, row: Raw) -> SharedOutcome:
        """Tag one record, and keep what all equivalent records share."""
        columns = tagged_rows.read(self.connection, row)
        columns["updated_at"] = self.moment.now
        facts = read_facts(columns["kind"], columns["facts"] or "", columns["email_hash"])
        tagged, reach = tag_without_context(facts, self.policy)
        unit = Unit(self.connection, self.grouping.persons)
        key = unit.hold(columns)
        Recorder(self.policy).retag_without_context(unit, columns, facts, tagged, self.moment)
        change, lines = unit.difference(key)
        change["updated_at"] = self.moment.now
        bound = tuple(ADD_HISTORY.bind_except(self.connection, line, "record_id") for line in lines)
        return SharedOutcome(change, bound, reach)

    def _update(self, outcome: SharedOutcome, new_recipients: str | None) -> PlannedUpdate:
        update = outcome.updates.get(new_recipients)
        if update is None:
            columns = outcome.columns
            if new_recipients is not None:
                columns = {**columns, "recipients": new_recipients}
            statement = record_update(tuple(sorted(columns)))
            parameters = statement.bind_except(self.connection, columns, "row_id")
            update = PlannedUpdate(statement, parameters, outcome.lines)
            outcome.updates[new_recipients] = update
        return update


def _is_marked(row: Raw) -> bool:
    """Tell whether a record waits to be re-tagged, or was never tagged."""
    mark: str = row[tagged_rows.TAGGED_BY]
    return mark == "" or mark.startswith(RETAG_PREFIX)


def _has_mark(unit: Unit, key: RecordKey, mark: str) -> bool:
    """Tell whether a record was re-tagged along with a request that is linked to it."""
    row = unit.find(key)
    return row is not None and row["tagged_by"] == mark


def next_chunk_size(size: int, seconds: float) -> int:
    """Return the size of the next chunk, where one of `size` records has locked the ledger for `seconds`."""
    desired = size * LOCKED_SECONDS / max(seconds, 0.001)
    return int(max(MIN_CHUNK, size / 2, min(desired, size * 2, MAX_CHUNK)))


def _write_updates(connection: Connection, updates: Iterable[tuple[int, PlannedUpdate]]) -> None:
    """Write the updates; those with the same statement together."""
    rows: dict[int, list[object]] = defaultdict(list)
    statements: dict[int, Prepared] = {}
    lines = []
    for row_id, update in updates:
        statements[id(update.statement)] = update.statement
        rows[id(update.statement)].append(update.parameters(row_id))
        lines += [line(row_id) for line in update.lines]
    for name, statement in statements.items():
        statement.run_bound(connection, rows[name])
    ADD_HISTORY.run_bound(connection, lines)


def _rank(row: RecordRow) -> int:
    """Rank a record for the order of re-tagging: last the accounts that show entries of requests and consents.

    Re-tagging a request re-tags its customer too.
    """
    if row["kind"] not in STORED_KINDS:
        return 1
    return 2 if row["kind"] == "customer" and row["linked"] else 0
