"""Backfill: the first sweep over a shop. It reads and tags all orders and customers, as fast as the store allows.

It is the same sweep that a worker does daily, but it runs at once and reports its progress. It may be stopped at any
time: a worker or another backfill continues from the place that the ledger holds.
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
from hooks.ledger.stores import Backoff
from hooks.runtime import Runtime
from hooks.settings import Settings
from hooks.store.client import StoreClient
from hooks.sync.backoff import run_tasks
from hooks.sync.rate_limit import SharedPace
from hooks.sync.reconcile import Reconciler
from hooks.sync.refetch import Refetcher

SWEEPS: tuple[RoundName, ...] = ("orders", "customers")
WAIT_SECONDS = 0.5
"""The wait while another worker does the work, or the client backs off."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a backfill: records gone through, and the total as far as the store has told it.

    `trouble` is the code of the error that stops a list, or for which the client backs off. `is_stuck`: only an
    operator can solve it.
    """

    seen: int
    total: int
    is_done: bool
    trouble: str | None
    is_stuck: bool


@dataclass(frozen=True)
class Backfill:
    """Goes through one store's records. Workers may work on the same store meanwhile."""

    store: str
    runtime: Runtime
    reconciler: Reconciler
    refetcher: Refetcher

    @classmethod
    def of(cls, store: str, settings: Settings, runtime: Runtime) -> Backfill:
        """Make the backfill of the store with this slug. Its calls count towards the shared rate limit."""

        def client() -> StoreClient:
            pace = SharedPace(runtime.database, store, settings.store_requests_per_second)
            return StoreClient(settings.stores[store], pace)

        reconciler = Reconciler(store, client(), runtime, settings.reconcile, settings.sweep)
        return cls(store, runtime, reconciler, Refetcher(store, client(), runtime))

    def run(self, *, restart: bool = False) -> Iterator[Progress]:
        """Go through all records; yield the progress after each part.

        `restart`: begin at the first record, even if a sweep is under way. Raises LedgerUnavailableError.
        """
        began = self._begin(restart=restart)
        while True:
            count = run_tasks(self.store, (self._step,), self.runtime)
            progress = self._progress(began)
            yield progress
            if progress.is_done:
                return
            if not count:
                time.sleep(WAIT_SECONDS)

    def _step(self) -> int:
        """Refetch what is due, while a thread takes the next page of each list. Return how many records and pages."""
        with ThreadPoolExecutor(1, thread_name_prefix=self.store) as executor:
            pages = executor.submit(self.reconciler.step, SWEEPS)
            return self.refetcher.refetch() + pages.result()

    def _begin(self, *, restart: bool) -> datetime:
        """Make the sweeps due and return the time. A sweep that is under way continues, unless `restart`."""
        now = self.runtime.clock()
        with self.runtime.database.write() as connection:
            stores.register(connection, [self.store])
            stores.keep_url(connection, self.store, self.reconciler.client.settings.url)
            rounds.register(connection, self.store, now)
            for name in SWEEPS:
                if restart:
                    rounds.reset(connection, self.store, name)
                rounds.make_due(connection, self.store, name, now)
        return now

    def _progress(self, began: datetime) -> Progress:
        with self.runtime.database.read() as connection:
            states = [rounds.state(connection, self.store, name) for name in SWEEPS]
            due_refetches = views.due_refetches(connection, self.store, self.runtime.clock())
            backoff = stores.backoff_of(connection, self.store)
        sweeps = [state for state in states if state is not None]
        seen = total = under_way = 0
        for sweep in sweeps:
            is_sweep_done = sweep.done_at is not None and sweep.done_at >= began
            total += sweep.total or 0
            if is_sweep_done:
                seen += sweep.total or 0
            else:
                seen += sweep.seen
                under_way += 1
        is_done = not under_way and not due_refetches
        return Progress(seen, max(total, seen), is_done, *_trouble(sweeps, backoff))


def _trouble(sweeps: list[Row[Any]], backoff: Backoff | None) -> tuple[str | None, bool]:
    """Return the code of what stops the sweeps, and whether only an operator can solve it."""
    for sweep in sweeps:
        if sweep.error:
            return sweep.error, True
    if backoff:
        return backoff.code, backoff.permanent
    return None, False
