"""The records that fall due, a page at a time: as a whole, or the parts that have to be deleted before the whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import Column, Connection, Row, Select, func, select, union_all

from hooks.ledger import tallies
from hooks.ledger.tables import IS_KEPT, IS_OPEN, records

PAGE_SIZE = 500

_KEY: list[Column[Any]] = [records.c.store, records.c.kind, records.c.external_id]

_LINE: list[Column[Any]] = [
    *_KEY,
    records.c.state,
    records.c.retention_class,
    records.c.legal_basis,
    records.c.review_after,
    records.c.delete_after,
    records.c.part_delete_after,
    records.c.entries,
]
"""The columns that a line of the schedule shows."""


@dataclass(frozen=True, slots=True)
class DueQuery:
    """The records to look for.

    `before`: due on that day or earlier, that is, kept until the day before it at most. `parts`: the records of which a
    part has to be deleted before the whole, by the first day of any part.
    """

    before: date | None = None
    retention_class: str | None = None
    kind: str | None = None
    page: int = 1
    parts: bool = False

    @property
    def scope(self) -> tallies.Scope:
        """The tally that counts these records."""
        if self.parts:
            return "part"
        return "whole"

    @property
    def day_column(self) -> Column[date]:
        """The column with the day on which a record is due."""
        if self.parts:
            return records.c.part_delete_after
        return records.c.delete_after

    @property
    def filters(self) -> dict[str, Any]:
        """The arguments of `tallies.days` for the same query."""
        return {"before": self.before, "kind": self.kind, "retention_class": self.retention_class}


def due_page(connection: Connection, query: DueQuery) -> tuple[int, list[Row[Any]]]:
    """Return the number of all these records, and one page of them in the order in which they fall due.

    A record that is kept until an event has no day, and is not among them.
    """
    groups = _groups(connection, query)
    total = sum(groups.values())
    if (query.page - 1) * PAGE_SIZE >= total:
        return total, []
    page = _select_page(query, groups, query.page * PAGE_SIZE, PAGE_SIZE).subquery()
    rows = select(*_LINE).join(page, page.c.id == records.c.id)
    return total, list(connection.execute(rows.order_by(query.day_column, records.c.id)))


def first_due(connection: Connection, query: DueQuery) -> tuple[int, Row[Any] | None]:
    """Return the number of all these records, and the first due: `store`, `kind`, `external_id`, `day`."""
    groups = _groups(connection, query)
    if not groups:
        return 0, None
    first = _select_page(query, groups, 1, 1).subquery()
    row: Select[Any] = select(*_KEY, query.day_column.label("day"))
    row = row.join(first, first.c.id == records.c.id)
    return sum(groups.values()), connection.execute(row).first()


def count_before(
    connection: Connection, store: str, name: Literal["request_due", "hold_review"], before: date
) -> tuple[int, Row[Any] | None]:
    """Return the number of a store's records with a day in the column `name` that is before a day, and the oldest.

    The oldest is a row of `store`, `kind`, `external_id` and `day`.
    """
    day = records.c[name]
    is_past = records.c.store == store, day < before
    rows: Select[Any] = select(*_KEY, day.label("day")).where(*is_past)
    ordered = rows.order_by(day, records.c.kind, records.c.external_id)
    oldest = connection.execute(ordered.limit(1)).first()
    if oldest is None:
        return 0, None
    count = select(func.count()).select_from(records).where(*is_past)
    return int(connection.execute(count).scalar_one()), oldest


def _groups(connection: Connection, query: DueQuery) -> dict[tuple[str, ...], int]:
    """Count the records of each group: of each kind and class; or of each kind, for parts.

    The columns that make a group come before the day in the index, so that the index has each group in order of days.
    """
    names = ["kind"]
    if not query.parts:
        names.append("retention_class")
    rows = tallies.days(connection, query.scope, *names, **query.filters)
    return {tuple(row[:-1]): row.number for row in rows}


def _select_page(
    query: DueQuery, groups: Iterable[tuple[str, ...]], up_to: int, size: int
) -> Select[Any]:
    """Select the last `size` ids of the first `up_to`.

    Each group gives its own first `up_to`, which the index has in order; these are merged.
    """
    firsts = [_select_first(query, up_to, *group).subquery().select() for group in groups]
    merged = union_all(*firsts).subquery()
    ordered = select(merged.c.id).order_by(merged.c.day, merged.c.id)
    return ordered.limit(size).offset(up_to - size)


def _select_first(
    query: DueQuery, up_to: int, kind: str, retention_class: str | None = None
) -> Select[Any]:
    """Select the first `up_to` records of a group. An empty class stands for none."""
    day = query.day_column
    is_in_scope = IS_OPEN
    if query.parts:
        is_in_scope = IS_KEPT
    conditions: list[Any] = [is_in_scope, day.is_not(None), records.c.kind == kind]
    if retention_class is not None:
        conditions.append(records.c.retention_class == (retention_class or None))
    if query.before:
        conditions.append(day < query.before)
    rows = select(records.c.id, day.label("day")).where(*conditions)
    return rows.order_by(day, records.c.id).limit(up_to)


def due_by_day(connection: Connection, query: DueQuery) -> list[Row[Any]]:
    """Return the `number` of records of each kind and class that fall due on the same `day`."""
    return tallies.days(connection, query.scope, "day", "kind", "retention_class", **query.filters)
