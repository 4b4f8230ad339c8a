"""The loop of a worker: it watches the stores, refetches records, pushes schedules and maintains the ledger.

Any number of workers may run. Each store has its own thread, so that a slow or dead store never delays another. The
comparison of the published pages has its own thread for the same reason.
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
from hooks.sync.backoff import run_tasks
from hooks.sync.heartbeat import Heartbeat
from hooks.sync.push import Pusher
from hooks.sync.rate_limit import SharedPace
from hooks.sync.reconcile import Reconciler
from hooks.sync.refetch import Refetcher
from hooks.sync.store_observations import ZoneWatch
from hooks.sync.webhook_watch import WebhookWatch
from hooks.worker.maintenance import IDLE_SECONDS, LEDGER_AWAY_SECONDS, Maintenance

GRACE = timedelta(seconds=70)
"""The wait for calls under way when a worker stops.

It is shorter than the systemd units (`TimeoutStopSec`) and compose (`stop_grace_period`) allow.
"""

log = structlog.get_logger(__name__)


class PeriodicWork(Protocol):
    """Work that is due for a store again and again: a round of lists, or a watch."""

    def step(self) -> int:
        """Do the next part if it is due; return how many items that were. Raises StoreError."""


@dataclass(frozen=True)
class StoreWorker:
    """Does the work for one store, one part of each task at a time."""

    slug: str
    refetcher: Refetcher
    pusher: Pusher
    runtime: Runtime
    heartbeat: Heartbeat
    jitter: Callable[[], float] = random.random
    rounds: Sequence[PeriodicWork] = ()

    @classmethod
    def of(cls, slug: str, settings: Settings, runtime: Runtime) -> StoreWorker:
        """Make the worker of the store with this slug."""
        ceiling = settings.store_requests_per_second
        client = StoreClient(settings.stores[slug], SharedPace(runtime.database, slug, ceiling))
        return cls(
            slug,
            Refetcher(slug, client, runtime),
            Pusher(slug, client, runtime),
            runtime,
            Heartbeat.of(slug, client, runtime, settings),
            rounds=(
                Reconciler(slug, client, runtime, settings.reconcile, settings.sweep),
                WebhookWatch(slug, client, runtime, settings),
                ZoneWatch(slug, client, runtime),
            ),
        )

    def run_once(self) -> bool:
        """Do what is due, unless the client backs off. Return True if more work may be due at once.

        Raises LedgerUnavailableError.
        """
        steps = [work.step for work in self.rounds]
        tasks = (self.refetcher.refetch, self.pusher.push, *steps)
        return bool(run_tasks(self.slug, tasks, self.runtime, self.jitter))

    def run(self, stopping: Event) -> None:
        """Beat and work until `stopping` is set. No error ends the loop, not even an unforeseen one."""
        while not stopping.is_set():
            stopping.wait(self._beat_and_work())

    def _beat_and_work(self) -> float:
        """Do what is due; return how many seconds to wait."""
        try:
            is_busy = self.heartbeat.beat() and self.run_once()
        except LedgerContendedError:  # rolled back in favour of another transaction
            return 0
        except LedgerUnavailableError as error:
            log.warning("ledger.away", store=self.slug, error=str(error))
            return LEDGER_AWAY_SECONDS
        except Exception:
            log.exception("worker.failed", store=self.slug)
            return LEDGER_AWAY_SECONDS
        if is_busy:
            return 0
        return IDLE_SECONDS


def run(
    settings: Settings, runtime: Runtime, stopping: Event, *, configured_policy: Policy
) -> None:
    """Work for all stores and the ledger until `stopping` is set; then wait for calls under way, at most GRACE.

    `configured_policy` is the policy that the settings name; maintenance activates it. Once another policy is in
    force, the threads that work by the old one end, and new ones begin. Raises LedgerUnavailableError where the ledger
    cannot be used from the start.
    """
    register(settings, runtime)
    threads: list[Thread] = []
    log.info("worker.started", stores=sorted(settings.stores), ledger=runtime.database.description)
    while not stopping.is_set():
        runtime = _with_policy_in_force(runtime)
        is_over = Event()
        threads = [thread for thread in threads if thread.is_alive()]
        threads += _start(settings, runtime, is_over, configured_policy)
        Maintenance.of(settings, runtime, configured_policy).run(stopping)
        is_over.set()
    for thread in threads:
        thread.join(GRACE.total_seconds() / max(len(threads), 1))
    log.info("worker.stopped")


def _with_policy_in_force(runtime: Runtime) -> Runtime:
    try:
        return follow(runtime)
    except LedgerUnavailableError:
        return runtime


def _start(
    settings: Settings, runtime: Runtime, is_over: Event, configured_policy: Policy
) -> list[Thread]:
    """Start a thread for each store, and one for the published pages. They end once `is_over` is set."""
    targets: dict[str, Callable[[Event], None]] = {}
    for slug in settings.stores:
        targets[slug] = StoreWorker.of(slug, settings, runtime).run
    if settings.policy_pages:
        pages = Maintenance.of_pages(settings, runtime, configured_policy, is_over)
        targets["published pages"] = pages.run
    threads = []
    for name, target in targets.items():
        thread = Thread(target=target, args=(is_over,), name=name, daemon=True)
        thread.start()
        threads.append(thread)
    return threads


def register(settings: Settings, runtime: Runtime) -> None:
    """Add the rows of all stores, rounds and pages that the ledger lacks. Raises LedgerUnavailableError."""
    with runtime.database.write() as connection:
        stores.register(connection, settings.stores)
        for slug in settings.stores:
            rounds.register(connection, slug, runtime.clock())
        page_checks.keep_only(connection, settings.policy_pages, runtime.clock())
