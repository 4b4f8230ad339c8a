"""The search for orders that the store's lists leave out: those of a status that no plugin registers any more, say.

Ids that no list has shown are asked for by `include`, which shows some of these orders. CALLS a sweep bound it; its
place survives a crash. What is shown and not known is asked about, as whatever else the lists show.
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
from hooks.ledger.records import UNLISTED, RecordKey
from hooks.ledger.rounds import RoundClaim
from hooks.ledger.unit import Unit
from hooks.runtime import Runtime
from hooks.store.client import StoreClient
from hooks.sync.id_gaps import Covered, gaps, gaps_downwards
from hooks.tagging.recorder import ask

log = structlog.get_logger(__name__)

CALLS = 20
"""So many calls a sweep takes, at most half of them for ids that are new."""

MAX_FAILURES = 16
"""Of a page with two orders that the store fails over, so many calls fail at most."""

SEARCH_AGAIN = timedelta(days=7)
"""All gaps were asked about: they are again after this time."""

TRAIT = "covered-ids"


@dataclass(frozen=True, slots=True)
class Step:
    """The ids that are to be asked about next, and what is covered after that."""

    ids: list[int]
    covered: Covered


@dataclass(frozen=True)
class UnlistedSearch:
    """Searches one store. `every`: how long to wait for the first sweep; `sweep`: how often to search."""

    store: str
    client: StoreClient
    runtime: Runtime
    every: timedelta
    sweep: timedelta

    def step(self, mine: RoundClaim, at: Row[Any]) -> bool:
        """Ask about one page of ids. False where nothing was done. Raises StoreError."""
        now = self.runtime.clock()
        with self.runtime.database.read() as connection:
            orders = rounds.state(connection, self.store, "orders")
            began = orders is not None and orders.done_at is not None
            step = self._next(connection, at.position, now) if began else None
        if not began:
            self._wait_for_first_sweep(mine, now)
        elif step is None:
            self._finish(mine, now)
        else:
            self._take(mine, at, step, now)
        return began

    def _wait_for_first_sweep(self, mine: RoundClaim, now: datetime) -> None:
        with self.runtime.database.write() as connection:
            rounds.release(connection, mine, due_at=now + self.every)

    def _next(self, connection: Connection, calls: int, now: datetime) -> Step | None:
        """The next page of ids; None where all gaps are covered, or the calls of this sweep are used up."""
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
        trait = traits.read(connection, self.store).get(TRAIT)
        covered = Covered.read(trait.value) if trait else Covered.none_up_to(largest)
        is_old = covered.done_on is not None and now.date() - covered.done_on >= SEARCH_AGAIN
        return Covered.none_up_to(largest) if is_old else covered

    def _upwards(self, connection: Connection, covered: Covered, largest: int) -> Step:
        first = covered.high + 1
        known = order_ids.window(connection, self.store, first, largest)
        ids, reached = gaps(known, first, _end(known, largest))
        return Step(ids, replace(covered, high=reached))

    def _downwards(
        self, connection: Connection, covered: Covered, smallest: int, now: datetime
    ) -> Step:
        first = covered.low - 1
        known = order_ids.window(connection, self.store, first, smallest)
        ids, reached = gaps_downwards(known, first, _end(known, smallest))
        return Step(
            ids, replace(covered, low=reached, done_on=now.date() if reached <= smallest else None)
        )

    def _take(self, mine: RoundClaim, at: Row[Any], step: Step, now: datetime) -> None:
        shown = self._shown(step.ids, [])

        def work(unit: Unit) -> None:
            for number in shown:
                key = RecordKey(self.store, "order", number)
                if unit.find(key) is None:
                    ask(unit, key, "missed", Moment(now, timedelta(0)))
            traits.note(unit.connection, self.store, TRAIT, str(step.covered), now)
            calls = at.position + bool(step.ids)
            rounds.release(
                unit.connection, mine, position=calls, began_at=at.began_at or now, **_WELL
            )

        self.runtime.transaction(work)

    def _shown(self, ids: Sequence[int], failures: list[StoreError]) -> set[int]:
        """The ids among these that `include` shows.

        The search asks for just those orders that something is wrong with. Where the store fails over them, half as
        many are asked for, and an order that it fails over alone is passed over: it must not stop anything else. After
        too many failures it is the store itself that fails, and the error is raised.
        """
        try:
            return set(self.client.read_many("order", list(ids), fields="id"))
        except StoreError as error:
            failures.append(error)
            if (error.whole_store and error.code != "server-error") or len(failures) > MAX_FAILURES:
                raise
            log.warning("unlisted.refused", store=self.store, code=error.code, ids=len(ids))
        if len(ids) == 1:
            return set()
        half = len(ids) // 2
        return self._shown(ids[:half], failures) | self._shown(ids[half:], failures)

    def _finish(self, mine: RoundClaim, now: datetime) -> None:
        """End the round, and count anew the orders that only their own address shows."""
        with self.runtime.database.read() as connection:
            number = order_ids.count_unlisted(connection, self.store)
        with self.runtime.database.write() as connection:
            note_unlisted(connection, self.store, number, now)
            ended = {"began_at": None, "done_at": now, **_WELL}
            rounds.finish(connection, mine, now=now, next_at=now + self.sweep, **ended)


_WELL: dict[str, Any] = {"error": None, "error_since": None}


def _end(known: list[int], last: int) -> int:
    """How far a window of ids reaches: to its last id where there may be more behind it."""
    return known[-1] if len(known) == order_ids.WINDOW else last


def note_unlisted(connection: Connection, store: str, number: int, now: datetime) -> None:
    """Note how many orders only their own address shows, for `/status`."""
    if number:
        traits.note(connection, store, UNLISTED, str(number), now)
    else:
        traits.forget(connection, store, UNLISTED)
