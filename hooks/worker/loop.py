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
from hooks.ledger import page_checks, rounds, stores
from hooks.policies.activate import follow
from hooks.retention.policy import Policy
from hooks.runtime import Runtime
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
    runtime: Runtime
    heartbeat: Heartbeat
    jitter: Callable[[], float] = random.random
    rounds: Sequence[Round] = ()

    @classmethod
    def of(cls, slug: str, settings: Settings, runtime: Runtime) -> StoreWorker:
        """A worker for the store that the settings call `slug`."""
        ceiling = settings.store_requests_per_second
        client = StoreClient(settings.stores[slug], SharedPace(runtime.database, slug, ceiling))
        return cls(
            slug,
            Rereader(slug, client, runtime),
            Pusher(slug, client, runtime),
            runtime,
            Heartbeat.of(slug, client, runtime, settings),
            rounds=(
                Rescanner(slug, client, runtime, settings.reconcile, settings.sweep),
                Watcher(slug, client, runtime, settings),
                ZoneWatch(slug, client, runtime),
            ),
        )

    def turn(self) -> bool:
        """Do what is due, unless the store is to be left alone; True if there may be more at once.

        Raises LedgerUnavailableError.
        """
        duties = (self.rereader.reread, self.pusher.push, *(each.step for each in self.rounds))
        return bool(turn(self.slug, duties, self.runtime, self.jitter))

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


def run(settings: Settings, runtime: Runtime, stopping: Event, *, wanted: Policy) -> None:
    """Look after all stores and the ledger until `stopping` is set; then wait for the calls under way, at most GRACE.

    `wanted` is the policy to be put in force. When one is, those who work by the old one end their turn, and others
    begin.
    Raises LedgerUnavailableError where the ledger cannot be used from the start.
    """
    register(settings, runtime)
    threads: list[Thread] = []
    log.info("worker.started", stores=sorted(settings.stores), ledger=runtime.database.description)
    while not stopping.is_set():
        runtime = _follow(runtime)
        over = Event()
        started = _start(settings, runtime, over, wanted)
        threads = [thread for thread in threads if thread.is_alive()] + started
        Upkeep.of(settings, runtime, wanted).run(stopping)
        over.set()
    for thread in threads:
        thread.join(GRACE.total_seconds() / max(len(threads), 1))
    log.info("worker.stopped")


def _follow(runtime: Runtime) -> Runtime:
    try:
        return follow(runtime)
    except LedgerUnavailableError:
        return runtime


def _start(settings: Settings, runtime: Runtime, over: Event, wanted: Policy) -> list[Thread]:
    runs: dict[str, Callable[[Event], None]] = {
        slug: StoreWorker.of(slug, settings, runtime).run for slug in settings.stores
    }
    if settings.policy_pages:
        runs["published pages"] = Upkeep.of_pages(settings, runtime, wanted, over).run
    threads = [
        Thread(target=run, args=(over,), name=name, daemon=True) for name, run in runs.items()
    ]
    for thread in threads:
        thread.start()
    return threads


def register(settings: Settings, runtime: Runtime) -> None:
    """Have the ledger know of all stores, and of what is to be done for each. Raises LedgerUnavailableError."""
    with runtime.database.write() as connection:
        stores.register(connection, settings.stores)
        for slug in settings.stores:
            rounds.register(connection, slug, runtime.clock())
        page_checks.keep_to(connection, settings.policy_pages, runtime.clock())
