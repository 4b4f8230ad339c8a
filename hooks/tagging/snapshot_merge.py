"""A snapshot merged into its record, with all that follows from it, also for the customer of an order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, cast

from hooks.ledger import stores
from hooks.ledger.moment import Moment
from hooks.ledger.records import Claim, RecordKey
from hooks.ledger.rows import RecordChange, RecordRow
from hooks.ledger.unit import Unit
from hooks.retention.facts import CustomerFacts, OrderFacts, Snapshot
from hooks.retention.merge import MergeResult, StoreAnswer, StoreFacts, merge
from hooks.retention.plausibility import (
    EARLIEST,
    date_by_arrival,
    drop_implausible_days,
    drop_implausible_ledger_days,
    is_future,
    is_plausible,
)
from hooks.tagging import activity, address_links
from hooks.tagging.changes import count_contest, is_young, observe_meta
from hooks.tagging.recorder import Recorder, Update, facts_of

ANSWER = "the store, when asked"
"""Cause of a change, for the history."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A snapshot to merge.

    `cause`: where it came from, for the history. `change`: columns to set besides.
    `rewound`: the store has answered with an older state than was known, and that is its last word.
    """

    snapshot: Snapshot
    cause: str
    change: RecordChange = field(default_factory=RecordChange)
    rewound: bool = False


class MergeOutcome(NamedTuple):
    """The outcome of a merge. `is_stale`: a newer state was known. `is_staff`: the account is no customer's."""

    is_stale: bool
    is_rescheduled: bool
    is_staff: bool


@dataclass(frozen=True, slots=True)
class SnapshotMerger:
    """Merges snapshots in one transaction, and saves what follows."""

    recorder: Recorder
    unit: Unit
    moment: Moment

    @property
    def _is_answer(self) -> bool:
        """True if the store was asked just now, so that its word settles a tie."""
        return self.moment.asked_at is not None

    def merge(self, row: RecordRow, sighting: Sighting) -> MergeOutcome:
        """Merge a snapshot into its record, and follow what it says of an order's customer."""
        snapshot, version = believe(self.unit, row, sighting.snapshot, self.moment)
        merged = self._merged(row, version, snapshot, rewound=sighting.rewound)
        change = self._change(row, version, snapshot, merged, sighting)
        facts = merged.facts
        update = Update(facts, sighting.cause, change, is_answer=self._is_answer)
        is_rescheduled = self.recorder.save(self.unit, row, update, self.moment)
        if isinstance(facts, OrderFacts):
            activity.follow(self.recorder, self.unit, row, facts, self.moment)
        elif self._is_answer:
            self._mend_last_order(row, facts)
        is_staff = isinstance(facts, CustomerFacts) and facts.staff
        return MergeOutcome(merged.stale, is_rescheduled, is_staff)

    def _merged(
        self, row: RecordRow, version: datetime | None, snapshot: Snapshot, *, rewound: bool
    ) -> MergeResult:
        moment = self.moment
        before = cast("StoreFacts | None", facts_of(row))
        if before is not None:
            before = drop_implausible_ledger_days(before, max(moment.now, snapshot.version))
        answer = None
        if moment.asked_at is not None:
            is_current = row["updated_at"] <= moment.asked_at
            answer = StoreAnswer(is_current=is_current, is_rewound=rewound)
        return merge(before, version, snapshot, doubtful=row["doubtful"], answer=answer)

    def _change(
        self,
        row: RecordRow,
        version: datetime | None,
        snapshot: Snapshot,
        merged: MergeResult,
        sighting: Sighting,
    ) -> RecordChange:
        """Return the columns that the snapshot sets, besides facts and tags."""
        before = row
        if version != row["version"]:  # the version makes no sense, nor does that of our keys
            before = {**row, "known_version": None}
        observation = observe_meta(
            before, snapshot, settles=self._is_answer, rewound=sighting.rewound
        )
        change: RecordChange = {**observation.change}
        if observation.is_contested:
            change |= count_contest(row, self.moment.now)
        change["version"] = merged.version
        change["doubtful"] = merged.doubtful or (observation.is_doubtful and not merged.stale)
        if not merged.stale:
            change["young"] = is_young(snapshot, self.moment)
        change |= sighting.change
        if isinstance(snapshot.facts, CustomerFacts):
            hashes = snapshot.facts.email_hashes
            change |= address_links.keep(self.unit, row, hashes, is_newest=not merged.stale)
        return change

    def _mend_last_order(self, row: RecordRow, facts: StoreFacts) -> None:
        """Work out a customer's last order again, where an earlier version of this service noted a future day."""
        if not isinstance(facts, CustomerFacts) or not facts.last_order_at:
            return
        account = self.unit.find(RecordKey.of(row))
        if account and not is_plausible(facts.last_order_at, self.moment.now):
            activity.work_out_again(self.recorder, self.unit, account, self.moment, ANSWER)


def believe(
    unit: Unit, row: RecordRow, snapshot: Snapshot, moment: Moment
) -> tuple[Snapshot, datetime | None]:
    """Return the snapshot without days that make no sense, and the record's version, if that makes sense.

    A snapshot without a version gets the time at which it came, but is not older than what is known.
    """
    now, version = moment.now, row["version"]
    is_odd = version is not None and not is_plausible(version, now)
    if is_odd or is_future(snapshot, now):
        now = stores.not_behind_stores(unit.connection, now)  # our clock may be behind
    if version is not None and not is_plausible(version, now):
        version = None
    believed = drop_implausible_days(snapshot, now)
    if believed.undated:
        arrived_at = moment.asked_at
        if arrived_at is None:
            arrived_at = max(now, version) if version else now
        believed = date_by_arrival(believed, arrived_at)
    return believed, version


def is_rewound(claim: Claim, snapshot: Snapshot) -> bool:
    """Tell whether the store shows an older state than was known when it was asked.

    Its clock was set back, or it was restored from a backup; or a cache has answered, unless that is ruled out.
    """
    if claim.version is None or snapshot.undated or snapshot.version < EARLIEST:
        return False
    return claim.version > snapshot.version
