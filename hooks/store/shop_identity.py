"""Which shop an address is of."""

from __future__ import annotations

from urllib.parse import urlsplit

_USUAL_PORTS = (None, 80, 443)


def is_another(known: str | None, named: str) -> bool:
    """Tell whether the address `named` is of another shop than the `known` one, if one is known."""
    return known is not None and not same_shop(known, named)


def same_shop(one: str, other: str) -> bool:
    """Tell whether two addresses are of the same shop: `http`, `https`, `www.`, usual ports and a last slash aside."""
    return _shop(one) == _shop(other)


def _shop(url: str) -> tuple[str, int | None, str]:
    parts = urlsplit(url)
    port = None if parts.port in _USUAL_PORTS else parts.port
    return (parts.hostname or "").removeprefix("www."), port, parts.path.rstrip("/")
