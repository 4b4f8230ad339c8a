"""Group commit: deliveries that come to a process at the same time share one transaction.

A commit that is synced to the disk costs more than all else about a delivery, and there can be one at a time. So what
the requests at hand have verified and parsed is taken in together, while their clients wait.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import gevent
import structlog
from gevent.event import AsyncResult

from hooks.delivery import Delivery
from hooks.errors import LedgerUnavailableError
from hooks.ingest import Result

MOST_AT_ONCE = 64

Receive = Callable[[Sequence[tuple[str, Delivery]]], list[Result]]
"""Takes several deliveries in one transaction. Raises LedgerUnavailableError, and then none of them is taken."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Group:
    """The deliveries that wait in this process, where requests are greenlets of one thread.

    One that is to commit comes to it only when all the others that could run have said what they have.
    """

    _waiting: list[tuple[str, Delivery, AsyncResult[Result | None]]] = field(default_factory=list)

    def receive(self, receive: Receive, store: str, delivery: Delivery) -> Result:
        """Take one delivery, together with others. Once this has returned, the ledger holds it durably.

        Raises LedgerUnavailableError, and then nothing of it is held.
        """
        answer: AsyncResult[Result | None] = AsyncResult()
        self._waiting.append((store, delivery, answer))
        if len(self._waiting) == 1:
            gevent.spawn(self._commit, receive)
        return answer.get() or receive([(store, delivery)])[0]

    def _commit(self, receive: Receive) -> None:
        together, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        if self._waiting:
            gevent.spawn(self._commit, receive)
        answers = [answer for _, _, answer in together]
        try:
            results: Sequence[Result | None] = receive([(store, delivery) for store, delivery, _ in together])
        except LedgerUnavailableError as error:
            for answer in answers:
                answer.set_exception(error, sys.exc_info())
            return
        except Exception:  # it may be about one of them: each is tried alone, where its request can fail by itself
            log.exception("group_commit.failed", deliveries=len(together))
            results = [None] * len(together)
        for answer, result in zip(answers, results, strict=True):
            answer.set(result)
