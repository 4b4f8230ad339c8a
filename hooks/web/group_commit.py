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

from hooks.errors import LedgerRefusedError, LedgerUnavailableError
from hooks.intake.ingest import Result
from hooks.intake.webhook import Delivery

MOST_AT_ONCE = 64
"""Deliveries of one commit: of more, the first would wait for the last."""

Deliveries = Sequence[tuple[str, Delivery]]

Receive = Callable[[Callable[[], Deliveries]], list[Result]]
"""Takes several deliveries in one transaction, and asks for them when it has begun. Raises LedgerUnavailableError, and
then none of them is taken."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A delivery that waits, and how it would be taken alone: by the policy that it was parsed for."""

    store: str
    delivery: Delivery
    receive: Receive
    answer: AsyncResult[Result | None] = field(default_factory=AsyncResult)

    @property
    def named(self) -> tuple[str, Delivery]:
        """As it is handed over."""
        return self.store, self.delivery


@dataclass(slots=True)
class Group:
    """The deliveries that wait in this process, where requests are greenlets of one thread.

    While it is waited for other processes to end their commit, more may come, and are taken along.
    """

    _waiting: list[_Waiting] = field(default_factory=list)
    _committing: bool = False

    def receive(self, receive: Receive, store: str, delivery: Delivery) -> Result:
        """Take one delivery, together with others. Once this has returned, the ledger holds it durably.

        Raises LedgerUnavailableError, and then nothing of it is held.
        """
        mine = _Waiting(store, delivery, receive)
        self._waiting.append(mine)
        if not self._committing:
            self._committing = True
            gevent.spawn(self._commit)  # its turn comes when all others that can run have said what they have
        return mine.answer.get() or receive(lambda: [mine.named])[0]

    def _commit(self) -> None:
        """By what the first of them would be taken by: the others were parsed no earlier, and a policy that is older
        than theirs does no harm. What it tags is tagged anew."""
        try:
            _Together(self._waiting).take(self._waiting[0].receive)
        finally:
            self._committing = bool(self._waiting)
            if self._committing:
                gevent.spawn(self._commit)


@dataclass(slots=True)
class _Together:
    """The deliveries of one commit, taken out of all that wait."""

    waiting: list[_Waiting]
    taken: list[_Waiting] = field(default_factory=list)

    def take(self, receive: Receive) -> None:
        """Take them, and tell each what became of it, whatever happens: who is told nothing waits for ever."""
        try:
            self._take(receive)
        finally:
            if not self.taken:
                self._deliveries()
            for one in self.taken:
                if not one.answer.ready():
                    one.answer.set_exception(LedgerUnavailableError("the commit ended without a result"))

    def _take(self, receive: Receive) -> None:
        try:
            results = receive(self._deliveries)
        except LedgerRefusedError as error:
            log.warning("group_commit.refused", deliveries=len(self.taken), error=str(error))
            self._try_alone()
        except LedgerUnavailableError as error:
            self._deliveries()  # who came while it was waited for, would wait in vain again
            for one in self.taken:
                one.answer.set_exception(error, sys.exc_info())
        except Exception:
            log.exception("group_commit.failed", deliveries=len(self._deliveries()))
            self._try_alone()
        else:
            for one, result in zip(self.taken, results, strict=True):
                one.answer.set(result)

    def _try_alone(self) -> None:
        """It may be about one of them: each is tried alone, where its request can fail by itself."""
        for one in self.taken:
            one.answer.set(None)

    def _deliveries(self) -> Deliveries:
        """Those that wait by now, and those that were asked for before."""
        fit = MOST_AT_ONCE - len(self.taken)
        self.taken += self.waiting[:fit]
        del self.waiting[:fit]
        return [one.named for one in self.taken]
