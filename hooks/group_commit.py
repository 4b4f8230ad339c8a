"""Group commit: deliveries that wait at the same time, in whichever web process of this host, share one transaction.

A commit that is synced to the disk costs more than the rest of a delivery, and there can be one at a time. So the
process that holds the lock, the leader, takes what all others are waiting with along with its own. There is no process
for it, and nothing is kept: whoever is left waiting, since the leader was killed, leads the next time.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import select
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

import structlog

from hooks.delivery import Delivery
from hooks.errors import LedgerUnavailableError
from hooks.ingest import Result

log = structlog.get_logger(__name__)

WAIT_SECONDS = 0.05
"""After as long a process that waits looks whether anybody leads at all."""

MOST_AT_ONCE = 32
LARGEST = 65_536

LEAD = b"lead"
"""Sent to one who waits: nobody leads any more."""

Receive = Callable[[Sequence[tuple[str, Delivery]]], list[Result]]
"""Takes several deliveries in one transaction. Raises LedgerUnavailableError, and then none of them is taken."""

Name = tuple[int, int]
"""Of one delivery among all that wait: the process, and how many it had before."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A delivery, and the place of the process that waits for what becomes of it."""

    place: int
    name: Name
    store: str
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class _Answer:
    """What became of one delivery: a result; or why the ledger could not be written; or neither, where the leader
    failed for another reason and each is to try alone."""

    name: Name
    result: Result | None = None
    unavailable: str | None = None


@dataclass(frozen=True, slots=True)
class _Channel:
    """Messages between processes of one family, which inherit both ends; neither end ever blocks."""

    here: socket.socket
    there: socket.socket

    @classmethod
    def make(cls) -> Self:
        """A new one."""
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        here.setblocking(False)
        there.setblocking(False)
        return cls(here, there)

    def send(self, message: bytes) -> bool:
        """False where it does not fit: those that it is for do not keep up, or are no more."""
        try:
            self.there.send(message)
        except OSError:
            return False
        return True

    def receive(self, *, peek: bool = False) -> bytes | None:
        """The next message, which stays where it is only looked at; None if there is none."""
        try:
            return self.here.recv(LARGEST, socket.MSG_PEEK if peek else 0)
        except BlockingIOError:
            return None

    def wait(self, seconds: float) -> bytes | None:
        """The next message, or None if none comes for as long."""
        return self.receive() if select.select([self.here], [], [], seconds)[0] else None


class Group:
    """Made once, before the web processes are forked: they share its channels with nobody else."""

    def __init__(self, places: int) -> None:
        self.lock = tempfile.TemporaryFile()  # noqa: SIM115 - it is locked for as long as there are processes
        self.waiting = _Channel.make()
        self.answers = [_Channel.make() for _ in range(places)]

    def member(self, number: int) -> Member:
        """For the forked process of this number. Two that share a place only wait longer for their answers."""
        return Member(self, number % len(self.answers))

    def lead(self) -> bool:
        """Whether this process leads from now on, until it stops to or ends."""
        try:
            fcntl.lockf(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def stop_leading(self) -> None:
        """Let another one lead, whose message is the first that waits."""
        fcntl.lockf(self.lock, fcntl.LOCK_UN)
        first = self.waiting.receive(peek=True)
        if first:
            self.answers[_read(first).place].send(LEAD)


@dataclass(slots=True)
class Member:
    """One process of the group. It takes one delivery at a time: not to be shared by threads."""

    group: Group
    place: int
    _before: int = field(default=0, init=False)

    def receive(self, receive: Receive, store: str, delivery: Delivery) -> Result:
        """Take one delivery, alone or with others. Once this has returned, the ledger holds it durably.

        Raises LedgerUnavailableError, and then nothing of it is held.
        """
        self._before += 1
        own = _Waiting(self.place, (os.getpid(), self._before), store, delivery)
        answer = self._leading(receive, own) if self.group.lead() else self._waiting(receive, own)
        if answer.unavailable:
            raise LedgerUnavailableError(answer.unavailable)
        return answer.result or receive([(store, delivery)])[0]

    def _leading(self, receive: Receive, own: _Waiting) -> _Answer:
        """Take what waits along, and then let another one lead."""
        try:
            together = [own, *self._others(own)]
            answers = _taken(receive, together)
            for waiting, answer in zip(together[1:], answers[1:], strict=True):
                self.group.answers[waiting.place].send(pickle.dumps(answer))
            return answers[0]
        finally:
            self.group.stop_leading()

    def _others(self, own: _Waiting) -> Iterator[_Waiting]:
        """What waits; not what this process sent itself, before it came to lead."""
        for _ in range(MOST_AT_ONCE):
            message = self.group.waiting.receive()
            if message is None:
                return
            waiting = _read(message)
            if waiting.name[0] != own.name[0]:
                yield waiting

    def _waiting(self, receive: Receive, own: _Waiting) -> _Answer:
        """Wait for what the leader says; lead, if there is none."""
        message = pickle.dumps(own)
        if len(message) > LARGEST or not self.group.waiting.send(message):
            return _Answer(own.name)
        while True:
            said = self.group.answers[self.place].wait(WAIT_SECONDS)
            if said and said != LEAD:
                answer: _Answer = pickle.loads(said)  # noqa: S301 - of a process of this family: nobody else can write there
                if answer.name == own.name:
                    return answer
            elif self.group.lead():
                return self._leading(receive, own)


def _read(message: bytes) -> _Waiting:
    waiting: _Waiting = pickle.loads(message)  # noqa: S301 - see above
    return waiting


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
