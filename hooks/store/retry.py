"""When to try again: a value that is returned, never a sleep."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hooks.errors import StoreError

FIRST = timedelta(seconds=5)
LONGEST = timedelta(minutes=15)
PERMANENT = timedelta(hours=6)
"""What will fail again until somebody changes something is still tried now and then: it may have been changed."""

LONGEST_ASKED = timedelta(days=1)
"""A store that asks to be left alone for longer is tried again after this. No delay is longer."""


def delay(error: StoreError, attempts: int, *, jitter: Callable[[], float]) -> timedelta:
    """How long to wait after the `attempts`-th failure in a row (from 1).

    Doubling from FIRST to LONGEST, between half and the whole of it by `jitter` (which gives 0 to 1) so that
    many do not come back at once; never less than the store asked for.
    """
    whole = min(LONGEST, FIRST * float(2 ** min(attempts - 1, 20)))
    if error.permanent:
        whole = LONGEST if error.whole_store else PERMANENT
    wait = whole * (0.5 + jitter() / 2)
    return max(wait, error.retry_after or timedelta(0))
