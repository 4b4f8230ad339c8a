"""Group commit: deliveries that come to the web processes of a host at the same time share one transaction.

A commit that is synced to the disk costs more than all else about a delivery, and there can be one at a time. So one of
the processes, the committer, answers no requests, but takes in what the others have verified and parsed, all that
waits at once. Nothing is kept in between: while there is no committer, those who wait do its work themselves.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import socket
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import structlog

from hooks.delivery import Delivery
from hooks.errors import LedgerUnavailableError
from hooks.ingest import Result

IDLE_SECONDS = 0.5
"""How long the committer waits for something to do, before it looks whether it is to stop."""

PATIENCE_SECONDS = 0.05
"""How long one waits for an answer, before it looks whether there is a committer at all."""

MOST_AT_ONCE = 64
LARGEST = 65_536

AGAIN = "again"
"""Said to all by a committer that begins."""

Receive = Callable[[Sequence[tuple[str, Delivery]]], list[Result]]
"""Takes several deliveries in one transaction. Raises LedgerUnavailableError, and then none of them is taken."""

Name = tuple[int, int]
"""Of one delivery among all that wait: the process, and how many it had before."""

log = structlog.get_logger(__name__)


class _Waiting(NamedTuple):
    """A delivery, and the place of the process that waits for what becomes of it."""

    place: int
    name: Name
    store: str
    delivery: Delivery


class _Answer(NamedTuple):
    """What became of one delivery: a result; or why the ledger could not be written; or neither, where all failed
    together for another reason, and each is to try alone."""

    name: Name
    result: Result | None = None
    unavailable: str | None = None


@dataclass(frozen=True, slots=True)
class _Channel:
    """Messages between processes of one family, which inherit both ends of it; nobody else can write there."""

    here: socket.socket
    there: socket.socket

    @classmethod
    def make(cls, patience: float) -> Self:
        """A new one, on which a receiver waits for so many seconds."""
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        here.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, int(patience * 1_000_000)))
        return cls(here, there)

    def send(self, message: object) -> bool:
        """False where it does not fit: it is too long, or those whom it is for do not keep up, or are no more."""
        try:
            self.there.send(pickle.dumps(message), socket.MSG_DONTWAIT)
        except OSError:
            return False
        return True

    def receive(self, *, wait: bool) -> object:
        """The next message; None if there is none, or none comes for a while."""
        try:
            message = self.here.recv(LARGEST, 0 if wait else socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        return pickle.loads(message)  # noqa: S301 - written by another process of this family


class Group:
    """Made once, before the web processes are forked. Each has a number of its own; two that share a place in the
    group only wait longer for their answers."""

    def __init__(self, places: int) -> None:
        self._lock = tempfile.TemporaryFile()  # noqa: SIM115 - locked for as long as there are processes
        self.waiting = _Channel.make(IDLE_SECONDS)
        self.answers = [_Channel.make(PATIENCE_SECONDS) for _ in range(places)]

    def member(self, number: int) -> Member:
        """For the process of this number, which answers requests."""
        return Member(self, number % len(self.answers))

    @contextmanager
    def committing(self) -> Iterator[bool]:
        """Whether this process, and no other one, is the committer while this block lasts. One that is killed is it no
        more."""
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)

    def ask_again(self) -> None:
        """As a committer that begins: the one before may have taken messages with it."""
        for place in self.answers:
            place.send(AGAIN)

    def commit(self, receive: Receive, *, wait: bool) -> None:
        """As the committer, take all that waits, and answer."""
        together = list(self._all_that_waits(wait=wait))
        if together:
            for waiting, answer in zip(together, _taken(receive, together), strict=True):
                self.answers[waiting.place].send(answer)

    def _all_that_waits(self, *, wait: bool) -> Iterator[_Waiting]:
        for place in range(MOST_AT_ONCE):
            message = self.waiting.receive(wait=wait and place == 0)
            if not isinstance(message, _Waiting):
                return
            yield message


@dataclass(slots=True)
class Member:
    """A process that answers requests. It has one delivery at a time: not to be shared by threads."""

    group: Group
    place: int
    _before: int = field(default=0, init=False)

    def receive(self, receive: Receive, store: str, delivery: Delivery) -> Result:
        """Take one delivery, together with others. Once this has returned, the ledger holds it durably.

        Raises LedgerUnavailableError, and then nothing of it is held.
        """
        self._before += 1
        own = _Waiting(self.place, (os.getpid(), self._before), store, delivery)
        answer = self._answer_to(own, receive)
        if answer.unavailable:
            raise LedgerUnavailableError(answer.unavailable)
        return answer.result or receive([(store, delivery)])[0]

    def _answer_to(self, own: _Waiting, receive: Receive) -> _Answer:
        said = self.group.waiting.send(own)
        while said:
            heard = self._heard(wait=True)
            if isinstance(heard, _Answer) and heard.name == own.name:
                return heard
            if heard == AGAIN:
                said = self.group.waiting.send(own)
            elif heard is None and self._stand_in(receive):
                break
        return self._left(own)

    def _heard(self, *, wait: bool) -> object:
        return self.group.answers[self.place].receive(wait=wait)

    def _stand_in(self, receive: Receive) -> bool:
        """Whether nobody commits; then take what waits, of this process and of others."""
        with self.group.committing() as alone:
            if alone:
                self.group.commit(receive, wait=False)
        return alone

    def _left(self, own: _Waiting) -> _Answer:
        """The answer that has come by now; none, where a committer that was killed took the delivery with it."""
        while (heard := self._heard(wait=False)) is not None:
            if isinstance(heard, _Answer) and heard.name == own.name:
                return heard
        return _Answer(own.name)


def _taken(receive: Receive, together: Sequence[_Waiting]) -> list[_Answer]:
    """What became of each. Whatever fails but the ledger may be about one of them: then each is to try alone."""
    try:
        results = receive([(one.store, one.delivery) for one in together])
    except LedgerUnavailableError as error:
        return [_Answer(one.name, unavailable=str(error)) for one in together]
    except Exception:
        log.exception("group_commit.failed", deliveries=len(together))
        return [_Answer(one.name) for one in together]
    return [_Answer(one.name, result) for one, result in zip(together, results, strict=True)]
