"""Whether anything else is at work on this machine: a measurement beside it would say little."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

IDLE_SHARE = 0.1
"""Up to this part of all cores at work is idle enough."""

LOOK_SECONDS = 0.3


@dataclass
class Idleness:
    """Waits for the machine to be idle, and remembers how busy it was when the waiting was over."""

    patience: float
    """Seconds to wait at most."""

    shares: list[float] = field(default_factory=list)

    def wait(self) -> None:
        """Return once the machine is idle, or patience has come to its end."""
        deadline = time.monotonic() + self.patience
        share = busy_share()
        while share > IDLE_SHARE and time.monotonic() < deadline:
            share = busy_share()
        self.shares.append(share)

    @property
    def words(self) -> str:
        """How it was, all in all."""
        busy = [share for share in self.shares if share > IDLE_SHARE]
        if not busy:
            return f"The machine was idle before each of {len(self.shares)} measurements."
        return (
            f"The machine was not idle before {len(busy)} of {len(self.shares)} measurements: "
            f"up to {max(busy):.0%} of its cores were at work."
        )


def busy_share(seconds: float = LOOK_SECONDS) -> float:
    """The part of all cores that was at work in the next so many seconds."""
    before, began = _busy_seconds(), time.monotonic()
    time.sleep(seconds)
    return (_busy_seconds() - before) / (time.monotonic() - began) / (os.cpu_count() or 1)


def _busy_seconds() -> float:
    """What all cores worked since the start of the machine: user, nice, system, interrupts, and what was stolen."""
    user, nice, system, _idle, _waiting, *interrupts = map(
        int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
    )
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
