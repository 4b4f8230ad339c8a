"""Group commit: deliveries that a process takes at the same time share one transaction.

The danger: a commit waits for the disk. That takes longer than everything else in a delivery, and the ledger makes one
commit at a time. With a commit for each delivery, a burst of webhooks would time out, and WooCommerce never sends a
failed delivery again.

The principle: requests are greenlets of one thread. Each request verifies and parses its delivery, adds it to the
queue and waits. One greenlet commits all that are in the queue and hands each request its own result.

The rules that keep it safe:

- A request gets its result after the commit, so a 200 means that the ledger has the delivery durably.
- Every waiting request gets a result or an error, whatever happens to the commit.
- When a batch is refused, one delivery may be at fault: each is retried in a transaction of its own.
- When the ledger is unavailable, all fail at once, also those that came while the commit was tried.
- A batch is committed under the policy of its first delivery. A later delivery may have been parsed under a newer
  policy. That is safe, because records that an old policy has tagged are re-tagged.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import gevent
import structlog
from gevent.event import AsyncResult

from hooks.errors import LedgerRefusedError, LedgerUnavailableError
from hooks.intake.ingest import Batch, Result, SingleBatch
from hooks.intake.webhook import Delivery

MAX_BATCH = 64
"""Deliveries of one commit. In a larger batch the first delivery would wait too long for the last."""

log = structlog.get_logger(__name__)


class Ingester(Protocol):
    """Ingests deliveries: `hooks.intake.ingest.Ingest`."""

    def ingest_batch(self, batch: Batch) -> list[Result]:
        """Ingest a batch in one transaction. Raises LedgerUnavailableError, and then none of it is stored."""


@dataclass(frozen=True, slots=True)
class _Waiter:
    """A request that waits for its delivery. `ingester` has the policy by which the delivery was parsed."""

    ingester: Ingester
    store: str
    delivery: Delivery
    answer: AsyncResult[Result | None] = field(default_factory=AsyncResult)
    """The result; None where the delivery is to be retried alone."""


@dataclass(slots=True)
class GroupCommit:
    """The queue of deliveries in this process, and the greenlet that commits them."""

    _queue: list[_Waiter] = field(default_factory=list)
    _is_committing: bool = False

    def submit(self, ingester: Ingester, store: str, delivery: Delivery) -> Result:
        """Ingest one delivery, together with others. Once this has returned, the ledger has it durably.

        Raises LedgerUnavailableError, and then nothing of it is stored.
        """
        waiter = _Waiter(ingester, store, delivery)
        self._queue.append(waiter)
        if not self._is_committing:
            self._is_committing = True
            # It runs after the other greenlets that are ready have queued their deliveries.
            gevent.spawn(self._commit)
        result = waiter.answer.get()
        return result or ingester.ingest_batch(SingleBatch(store, delivery))[0]

    def _commit(self) -> None:
        """Commit a batch under the policy of its first delivery (see above), and start the next one."""
        try:
            _QueuedBatch(self._queue).commit(self._queue[0].ingester)
        finally:
            self._is_committing = bool(self._queue)
            if self._is_committing:
                gevent.spawn(self._commit)


@dataclass(slots=True)
class _QueuedBatch:
    """The deliveries of one commit, which leave the queue for it."""

    queue: list[_Waiter]
    waiters: list[_Waiter] = field(default_factory=list)

    def deliveries(self) -> Sequence[tuple[str, Delivery]]:
        """List this batch, with what has joined the queue since; at most `MAX_BATCH`."""
        room = MAX_BATCH - len(self.waiters)
        self.waiters += self.queue[:room]
        del self.queue[:room]
        return [(waiter.store, waiter.delivery) for waiter in self.waiters]

    def commit(self, ingester: Ingester) -> None:
        """Ingest the batch and answer each waiter. No waiter is left without an answer."""
        try:
            self._commit(ingester)
        finally:
            if not self.waiters:
                self.deliveries()
            for waiter in self.waiters:
                if not waiter.answer.ready():
                    waiter.answer.set_exception(
                        LedgerUnavailableError("the commit ended without a result")
                    )

    def _commit(self, ingester: Ingester) -> None:
        try:
            results = ingester.ingest_batch(self)
        except LedgerRefusedError as error:
            log.warning("group_commit.refused", deliveries=len(self.waiters), error=str(error))
            self._retry_alone()
        except LedgerUnavailableError as error:
            self.deliveries()  # deliveries that came meanwhile would wait in vain, too
            for waiter in self.waiters:
                waiter.answer.set_exception(error, sys.exc_info())
        except Exception:
            log.exception("group_commit.failed", deliveries=len(self.deliveries()))
            self._retry_alone()
        else:
            for waiter, result in zip(self.waiters, results, strict=True):
                waiter.answer.set(result)

    def _retry_alone(self) -> None:
        """Let each request retry its delivery alone, and fail by itself."""
        for waiter in self.waiters:
            waiter.answer.set(None)
