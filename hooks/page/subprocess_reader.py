"""A page fetched and read in a child process, with limits on time and memory.

A server can answer byte by byte for ever, and HTML can be written so that it takes minutes to read. No time-out and no
thread ends that. A process can be killed. The child ends when its time or its memory is used up, and when its parent
ends.
"""

from __future__ import annotations

import os
import resource
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from datetime import date
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from threading import Event, Thread
from typing import TypeVar

from hooks.errors import PageError, StoppedError
from hooks.page.draft import draft
from hooks.page.drift import drift
from hooks.page.fetch import fetch_page
from hooks.page.finding import PageFinding
from hooks.page.published import PublishedPage
from hooks.page.reader import read_page
from hooks.retention.policy import Policy

SECONDS = 30.0
"""The time for all of it: every redirect and every header, the page and its REST form, and reading them."""

MAX_MEMORY = 1_000_000_000
"""Bytes of address space. A page of 2 MB with nothing but tags takes half of it."""

_POLL_SECONDS = 0.2
"""The time between two looks at `stopping`."""

Argument = TypeVar("Argument")
Result = TypeVar("Result")

_SPAWN = get_context("spawn")
"""A forked child could wait for ever for a lock that another thread held."""


def compare_page(source: str, policy: Policy) -> tuple[PageFinding, ...]:
    """Compare the page (a file or an address) with the policy. Raises PageError."""
    return drift(_published(source), policy)


def draft_page(source: str, today: date) -> str:
    """Return the text of a policy file drafted from the page (a file or an address). Raises PageError."""
    return draft(_published(source), today=today)


def _published(source: str) -> PublishedPage:
    fetched = fetch_page(source)
    return read_page(fetched.html, modified=fetched.modified, link=fetched.link)


def run_confined(
    work: Callable[[str, Argument], Result],
    source: str,
    argument: Argument,
    *,
    seconds: float = SECONDS,
    stopping: Event | None = None,
) -> Result:
    """Return the result of `work(source, argument)`, run in a child process that is killed after `seconds`.

    Raises the errors of `work`, PageError if it takes too much time or memory, and StoppedError soon after `stopping`
    is set.
    """
    receiver, sender = _SPAWN.Pipe(duplex=False)
    arguments = (sender, seconds, work, source, argument)
    child = _SPAWN.Process(target=_run_child, args=arguments, daemon=True)
    with closing(receiver):
        try:
            with closing(sender):
                child.start()
            _wait(receiver, source, seconds, stopping)
            answer: Result | Exception = receiver.recv()
        except EOFError as error:
            raise PageError(_too_much(source)) from error
        finally:
            if child.pid is not None:
                child.kill()
                child.join()
            child.close()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _wait(receiver: Connection, source: str, seconds: float, stopping: Event | None) -> None:
    """Wait for an answer of the child, or for its end without one. Raises PageError and StoppedError."""
    deadline = time.monotonic() + seconds
    while not receiver.poll(_seconds_until(deadline)):
        if stopping and stopping.is_set():
            raise StoppedError("The page was not read to its end: the process is to stop.")
        if time.monotonic() >= deadline:
            raise PageError(
                f"{source} took longer than {seconds:.0f} seconds to be fetched and read. "
                "Look at it in a browser: it may be slow, or no page for people."
            )


def _seconds_until(deadline: float) -> float:
    """Return the time until the next look at `stopping`, and none after the deadline."""
    remaining = max(deadline - time.monotonic(), 0)
    return min(_POLL_SECONDS, remaining)


def _too_much(source: str) -> str:
    return f"{source} takes too much memory or time to be read. Look at it in a browser: it may be no page for people."


# --- in the child process ---


def _run_child(
    sender: Connection,
    seconds: float,
    work: Callable[[str, Argument], Result],
    source: str,
    argument: Argument,
) -> None:
    # Ctrl-C at a terminal reaches the child too. The parent ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    _limit(resource.RLIMIT_AS, MAX_MEMORY)
    _limit(resource.RLIMIT_CPU, round(seconds) + 1)  # even if no parent is left to kill it
    answer: Result | Exception
    try:
        answer = work(source, argument)
    except MemoryError:
        answer = PageError(_too_much(source))
    except Exception as error:  # noqa: BLE001 - the parent raises it
        error.add_note(traceback.format_exc())  # the traceback itself cannot leave this process
        answer = error
    sender.send(answer)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent:
        parent.join()
    os._exit(1)


def _limit(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(kind, (limit, hard))
