"""Reconciliation: going through the store's lists for changes that no webhook told, one page at a time.

The danger: a delivery may be lost, and a webhook may be disabled. The ledger then keeps a state that the store no
longer has. A list tells of the change. But it shows less of a record than a delivery does, so facts copied from a list
could replace better ones.

The principle: a list only raises questions. No fact is taken from it. It marks records, and the refetch asks the store
for each of them, by the code that also answers hints.

The rules:
- The marks of a page and the new place in the list are saved in one transaction, so that a crash loses neither.
- A worker claims a round for each page, so that no two workers take the same page. The claim of a dead worker lapses.
- The round "changes" asks for the orders modified since its last time, and for OVERLAP before that. The sweeps "orders"
  and "customers" go through all ids, and find what is missing. They are due at once when "changes" may have a gap.
- An error about one list delays the round of this list only. An error about the whole store is raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import Row

from hooks.errors import RecordRefusedError, StoreError
from hooks.ledger import log as ledger_log
from hooks.ledger import records, rounds, stores
from hooks.ledger.moment import Moment
from hooks.ledger.records import RecordKey
from hooks.ledger.rounds import RoundClaim, RoundName
from hooks.ledger.unit import Unit
from hooks.runtime import Runtime
from hooks.store.client import StoreClient
from hooks.store.listing import ListPage, Place, page
from hooks.store.retry import LONGEST, PERMANENT
from hooks.sync.compare import LISTINGS
from hooks.sync.list_pages import OrderLists
from hooks.sync.page_marks import PageMarker, RoundStep, read_rows
from hooks.sync.unlisted_orders import UnlistedSearch
from hooks.tagging.recorder import mark_for_refetch
from schemas.customer import FIELDS as CUSTOMER_FIELDS

OVERLAP = timedelta(minutes=5)
"""Changes are asked for from this long before the last time. A slow checkout may be stored late, and the clocks of the
store's machines may differ a little."""

APPROACHING_DAYS = 45
"""A customer is asked about when the day of deletion is at most so many days away."""

APPROACHING_AGAIN = timedelta(days=1)
"""The shortest time between two such refetches. Log-ins move the day, and send no webhook."""

APPROACHING_LIMIT = 1000

_QUARANTINED_TOPICS: Mapping[RoundName, tuple[str, ...]] = {
    "changes": ("order.",),
    "orders": ("order.", "action.woocommerce_delete_order"),
    "customers": ("customer.",),
}
"""The topics of quarantined deliveries without an id that a completed round makes good."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Reconciler:
    """Goes through one store's lists. `every` is the interval of the round "changes", `sweep` that of the sweeps."""

    store: str
    client: StoreClient
    runtime: Runtime
    every: timedelta
    sweep: timedelta

    def step(self, names: Iterable[RoundName] = rounds.WALKS) -> int:
        """Take one page of each round that is due and that nobody has claimed; return how many pages.

        Raises StoreError where it is about the whole store. The round then stays where it was.
        """
        with self.runtime.database.read() as connection:
            due = rounds.due(connection, self.store, self.runtime.clock())
        return sum(self._step(name) for name in names if name in due)

    def _step(self, name: RoundName) -> bool:
        now = self.runtime.clock()
        claim = RoundClaim(self.store, name, uuid4().hex)
        with self.runtime.database.write() as connection:
            row = rounds.claim(connection, claim, now)
        if row is None:
            return False
        if name == "changes" and row.mark is None:
            return self._wait_for_first_sweep(claim)
        try:
            if name == "unlisted":
                return self._unlisted_search().step(claim, row)
            self._take(RoundStep(claim, row, now), self._fetch(name, row))
        except StoreError as error:
            self._put_off(claim, row, error)
            if error.whole_store:
                raise
        return True

    def _unlisted_search(self) -> UnlistedSearch:
        return UnlistedSearch(self.store, self.client, self.runtime, self.every, self.sweep)

    def _wait_for_first_sweep(self, claim: RoundClaim) -> bool:
        """Put "changes" off: before the first sweep over the orders there is no time to ask for changes since."""
        with self.runtime.database.write() as connection:
            rounds.release(connection, claim, due_at=self.runtime.clock() + self.every)
        return False

    def _fetch(self, name: RoundName, row: Row[Any]) -> ListPage:
        """Get the next page of the round's list. Raises StoreError."""
        place = Place(row.last_id, row.position)
        if name == "customers":
            params = {"role": "all", "_fields": CUSTOMER_FIELDS}
            return page(self.client, "customers", params, place)
        params = {"status": LISTINGS[row.listing]}
        if name == "changes":
            params["modified_after"] = f"{row.mark:%Y-%m-%dT%H:%M:%S}"
            params["dates_are_gmt"] = "true"
        try:
            return OrderLists(self.store, self.client, self.runtime).page(params, place)
        except RecordRefusedError:
            if row.listing == 0:
                raise
            # This store does not have the status: the listing is empty.
            return ListPage({}, place, ended=True, total=None, store_time=None)

    def _put_off(self, claim: RoundClaim, row: Row[Any], error: StoreError) -> None:
        """Release the round where it is. An error about this list alone delays it; the store's other work goes on."""
        now = self.runtime.clock()
        columns: dict[str, Any] = {}
        if not error.whole_store:
            wait = LONGEST
            if error.permanent:
                wait = PERMANENT
            columns = {
                "due_at": now + wait,
                "error": error.code,
                "error_since": row.error_since or now,
            }
            log.error("reconciliation.failed", store=self.store, round=claim.name, code=error.code)
        with self.runtime.database.write() as connection:
            rounds.release(connection, claim, **columns)

    def _take(self, step: RoundStep, page: ListPage) -> None:
        """Mark the records that the page puts in question, and move on, in one transaction."""
        rows = read_rows(page, step.kind, self.runtime.policy)

        def work(unit: Unit) -> None:
            marker = PageMarker(unit, step, page, self.runtime.clock())
            marker.mark_differing(rows)
            handled = page
            if step.is_sweep:
                handled = marker.mark_missing()
            self._move_on(unit, step, handled)

        self.runtime.transaction(work)

    def _move_on(self, unit: Unit, step: RoundStep, page: ListPage) -> None:
        """Save the new place; finish the round after the last page of its last listing."""
        row = step.row
        began_mark = row.began_mark
        if began_mark is None:
            began_mark = min(page.store_time or step.asked_at, step.asked_at) - OVERLAP
        began = {"began_at": row.began_at or step.asked_at, "began_mark": began_mark}
        began |= _counts(row, page)
        listings = 1 if step.kind == "customer" else len(LISTINGS)
        if page.ended and row.listing + 1 == listings:
            self._finish(unit, step, began)
            return
        place = page.place
        if page.ended:
            place = Place()
        rounds.release(
            unit.connection,
            step.claim,
            **began,
            listing=row.listing + page.ended,
            last_id=place.last_id,
            position=place.position,
            error=None,
            error_since=None,
        )

    def _finish(self, unit: Unit, step: RoundStep, began: Mapping[str, Any]) -> None:
        """End the round, and make due what follows from it. Do nothing where the claim has lapsed."""
        now = self.runtime.clock()
        name = step.claim.name
        mark = began["began_mark"]
        interval = self.every
        if step.is_sweep:
            interval = self.sweep
        is_ours = rounds.finish(
            unit.connection,
            step.claim,
            now=now,
            next_at=now + interval,
            began_at=None,
            began_mark=None,
            mark=mark,
            done_at=now,
            seen=began["seen"],
            total=began["seen"],
            error=None,
            error_since=None,
        )
        if not is_ours:
            return
        log.info("reconciliation.done", store=self.store, round=name)
        topics = _QUARANTINED_TOPICS[name]
        ledger_log.resolve_without_id(unit.connection, self.store, topics, began["began_at"], now)
        if name == "orders":
            rounds.start_from(unit.connection, self.store, "changes", mark, now)
        if name == "changes":
            stores.note_reconciled(unit.connection, self.store, now)
            self._mark_approaching(unit, now)
            if self._may_have_gap(step.row, mark, now):
                rounds.ask_for(unit.connection, self.store, ("orders", "customers"), now)

    def _may_have_gap(self, row: Row[Any], mark: datetime, now: datetime) -> bool:
        """Tell whether changes may lie between the previous round "changes" and this one that neither has seen."""
        if row.mark is not None and mark < row.mark - OVERLAP:
            return True  # the store's clock was set back
        if row.done_at is None:
            return False
        return not timedelta(0) <= now - row.done_at <= 2 * self.every + rounds.LEASE

    def _mark_approaching(self, unit: Unit, now: datetime) -> None:
        """Mark the customers whose day of deletion is near: only the store knows if they have logged in since."""
        ids = records.find_approaching(
            unit.connection,
            self.store,
            due=self.runtime.policy.day_of(now) + timedelta(days=APPROACHING_DAYS),
            read_before=now - APPROACHING_AGAIN,
            limit=APPROACHING_LIMIT,
        )
        for number in ids:
            key = RecordKey(self.store, "customer", number)
            mark_for_refetch(unit, key, "approaching", Moment(now, timedelta(0)))


def _counts(row: Row[Any], page: ListPage) -> dict[str, int]:
    """Count the rows seen so far, and the total that the store told at the start of each listing."""
    seen = len(page.rows)
    total = 0
    if row.began_at:
        seen += row.seen
        total += row.total or 0
    if row.last_id == row.position == 0:
        total += page.total or 0
    return {"seen": seen, "total": total}
