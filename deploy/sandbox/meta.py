"""The table behind `meta_data`: rows of id, key and value for every order and customer."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.ids import Ids
from deploy.sandbox.wire import Json


@dataclass
class MetaRow:
    """One row. Several rows may have the same key: some plugins write such rows."""

    id: int
    key: str
    value: Any


class MetaTable:
    """The meta rows of one record. All records of a kind share one counter of ids."""

    def __init__(self, ids: Ids | None = None) -> None:
        self._ids = ids if ids is not None else Ids()
        self._rows: list[MetaRow] = []

    def write(self, changes: Iterable[Json]) -> list[str]:
        """Apply changes as the REST API does, and return the keys that they name.

        A change with an id changes that row. A change without an id changes the first row of its key, and deletes the
        other rows of the key. A value of null deletes.
        """
        keys = []
        for change in changes:
            key = str(change.get("key", ""))
            self._write_row(key, change.get("value"), change.get("id"))
            keys.append(key)
        return keys

    def set(self, key: str, value: Any) -> None:
        """Write the value of one key."""
        self._write_row(key, value, None)

    def remove(self, key: str) -> None:
        """Delete all rows of a key."""
        self._rows = [row for row in self._rows if row.key != key]

    def get(self, key: str) -> Any:
        """Return the first value of a key, or None."""
        return next((row.value for row in self._rows if row.key == key), None)

    def by_key(self) -> list[Json]:
        """Return the rows as an order shows them: sorted by key, keys with `_` first."""
        rows = sorted(self._rows, key=lambda row: (row.key.lower(), row.id))
        return [vars(row).copy() for row in rows]

    def by_id(self) -> list[Json]:
        """Return the rows as a customer shows them: in the order in which they were created."""
        rows = sorted(self._rows, key=lambda row: row.id)
        return [vars(row).copy() for row in rows]

    def _write_row(self, key: str, value: Any, row_id: int | None) -> None:
        matches = self._find(key, row_id)
        if value is None:
            self._rows = [row for row in self._rows if row not in matches]
            return
        if not matches:
            self._rows.append(MetaRow(self._ids.take(), key, _column_value(value)))
            return
        first, *duplicates = matches
        first.key, first.value = key or first.key, _column_value(value)
        self._rows = [row for row in self._rows if row not in duplicates]

    def _find(self, key: str, row_id: int | None) -> list[MetaRow]:
        if row_id:
            return [row for row in self._rows if row.id == row_id]
        return [row for row in self._rows if row.key == key]


def _column_value(value: Any) -> Any:
    """Return a value as a text column gives it back: a number as text, true as "1", false as ""."""
    if value is True:
        return "1"
    if value is False:
        return ""
    return str(value) if isinstance(value, int | float) else value
