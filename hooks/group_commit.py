"""Group commit: deliveries that come to a process at the same time share one transaction.

A commit that is synced to the disk costs more than all else about a delivery, and there can be one at a time. So what
the requests at hand have verified and parsed is taken in together, while their clients wait.
"""

from __future__ import annotations

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

    _waiting: list[tuple[str, Delivery, AsyncResult]] = field(default_factory=list)

    def receive(self, receive: Receive, store: str, delivery: Delivery) -> Result:
        """Take one delivery, together with others. Once this has returned, the ledger holds it durably.

        Raises LedgerUnavailableError, and then nothing of it is held.
        """
        answer = AsyncResult()
        self._waiting.append((store, delivery, answer))
        if len(self._waiting) == 1:
            gevent.spawn(self._commit, receive)
        result: Result = answer.get()
        return result

    def _commit(self, receive: Receive) -> None:
        together, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        if self._waiting:
            gevent.spawn(self._commit, receive)
        for (_, _, answer), outcome in zip(together, _taken(receive, together), strict=True):
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set(outcome)


def _taken(receive: Receive, together: Sequence[tuple[str, Delivery, AsyncResult]]) -> Sequence[Result | Exception]:
    """What became of each. Whatever fails but the ledger may be about one of them: then each is tried alone."""
    try:
        return receive([(store, delivery) for store, delivery, _ in together])
    except LedgerUnavailableError as error:
        return [error] * len(together)
    except Exception as error:
        if len(together) == 1:
            return [error]
        log.warning("group_commit.split", deliveries=len(together))
        return [outcome for one in together for outcome in _taken(receive, [one])]
