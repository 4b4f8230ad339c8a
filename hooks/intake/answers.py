"""Answers: what the store says when it is asked for records, and when it is written to.

The danger: an answer may be older than what came meanwhile, out of a cache, or from a store that was restored from a
backup. The rule: an answer counts for the claim under which it was asked for. A record that has a newer version by now
than it had when it was claimed takes an older answer as late; else the store's word is the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from hooks.intake.webhook import snapshot_of
from hooks.ledger import log, records, stores
from hooks.ledger.moment import Moment
from hooks.ledger.records import UNCLAIMED, Claim, RecordKey
from hooks.ledger.rows import RecordChange, RecordRow, changed_row
from hooks.ledger.unit import Unit
from hooks.retention.facts import RecordKind, Snapshot
from hooks.retention.store_meta import digest
from hooks.runtime import Runtime
from hooks.tagging import activity, address_links
from hooks.tagging.changes import close_missing, count_contest, is_confirmed
from hooks.tagging.recorder import Recorder
from hooks.tagging.snapshot_merge import ANSWER, Sighting, SnapshotMerger, believe, is_rewound

OWN_WRITE = "our own write"
"""Cause of a change, for the history."""


class Answer(NamedTuple):
    """The store's answer about a claimed record."""

    claim: Claim
    snapshot: Snapshot


class Write(NamedTuple):
    """A push that the store took: the digest of what was written, and the record as the store answered with it."""

    claim: Claim
    digest: str
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Answers:
    """Takes answers of the store into the ledger."""

    runtime: Runtime

    @property
    def _recorder(self) -> Recorder:
        return Recorder(self.runtime.policy)

    def snapshot_of(self, kind: RecordKind, raw: dict[str, Any]) -> Snapshot:
        """Parse a record as the store's REST API shows it. Raises QuarantinedError where it has another shape."""
        return snapshot_of(kind, raw, self.runtime.policy, self.runtime.subject_key)

    def apply(self, store: str, answers: Iterable[Answer], *, asked_at: datetime) -> None:
        """Take what the store said of claimed records when it was asked at `asked_at`.

        No answer may come out of a cache. Raises LedgerUnavailableError.
        """
        batch = tuple(answers)

        def work(unit: Unit) -> None:
            moment = self.runtime.moment(asked_at)
            merger = SnapshotMerger(self._recorder, unit, moment)
            keys = _lock_claimed(unit, store, batch)
            for claim, snapshot in batch:
                row = _current(unit, keys.get(claim.record_id))
                if row is None:
                    continue
                change: RecordChange = {**UNCLAIMED, "read_at": asked_at}
                merger.merge(
                    row, Sighting(snapshot, ANSWER, change, _rewinds(row, claim, snapshot))
                )
            log.resolve_quarantine(unit.connection, keys.values(), moment.now)

        self.runtime.transaction(work)

    def close_missing(self, claim: Claim, *, asked_at: datetime) -> None:
        """Close a claimed record: the store, asked at `asked_at`, said that there is no such record."""

        def work(unit: Unit) -> None:
            customer = records.find_claimed_customer(unit.connection, claim)
            if customer:
                unit.find(customer)  # accounts are locked before their orders
            key = unit.claimed([claim]).get(claim.record_id)
            row = _current(unit, key)
            if key is None or row is None:
                return
            if row["reread_since"] and row["reread_since"] > asked_at:
                unit.save(row, UNCLAIMED)  # something came since: the store is asked once more
                return
            moment = self.runtime.moment(asked_at)
            log.resolve_quarantine(unit.connection, [key], moment.now)
            self._close(unit, row, moment)

        self.runtime.transaction(work)

    def _close(self, unit: Unit, row: RecordRow, moment: Moment) -> None:
        """Close a record of which the store knows nothing; drop it, where the ledger knows nothing either."""
        if _is_blank(row) and unit.drop(row):
            return
        day = self.runtime.policy.day_of(row["reread_since"] or moment.now)
        change: RecordChange = {**close_missing(row, moment, day), **UNCLAIMED, "role": None}
        change |= self._recorder.drop_address(unit, row)
        change |= self._recorder.lift_restriction(unit, row)
        unit.save(row, change)
        if row["state"] not in ("unknown", "gone"):
            reason = f"Gone from the store, which said so when asked; first heard of on {day}"
            unit.remember(changed_row(row, change), moment.now, ANSWER, reason)
        if not is_confirmed(row):
            activity.fall_back(self._recorder, unit, row, moment, ANSWER)

    def settle_writes(self, store: str, writes: Iterable[Write], *, asked_at: datetime) -> None:
        """Settle pushes: the store took them at `asked_at` and answered with the records.

        An answer without `meta_data` (the key is a shop manager's) is taken to hold what was written. Where it shows
        other values, somebody else edits our keys. Raises LedgerUnavailableError.
        """
        batch = tuple(writes)

        def work(unit: Unit) -> None:
            moment = self.runtime.moment(asked_at)
            merger = SnapshotMerger(self._recorder, unit, moment)
            answers = [Answer(write.claim, write.snapshot) for write in batch]
            keys = _lock_claimed(unit, store, answers)
            for write in batch:
                row = _current(unit, keys.get(write.claim.record_id))
                if row is not None:
                    _settle_write(merger, row, write)
            stores.note_push(unit.connection, store, moment.now)

        self.runtime.transaction(work)


def _settle_write(merger: SnapshotMerger, row: RecordRow, write: Write) -> None:
    claim, moment = write.claim, merger.moment
    snapshot, _ = believe(merger.unit, row, write.snapshot, moment)
    stored = write.digest if snapshot.store_meta is None else digest(snapshot.store_meta)
    rewound = _rewinds(row, claim, snapshot)
    change: RecordChange = {**UNCLAIMED, "push_attempts": 0, "push_error": None}
    known_version = row["known_version"]
    if rewound or known_version is None or known_version <= snapshot.version:
        change |= {"known_digest": stored, "known_version": snapshot.version}
    if stored != write.digest:
        change |= count_contest(row, moment.now)
    merger.merge(row, Sighting(snapshot, OWN_WRITE, change, rewound))


def _rewinds(row: RecordRow, claim: Claim, snapshot: Snapshot) -> bool:
    """Tell whether an older answer is the store's last word: nothing newer came since the record was claimed."""
    return row["version"] == claim.version and is_rewound(claim, snapshot)


def _current(unit: Unit, key: RecordKey | None) -> RecordRow | None:
    """Return the record as it is by now: another answer of the same transaction may have changed it."""
    return unit.find(key) if key else None


def _lock_claimed(unit: Unit, store: str, answers: Sequence[Answer]) -> dict[int, RecordKey]:
    """Lock the claimed records, and return their keys by row id. The customers of orders are locked first."""
    snapshots = [answer.snapshot for answer in answers]
    address_links.lock_shown(unit.connection, [(store, snapshot) for snapshot in snapshots])
    keys = []
    for snapshot in snapshots:
        customer = activity.customer_of(store, snapshot)
        if customer:
            keys.append(customer)
    unit.fetch(keys)
    return unit.claimed([answer.claim for answer in answers])


def _is_blank(row: RecordRow) -> bool:
    """Tell whether the ledger knows nothing of a record, apart from the question what it is."""
    return row["facts"] is None and row["events"] == "[]" and not row["linked"]
