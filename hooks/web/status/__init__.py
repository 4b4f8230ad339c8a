"""The status report of `/status`, and the problems that it names."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

Problem = dict[str, Any]
"""One problem: its `code`, a `message` that says what is wrong and what to do, and `since` when (None if unknown)."""


def words_for_more(number: int, examples: Sized) -> str:
    """Say that `examples` are only the first of this number; return nothing if they are all."""
    shown = len(examples)
    if number <= shown:
        return ""
    return f", the first {shown} of them"
