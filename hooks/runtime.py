"""The runtime of one process: its database, the policy in force, the clock, and write transactions.

Whatever changes records does so in `Runtime.transaction`. It retries the work when another process won the race
to insert the same record, so the work must read all that it decides upon inside the transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from hooks.errors import LedgerContendedError
from hooks.ledger.database import Database
from hooks.ledger.moment import Moment
from hooks.ledger.records import RacedError
from hooks.ledger.unit import Unit
from hooks.retention.policy import Policy

RACES = 5
"""Attempts of a transaction that loses the race to insert a record. The record of the winner is there by then."""

_T = TypeVar("_T")


def utc_now() -> datetime:
    """The time of day, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Runtime:
    """A database, the policy by which its records are tagged, and the clock.

    `settle` is how long a record must be quiet before it is acted upon; `clock` tells the time of day in UTC. With a
    `subject_key` the addresses that the store shows are hashed, in memory.
    """

    database: Database
    policy: Policy
    settle: timedelta
    clock: Callable[[], datetime] = utc_now
    subject_key: str | None = field(default=None, repr=False)

    def moment(self, asked_at: datetime | None = None) -> Moment:
        """Now, and the time at which the store was asked, where its answer is what is learnt from."""
        return Moment(self.clock(), self.settle, asked_at)

    def transaction(self, work: Callable[[Unit], _T]) -> _T:
        """Run `work` in one write transaction. Retry it where it lost the race to insert a record.

        Raises LedgerUnavailableError, and then nothing of it is stored.
        """
        for _ in range(RACES):
            try:
                with self.database.write() as connection:
                    unit = Unit(connection)
                    result = work(unit)
                    unit.write()
            except LedgerContendedError:
                continue
            else:
                return result
        raise RacedError("the record was made by another process again and again")
