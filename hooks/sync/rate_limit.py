"""One budget of calls to a store, shared by all that call it, in any number of processes, over the ledger."""

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
"""No slot is reserved further ahead than this: who finds more are before it asks again when it is nearer."""

MAX_AHEAD = timedelta(seconds=30)
"""A reservation further ahead was made by a clock that was set back since, and counts for nothing.

No other can be: it is MAX_QUEUE and one call ahead at most, and calls are at most ten seconds apart, as the
settings allow no lower ceiling than one in ten seconds."""

REMEMBERED = 100
"""Calls remembered between two waits; there are more only while the ledger cannot be written."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SharedPace:
    """A `Pace` for the calls of one thread to one store. The rate, and whose turn it is, all threads share.

    `ceiling` is in calls a second, and at least 0.1. The processes' clocks should agree to some seconds.
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
        """Reserve the next slot that is free, and sleep until then. Raises LedgerUnavailableError."""
        reserved = False
        while not reserved:
            with self.database.write() as connection:
                until, reserved = self._reserve(connection)
            self._observed.clear()
            ahead = min(
                until - self.clock(), MAX_AHEAD
            )  # the clock may have been set back just now
            if ahead > timedelta(0):
                self.sleep(ahead.total_seconds())

    def observe(self, call: str, seconds: float, outcome: CallOutcome) -> None:
        """Remember how a call went; the next wait tells it to all."""
        self._observed.append(Observation(call, seconds, outcome))

    def _reserve(self, connection: Connection) -> tuple[datetime, bool]:
        """When the call may go out; or, with False, when to ask again."""
        known = stores.lock_budget(connection, self.store)
        load = Load(known.rate or START_RATE, json.loads(known.usual or "{}"))
        load = adapt(load, tuple(self._observed), self.ceiling)
        now = self.clock()  # only now that the row is ours: the lock may have taken seconds
        slot = max(now, known.next_call_at or now)
        if slot - now > MAX_AHEAD:
            slot = now
        reserved = slot - now <= MAX_QUEUE
        next_call_at = slot + timedelta(seconds=1 / load.rate) if reserved else slot
        usual = json.dumps(dict(load.usual), sort_keys=True)
        stores.save_budget(
            connection, self.store, next_call_at=next_call_at, rate=load.rate, usual=usual
        )
        return (slot if reserved else slot - MAX_QUEUE), reserved
