"""The loop that watches stores, asks them what is in question and writes back what is due; any number may run.

Each store has a thread of its own, so that one that is slow or dead never delays another; so have the published pages.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from typing import Protocol

import structlog

from hooks.errors import LedgerContendedError, LedgerUnavailableError
from hooks.intake.ingest import Ingest
from hooks.ledger import page_checks, rounds, stores
from hooks.policies.activate import follow
from hooks.retention.policy import Policy
from hooks.settings import Settings
from hooks.store.client import StoreClient
from hooks.sync.backoff import turn
from hooks.sync.heartbeat import Heartbeat
from hooks.sync.push import Pusher
from hooks.sync.rate_limit import SharedPace
from hooks.sync.reconcile import Rescanner
from hooks.sync.refetch import Rereader
from hooks.sync.store_observations import ZoneWatch
from hooks.sync.webhook_watch import Watcher
from hooks.worker.maintenance import IDLE_SECONDS, LEDGER_AWAY_SECONDS, Upkeep

GRACE = timedelta(seconds=70)
"""Less than the units (`TimeoutStopSec`) and compose (`stop_grace_period`) give a worker."""

log = structlog.get_logger(__name__)


class Round(Protocol):
    """What is done for a store again and again, by one worker at a time."""

    def step(self) -> int:
        """Do the next part of it, if it is due; how much that was. Raises StoreError."""


@dataclass(frozen=True)
class StoreWorker:
    """Looks after one store, a turn at a time."""

    slug: str
    rereader: Rereader
    pusher: Pusher
    ingest: Ingest
    heartbeat: Heartbeat
    jitter: Callable[[], float] = random.random
    rounds: Sequence[Round] = ()

    @classmethod
    def of(cls, slug: str, settings: Settings, ingest: Ingest) -> StoreWorker:
        """A worker for the store that the settings call `slug`."""
        ceiling = settings.store_requests_per_second
        client = StoreClient(settings.stores[slug], SharedPace(ingest.database, slug, ceiling))
        return cls(
            slug,
            Rereader(slug, client, ingest),
            Pusher(slug, client, ingest),
            ingest,
            Heartbeat.of(slug, client, ingest, settings),
            rounds=(
                Rescanner(slug, client, ingest, settings.reconcile, settings.sweep),
                Watcher(slug, client, ingest, settings),
                ZoneWatch(slug, client, ingest),
            ),
        )

    def turn(self) -> bool:
        """Do what is due, unless the store is to be left alone; True if there may be more at once.

        Raises LedgerUnavailableError.
        """
        duties = (self.rereader.reread, self.pusher.push, *(each.step for each in self.rounds))
        return bool(turn(self.slug, duties, self.ingest, self.jitter))

    def run(self, stopping: Event) -> None:
        """Take turns until `stopping` is set; a failure of the ledger, or one unforeseen, ends no loop.

        One that was undone for another transaction's sake is begun again at once.
        """
        while not stopping.is_set():
            pause = IDLE_SECONDS
            try:
                pause = 0 if self.heartbeat.beat() and self.turn() else IDLE_SECONDS
            except LedgerContendedError:
                pause = 0
            except LedgerUnavailableError as error:
                log.warning("ledger.away", store=self.slug, error=str(error))
                pause = LEDGER_AWAY_SECONDS
            except Exception:
                log.exception("worker.failed", store=self.slug)
                pause = LEDGER_AWAY_SECONDS
            stopping.wait(pause)


def run(settings: Settings, ingest: Ingest, stopping: Event, *, wanted: Policy) -> None:
    """Look after all stores and the ledger until `stopping` is set; then wait for the calls under way, at most GRACE.

    `wanted` is the policy to be put in force. When one is, those who work by the old one end their turn, and others
    begin.
    Raises LedgerUnavailableError where the ledger cannot be used from the start.
    """
    register(settings, ingest)
    threads: list[Thread] = []
    log.info("worker.started", stores=sorted(settings.stores), ledger=ingest.database.description)
    while not stopping.is_set():
        ingest = _follow(ingest)
        over = Event()
        started = _start(settings, ingest, over, wanted)
        threads = [thread for thread in threads if thread.is_alive()] + started
        Upkeep.of(settings, ingest, wanted).run(stopping)
        over.set()
    for thread in threads:
        thread.join(GRACE.total_seconds() / max(len(threads), 1))
    log.info("worker.stopped")


def _follow(ingest: Ingest) -> Ingest:
    try:
        return follow(ingest)
    except LedgerUnavailableError:
        return ingest


def _start(settings: Settings, ingest: Ingest, over: Event, wanted: Policy) -> list[Thread]:
    runs: dict[str, Callable[[Event], None]] = {
        slug: StoreWorker.of(slug, settings, ingest).run for slug in settings.stores
    }
    if settings.policy_pages:
        runs["published pages"] = Upkeep.of_pages(settings, ingest, wanted, over).run
    threads = [Thread(target=run, args=(over,), name=name, daemon=True) for name, run in runs.items()]
    for thread in threads:
        thread.start()
    return threads


def register(settings: Settings, ingest: Ingest) -> None:
    """Have the ledger know of all stores, and of what is to be done for each. Raises LedgerUnavailableError."""
    with ingest.database.write() as connection:
        stores.register(connection, settings.stores)
        for slug in settings.stores:
            rounds.register(connection, slug, ingest.clock())
        page_checks.keep_to(connection, settings.policy_pages, ingest.clock())
