"""A cache of bounded size, for results that never change and so can be dropped at any time."""

from __future__ import annotations

from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class BoundedCache(dict[Key, Value]):
    """A dict of at most `max_size` values. When it is full, it is emptied.

    That is enough: records that are tagged at the same time need the same few values, and these are soon back.
    """

    def __init__(self, max_size: int) -> None:
        super().__init__()
        self.max_size = max_size

    def put(self, key: Key, value: Value) -> Value:
        """Store a value, and return it."""
        if len(self) >= self.max_size:
            self.clear()
        self[key] = value
        return value
