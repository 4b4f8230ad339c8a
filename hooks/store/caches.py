"""Caches before the store: how to ask past them, and how their answers are recognised.

A cache that keeps REST answers shows a record as it was, in an answer that looks like any other. So each read asks for
a fresh answer and has an address of its own. An answer that is known to come out of a cache is not believed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from secrets import token_hex

NO_CACHE: Mapping[str, str] = {"cache-control": "no-cache"}
"""The header that asks caches for a fresh answer; many do not obey."""

AS_POST: Mapping[str, str] = {"_method": "GET"}
"""The parameter by which WordPress takes a POST for a read. No cache answers a POST.

For single records only. Should the parameter be lost, the POST is an update that changes nothing. On a collection it
would create a record.
"""

_HIT = re.compile(r"\bhit\b|\btcp_\w*hit\b", re.IGNORECASE)
_KEPT = re.compile(r"\b(hit|stale|updating|revalidated)\b", re.IGNORECASE)
_SOME = re.compile(r"\b0*[1-9]\d*\b")

_SIGNS: Mapping[str, re.Pattern[str]] = {
    "Age": re.compile(r"\s*0*[1-9]\d*\s*\Z"),
    "Cache-Status": _HIT,
    "CF-Cache-Status": _KEPT,
    "X-LiteSpeed-Cache": _HIT,
    "X-LSADC-Cache": _HIT,
    "X-Cache": _HIT,
    "X-Cache-Hits": _SOME,
    "X-Cache-Status": _KEPT,
    "X-Proxy-Cache": _KEPT,
    "X-FastCGI-Cache": _KEPT,
    "X-Kinsta-Cache": _KEPT,
    "X-Varnish": re.compile(
        r"\A\s*\d+\s+\d+\s*\Z"
    ),  # its own request, and the one that brought what it kept
}
"""By header: what its value says where a cache has answered."""


def unique_query() -> dict[str, str]:
    """Make a parameter that the store ignores, and that no read before had: no cache has its address."""
    return {"_": token_hex(8)}


def cache_header(headers: Mapping[str, str]) -> str | None:
    """Name the header by which a cache tells that it has answered; None where none does.

    `headers` finds names in any case, as those of `requests` do.
    """
    for name, sign in _SIGNS.items():
        if sign.search(headers.get(name, "")):
            return name
    return None
