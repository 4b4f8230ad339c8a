"""The status report of `/status`, and the problems that it names."""

from __future__ import annotations

from typing import Any

Problem = dict[str, Any]
"""One problem: its `code`, a `message` that says what is wrong and what to do, and `since` when (None if unknown)."""
