"""Distinguish an answer of a cache from an answer of the store."""

from __future__ import annotations

import pytest
from requests.structures import CaseInsensitiveDict

from hooks.store.caches import cache_header, unique_query


@pytest.mark.parametrize(
    ("name", "value", "is_kept"),
    [
        # Any HTTP cache: the age in seconds. Zero is a fresh answer.
        ("Age", "1", True),
        ("Age", "604800", True),
        ("Age", "0", False),
        ("Age", "soon", False),
        ("X-LiteSpeed-Cache", "hit", True),
        ("X-LiteSpeed-Cache", "hit,private", True),
        ("X-LiteSpeed-Cache", "miss", False),
        # An answer from the cache of Cloudflare, and one that it fetched from the store.
        ("CF-Cache-Status", "HIT", True),
        ("CF-Cache-Status", "STALE", True),
        ("CF-Cache-Status", "UPDATING", True),
        ("CF-Cache-Status", "REVALIDATED", True),
        ("CF-Cache-Status", "DYNAMIC", False),
        ("CF-Cache-Status", "MISS", False),
        ("CF-Cache-Status", "BYPASS", False),
        ("CF-Cache-Status", "EXPIRED", False),
        # One hit in a chain of caches is enough.
        ("X-Cache", "HIT", True),
        ("X-Cache", "MISS, HIT", True),
        ("X-Cache", "Hit from cloudfront", True),
        ("X-Cache", "TCP_MEM_HIT from a", True),
        ("X-Cache", "Miss from cloudfront", False),
        ("X-Cache-Hits", "0, 3", True),
        ("X-Cache-Hits", "0", False),
        ("X-Cache-Hits", "0, 0", False),
        ("X-Proxy-Cache", "HIT", True),
        ("X-Proxy-Cache", "DISABLED", False),
        ("Cache-Status", "edge; hit; ttl=30", True),
        ("Cache-Status", "edge; fwd=miss", False),
        # Varnish names the request that filled its cache.
        ("X-Varnish", "32770 3", True),
        ("X-Varnish", "32770", False),
        # No header of a cache.
        ("X-Powered-By", "hit", False),
    ],
)
def test_a_cache_is_recognised_by_a_header(name: str, value: str, is_kept: bool) -> None:
    for spelt in (name, name.lower(), name.upper()):
        assert cache_header(CaseInsensitiveDict({spelt: value})) == (name if is_kept else None)


def test_each_read_has_a_unique_address() -> None:
    assert len({str(unique_query()) for _ in range(100)}) == 100
