"""Maintenance of the ledger: activate policies, re-tag, seal the history, prune deliveries, fold tallies.

Any number of workers may do it at once. Published pages are compared in a thread of their own: the page's server
decides how long that takes, and nothing else may wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event

import structlog

from hooks.errors import LedgerUnavailableError
from hooks.ledger import log as ledger_log
from hooks.ledger import stores, tallies
from hooks.policies.activate import activate, follow
from hooks.policies.drift_watch import PageWatch
from hooks.policies.retag import Retagger
from hooks.retention.policy import Policy
from hooks.runtime import Runtime
from hooks.settings import Settings
from hooks.worker.forget_addresses import forget
from hooks.worker.sealer import Sealer

IDLE_SECONDS = 0.5
LEDGER_AWAY_SECONDS = 2.0
AFTER_A_FAILURE = timedelta(seconds=5)
PAUSE_SHARE = 2 / 3
"""The pause after work, as a share of the time that the work took, where other processes write as well.

The work holds the write lock for only a part of its time, so the others keep about half of their rate.
"""

ACTIVATE_EVERY = timedelta(hours=1)
PRUNE_EVERY = timedelta(hours=1)
FOLD_EVERY = timedelta(seconds=1)

log = structlog.get_logger(__name__)


@dataclass
class MaintenanceTask:
    """A task that is due again and again. `run` returns how many items it handled."""

    run: Callable[[], int]
    every: timedelta = timedelta(0)
    due_at: datetime | None = None

    def step(self, now: datetime) -> int:
        """Run the task if it is due; return how many items it handled.

        A `due_at` further ahead than any delay was set by a clock that was ahead: the task is due. Raises
        LedgerUnavailableError; the caller then says when the task is due again.
        """
        longest_delay = max(self.every, AFTER_A_FAILURE)
        if self.due_at and now < self.due_at <= now + longest_delay:
            return 0
        count = self.run()
        self.due_at = now + self.every
        return count


@dataclass
class Maintenance:
    """Runs all tasks in turn. `configured_policy` is the policy that the settings name."""

    runtime: Runtime
    settings: Settings
    configured_policy: Policy
    tasks: list[MaintenanceTask] = field(default_factory=list)

    @classmethod
    def of(cls, settings: Settings, runtime: Runtime, configured_policy: Policy) -> Maintenance:
        """Make the maintenance with all tasks that involve only the ledger."""
        maintenance = cls(runtime, settings, configured_policy)
        maintenance.tasks = [
            MaintenanceTask(maintenance.activate, ACTIVATE_EVERY),
            MaintenanceTask(Retagger(runtime).turn),
            MaintenanceTask(Sealer(runtime).step),
            MaintenanceTask(maintenance.prune, PRUNE_EVERY),
            MaintenanceTask(maintenance.fold, FOLD_EVERY),
            MaintenanceTask(maintenance.forget, PRUNE_EVERY),
        ]
        return maintenance

    @classmethod
    def of_pages(
        cls, settings: Settings, runtime: Runtime, configured_policy: Policy, stopping: Event
    ) -> Maintenance:
        """Make the maintenance with the one task that waits for other servers. It ends soon after `stopping` is set."""
        watch = PageWatch(runtime, settings, stopping)
        return cls(runtime, settings, configured_policy, [MaintenanceTask(watch.step)])

    def run(self, stopping: Event) -> None:
        """Run the tasks until `stopping` is set, or until a policy other than the runtime's is in force."""
        while not stopping.is_set() and not self.is_outdated():
            stopping.wait(self.run_once())

    def run_once(self) -> float:
        """Run the tasks that are due; return how many seconds to pause.

        A task that fails is not run again for AFTER_A_FAILURE, and the others are run all the same. After work the
        pause is a share of the time that the work took, where other processes want to write, too.
        """
        began = time.monotonic()
        pause = IDLE_SECONDS
        for task in self.tasks:
            try:
                if task.step(self.runtime.clock()):
                    pause = min(pause, (time.monotonic() - began) * self._pause_share())
            except LedgerUnavailableError as error:
                log.warning("ledger.away", error=str(error))
                # It may be the only task that fails: after the pause the others run.
                task.due_at = self.runtime.clock() + AFTER_A_FAILURE
                return LEDGER_AWAY_SECONDS
            except Exception:
                log.exception("upkeep.failed")
                task.due_at = self.runtime.clock() + AFTER_A_FAILURE
        return pause

    def _pause_share(self) -> float:
        if self.runtime.database.is_contended():
            return PAUSE_SHARE
        return 0

    def is_outdated(self) -> bool:
        """Tell whether a policy other than the runtime's is in force."""
        try:
            return follow(self.runtime) is not self.runtime
        except LedgerUnavailableError:
            return False

    def activate(self) -> int:
        """Activate the policy that the settings name, if nothing prevents it."""
        activate(self.runtime, self.configured_policy)
        return 0

    def prune(self) -> int:
        """Delete deliveries older than the settings say, a chunk at a time; return how many.

        The history of records stays. A clock that is ahead makes no delivery older.
        """
        with self.runtime.database.read() as connection:
            now = stores.not_ahead_of_stores(connection, self.runtime.clock())
        before = now - self.settings.delivery_log
        count = 0
        while True:
            with self.runtime.database.write() as connection:
                chunk = ledger_log.prune(connection, before, self.timeless_topics())
            count += chunk
            if not chunk:
                return count

    def fold(self) -> int:
        """Add the changes to the tallies, a chunk at a time. Skip what another worker is folding."""
        return tallies.fold_all(self.runtime.database)

    def forget(self) -> int:
        """Drop the address hashes that nothing needs any more."""
        return forget(self.runtime)

    def timeless_topics(self) -> list[str]:
        """List the topics of deliveries that carry no time. They are never pruned: a repeat must be known for ever."""
        return ["event.undated", *(f"action.{name}" for name in self.runtime.policy.actions)]
