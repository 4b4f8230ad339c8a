"""The backoff of one store: its tasks run only while calls to the store are allowed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import structlog

from hooks.errors import StoreBusyError, StoreError
from hooks.ledger import stores
from hooks.ledger.stores import Backoff
from hooks.runtime import Runtime
from hooks.store.retry import delay

StoreTask = Callable[[], int]
"""Does one part of some work for a store and returns how many items it handled. Raises StoreError."""

log = structlog.get_logger(__name__)


def run_tasks(
    store: str,
    tasks: Sequence[StoreTask],
    runtime: Runtime,
    jitter: Callable[[], float] = random.random,
) -> int:
    """Run each task once and return how many items they handled: 0 during the backoff, or when one begins.

    A task that raises StoreError starts the backoff. It grows with each failure in a row. If another task succeeded,
    the store does answer, so the backoff starts again from its shortest delay. Raises LedgerUnavailableError.
    """
    with runtime.database.read() as connection:
        backoff = stores.backoff_of(connection, store)
    if backoff and backoff.until > runtime.clock():
        return 0
    count, error = _run_all(tasks)
    if error:
        if count:
            backoff = None
        _back_off(store, runtime, error, backoff, jitter)
        return 0
    if count and backoff:
        with runtime.database.write() as connection:
            stores.end_backoff(connection, store, runtime.clock())
    return count


def _run_all(tasks: Sequence[StoreTask]) -> tuple[int, StoreError | None]:
    """Run the tasks; return the number of items and the first error.

    No further task runs once the store does not answer, or asks for a pause.
    """
    count = 0
    first_error = None
    for task in tasks:
        try:
            count += task()
        except StoreError as error:
            first_error = first_error or error
            if isinstance(error, StoreBusyError) or error.code == "unreachable":
                break
    return count, first_error


def _back_off(
    store: str,
    runtime: Runtime,
    error: StoreError,
    previous: Backoff | None,
    jitter: Callable[[], float],
) -> None:
    now = runtime.clock()
    failures = 1
    if previous:
        failures = previous.failures + 1
    until = now + delay(error, failures, jitter=jitter)
    backoff = Backoff(error.code, now, until, error.permanent, failures)
    with runtime.database.write() as connection:
        stores.save_backoff(connection, store, backoff)
    level = log.warning
    if error.permanent and failures == 1:
        level = log.error
    level("store.rests", store=store, code=error.code, detail=error.detail, until=until.isoformat())
