"""Caches before the store: ways to ask past them, and signs of their answers.

The danger: a cache that keeps REST answers shows a record as it was, in an answer that looks like any other. So each
read asks for a fresh answer and has an address of its own. An answer that shows the sign of a cache is not believed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from secrets import token_hex

NO_CACHE: Mapping[str, str] = {"cache-control": "no-cache"}
"""The header that asks caches for a fresh answer. Many caches do not obey."""

AS_POST: Mapping[str, str] = {"_method": "GET"}
"""The parameter that makes WordPress treat a POST as a read. No cache answers a POST.

For single records only: if the parameter is lost on the way, the POST is an update that changes nothing. On a
collection it would create a record.
"""

_HIT = re.compile(r"\bhit\b|\btcp_\w*hit\b", re.IGNORECASE)
_FROM_CACHE = re.compile(r"\b(hit|stale|updating|revalidated)\b", re.IGNORECASE)
_ABOVE_ZERO = re.compile(r"\b0*[1-9]\d*\b")

_SIGNS: Mapping[str, re.Pattern[str]] = {
    "Age": re.compile(r"\s*0*[1-9]\d*\s*\Z"),
    "Cache-Status": _HIT,
    "CF-Cache-Status": _FROM_CACHE,
    "X-LiteSpeed-Cache": _HIT,
    "X-LSADC-Cache": _HIT,
    "X-Cache": _HIT,
    "X-Cache-Hits": _ABOVE_ZERO,
    "X-Cache-Status": _FROM_CACHE,
    "X-Proxy-Cache": _FROM_CACHE,
    "X-FastCGI-Cache": _FROM_CACHE,
    "X-Kinsta-Cache": _FROM_CACHE,
    # Two numbers: this request, and the earlier request that filled the cache.
    "X-Varnish": re.compile(r"\A\s*\d+\s+\d+\s*\Z"),
}
"""By header: the pattern of its value when a cache has answered."""


def unique_query() -> dict[str, str]:
    """Make a parameter that the store ignores and no earlier read had, so that no cache knows the address."""
    return {"_": token_hex(8)}


def cache_header(headers: Mapping[str, str]) -> str | None:
    """Name the header that shows that a cache has answered; None where there is none.

    `headers` must find names in any case, as those of `requests` do.
    """
    for name, sign in _SIGNS.items():
        if sign.search(headers.get(name, "")):
            return name
    return None
