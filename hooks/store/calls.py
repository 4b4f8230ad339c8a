"""What a call to the store tells of its load: a name for calls that take about as long, and how it went."""

from __future__ import annotations

from collections.abc import Mapping, Sized

from requests import RequestException, Response, Timeout
from urllib3.exceptions import ReadTimeoutError

from hooks.store.pace import Outcome
from schemas.wire import record_id

_TIMED_OUT_BEFORE_THE_STORE = frozenset({504, 524})
"""A proxy, or a network before the store, gave up waiting for it."""

_PER_PAGE = 10
"""What a list has where `per_page` is not asked for."""


def call_name(
    method: str,
    endpoint: str,
    params: Mapping[str, str] | None,
    body: object,
    answer: Response | Exception | None,
) -> str:
    """Such as `read-orders`, `list-customers-100`, `write-orders-10`: what, of which, and about how many.

    How many a list gave is told by its own count: a look for changes that finds none is much faster than a page
    of a hundred, and must not make that seem slow.
    """
    resource, _, rest = endpoint.partition("/")
    if method == "GET" or (params or {}).get("_method") == "GET":
        return f"read-{resource}" if rest else f"list-{resource}-{_about(_listed(params, answer))}"
    items = body.get("update") if isinstance(body, Mapping) else None
    return f"write-{resource}-{_about(len(items) if isinstance(items, Sized) else 1)}"


def outcome_of(answer: Response | Exception | None) -> Outcome:
    """How the call went that ended with this answer, this failure, or neither."""
    if isinstance(answer, Response):
        if answer.status_code in (429, 503):
            return Outcome.BUSY
        if answer.status_code in _TIMED_OUT_BEFORE_THE_STORE:
            return Outcome.TIMED_OUT
        return Outcome.ANSWERED if answer.status_code < 300 else Outcome.OTHER
    return Outcome.TIMED_OUT if _is_time_out(answer) else Outcome.OTHER


def _is_time_out(error: Exception | None) -> bool:
    """One in the midst of the body comes as a ConnectionError around it."""
    cause = error.args[0] if isinstance(error, RequestException) and error.args else None
    return isinstance(error, Timeout) or isinstance(cause, ReadTimeoutError)


def _listed(params: Mapping[str, str] | None, answer: Response | Exception | None) -> int:
    asked = record_id((params or {}).get("per_page")) or _PER_PAGE
    headers = answer.headers if isinstance(answer, Response) else {}
    total = record_id(headers.get("X-WP-Total"), minimum=0)
    return asked if total is None else min(asked, total)


def _about(number: int) -> int:
    return next((size for size in (1, 10) if number <= size), 100)
