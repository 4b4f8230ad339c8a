"""The index of a store's REST API, which needs no key: where it is open, it tells the store's time zone."""

from __future__ import annotations

from typing import Any

from requests import RequestException

from hooks.http_limits import TimedSession, body_within
from hooks.store import caches

SECONDS = 30.0
"""For the whole answer."""

TIMEOUT_SECONDS = (10, 30)

MOST_BYTES = 20_000_000
"""Decoded. An index lists all routes of all plugins: half a megabyte is usual."""


def read_index(session: TimedSession, store_url: str) -> dict[str, Any] | None:
    """Read the index; empty where it is closed, or is none. None where no answer came, or one out of a cache."""
    address = f"{store_url}/wp-json/"
    fields = {"_fields": "timezone_string,gmt_offset"} | caches.unique_query()
    try:
        with (
            session.deadline(SECONDS),
            session.get(
                address,
                params=fields,
                headers=dict(caches.NO_CACHE),
                timeout=TIMEOUT_SECONDS,
                stream=True,
            ) as answer,
        ):
            if (
                answer.status_code in (429,)
                or answer.status_code >= 500
                or caches.cache_header(answer.headers)
            ):
                return None
            if answer.status_code != 200:
                return {}
            answer._content = body_within(answer, MOST_BYTES) or b""  # noqa: SLF001 - as the client does
            found = answer.json()
    except RequestException as error:
        return {} if isinstance(error, ValueError) else None
    except RecursionError:
        return {}
    return found if isinstance(found, dict) else {}
