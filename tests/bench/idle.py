"""Check that the machine is idle: other work on it would spoil a measurement."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

IDLE_SHARE = 0.1
"""The machine counts as idle up to this share of busy cores."""

LOOK_SECONDS = 0.3


@dataclass
class Idleness:
    """Wait for an idle machine, and record how busy it was after the wait."""

    patience: float
    """The longest wait in seconds."""

    shares: list[float] = field(default_factory=list)

    def wait(self) -> None:
        """Return when the machine is idle, or after `patience` seconds."""
        deadline = time.monotonic() + self.patience
        share = busy_share()
        while share > IDLE_SHARE and time.monotonic() < deadline:
            share = busy_share()
        self.shares.append(share)

    @property
    def words(self) -> str:
        """A sentence on how idle the machine was."""
        busy = [share for share in self.shares if share > IDLE_SHARE]
        if not busy:
            return f"The machine was idle before each of {len(self.shares)} measurements."
        return (
            f"The machine was not idle before {len(busy)} of {len(self.shares)} measurements: "
            f"up to {max(busy):.0%} of its cores were at work."
        )


def busy_share(seconds: float = LOOK_SECONDS) -> float:
    """The share of busy cores during the next `seconds` seconds."""
    before, began = _busy_seconds(), time.monotonic()
    time.sleep(seconds)
    return (_busy_seconds() - before) / (time.monotonic() - began) / (os.cpu_count() or 1)


def _busy_seconds() -> float:
    """The busy seconds of all cores since boot: user, nice, system, interrupts and stolen time."""
    user, nice, system, _idle, _waiting, *interrupts = map(
        int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
    )
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
