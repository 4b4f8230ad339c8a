"""The shop that an address belongs to."""

from __future__ import annotations

from urllib.parse import urlsplit

_USUAL_PORTS = (None, 80, 443)


def is_another_shop(recorded_url: str | None, url: str) -> bool:
    """Tell whether `url` belongs to another shop than the recorded address, where there is one."""
    return recorded_url is not None and not is_same_shop(recorded_url, url)


def is_same_shop(url: str, other_url: str) -> bool:
    """Tell whether two addresses belong to one shop.

    `http` or `https`, `www.`, the usual ports and a slash at the end make no difference.
    """
    return _shop(url) == _shop(other_url)


def _shop(url: str) -> tuple[str, int | None, str]:
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    port = parts.port
    if port in _USUAL_PORTS:
        port = None
    return host, port, parts.path.rstrip("/")
