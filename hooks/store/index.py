"""The index of a store's REST API. It needs no key. Where it is open, it tells the store's time zone."""

from __future__ import annotations

from typing import Any

from requests import RequestException

from hooks.http_limits import TimedSession, body_within
from hooks.store import caches

SECONDS = 30.0
"""The time limit of the whole answer."""

TIMEOUT_SECONDS = (10, 30)

MAX_BYTES = 20_000_000
"""After decoding. An index lists all routes of all plugins: half a megabyte is usual."""


def read_index(session: TimedSession, store_url: str) -> dict[str, Any] | None:
    """Read the fields of the time zone from the index.

    The result is empty where the index is closed or malformed. It is None where the index may be read later: no answer
    came, the store failed or was busy, or a cache answered.
    """
    query = {"_fields": "timezone_string,gmt_offset"} | caches.unique_query()
    try:
        with (
            session.deadline(SECONDS),
            session.get(
                f"{store_url}/wp-json/",
                params=query,
                headers=dict(caches.NO_CACHE),
                timeout=TIMEOUT_SECONDS,
                stream=True,
            ) as answer,
        ):
            if answer.status_code == 429 or answer.status_code >= 500:
                return None
            if caches.cache_header(answer.headers):
                return None
            if answer.status_code != 200:
                return {}
            answer._content = body_within(answer, MAX_BYTES) or b""  # noqa: SLF001 - as the client does
            index = answer.json()
    except RequestException as error:
        if isinstance(error, ValueError):  # the answer is not JSON
            return {}
        return None
    except RecursionError:
        return {}
    if not isinstance(index, dict):
        return {}
    return index
