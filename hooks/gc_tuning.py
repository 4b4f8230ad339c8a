"""How often a long-lived process looks for garbage that only cycles keep."""

from __future__ import annotations

import gc

COLLECTED_AFTER = 10_000
"""Objects; so many are there after some dozens of requests, or one answer of a store about a hundred records."""


def collect_less() -> None:
    """What was loaded is there for good, and work leaves few cycles: they need not be looked for so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER, 20, 20)
