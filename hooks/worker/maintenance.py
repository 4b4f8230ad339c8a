"""What a worker does for the ledger itself: policies put in force, tags made anew, pages compared, old deliveries
forgotten, tallies kept short. Any number of workers may be at it.

Pages are compared in a thread of their own: a page's server decides how long that takes, and nothing else waits for it.
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
from hooks.policies.activate import adopt, follow
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
REST = 2 / 3
"""How long it rests after work, as a part of the time that this took, where others write as well. It holds the lock for
less than all of that time: so they keep about half of their rate."""

ADOPT_EVERY = timedelta(hours=1)
PRUNE_EVERY = timedelta(hours=1)
FOLD_EVERY = timedelta(seconds=1)

log = structlog.get_logger(__name__)


@dataclass
class Chore:
    """Something that is due again and again: `do` says how much it did."""

    do: Callable[[], int]
    every: timedelta = timedelta(0)
    due_at: datetime | None = None

    def step(self, now: datetime) -> int:
        """Do it, if it is due; also if it is further ahead than it can have been put off, by a clock that was ahead.

        Raises LedgerUnavailableError; when it is due again is then the caller's to say.
        """
        if self.due_at and now < self.due_at <= now + max(self.every, AFTER_A_FAILURE):
            return 0
        done = self.do()
        self.due_at = now + self.every
        return done


@dataclass
class Upkeep:
    """Does all chores in turn. `wanted` is the policy that the settings name."""

    runtime: Runtime
    settings: Settings
    wanted: Policy
    chores: list[Chore] = field(default_factory=list)

    @classmethod
    def of(cls, settings: Settings, runtime: Runtime, wanted: Policy) -> Upkeep:
        """With all the chores that only the ledger has a part in."""
        made = cls(runtime, settings, wanted)
        made.chores = [
            Chore(made.adopt, ADOPT_EVERY),
            Chore(Retagger(runtime).turn),
            Chore(Sealer(runtime).step),
            Chore(made.prune, PRUNE_EVERY),
            Chore(made.fold, FOLD_EVERY),
            Chore(made.forget, PRUNE_EVERY),
        ]
        return made

    @classmethod
    def of_pages(
        cls, settings: Settings, runtime: Runtime, wanted: Policy, stopping: Event
    ) -> Upkeep:
        """With the one chore that waits for other servers. It is given up soon after `stopping` is set."""
        return cls(runtime, settings, wanted, [Chore(PageWatch(runtime, settings, stopping).step)])

    def run(self, stopping: Event) -> None:
        """Do what is due until `stopping` is set, or another policy is in force than the one that is worked by.

        Where others want to write, too, it rests after work for a part of the time that this took.
        """
        while not stopping.is_set() and not self.outdated():
            stopping.wait(self.turn())

    def turn(self) -> float:
        """Do what is due; how long to rest, in seconds. A chore that fails is left for a while, and keeps no other
        from being done."""
        began, pause = time.monotonic(), IDLE_SECONDS
        for chore in self.chores:
            try:
                if chore.step(self.runtime.clock()):
                    pause = min(pause, (time.monotonic() - began) * self._rest())
            except LedgerUnavailableError as error:
                log.warning("ledger.away", error=str(error))
                chore.due_at = (
                    self.runtime.clock() + AFTER_A_FAILURE
                )  # it may be the only one that fails
                return LEDGER_AWAY_SECONDS
            except Exception:
                log.exception("upkeep.failed")
                chore.due_at = self.runtime.clock() + AFTER_A_FAILURE
        return pause

    def _rest(self) -> float:
        return REST if self.runtime.database.others_write() else 0

    def outdated(self) -> bool:
        """Whether another policy has come into force."""
        try:
            return follow(self.runtime) is not self.runtime
        except LedgerUnavailableError:
            return False

    def adopt(self) -> int:
        """Put the policy in force that the settings name, if nothing stands in its way."""
        adopt(self.runtime, self.wanted)
        return 0

    def prune(self) -> int:
        """Forget deliveries older than the settings say, a chunk at a time; the history of records is kept.

        A clock that is ahead makes nothing older.
        """
        with self.runtime.database.read() as connection:
            before = stores.no_later(connection, self.runtime.clock()) - self.settings.delivery_log
        went = 0
        while True:
            with self.runtime.database.write() as connection:
                chunk = ledger_log.prune(connection, before, self.kept_topics())
            went += chunk
            if not chunk:
                return went

    def fold(self) -> int:
        """Add to the tallies what has changed, a chunk at a time. Another worker that is at it is left alone."""
        return tallies.fold_all(self.runtime.database)

    def forget(self) -> int:
        """Drop the hashes of addresses that nothing needs any more."""
        return forget(self.runtime)

    def kept_topics(self) -> list[str]:
        """Deliveries that carry no time: a repeat of one must be known for ever."""
        return ["event.undated", *(f"action.{name}" for name in self.runtime.policy.actions)]
