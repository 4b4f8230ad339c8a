"""Marshmallow's messages about the policy file, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_UNNAMED = ("_schema", "value", "key")
"""Keys that marshmallow puts into its messages, and that are not in the file."""


def sentences(messages: Any, raw: Any, place: str = "") -> Iterator[str]:
    """Flatten the messages about `raw` to sentences. Each begins with the place that it is about.

    A member of a list is named by its id, not by its position.
    """
    if isinstance(messages, list):
        for message in messages:
            yield f"{place or 'the file'}: {message}"
        return
    for key, inner_messages in messages.items():
        if key in _UNNAMED:
            yield from sentences(inner_messages, raw, place)
        else:
            member = _member(raw, key)
            name = _position(key, member) if isinstance(key, int) else key
            yield from sentences(inner_messages, member, f"{place} {name}".strip())


def _position(index: int, member: Any) -> str:
    label = None
    if isinstance(member, dict):
        label = member.get("id") or member.get("name")
    return repr(label or f"number {index + 1}")


def _member(raw: Any, key: object) -> Any:
    try:
        return raw[key]
    except (KeyError, IndexError, TypeError):
        return None
