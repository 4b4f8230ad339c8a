"""Child processes that are started together and end together, also where this process is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event

GRACE_SECONDS = 45
READY_SECONDS = 60


class StoppedError(Exception):
    """A signal came, or a child failed; the message says which, or nothing for a signal."""


@dataclass
class Children:
    """Starts processes in sessions of their own, so that a Ctrl-C reaches them through us and in order.

    On Linux the kernel sends them SIGTERM when this process ends without doing so itself.
    """

    stopping: Event
    running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    def start(
        self, name: str, command: list[str], *, stdout: int | None = None
    ) -> subprocess.Popen[str]:
        """Start one, to run until it is stopped."""
        child = subprocess.Popen(  # noqa: S603
            command,
            start_new_session=True,
            text=True,
            stdout=stdout,
            preexec_fn=partial(_end_with_parent, os.getpid()),  # noqa: PLW1509 - this process has one thread
        )
        self.running[name] = child
        return child

    def finish(self, name: str, command: list[str]) -> None:
        """Run one to its end. Raises StoppedError if it fails or a signal comes first."""
        child = self.start(name, command)
        while child.poll() is None:
            if self.stopping.wait(0.05) or _abandoned():
                raise StoppedError
        del self.running[name]
        if child.returncode:
            raise StoppedError(f"{name} failed with exit status {child.returncode}.")

    def wait_until_ready(self, url: str) -> None:
        """Wait until `url` answers 200. Raises StoppedError if a child ends or a signal comes first."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            self.pause(0.1)
            try:
                with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own http address
                    return
            except (urllib.error.URLError, OSError):
                continue
        raise StoppedError(f"{url} did not become ready within {READY_SECONDS} s.")

    def pause(self, seconds: float) -> None:
        """Let time pass. Raises StoppedError if a child ends or a signal comes meanwhile."""
        if self.stopping.wait(seconds) or _abandoned():
            raise StoppedError
        for name, child in self.running.items():
            if child.poll() is not None:
                raise StoppedError(f"The {name} process ended with exit status {child.returncode}.")

    def wait(self) -> int:
        """Wait until a signal comes or a child ends. Gives an exit status."""
        while True:
            self.pause(0.25)

    def stop(self) -> None:
        """End all: ask them, the last started first, then after a while make them."""
        for child in reversed(self.running.values()):
            _signal(child, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for child in self.running.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(child, signal.SIGKILL)
                child.wait()
        self.running.clear()


_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
"""Of prctl(2): the signal that a process gets when its parent ends. It survives exec."""


def _end_with_parent(parent: int) -> None:
    """Run in the child, before its program: have it get SIGTERM when `parent` ends. Other systems cannot do that."""
    if sys.platform != "linux":
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the line above, which then says nothing
        os.kill(os.getpid(), signal.SIGTERM)


_PARENT = os.getppid()


def _parent_catches_interrupts() -> bool:
    """Whether the process that started us handles SIGINT; False where that cannot be told."""
    try:
        status = Path(f"/proc/{_PARENT}/status").read_text()
    except OSError:
        return False
    caught = next((line for line in status.splitlines() if line.startswith("SigCgt:")), "SigCgt: 0")
    return bool(int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1)


_PARENT_CAUGHT_INTERRUPTS = _parent_catches_interrupts()


def _abandoned() -> bool:
    """Whether nobody is left to stop us, or the one who would is waiting for us to stop.

    `make` that gets a SIGINT alone (a Ctrl-C goes to all) lets go of the signal and waits for its children.
    """
    return os.getppid() != _PARENT or (
        _PARENT_CAUGHT_INTERRUPTS and not _parent_catches_interrupts()
    )


def _signal(child: subprocess.Popen[str], number: int) -> None:
    if child.poll() is None:
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            return  # it ended between the two lines above
