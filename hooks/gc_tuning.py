"""Fewer garbage collections for a process that runs for long."""

from __future__ import annotations

import gc

COLLECT_AFTER = 10_000
"""New objects before a collection. Some dozens of requests make as many, or one answer about a hundred records."""


def collect_less() -> None:
    """Collect garbage less often from now on.

    The objects that were loaded so far stay until the process ends, so later collections skip them. Work leaves few
    cycles, so a collection finds little.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)
