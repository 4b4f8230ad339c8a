"""The delay before a retry, as a value that is returned. Nothing here sleeps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hooks.errors import StoreError

FIRST = timedelta(seconds=5)
LONGEST = timedelta(minutes=15)
PERMANENT = timedelta(hours=6)
"""The delay after a failure that lasts until somebody changes something. It is still retried: it may be mended."""

LONGEST_ASKED = timedelta(days=1)
"""The longest pause that a store may ask for. No delay is longer."""


def delay(error: StoreError, attempts: int, *, jitter: Callable[[], float]) -> timedelta:
    """Return the wait after the `attempts`-th failure in a row (from 1): exponential backoff.

    It doubles from FIRST to LONGEST. `jitter`, which gives 0 to 1, makes it up to a half shorter, so that many retries
    do not come at once. The wait is never shorter than the store asked for.
    """
    if not error.permanent:
        longest_wait = min(LONGEST, FIRST * float(2 ** min(attempts - 1, 20)))
    elif error.whole_store:
        longest_wait = LONGEST
    else:
        longest_wait = PERMANENT
    wait = longest_wait * (0.5 + jitter() / 2)
    return max(wait, error.retry_after or timedelta(0))
