"""TOML written line by line, so that comments can stand between the entries. A question is such a comment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from hooks.page.normalized_text import clean

ASK_PREFIX = "# ASK: "
"""The beginning of a comment that asks for something that could not be read."""


def value(item: object) -> str:
    """Return the value as TOML writes it. Raises TypeError for a type that no policy file has."""
    match item:
        case bool() | int():
            return str(item).lower()
        case str():
            return json.dumps(item, ensure_ascii=False)
        case datetime():
            return item.isoformat().replace("+00:00", "Z")
        case date():
            return item.isoformat()
        case list() | tuple():
            values = ", ".join(map(value, item))
            return f"[{values}]"
        case _:
            raise TypeError(f"A policy file has no value of type {type(item).__name__}")


def line(name: str, item: object) -> str:
    """Return the line `name = value`."""
    return f"{name} = {value(item)}"


def table(header: str, entries: Mapping[str, Any]) -> list[str]:
    """Return the lines of a table: its header, then a line for each entry that is not None."""
    return [header, *_entry_lines(entries)]


def inline(name: str, entries: Mapping[str, Any]) -> str:
    """Return a table in one line, without the entries that are None."""
    joined = ", ".join(_entry_lines(entries))
    return f"{name} = {{ {joined} }}"


def _entry_lines(entries: Mapping[str, Any]) -> list[str]:
    return [line(name, item) for name, item in entries.items() if item is not None]


def ask(sentence: str) -> str:
    """Return a comment that asks the operator for something."""
    return f"{ASK_PREFIX}{clean(sentence)}"


def comment_out(lines: Iterable[str]) -> list[str]:
    """Return the lines as comments: the operator fills them in, and until then they have no effect."""
    return [f"# {line}" for line in lines]


def questions(text: str) -> tuple[str, ...]:
    """Return the questions in the text of a draft, without their prefix."""
    comments = [line for line in text.splitlines() if line.startswith(ASK_PREFIX)]
    return tuple(comment.removeprefix(ASK_PREFIX) for comment in comments)
