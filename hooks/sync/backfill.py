"""The first run over a shop: all its orders and customers, read and tagged, as fast as the store likes it.

It is the same sweep that a worker does daily, done at once and watched; it may be stopped at any time, and
a worker or another run goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from hooks.ledger import rounds, stores, views
from hooks.ledger.rounds import RoundName
from hooks.runtime import Runtime
from hooks.settings import Settings
from hooks.store.client import StoreClient
from hooks.sync.backoff import turn
from hooks.sync.rate_limit import SharedPace
from hooks.sync.reconcile import Rescanner
from hooks.sync.refetch import Rereader

SWEEPS: tuple[RoundName, ...] = ("orders", "customers")
WAIT_SECONDS = 0.5
"""While another worker is at it, or the store rests."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: records gone through, and how many there are as far as the store has said.

    `trouble`: why calls to the store rest, if they do, or why one of its lists cannot be gone through; `stuck`: until
    an operator has acted.
    """

    seen: int
    total: int
    over: bool
    trouble: str | None
    stuck: bool


@dataclass(frozen=True)
class Backfill:
    """Goes through one store's records, whoever else works on it."""

    store: str
    runtime: Runtime
    rescanner: Rescanner
    rereader: Rereader

    @classmethod
    def of(cls, store: str, settings: Settings, runtime: Runtime) -> Backfill:
        """For the store that the settings call `store`; its calls count to the budget that all share."""

        def client() -> StoreClient:
            pace = SharedPace(runtime.database, store, settings.store_requests_per_second)
            return StoreClient(settings.stores[store], pace)

        rescanner = Rescanner(store, client(), runtime, settings.reconcile, settings.sweep)
        return cls(store, runtime, rescanner, Rereader(store, client(), runtime))

    def run(self, *, anew: bool = False) -> Iterator[Progress]:
        """Do it, saying after each part how far it is; `anew`: from the start, also where one is under way.

        Raises LedgerUnavailableError.
        """
        began = self._begin(anew=anew)
        while True:
            done = turn(self.store, (self._step,), self.runtime)
            progress = self._look(began)
            yield progress
            if progress.over:
                return
            if not done:
                time.sleep(WAIT_SECONDS)

    def _step(self) -> int:
        """Take in what is in question, while a thread has the store list the next page. How much that was."""
        with ThreadPoolExecutor(1, thread_name_prefix=self.store) as beside:
            page = beside.submit(self.rescanner.step, SWEEPS)
            return self.rereader.reread() + page.result()

    def _begin(self, *, anew: bool) -> datetime:
        """One that is under way is gone on with; otherwise a new one begins."""
        now = self.runtime.clock()
        with self.runtime.database.write() as connection:
            stores.register(connection, [self.store])
            stores.meet(connection, self.store, self.rescanner.client.settings.url)
            rounds.register(connection, self.store, now)
            for name in SWEEPS:
                if anew:
                    rounds.restart(connection, self.store, name)
                rounds.hurry(connection, self.store, name, now)
        return now

    def _look(self, began: datetime) -> Progress:
        with self.runtime.database.read() as connection:
            found = [rounds.state(connection, self.store, name) for name in SWEEPS]
            to_be_read = views.to_be_read(connection, self.store, self.runtime.clock())
            pause = stores.resting(connection, self.store)
        states = [one for one in found if one is not None]
        under_way = [one for one in states if one.done_at is None or one.done_at < began]
        seen = self._done(states, under_way) + sum(one.seen for one in under_way)
        trouble = next((one.error for one in states if one.error), pause.code if pause else None)
        stuck = any(one.error for one in states) or bool(pause and pause.permanent)
        total = sum(one.total or 0 for one in states)
        return Progress(seen, max(total, seen), not under_way and not to_be_read, trouble, stuck)

    def _done(self, states: list[Row[Any]], under_way: list[Row[Any]]) -> int:
        return sum(one.total or 0 for one in states if one not in under_way)
