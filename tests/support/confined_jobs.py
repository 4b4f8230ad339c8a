"""Jobs that a test runs in a confined process. This module imports little, so that the process starts quickly."""

from __future__ import annotations

import os
import resource
import signal

from hooks.page.subprocess_reader import MAX_MEMORY


def use_cpu_without_end(_source: str, _subject: object) -> None:
    """Use the processor without end."""
    while True:
        pass


def take_too_much_memory(_source: str, _subject: object) -> int:
    """Take more memory than the limit."""
    return len(bytes(MAX_MEMORY))


def kill_itself(_source: str, _subject: object) -> None:
    """Kill the own process, as the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def raise_a_fault(_source: str, _subject: object) -> None:
    """Raise an error that stands for a bug of ours."""
    raise ZeroDivisionError("a fault of ours")


def resource_limits(_source: str, _subject: object) -> tuple[int, int]:
    """The process's limits of address space, in bytes, and of processor time, in seconds."""
    return resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CPU)[0]
