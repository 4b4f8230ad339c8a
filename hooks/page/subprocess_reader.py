"""A page got and read in a process of its own, which ends with its time, its memory, or the process that wants it.

A server can answer byte by byte for ever, and HTML can be written so that it takes minutes to read. No time-out and no
thread ends that; the end of a process does.
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
"""For all of it: every redirect and every header, the page and its REST form, and reading them."""

MAX_MEMORY = 1_000_000_000
"""Bytes of address space; a page of 2 MB that is nothing but tags takes half of it."""

_LOOK_SECONDS = 0.2
"""How often `stopping` is looked at."""

Subject = TypeVar("Subject")
Result = TypeVar("Result")

_SPAWN = get_context("spawn")  # a fork of a process with threads may hold their locks for ever


def compare_page(source: str, policy: Policy) -> tuple[PageFinding, ...]:
    """Find what the page (a file or an address) says otherwise than the policy. Raises PageError."""
    return drift(_published(source), policy)


def draft_page(source: str, today: date) -> str:
    """The text of a policy file drafted from the page (a file or an address). Raises PageError."""
    return draft(_published(source), today=today)


def _published(source: str) -> PublishedPage:
    found = fetch_page(source)
    return read_page(found.html, modified=found.modified, link=found.link)


def run_confined(
    work: Callable[[str, Subject], Result],
    source: str,
    subject: Subject,
    *,
    seconds: float = SECONDS,
    stopping: Event | None = None,
) -> Result:
    """The result of `work(source, subject)` in a process of its own, which is killed after `seconds`.

    Raises what `work` raises, PageError where it takes too long or too much memory, and StoppedError soon after
    `stopping` is set.
    """
    receiver, sender = _SPAWN.Pipe(duplex=False)
    child = _SPAWN.Process(target=_work, args=(sender, seconds, work, source, subject), daemon=True)
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
    """Wait for an answer, or for the end of the process without one."""
    until = time.monotonic() + seconds
    while not receiver.poll(min(_LOOK_SECONDS, max(until - time.monotonic(), 0))):
        if stopping and stopping.is_set():
            raise StoppedError("The page was not read to its end: the process is to stop.")
        if time.monotonic() >= until:
            raise PageError(
                f"{source} took longer than {seconds:.0f} seconds to be fetched and read. "
                "Look at it in a browser: it may be slow, or no page for people."
            )


def _too_much(source: str) -> str:
    return f"{source} takes too much memory or time to be read. Look at it in a browser: it may be no page for people."


# --- in the process of its own ---


def _work(
    sender: Connection,
    seconds: float,
    work: Callable[[str, Subject], Result],
    source: str,
    subject: Subject,
) -> None:
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C at a terminal reaches it too; who wants it ends it
    Thread(target=_end_with_parent, daemon=True).start()
    _limit(resource.RLIMIT_AS, MAX_MEMORY)
    _limit(resource.RLIMIT_CPU, round(seconds) + 1)  # also where nobody is left to kill it
    answer: Result | Exception
    try:
        answer = work(source, subject)
    except MemoryError:
        answer = PageError(_too_much(source))
    except Exception as error:  # noqa: BLE001 - it is raised where the result is wanted
        error.add_note(traceback.format_exc())  # the traceback itself stays in this process
        answer = error
    sender.send(answer)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent:
        parent.join()
    os._exit(1)


def _limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(kind, (most, hard))
