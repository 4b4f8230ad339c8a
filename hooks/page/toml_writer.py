"""TOML written line by line, so that comments can stand between: keys, tables, and questions as comments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from hooks.page.normalized_text import clean

ASK_PREFIX = "# ASK: "
"""How a comment begins that asks for what could not be read."""


def value(thing: object) -> str:
    """A value as TOML writes it. Raises TypeError for a kind that a policy file does not have."""
    match thing:
        case bool() | int():
            return str(thing).lower()
        case str():
            return json.dumps(thing, ensure_ascii=False)
        case datetime():
            return thing.isoformat().replace("+00:00", "Z")
        case date():
            return thing.isoformat()
        case list() | tuple():
            return f"[{', '.join(map(value, thing))}]"
        case _:
            raise TypeError(f"{type(thing).__name__} is not written")


def line(name: str, thing: object) -> str:
    """`name = value`."""
    return f"{name} = {value(thing)}"


def table(header: str, entries: Mapping[str, Any]) -> list[str]:
    """A table with its entries, a line each; those that are None are left out."""
    return [header, *(line(name, thing) for name, thing in entries.items() if thing is not None)]


def inline(name: str, entries: Mapping[str, Any]) -> str:
    """A table in one line."""
    within = ", ".join(line(key, thing) for key, thing in entries.items() if thing is not None)
    return f"{name} = {{ {within} }}"


def ask(sentence: str) -> str:
    """A comment that asks."""
    return f"{ASK_PREFIX}{clean(sentence)}"


def comment_out(lines: Iterable[str]) -> list[str]:
    """Lines that are there to be filled in, and say nothing until they are."""
    return [f"# {one}" for one in lines]


def questions(text: str) -> tuple[str, ...]:
    """The questions in a text, without the sign before them."""
    return tuple(
        one.removeprefix(ASK_PREFIX) for one in text.splitlines() if one.startswith(ASK_PREFIX)
    )
