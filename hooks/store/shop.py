"""Which shop an address is of."""

from __future__ import annotations

from urllib.parse import urlsplit

_USUAL_PORTS = (None, 80, 443)


def same_shop(one: str, other: str) -> bool:
    """Whether two addresses are of the same shop: `http`, `https`, `www.`, usual ports and a last slash aside."""
    return _shop(one) == _shop(other)


def _shop(url: str) -> tuple[str, int | None, str]:
    parts = urlsplit(url)
    port = None if parts.port in _USUAL_PORTS else parts.port
    return (parts.hostname or "").removeprefix("www."), port, parts.path.rstrip("/")
