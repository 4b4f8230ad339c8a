"""The rate limit of one store: one budget of calls, which all threads of all processes share through the ledger."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from hooks.ledger import stores
from hooks.ledger.database import Database
from hooks.store.rate import START_RATE, CallOutcome, Load, Observation, adapt

MAX_QUEUE = timedelta(seconds=15)
"""No slot is reserved further ahead than this. A caller who finds a longer queue waits, and then tries again."""

MAX_AHEAD = timedelta(seconds=30)
"""A reservation further ahead than this was made by a clock that was ahead, and does not count.

A right clock makes no such reservation: it is at most MAX_QUEUE and one call ahead, and two calls are at most ten
seconds apart, since the settings allow no ceiling below one call in ten seconds.
"""

REMEMBERED = 100
"""Calls remembered between two waits. There are more only while the ledger cannot be written."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SharedPace:
    """A `Pace` for the calls of one thread to one store. All threads share the rate and the queue.

    `ceiling` is the highest rate, in calls a second, and at least 0.1. The processes' clocks should agree to some
    seconds.
    """

    def __init__(
        self,
        database: Database,
        store: str,
        ceiling: float,
        clock: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.database = database
        self.store = store
        self.ceiling = ceiling
        self.clock = clock
        self.sleep = sleep
        self._observed: deque[Observation] = deque(maxlen=REMEMBERED)

    def wait(self) -> None:
        """Reserve the next free slot, and sleep until then. Raises LedgerUnavailableError."""
        is_reserved = False
        while not is_reserved:
            with self.database.write() as connection:
                until, is_reserved = self._reserve(connection)
            self._observed.clear()
            # The clock may have been set back just now, so the wait has a limit.
            ahead = min(until - self.clock(), MAX_AHEAD)
            if ahead > timedelta(0):
                self.sleep(ahead.total_seconds())

    def observe(self, call: str, seconds: float, outcome: CallOutcome) -> None:
        """Remember the duration and the outcome of a call. The next `wait` shares them with all processes."""
        self._observed.append(Observation(call, seconds, outcome))

    def _reserve(self, connection: Connection) -> tuple[datetime, bool]:
        """Return the time of the reserved slot and True; or the time to try again and False."""
        budget = stores.lock_budget(connection, self.store)
        load = Load(budget.rate or START_RATE, json.loads(budget.usual or "{}"))
        load = adapt(load, tuple(self._observed), self.ceiling)
        now = self.clock()  # read after the lock, which may have taken seconds
        slot = max(now, budget.next_call_at or now)
        if slot - now > MAX_AHEAD:
            slot = now
        is_reserved = slot - now <= MAX_QUEUE
        next_call_at = slot
        if is_reserved:
            next_call_at += timedelta(seconds=1 / load.rate)
        stores.save_budget(
            connection,
            self.store,
            next_call_at=next_call_at,
            rate=load.rate,
            usual=json.dumps(dict(load.usual), sort_keys=True),
        )
        if not is_reserved:
            return slot - MAX_QUEUE, False
        return slot, True
