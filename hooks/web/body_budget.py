"""The memory for the bodies of a web process: large bodies share a budget, and wait for their turn.

A body is read whole before its signature can be checked, so that anybody can have one kept in memory. Small bodies, as
nearly all deliveries are, count for nothing: they are bounded by the number of places, and large ones never delay them.
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
MOST_WAITING = 64
"""Who waits takes a place of the process. Of all its places these are few."""


@dataclass(frozen=True, eq=False, slots=True)
class _Turn:
    """A body that waits for its part of the budget."""

    size: int
    came: Event = field(default_factory=Event)


@dataclass(slots=True)
class BodyBudget:
    """The budget of one process, where requests are greenlets of one thread. Turns are in the order of arrival."""

    _left: int = BUDGET_BYTES
    _queue: deque[_Turn] = field(default_factory=deque)

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Reserve memory for a body of `size` bytes for as long as the block lasts.

        Raises OverloadedError where there is none within WAIT_SECONDS, or too many wait.
        """
        counted = 0 if size <= SMALL_BYTES else min(size, BUDGET_BYTES)
        self._take(counted)
        try:
            yield
        finally:
            self._left += counted
            self._admit()

    def _take(self, size: int) -> None:
        if size == 0 or (not self._queue and size <= self._left):
            self._left -= size
            return
        if len(self._queue) >= MOST_WAITING:
            raise OverloadedError("Too many large bodies are on their way; send it again later.")
        turn = _Turn(size)
        self._queue.append(turn)
        turn.came.wait(WAIT_SECONDS)
        if turn in self._queue:
            self._queue.remove(turn)
            self._admit()
            raise OverloadedError("Too many large bodies are on their way; send it again later.")

    def _admit(self) -> None:
        while self._queue and self._queue[0].size <= self._left:
            turn = self._queue.popleft()
            self._left -= turn.size
            turn.came.set()
