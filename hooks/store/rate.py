"""The rate of calls to a store. It follows the time that the store takes to answer. No IO, no clock.

A store that answers as fast as usual gets more calls a second. A store that slows down, times out or says that it is
busy gets half as many. Calls are compared with calls of the same kind only: a page of a hundred orders takes longer
than one order.

This module holds the rules. `hooks.sync.rate_limit` keeps the rate in the ledger, where all processes share it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from requests import RequestException, Response, Timeout
from urllib3.exceptions import ReadTimeoutError

from hooks.store.failures import BUSY_STATUSES
from schemas.wire import record_id

START_RATE = 2.0
"""Calls a second to a store that was never called before. A small shop can serve these and its customers."""

MIN_RATE = 0.2
"""Calls a second that are always allowed: one in five seconds. They show when the store is well again."""

GROWTH = 0.5
"""Calls a second to add after each call that took about as long as usual."""

NEAR = 1.5
"""Up to this many times the usual time is about as long as usual. From here to SLOW the rate does not change."""

SLOW = 2.0
"""More than this many times the usual time is slow."""

SLACK = 0.1
"""Seconds above the usual time that prove nothing: a network, or our own machine, is that slow now and then."""

USUAL_STEP = 0.05
"""The usual time moves this part of the way to each new time, so that it follows some twenty calls."""

USUAL_STEP_AFTER_SLOW = 0.05
"""After a slow call the usual time grows by at most this part of itself (or of SLACK, if that is larger).

So neither an overload of a minute nor one answer that took a minute becomes the usual. A store that stays ten times
slower is accepted as it is after some forty calls."""

_GATEWAY_TIME_OUTS = frozenset({504, 524})
"""A proxy, or a network before the store, gave up waiting for it."""

_DEFAULT_PER_PAGE = 10
"""The number of rows that WooCommerce gives where a call has no `per_page`."""


class CallOutcome(StrEnum):
    """The result of a call, as far as it says something about the store's load."""

    ANSWERED = "answered"
    TIMED_OUT = "timed-out"
    BUSY = "busy"
    OTHER = "other"


class Pace(Protocol):
    """Spreads calls over time. The client calls `wait` before each call and `observe` after it."""

    def wait(self) -> None:
        """Return when the call may go out. Raises LedgerUnavailableError."""

    def observe(self, call: str, seconds: float, outcome: CallOutcome) -> None:
        """Learn from a call of this name (see `call_name`), its duration and its outcome."""


class NoPace:
    """A Pace that delays no call."""

    def wait(self) -> None:
        """Return at once."""

    def observe(self, call: str, seconds: float, outcome: CallOutcome) -> None:
        """Ignore the call."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One call: its name (see `call_name`), its duration in seconds, and its outcome."""

    call: str
    seconds: float
    outcome: CallOutcome


@dataclass(frozen=True, slots=True)
class Load:
    """The load that a store can take: calls a second, and the usual seconds of a call by its name."""

    rate: float = START_RATE
    usual: Mapping[str, float] = field(default_factory=dict)


def adapt(load: Load, observations: Sequence[Observation], ceiling: float) -> Load:
    """Return the load after these calls, of which the oldest comes first.

    The rate grows step by step while the store answers as fast as usual. It is halved by each call that is slow, times
    out, or is answered with "busy". It is never above `ceiling` (calls a second), and never below MIN_RATE unless the
    ceiling is. Only answers change the usual times.
    """
    rate = _bounded(load.rate, ceiling)
    usual = dict(load.usual)
    for observation in observations:
        call, seconds = observation.call, observation.seconds
        usual_seconds = usual.get(call)
        rate = _bounded(_next_rate(rate, observation, usual_seconds), ceiling)
        if observation.outcome is not CallOutcome.ANSWERED:
            continue
        if usual_seconds is None:
            usual[call] = seconds
        else:
            usual[call] = _next_usual(usual_seconds, seconds)
    return Load(rate, usual)


def _bounded(rate: float, ceiling: float) -> float:
    return min(max(rate, MIN_RATE), ceiling)


def _next_rate(rate: float, observation: Observation, usual: float | None) -> float:
    if observation.outcome in (CallOutcome.BUSY, CallOutcome.TIMED_OUT):
        return rate / 2
    if observation.outcome is CallOutcome.OTHER or usual is None:
        return rate
    if _is_slow(observation.seconds, usual):
        return rate / 2
    if observation.seconds <= max(NEAR * usual, usual + SLACK / 2):
        return rate + GROWTH
    return rate


def _next_usual(usual: float, seconds: float) -> float:
    if _is_slow(seconds, usual):
        return usual + min(seconds - usual, max(usual, SLACK)) * USUAL_STEP_AFTER_SLOW
    return usual + (seconds - usual) * USUAL_STEP


def _is_slow(seconds: float, usual: float) -> bool:
    return seconds > SLOW * usual and seconds > usual + SLACK


def call_name(
    method: str,
    endpoint: str,
    params: Mapping[str, str] | None,
    body: object,
    answer: Response | Exception | None,
) -> str:
    """Name a call so that calls of one name take about as long: `read-orders`, `list-customers-100`, `write-orders-10`.

    The number is the size: 1, 10 or 100 rows. A list's size comes from its answer. A list that finds no change is much
    faster than a page of a hundred, and must not make that page seem slow.
    """
    resource, _, item = endpoint.partition("/")
    is_read = method == "GET" or (params or {}).get("_method") == "GET"
    if is_read and item:
        return f"read-{resource}"
    if is_read:
        return f"list-{resource}-{_size_class(_listed_rows(params, answer))}"
    return f"write-{resource}-{_size_class(_written_items(body))}"


def outcome_of(answer: Response | Exception | None) -> CallOutcome:
    """Return the outcome of a call that ended with an answer, with a failure, or with neither."""
    if not isinstance(answer, Response):
        if _is_time_out(answer):
            return CallOutcome.TIMED_OUT
        return CallOutcome.OTHER
    if answer.status_code < 300:
        return CallOutcome.ANSWERED
    if answer.status_code in BUSY_STATUSES:
        return CallOutcome.BUSY
    if answer.status_code in _GATEWAY_TIME_OUTS:
        return CallOutcome.TIMED_OUT
    return CallOutcome.OTHER


def _is_time_out(error: Exception | None) -> bool:
    """Tell whether the store took too long. `requests` wraps a timeout within the body in a ConnectionError."""
    if isinstance(error, Timeout):
        return True
    if not isinstance(error, RequestException) or not error.args:
        return False
    return isinstance(error.args[0], ReadTimeoutError)


def _listed_rows(params: Mapping[str, str] | None, answer: Response | Exception | None) -> int:
    per_page = record_id((params or {}).get("per_page")) or _DEFAULT_PER_PAGE
    if not isinstance(answer, Response):
        return per_page
    total = record_id(answer.headers.get("X-WP-Total"), minimum=0)
    if total is None:
        return per_page
    return min(per_page, total)


def _written_items(body: object) -> int:
    """Count the items of a batch; any other write is one item."""
    if isinstance(body, Mapping) and isinstance(body.get("update"), Sized):
        return len(body["update"])
    return 1


def _size_class(number: int) -> int:
    for size in (1, 10):
        if number <= size:
            return size
    return 100
