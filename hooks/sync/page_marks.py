"""Marks the records that one page of a list puts in question, so that they are refetched.

A record is in question if the page shows another state than the ledger has, or does not show a record that it should.
The marks are part of the transaction of the caller, which also moves the place in the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from hooks.errors import QuarantinedError
from hooks.intake.webhook import snapshot_of
from hooks.ledger import records, stores
from hooks.ledger.moment import Moment
from hooks.ledger.records import RecordKey
from hooks.ledger.rounds import RoundClaim
from hooks.ledger.rows import UNLISTED, RecordRow
from hooks.ledger.unit import Unit
from hooks.retention.facts import RecordKind
from hooks.retention.policy import Policy
from hooks.store.listing import ListPage, Place
from hooks.sync.compare import ListRow, RefundIds, expected_listing, reason_to_refetch
from hooks.tagging.changes import HINTS
from hooks.tagging.recorder import mark_for_refetch

LATE = timedelta(minutes=2)
"""A change that is older than this should have been delivered by now."""

BEHIND = timedelta(seconds=2.5)
"""A store's clock is behind if it differs from ours by more than this; SECOND_OVER makes good for less."""

UNLISTED_AGAIN = timedelta(days=7)
"""The shortest time between two refetches of an order that no list shows: each costs a call of its own."""


@dataclass(frozen=True, slots=True)
class RoundStep:
    """One step of a round: its claim, its row when it was claimed, and the time of the claim (UTC)."""

    claim: RoundClaim
    row: Row[Any]
    asked_at: datetime

    @property
    def kind(self) -> RecordKind:
        """The kind of the records in the list."""
        if self.claim.name == "customers":
            return "customer"
        return "order"

    @property
    def is_sweep(self) -> bool:
        """Tell whether the list shows all records, not only those changed of late."""
        return self.claim.name != "changes"


def read_rows(page: ListPage, kind: RecordKind, policy: Policy) -> dict[int, ListRow]:
    """Read the rows of a page, by id. The refunds are read apart: a row without a snapshot still has theirs."""
    rows = {}
    for number, raw in page.rows.items():
        refunds = RefundIds.of(raw.get("refunds"))
        state = {name: value for name, value in raw.items() if name != "refunds"}
        try:
            rows[number] = ListRow(snapshot_of(kind, state, policy), refunds)
        except QuarantinedError:
            rows[number] = ListRow(None, refunds)
    return rows


@dataclass(frozen=True, slots=True)
class PageMarker:
    """Marks the records of one page within a transaction. `now` is the time of the transaction, in UTC."""

    unit: Unit
    step: RoundStep
    page: ListPage
    now: datetime

    def mark_differing(self, rows: Mapping[int, ListRow]) -> None:
        """Mark the records of which the page shows something that the ledger does not have."""
        now = stores.not_behind_stores(self.unit.connection, self.now)  # our clock may be behind
        stored = records.find_by_ids(
            self.unit.connection, self.step.claim.store, self.step.kind, rows.keys()
        )
        is_behind = self._is_store_behind()
        missed_versions = []
        for number, row in rows.items():
            record = stored.get(number)
            reason = reason_to_refetch(record, row, now=now, is_store_behind=is_behind)
            if reason:
                self._mark(record, number, reason)
            elif record and record["reread_reason"] == UNLISTED:
                self._unmark_unlisted(number)
            if reason == "missed" and row.snapshot:
                missed_versions.append(row.snapshot.version)
        self._note_missed(missed_versions)

    def mark_missing(self) -> ListPage:
        """Mark the records between the old and the new place that the list should show, and does not.

        If a list is suddenly empty, there may be very many. So the page is cut short after records.CHUNK marks, and no
        other process waits long for the ledger's write lock. Returns the page as far as it was handled.
        """
        round_row = self.step.row
        kind = self.step.kind
        count = 0
        for record in self._expected():
            number = record["external_id"]
            if number in self.page.rows or _was_unlisted_lately(record, self.now):
                continue
            if kind == "customer" or expected_listing(record) == round_row.listing:
                self._mark(record, number, "missing")
                count += 1
            if count == records.CHUNK:
                return replace(self.page, place=Place(number, round_row.position), ended=False)
        return self.page

    def _expected(self) -> Iterable[RecordRow]:
        """Find the records that the store should have between the old place and the new one, in order of ids."""
        upto = None
        if not self.page.ended:
            upto = self.page.place.last_id
        return records.walk_present(
            self.unit.connection,
            self.step.claim.store,
            self.step.kind,
            after=self.step.row.last_id,
            upto=upto,
        )

    def _mark(self, record: RecordRow | None, number: int, reason: str) -> None:
        """Mark a record. One that already waits for a refetch, unclaimed, keeps the time since when it waits."""
        if (
            record
            and record["reread_reason"] in HINTS
            and record["claim"] is None
            and (record["reread_since"] is None or record["reread_since"] <= self.now)
        ):
            return
        mark_for_refetch(self.unit, self._key(number), reason, Moment(self.now, timedelta(0)))

    def _unmark_unlisted(self, number: int) -> None:
        """Remove the mark "unlisted" of an order that a list now shows, unless it waits for a refetch."""
        record = self.unit.find(self._key(number))
        if record and record["reread_at"] is None:
            self.unit.save(record, {"reread_reason": None})

    def _note_missed(self, versions: Iterable[datetime]) -> None:
        """Note the newest change that a delivery should have told by now.

        Before the first sweep is done there is no mark: no delivery was due for what the store had before us.
        """
        late = [version for version in versions if version < self.now - LATE]
        if late and self.step.row.mark is not None:
            stores.note_missed_change(
                self.unit.connection, self.step.claim.store, max(late), self.now
            )

    def _is_store_behind(self) -> bool:
        """Tell whether the store's clock is behind. Sweeps ignore it: they would mark all records of the store."""
        if self.step.is_sweep or self.page.store_time is None:
            return False
        return self.now - self.page.store_time > BEHIND

    def _key(self, number: int) -> RecordKey:
        return RecordKey(self.step.claim.store, self.step.kind, number)


def _was_unlisted_lately(record: RecordRow, now: datetime) -> bool:
    """Tell whether the store lately answered about an order that its lists leave out."""
    if record["reread_reason"] != UNLISTED or record["read_at"] is None:
        return False
    read_at: datetime = record["read_at"]
    return now - read_at < UNLISTED_AGAIN
