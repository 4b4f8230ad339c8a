"""The memory for the bodies of a web process: large bodies share a budget, and wait for their turn.

The danger: a body must be read as a whole before its signature can be checked. So anybody could fill the memory.

The rule: small bodies, as nearly all deliveries are, do not count. The number of places limits them, and large bodies
never delay them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gevent.event import Event

from hooks.errors import OverloadedError

BUDGET_BYTES = 64 * 1024 * 1024
SMALL_BYTES = 64 * 1024
WAIT_SECONDS = 10.0
MAX_WAITING = 64
"""A body that waits takes a place of the process. These are few of all its places."""


@dataclass(frozen=True, eq=False, slots=True)
class _Turn:
    """A body that waits for its part of the budget."""

    size: int
    admitted: Event = field(default_factory=Event)


@dataclass(slots=True)
class BodyBudget:
    """The budget of one process. Its requests are greenlets of one thread. Bodies are admitted in order of arrival."""

    _available: int = BUDGET_BYTES
    _queue: deque[_Turn] = field(default_factory=deque)

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Reserve memory for a body of `size` bytes for as long as the block lasts.

        Raises OverloadedError where no memory is free within WAIT_SECONDS, or too many bodies wait.
        """
        reserved = 0
        if size > SMALL_BYTES:
            reserved = min(size, BUDGET_BYTES)
        self._acquire(reserved)
        try:
            yield
        finally:
            self._available += reserved
            self._admit()

    def _acquire(self, size: int) -> None:
        if size == 0 or (not self._queue and size <= self._available):
            self._available -= size
            return
        if len(self._queue) >= MAX_WAITING:
            raise OverloadedError("Too many large requests are waiting; send it again later.")
        turn = _Turn(size)
        self._queue.append(turn)
        turn.admitted.wait(WAIT_SECONDS)
        if turn in self._queue:
            self._queue.remove(turn)
            self._admit()
            raise OverloadedError("Too many large requests are waiting; send it again later.")

    def _admit(self) -> None:
        while self._queue and self._queue[0].size <= self._available:
            turn = self._queue.popleft()
            self._available -= turn.size
            turn.admitted.set()
