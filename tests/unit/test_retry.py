"""The delay before a retry."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hooks.errors import (
    CredentialsRefusedError,
    RecordGoneError,
    RecordRefusedError,
    RequestTooLargeError,
    StoreBusyError,
    StoreError,
    StoreMisconfiguredError,
    StoreUnreachableError,
)
from hooks.store.retry import FIRST, LONGEST, PERMANENT, delay

UNREACHABLE = StoreUnreachableError("unreachable", "no answer")


def _busy(seconds: float | None) -> StoreBusyError:
    asked = None if seconds is None else timedelta(seconds=seconds)
    return StoreBusyError("busy", "a pause", retry_after=asked)


@pytest.mark.parametrize(
    ("error", "attempts", "jitter", "seconds"),
    [
        # The delay doubles from five seconds on.
        (UNREACHABLE, 1, 1.0, 5),
        (UNREACHABLE, 2, 1.0, 10),
        (UNREACHABLE, 3, 1.0, 20),
        (UNREACHABLE, 8, 1.0, 640),
        # It ends at a quarter of an hour, after any number of failures.
        (UNREACHABLE, 9, 1.0, 900),
        (UNREACHABLE, 10_000, 1.0, 900),
        # Jitter gives between half of it and the whole.
        (UNREACHABLE, 3, 0.0, 10),
        (UNREACHABLE, 3, 0.5, 15),
        (UNREACHABLE, 10_000, 0.0, 450),
        # Never less than Retry-After; more if our own delay is longer.
        (_busy(None), 1, 1.0, 5),
        (_busy(120), 1, 1.0, 120),
        (_busy(120), 1, 0.0, 120),
        (_busy(1), 4, 1.0, 40),
        (_busy(86_400), 1, 1.0, 86_400),
        (_busy(0), 1, 0.0, 2.5),
        # Failures that last until somebody acts: a long delay from the first failure on.
        (CredentialsRefusedError("credentials-refused", "the key"), 1, 1.0, 900),
        (CredentialsRefusedError("credentials-refused", "the key"), 50, 0.0, 450),
        (StoreMisconfiguredError("redirected", "elsewhere"), 1, 1.0, 900),
        # A record that the store refuses: a very long delay.
        (RecordRefusedError("refused", "no"), 1, 1.0, 21_600),
        (RequestTooLargeError("too-large", "no"), 9, 0.0, 10_800),
        (RecordGoneError("gone", "no such record"), 1, 1.0, 21_600),
    ],
)
def test_delay_before_a_retry(
    error: StoreError, attempts: int, jitter: float, seconds: float
) -> None:
    assert delay(error, attempts, jitter=lambda: jitter) == timedelta(seconds=seconds)


@pytest.mark.parametrize("attempts", range(1, 30))
def test_the_delay_never_shrinks_with_further_failures(attempts: int) -> None:
    this, following = (
        delay(UNREACHABLE, number, jitter=lambda: 1.0) for number in (attempts, attempts + 1)
    )
    assert FIRST <= this <= following <= LONGEST < PERMANENT
