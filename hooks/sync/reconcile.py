"""Reconciliation: going through the store's lists for what no webhook told, a page at a time.

Nothing is taken from a list. A record of which it shows another state than the ledger knows, or that it should
show and does not, is marked, in the same transaction that moves the place in the list; the store is then asked
about that very record, by the same code that answers hints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import Row

from hooks.errors import QuarantinedError, RecordRefusedError, StoreError
from hooks.intake.webhook import snapshot_of
from hooks.ledger import log as ledger_log
from hooks.ledger import records, rounds, stores
from hooks.ledger.moment import Moment
from hooks.ledger.records import RecordKey, Values
from hooks.ledger.rounds import RoundClaim, RoundName
from hooks.ledger.unit import Unit
from hooks.retention.facts import RecordKind
from hooks.runtime import Runtime
from hooks.store.client import StoreClient
from hooks.store.listing import ListPage, Place, page
from hooks.store.retry import LONGEST, PERMANENT
from hooks.sync import compare
from hooks.sync.compare import ListRow, RefundIds
from hooks.sync.list_pages import OrderLists
from hooks.sync.unlisted_orders import UnlistedSearch
from hooks.tagging.changes import HINTS
from hooks.tagging.recorder import ask
from schemas.customer import FIELDS as CUSTOMER_FIELDS

OVERLAP = timedelta(minutes=5)
"""Changes are asked for from this long before the last time on: a slow checkout may be stored late, and the
clocks of the store's machines may differ a little."""

LATE = timedelta(minutes=2)
"""A change this old should have been delivered by now."""

BEHIND = timedelta(seconds=2.5)
"""A store's clock that is more than this behind ours; SECOND_OVER makes good for less."""

UNLISTED_AGAIN = timedelta(days=7)
"""An order that only its own address shows is asked about by itself, and so no more often than this."""

APPROACHING_DAYS = 45
APPROACHING_AGAIN = timedelta(days=1)
"""A customer whose date is near is asked about daily: log-ins, which move it, send nothing."""

APPROACHING_LIMIT = 1000

_QUARANTINED_TOPICS: Mapping[RoundName, tuple[str, ...]] = {
    "changes": ("order.",),
    "orders": ("order.", "action.woocommerce_delete_order"),
    "customers": ("customer.",),
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Reconciler:
    """Goes through one store's lists. `every` for changed orders, `sweep` for all ids."""

    store: str
    client: StoreClient
    runtime: Runtime
    every: timedelta
    sweep: timedelta

    def step(self, names: Iterable[RoundName] = rounds.WALKS) -> int:
        """One page of each round that is due and that nobody else is at. Returns how many pages were taken.

        Raises StoreError where it is about the whole store; the round stays where it was.
        """
        with self.runtime.database.read() as connection:
            due = rounds.due(connection, self.store, self.runtime.clock())
        return sum(self._step(name) for name in names if name in due)

    def _step(self, name: RoundName) -> bool:
        now = self.runtime.clock()
        mine = RoundClaim(self.store, name, uuid4().hex)
        with self.runtime.database.write() as connection:
            at = rounds.claim(connection, mine, now)
        if at is None:
            return False
        if name == "changes" and at.mark is None:
            return self._wait_for_first_sweep(mine)
        try:
            if name == "unlisted":
                return UnlistedSearch(
                    self.store, self.client, self.runtime, self.every, self.sweep
                ).step(mine, at)
            self._take(mine, at, self._page(name, at), now)
        except StoreError as error:
            self._give_back(mine, at, error)
            if error.whole_store:
                raise
        return True

    def _wait_for_first_sweep(self, mine: RoundClaim) -> bool:
        """Before all orders were gone through once, there is no last time from which to ask for changes."""
        with self.runtime.database.write() as connection:
            rounds.release(connection, mine, due_at=self.runtime.clock() + self.every)
        return False

    def _page(self, name: RoundName, at: Row[Any]) -> ListPage:
        place = Place(at.last_id, at.position)
        if name == "customers":
            return page(
                self.client, "customers", {"role": "all", "_fields": CUSTOMER_FIELDS}, place
            )
        params = {"status": compare.LISTINGS[at.listing]}
        if name == "changes":
            params |= {"modified_after": f"{at.mark:%Y-%m-%dT%H:%M:%S}", "dates_are_gmt": "true"}
        try:
            return OrderLists(self.store, self.client, self.runtime).page(params, place)
        except RecordRefusedError:
            if at.listing == 0:
                raise
            return ListPage(
                {}, place, ended=True, total=None, store_time=None
            )  # it has no such status

    def _give_back(self, mine: RoundClaim, at: Row[Any], error: StoreError) -> None:
        """The round is gone on with later; what is only about this list must not stop the store's other work."""
        now = self.runtime.clock()
        columns: dict[str, Any] = {}
        if not error.whole_store:
            again = PERMANENT if error.permanent else LONGEST
            columns = {
                "due_at": now + again,
                "error": error.code,
                "error_since": at.error_since or now,
            }
            log.error("reconciliation.failed", store=self.store, round=mine.name, code=error.code)
        with self.runtime.database.write() as connection:
            rounds.release(connection, mine, **columns)

    def _take(self, mine: RoundClaim, at: Row[Any], found: ListPage, asked_at: datetime) -> None:
        """Mark what the page puts in question and move on, both in one transaction."""
        kind: RecordKind = "customer" if mine.name == "customers" else "order"
        shown = {number: self._read(kind, row) for number, row in found.rows.items()}

        def work(unit: Unit) -> None:
            moment = Moment(self.runtime.clock(), timedelta(0))
            behind = mine.name == "changes" and _is_behind(found.store_time, moment.now)
            self._ask_about_shown(unit, kind, shown, at, moment, behind=behind)
            reached = found
            if mine.name != "changes":
                reached = self._ask_about_missing(unit, kind, at, found, moment)
            self._move_on(unit, mine, at, reached, asked_at)

        self.runtime.transaction(work)

    def _read(self, kind: RecordKind, row: dict[str, Any]) -> ListRow:
        """What a row shows. Its refunds are read apart: of what is not of the shape, the rest still counts."""
        state = {name: value for name, value in row.items() if name != "refunds"}
        refunds = RefundIds.of(row.get("refunds"))
        try:
            return ListRow(snapshot_of(kind, state, self.runtime.policy), refunds)
        except QuarantinedError:
            return ListRow(None, refunds)

    def _ask_about_shown(
        self,
        unit: Unit,
        kind: RecordKind,
        shown: Mapping[int, ListRow],
        at: Row[Any],
        moment: Moment,
        *,
        behind: bool,
    ) -> None:
        known = records.those(unit.connection, self.store, kind, shown)
        missed = []
        now = stores.not_behind_stores(unit.connection, moment.now)  # our clock may be behind
        for number, row in shown.items():
            reason = compare.doubt(known.get(number), row, now=now, behind=behind)
            if reason:
                self._ask(
                    unit, known.get(number), RecordKey(self.store, kind, number), reason, moment
                )
            elif number in known and known[number]["reread_reason"] == records.UNLISTED:
                self._list_again(unit, RecordKey(self.store, kind, number))
            if row.snapshot and reason == "missed":
                missed.append(row.snapshot.version)
        latest = max((version for version in missed if version < moment.now - LATE), default=None)
        if (
            latest and at.mark is not None
        ):  # of what was there before us, no delivery should have told
            stores.note_missed_change(unit.connection, self.store, latest, moment.now)

    def _list_again(self, unit: Unit, key: RecordKey) -> None:
        """Take the mark of an order that only its own address showed, if nobody asks about it by now."""
        known = unit.find(key)
        if known and known["reread_at"] is None:
            unit.save(known, {"reread_reason": None})

    def _ask_about_missing(
        self, unit: Unit, kind: RecordKind, at: Row[Any], found: ListPage, moment: Moment
    ) -> ListPage:
        """Records that the ledger has and the list should, between the last id seen before and the last one now.

        Of a list that is suddenly empty there may be very many: the page is taken only so far, so that no other
        waits for the ledger's write lock.
        """
        upto, asked = (None if found.ended else found.place.last_id), 0
        for known in records.still_there(
            unit.connection, self.store, kind, after=at.last_id, upto=upto
        ):
            number = known["external_id"]
            if number in found.rows or _is_unlisted(known, moment.now):
                continue
            if kind == "customer" or compare.listing_of(known) == at.listing:
                self._ask(unit, known, RecordKey(self.store, kind, number), "missing", moment)
                asked += 1
            if asked == records.CHUNK:
                return replace(found, place=Place(number, at.position), ended=False)
        return found

    def _ask(
        self, unit: Unit, known: Values | None, key: RecordKey, reason: str, moment: Moment
    ) -> None:
        """One that is to be asked about anyway, and by nobody just now, keeps the day on which that came up."""
        if (
            known
            and known["reread_reason"] in HINTS
            and known["claim"] is None
            and known["reread_since"] <= moment.now
        ):
            return
        ask(unit, key, reason, moment)

    def _move_on(
        self, unit: Unit, mine: RoundClaim, at: Row[Any], found: ListPage, asked_at: datetime
    ) -> None:
        began_mark = at.began_mark or min(found.store_time or asked_at, asked_at) - OVERLAP
        columns: dict[str, Any] = {"began_at": at.began_at or asked_at, "began_mark": began_mark}
        before = (at.seen, at.total or 0) if at.began_at else (0, 0)
        columns["seen"] = before[0] + len(found.rows)
        columns["total"] = before[1] + ((found.total or 0) if at.last_id == at.position == 0 else 0)
        listings = 1 if mine.name == "customers" else len(compare.LISTINGS)
        if found.ended and at.listing + 1 == listings:
            self._finish(unit, mine, at, columns)
            return
        place = Place() if found.ended else found.place
        columns |= {
            "listing": at.listing + found.ended,
            "last_id": place.last_id,
            "position": place.position,
        }
        rounds.release(unit.connection, mine, **columns, error=None, error_since=None)

    def _finish(self, unit: Unit, mine: RoundClaim, at: Row[Any], began: Mapping[str, Any]) -> None:
        now = self.runtime.clock()
        gap = (
            at.done_at is not None
            and not timedelta(0) <= now - at.done_at <= 2 * self.every + rounds.LEASE
        )
        gap |= (
            at.mark is not None and began["began_mark"] < at.mark - OVERLAP
        )  # the store's clock was set back
        ended = {"began_at": None, "began_mark": None, "mark": began["began_mark"], "done_at": now}
        ended |= {"seen": began["seen"], "total": began["seen"], "error": None, "error_since": None}
        again = now + (self.every if mine.name == "changes" else self.sweep)
        held = rounds.finish(unit.connection, mine, now=now, again=again, **ended)
        if not held:
            return
        log.info("reconciliation.done", store=self.store, round=mine.name)
        ledger_log.resolve_nameless(
            unit.connection, self.store, _QUARANTINED_TOPICS[mine.name], began["began_at"], now
        )
        if mine.name == "orders":
            rounds.begin_from(unit.connection, self.store, "changes", began["began_mark"], now)
        if mine.name == "changes":
            stores.note_reconciled(unit.connection, self.store, now)
            self._ask_about_approaching(unit, now)
            if gap:
                rounds.ask_for(unit.connection, self.store, ("orders", "customers"), now)

    def _ask_about_approaching(self, unit: Unit, now: datetime) -> None:
        """Customers whose date is near: whether they are inactive indeed, only the store can say."""
        due = self.runtime.policy.day_of(now) + timedelta(days=APPROACHING_DAYS)
        moment = Moment(now, timedelta(0))
        ids = records.approaching(
            unit.connection,
            self.store,
            due=due,
            read_before=now - APPROACHING_AGAIN,
            limit=APPROACHING_LIMIT,
        )
        for number in ids:
            ask(unit, RecordKey(self.store, "customer", number), "approaching", moment)


def _is_unlisted(known: Values, now: datetime) -> bool:
    """Tell whether the store was asked of late about an order that its lists leave out, and answered."""
    asked_at = known["read_at"]
    return (
        known["reread_reason"] == records.UNLISTED
        and asked_at is not None
        and now - asked_at < UNLISTED_AGAIN
    )


def _is_behind(store_time: datetime | None, now: datetime) -> bool:
    return store_time is not None and now - store_time > BEHIND
