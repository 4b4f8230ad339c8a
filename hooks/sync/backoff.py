"""One part of all that is to be done for a store, unless it is to be left alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import structlog

from hooks.errors import StoreBusyError, StoreError
from hooks.ledger import stores
from hooks.ledger.stores import Rest
from hooks.runtime import Runtime
from hooks.store.retry import delay

Duty = Callable[[], int]
"""Does a part of something, and says how much that was. Raises StoreError."""

log = structlog.get_logger(__name__)


def turn(
    store: str,
    duties: Sequence[Duty],
    runtime: Runtime,
    jitter: Callable[[], float] = random.random,
) -> int:
    """A part of each duty; how much was done, nothing while calls to the store rest.

    A duty that fails for what is wrong with the store as a whole lets calls to it rest. Where the store lets us do
    one thing and not another, the one is done, and the rest is short. Raises LedgerUnavailableError.
    """
    with runtime.database.read() as connection:
        pause = stores.resting(connection, store)
    if pause and pause.until > runtime.clock():
        return 0
    done, stopped = _work(duties)
    if stopped:
        _rest(store, runtime, stopped, None if done else pause, jitter)
        return 0
    if done and pause:
        with runtime.database.write() as connection:
            stores.recovered(connection, store, runtime.clock())
    return done


def _work(duties: Sequence[Duty]) -> tuple[int, StoreError | None]:
    """Of a store that does not answer, or asks for a pause, nothing more is asked."""
    done, stopped = 0, None
    for duty in duties:
        try:
            done += duty()
        except StoreError as error:
            stopped = stopped or error
            if isinstance(error, StoreBusyError) or error.code == "unreachable":
                break
    return done, stopped


def _rest(
    store: str, runtime: Runtime, error: StoreError, pause: Rest | None, jitter: Callable[[], float]
) -> None:
    now = runtime.clock()
    failures = (pause.failures if pause else 0) + 1
    until = now + delay(error, failures, jitter=jitter)
    with runtime.database.write() as connection:
        stores.rest(connection, store, Rest(error.code, now, until, error.permanent, failures))
    level = log.error if error.permanent and failures == 1 else log.warning
    level("store.rests", store=store, code=error.code, detail=error.detail, until=until.isoformat())
