"""The search for orders that the store's lists leave out, such as those of a status that no plugin registers any more.

A call with `include` shows some of these orders. So the search asks for the ids that no list has shown. It takes at
most CALLS calls a sweep, and its place survives a crash. An order that the store shows and the ledger lacks is marked
for a refetch, like any other record that a list shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from hooks.errors import StoreError
from hooks.ledger import order_ids, rounds, traits
from hooks.ledger.moment import Moment
from hooks.ledger.records import RecordKey
from hooks.ledger.rounds import RoundClaim
from hooks.ledger.rows import UNLISTED
from hooks.ledger.unit import Unit
from hooks.runtime import Runtime
from hooks.store.client import StoreClient
from hooks.sync.id_gaps import Covered, gaps, gaps_downwards
from hooks.tagging.recorder import mark_for_refetch

log = structlog.get_logger(__name__)

CALLS = 20
"""The calls of one sweep, at most half of them for new ids."""

MAX_FAILURES = 16
"""The highest number of calls that fail over a page with two orders that the store fails over."""

SEARCH_AGAIN = timedelta(days=7)
"""The time after which all gaps are asked about again."""

TRAIT = "covered-ids"
"""The trait that keeps which ids were asked about."""

_NO_ERROR: dict[str, Any] = {"error": None, "error_since": None}


@dataclass(frozen=True, slots=True)
class IdPage:
    """The ids to ask about next, and the range that is covered after that."""

    ids: list[int]
    covered: Covered


@dataclass(frozen=True)
class UnlistedSearch:
    """Searches one store. `every`: how long to wait for the first sweep; `sweep`: the interval between searches."""

    store: str
    client: StoreClient
    runtime: Runtime
    every: timedelta
    sweep: timedelta

    def step(self, claim: RoundClaim, row: Row[Any]) -> bool:
        """Ask about one page of ids; return False if no call was due yet. `row` is that of the claimed round.

        Raises StoreError.
        """
        now = self.runtime.clock()
        page = None
        with self.runtime.database.read() as connection:
            orders = rounds.state(connection, self.store, "orders")
            was_swept = orders is not None and orders.done_at is not None
            if was_swept:
                page = self._next_page(connection, row.position, now)
        if not was_swept:
            self._wait_for_first_sweep(claim, now)
            return False
        if page is None:
            self._finish(claim, now)
        else:
            self._take(claim, row, page, now)
        return True

    def _wait_for_first_sweep(self, claim: RoundClaim, now: datetime) -> None:
        with self.runtime.database.write() as connection:
            rounds.release(connection, claim, due_at=now + self.every)

    def _next_page(self, connection: Connection, calls: int, now: datetime) -> IdPage | None:
        """Find the next page of ids; None where all gaps are covered, or this sweep has used its calls."""
        bounds = order_ids.bounds(connection, self.store)
        if bounds is None or calls >= CALLS:
            return None
        smallest, largest = bounds
        covered = self._covered(connection, largest, now)
        if covered.high < largest and calls < CALLS // 2:
            return self._upwards(connection, covered, largest)
        if covered.low > smallest:
            return self._downwards(connection, covered, smallest, now)
        return None

    def _covered(self, connection: Connection, largest: int, now: datetime) -> Covered:
        """Read the covered range; an empty one where the search begins, or is to begin again."""
        trait = traits.read(connection, self.store).get(TRAIT)
        if trait is None:
            return Covered.none_up_to(largest)
        covered = Covered.read(trait.value)
        if covered.done_on is not None and now.date() - covered.done_on >= SEARCH_AGAIN:
            return Covered.none_up_to(largest)
        return covered

    def _upwards(self, connection: Connection, covered: Covered, largest: int) -> IdPage:
        first = covered.high + 1
        known_ids = order_ids.window(connection, self.store, first, largest)
        ids, reached = gaps(known_ids, first, _window_end(known_ids, largest))
        return IdPage(ids, replace(covered, high=reached))

    def _downwards(
        self, connection: Connection, covered: Covered, smallest: int, now: datetime
    ) -> IdPage:
        first = covered.low - 1
        known_ids = order_ids.window(connection, self.store, first, smallest)
        ids, reached = gaps_downwards(known_ids, first, _window_end(known_ids, smallest))
        done_on = None
        if reached <= smallest:
            done_on = now.date()
        return IdPage(ids, replace(covered, low=reached, done_on=done_on))

    def _take(self, claim: RoundClaim, row: Row[Any], page: IdPage, now: datetime) -> None:
        """Ask about the ids, and mark the orders that the store shows and the ledger lacks."""
        existing_ids = self._existing(page.ids, [])

        def work(unit: Unit) -> None:
            for number in existing_ids:
                key = RecordKey(self.store, "order", number)
                if unit.find(key) is None:
                    mark_for_refetch(unit, key, "missed", Moment(now, timedelta(0)))
            traits.note(unit.connection, self.store, TRAIT, str(page.covered), now)
            calls = row.position + bool(page.ids)
            began_at = row.began_at or now
            rounds.release(unit.connection, claim, position=calls, began_at=began_at, **_NO_ERROR)

        self.runtime.transaction(work)

    def _existing(self, ids: Sequence[int], failures: list[StoreError]) -> set[int]:
        """Return those of the ids that `include` shows.

        The search asks for just those orders that may be broken. If the store fails over a page, it is asked for each
        half. An order that it fails over alone is skipped, so that it stops nothing else. After MAX_FAILURES the
        store itself seems to fail, and the error is raised.
        """
        try:
            return set(self.client.read_many("order", list(ids), fields="id"))
        except StoreError as error:
            failures.append(error)
            is_about_store = error.whole_store and error.code != "server-error"
            if is_about_store or len(failures) > MAX_FAILURES:
                raise
            log.warning("unlisted.refused", store=self.store, code=error.code, ids=len(ids))
        if len(ids) == 1:
            return set()
        half = len(ids) // 2
        return self._existing(ids[:half], failures) | self._existing(ids[half:], failures)

    def _finish(self, claim: RoundClaim, now: datetime) -> None:
        """End the round, and count the orders again that only their own address shows."""
        with self.runtime.database.read() as connection:
            number = order_ids.count_unlisted(connection, self.store)
        with self.runtime.database.write() as connection:
            note_unlisted(connection, self.store, number, now)
            ended = {"began_at": None, "done_at": now, **_NO_ERROR}
            rounds.finish(connection, claim, now=now, next_at=now + self.sweep, **ended)


def _window_end(known_ids: list[int], last: int) -> int:
    """Return the last id of a window: of a full window its last known id, since more may follow."""
    is_full = len(known_ids) == order_ids.WINDOW
    if is_full:
        return known_ids[-1]
    return last


def note_unlisted(connection: Connection, store: str, number: int, now: datetime) -> None:
    """Note how many orders only their own address shows, for `/status`."""
    if number:
        traits.note(connection, store, UNLISTED, str(number), now)
    else:
        traits.forget(connection, store, UNLISTED)
