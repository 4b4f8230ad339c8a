"""What a test has a confined process do. It imports little, so that such a process starts quickly."""

from __future__ import annotations

import os
import resource
import signal

from hooks.page.subprocess_reader import MAX_MEMORY


def burn(_source: str, _subject: object) -> None:
    """Use the processor without an end."""
    while True:
        pass


def hoard(_source: str, _subject: object) -> int:
    """Take more memory than there is."""
    return len(bytes(MAX_MEMORY))


def die(_source: str, _subject: object) -> None:
    """End without a word, as where the kernel is out of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def fail(_source: str, _subject: object) -> None:
    """Meet a fault of ours."""
    raise ZeroDivisionError("a fault of ours")


def limits(_source: str, _subject: object) -> tuple[int, int]:
    """The process's limits of address space, in bytes, and of processor time, in seconds."""
    return resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CPU)[0]
