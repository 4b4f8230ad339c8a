"""The loop that asks stores what is in question and writes back what is due; any number of workers may run.

Each store has a thread of its own, so that one that is slow or dead never delays another.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread

import structlog

from hooks.errors import LedgerUnavailableError, StoreError
from hooks.ingest import Ingest
from hooks.ledger import stores
from hooks.ledger.stores import Rest
from hooks.push import Pusher
from hooks.reread import Rereader
from hooks.settings import Settings
from hooks.store.client import StoreClient
from hooks.store.retry import delay

IDLE_SECONDS = 0.5
LEDGER_AWAY_SECONDS = 2.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class StoreWorker:
    """Looks after one store, a turn at a time."""

    slug: str
    rereader: Rereader
    pusher: Pusher
    ingest: Ingest
    jitter: Callable[[], float] = random.random

    @classmethod
    def of(cls, slug: str, settings: Settings, ingest: Ingest) -> StoreWorker:
        """A worker for the store that the settings call `slug`."""
        client = StoreClient(settings.stores[slug])
        return cls(slug, Rereader(slug, client, ingest), Pusher(slug, client, ingest), ingest)

    def turn(self) -> bool:
        """Do what is due, unless the store is to be left alone; True if there may be more at once.

        Raises LedgerUnavailableError.
        """
        with self.ingest.database.read() as connection:
            pause = stores.resting(connection, self.slug)
        if pause and pause.until > self.ingest.clock():
            return False
        try:
            return bool(self.rereader.reread() + self.pusher.push())
        except StoreError as error:
            self._rest(error, pause)
            return False

    def _rest(self, error: StoreError, pause: Rest | None) -> None:
        now = self.ingest.clock()
        failures = (pause.failures if pause else 0) + 1
        until = now + delay(error, failures, jitter=self.jitter)
        with self.ingest.database.write() as connection:
            stores.rest(connection, self.slug, Rest(error.code, now, until, error.permanent, failures))
        level = log.error if error.permanent and failures == 1 else log.warning
        level("store.rests", store=self.slug, code=error.code, detail=error.detail, until=until.isoformat())

    def run(self, stopping: Event) -> None:
        """Take turns until `stopping` is set; a failure of the ledger, or one unforeseen, ends no loop."""
        while not stopping.is_set():
            pause = IDLE_SECONDS
            try:
                pause = 0 if self.turn() else IDLE_SECONDS
            except LedgerUnavailableError as error:
                log.warning("ledger.away", store=self.slug, error=str(error))
                pause = LEDGER_AWAY_SECONDS
            except Exception:
                log.exception("worker.failed", store=self.slug)
                pause = LEDGER_AWAY_SECONDS
            stopping.wait(pause)


def run(settings: Settings, ingest: Ingest, stopping: Event, *, grace: timedelta = timedelta(seconds=70)) -> None:
    """Look after all stores until `stopping` is set; then wait for the calls under way, at most `grace`.

    Raises LedgerUnavailableError where the ledger cannot be used from the start.
    """
    with ingest.database.write() as connection:
        stores.register(connection, settings.stores)
    workers = [StoreWorker.of(slug, settings, ingest) for slug in settings.stores]
    threads = [Thread(target=worker.run, args=(stopping,), name=worker.slug, daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    log.info("worker.started", stores=sorted(settings.stores))
    stopping.wait()
    for thread in threads:
        thread.join(grace.total_seconds() / max(len(threads), 1))
    log.info("worker.stopped")
