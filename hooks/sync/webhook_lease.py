"""The lease on one store's webhooks: one process at a time makes, changes or removes them.

The danger: two processes survey a store at the same moment. Both see that a webhook is missing, and both make it. The
store then sends each event twice, until a later check removes one of the two.

The rule: a process takes the lease before the survey, renews it after each deed, and releases it after the last one.
A survey is recorded, and reported, only by a holder that still has the lease.

The lease is the claim of the store's round "watch" in the ledger. A worker's watch takes it when the round is due. A
command takes it at any time, and waits while another process holds it. It leaves the times of the round as they are.
The lease of a holder that died lapses after `rounds.LEASE`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from hooks.errors import LeaseError, LedgerUnavailableError
from hooks.ledger import rounds
from hooks.ledger.rounds import RoundClaim
from hooks.runtime import Runtime

POLL_SECONDS = 0.5
PATIENCE = timedelta(minutes=5)
"""The longest wait for the lease. It outlasts the lease of a dead holder, and most stores' work on all our webhooks."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease on one store's webhooks. Methods raise LedgerUnavailableError."""

    claim: RoundClaim
    runtime: Runtime

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that also renews the lease. Raises LeaseError, and writes nothing, where it is lost."""
        with self.runtime.database.write() as connection:
            if not rounds.save(connection, self.claim, self.runtime.clock()):
                raise LeaseError(
                    f"the lease on the webhooks of {self.claim.store} lapsed before the work was done, and another "
                    "process holds it now"
                )
            yield connection

    def renew(self) -> None:
        """Renew the lease: a store may take longer over many webhooks than the lease lasts. Raises LeaseError."""
        with self.write():
            pass

    def release(self, **columns: Any) -> None:
        """Release the lease and write these columns of the round. Once it is released or lost, nothing is written."""
        with self.runtime.database.write() as connection:
            rounds.release(connection, self.claim, **columns)


@contextmanager
def hold_if_due(store: str, runtime: Runtime) -> Iterator[Lease | None]:
    """Hold the lease for this block; give None where the watch is not due, or another process holds the lease.

    Raises LedgerUnavailableError.
    """
    with runtime.database.read() as connection:
        is_due = "watch" in rounds.due(connection, store, runtime.clock())
    if not is_due:
        yield None
        return
    with _new_lease(store, runtime) as lease:
        with runtime.database.write() as connection:
            row = rounds.claim(connection, lease.claim, runtime.clock())
        if row is None:
            yield None
        else:
            yield lease


@contextmanager
def hold(
    store: str,
    runtime: Runtime,
    on_wait: Callable[[], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Lease]:
    """Wait for the lease, and hold it for this block. `on_wait` is called once, if another process holds it.

    Raises LeaseError after PATIENCE; LedgerUnavailableError.
    """
    with _new_lease(store, runtime) as lease:
        _wait(lease, on_wait, sleep)
        yield lease


def _wait(lease: Lease, on_wait: Callable[[], None], sleep: Callable[[float], None]) -> None:
    """Wait for the lease. Sleeps are counted: by a clock that is set meanwhile, the wait could end early, or never."""
    for number in range(int(PATIENCE.total_seconds() / POLL_SECONDS)):
        if _take(lease):
            return
        if number == 0:
            on_wait()
        sleep(POLL_SECONDS)
    raise LeaseError(
        f"another process has held the lease on the webhooks of {lease.claim.store} for "
        f"{PATIENCE.total_seconds() / 60:.0f} minutes, so that nothing was changed"
    )


def _take(lease: Lease) -> bool:
    with lease.runtime.database.write() as connection:
        return rounds.claim_at_any_time(connection, lease.claim, lease.runtime.clock())


@contextmanager
def _new_lease(store: str, runtime: Runtime) -> Iterator[Lease]:
    """Give a lease that is yet to be taken, and release it after the block, however that ends.

    A lease that the ledger cannot release lapses by itself. So the error of the block is the one that is raised.
    """
    lease = Lease(RoundClaim(store, "watch", uuid4().hex), runtime)
    try:
        yield lease
    finally:
        with suppress(LedgerUnavailableError):
            lease.release()
