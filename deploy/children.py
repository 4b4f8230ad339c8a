"""Child processes that start together and end together, even if this process is killed."""

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
from typing import NoReturn

GRACE_SECONDS = 45
READY_SECONDS = 60


class StoppedError(Exception):
    """A signal came (the message is empty), or a child failed (the message says which)."""


@dataclass
class Children:
    """The running child processes.

    Each has its own session, so that a Ctrl-C reaches only this process, which then stops the children in order. On
    Linux the kernel sends them SIGTERM if this process ends without stopping them.
    """

    stopping: Event
    running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    def start(
        self, name: str, command: list[str], *, stdout: int | None = None
    ) -> subprocess.Popen[str]:
        """Start a child that runs until it is stopped."""
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
        """Run a child to its end. Raise StoppedError if it fails, or if a signal comes first."""
        child = self.start(name, command)
        while child.poll() is None:
            if self.stopping.wait(0.05) or _is_abandoned():
                raise StoppedError
        del self.running[name]
        if child.returncode:
            raise StoppedError(f"{name} failed with exit status {child.returncode}.")

    def wait_until_ready(self, url: str) -> None:
        """Wait until `url` answers 200. Raise StoppedError if a child ends or a signal comes first."""
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
        """Wait. Raise StoppedError if a child ends or a signal comes in this time."""
        if self.stopping.wait(seconds) or _is_abandoned():
            raise StoppedError
        for name, child in self.running.items():
            if child.poll() is not None:
                raise StoppedError(f"The {name} process ended with exit status {child.returncode}.")

    def wait(self) -> NoReturn:
        """Wait until a signal comes or a child ends, then raise StoppedError."""
        while True:
            self.pause(0.25)

    def stop(self) -> None:
        """Stop all children, the newest first. Kill those that still run after GRACE_SECONDS."""
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
"""An option of prctl(2): it sets the signal that a process gets when its parent ends. The setting survives exec."""


def _end_with_parent(parent: int) -> None:
    """Make the kernel send SIGTERM to this child when `parent` ends. Only Linux can do that.

    It runs in the child, before the child's program.
    """
    if sys.platform != "linux":
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # the parent ended before the call above, which then has no effect
        os.kill(os.getpid(), signal.SIGTERM)


_PARENT = os.getppid()


def _parent_catches_interrupts() -> bool:
    """Tell whether the process that started this one handles SIGINT; False if that is not known."""
    try:
        status = Path(f"/proc/{_PARENT}/status").read_text()
    except OSError:
        return False
    for line in status.splitlines():
        name, _, mask = line.partition(":")
        if name == "SigCgt":
            return bool(int(mask, 16) & 1 << (signal.SIGINT - 1))
    return False


_PARENT_CAUGHT_INTERRUPTS = _parent_catches_interrupts()


def _is_abandoned() -> bool:
    """Tell whether the parent has ended, or got a SIGINT and now waits for this process to end.

    A Ctrl-C sends SIGINT to all processes. If only `make` gets SIGINT, it stops handling the signal and waits for its
    children.
    """
    if os.getppid() != _PARENT:
        return True
    return _PARENT_CAUGHT_INTERRUPTS and not _parent_catches_interrupts()


def _signal(child: subprocess.Popen[str], number: int) -> None:
    if child.poll() is None:
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            return  # the child ended after the poll
