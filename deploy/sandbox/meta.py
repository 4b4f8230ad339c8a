"""`meta_data`: rows of id, key and value behind every order and customer."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.ids import Ids
from deploy.sandbox.wire import Json


@dataclass
class MetaRow:
    """One row; several rows may share a key, as plugins sometimes make them."""

    id: int
    key: str
    value: Any


class MetaTable:
    """The meta rows of one record. Ids come from the counter that all records of its kind share."""

    def __init__(self, ids: Ids | None = None) -> None:
        self._ids = ids if ids is not None else Ids()
        self._rows: list[MetaRow] = []

    def write(self, changes: Iterable[Json]) -> list[str]:
        """Apply changes as the REST API takes them, and return the keys that were named.

        A change with an id meets that row, one without meets its key in place (further rows of the key
        go), and a value of null deletes.
        """
        named = []
        for change in changes:
            key = str(change.get("key", ""))
            self._write_one(key, change.get("value"), change.get("id"))
            named.append(key)
        return named

    def set(self, key: str, value: Any) -> None:
        """Write one key in place."""
        self._write_one(key, value, None)

    def remove(self, key: str) -> None:
        """Drop all rows of a key."""
        self._rows = [row for row in self._rows if row.key != key]

    def get(self, key: str) -> Any:
        """The first value of a key, or None."""
        return next((row.value for row in self._rows if row.key == key), None)

    def by_key(self) -> list[Json]:
        """Rows as an order shows them: sorted by key, `_` first."""
        return [
            vars(row).copy()
            for row in sorted(self._rows, key=lambda row: (row.key.lower(), row.id))
        ]

    def by_id(self) -> list[Json]:
        """Rows as they were made, which is how a customer shows them."""
        return [vars(row).copy() for row in sorted(self._rows, key=lambda row: row.id)]

    def _write_one(self, key: str, value: Any, row_id: int | None) -> None:
        met = self._meet(key, row_id)
        if value is None:
            self._rows = [row for row in self._rows if row not in met]
            return
        if not met:
            self._rows.append(MetaRow(self._ids.take(), key, _stored(value)))
            return
        kept, spare = met[0], met[1:]
        kept.key, kept.value = key or kept.key, _stored(value)
        self._rows = [row for row in self._rows if row not in spare]

    def _meet(self, key: str, row_id: int | None) -> list[MetaRow]:
        if row_id:
            return [row for row in self._rows if row.id == row_id]
        return [row for row in self._rows if row.key == key]


def _stored(value: Any) -> Any:
    """What comes back from a text column: numbers as text, true as 1 and false as nothing."""
    if isinstance(value, bool):
        return "1" if value else ""
    return str(value) if isinstance(value, int | float) else value
