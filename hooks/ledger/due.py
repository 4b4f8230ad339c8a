"""What is to be deleted when, a page at a time: records as a whole, and parts that have to go before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import Column, Connection, Row, Select, func, select, union_all

from hooks.ledger import tallies
from hooks.ledger.tables import IS_KEPT, IS_OPEN, records

PAGE_SIZE = 500

SHOWN = [
    records.c[name]
    for name in (
        "store",
        "kind",
        "external_id",
        "state",
        "retention_class",
        "legal_basis",
        "review_after",
        "delete_after",
        "part_delete_after",
        "entries",
    )
]
"""What a line of the schedule needs of its record."""


_NAMED: list[Column[Any]] = [records.c[name] for name in ("store", "kind", "external_id")]


@dataclass(frozen=True, slots=True)
class Due:
    """What to look for. `before`: due on that day or earlier, that is, kept until the day before it at most.
    `parts`: records of which a part has to go before the whole of them, by the first day of any part."""

    before: date | None = None
    retention_class: str | None = None
    kind: str | None = None
    page: int = 1
    parts: bool = False

    @property
    def what(self) -> tallies.What:
        """Which tally counts them."""
        return "part" if self.parts else "whole"

    @property
    def day(self) -> Column[date]:
        """The column that says when."""
        return records.c.part_delete_after if self.parts else records.c.delete_after

    @property
    def of(self) -> dict[str, Any]:
        """The same, in the words of the tallies."""
        return {"before": self.before, "kind": self.kind, "retention_class": self.retention_class}


def due(connection: Connection, chosen: Due) -> tuple[int, list[Row[Any]]]:
    """How many records there are in all, and this page of them in the order in which they fall due.

    Records that are kept until an event have no day, and are not among them.
    """
    groups = _groups(connection, chosen)
    total = sum(groups.values())
    if (chosen.page - 1) * PAGE_SIZE >= total:
        return total, []
    page = _page(chosen, groups, chosen.page * PAGE_SIZE, PAGE_SIZE).subquery()
    rows = select(*SHOWN).join(page, page.c.id == records.c.id).order_by(chosen.day, records.c.id)
    return total, list(connection.execute(rows))


def oldest(connection: Connection, chosen: Due) -> tuple[int, Row[Any] | None]:
    """The number of records in all, and the one that falls due first: `store`, `kind`, `external_id`, `day`."""
    groups = _groups(connection, chosen)
    if not groups:
        return 0, None
    first = _page(chosen, groups, 1, 1).subquery()
    rows: Select[Any] = select(*_NAMED, chosen.day.label("day")).join(
        first, first.c.id == records.c.id
    )
    return sum(groups.values()), connection.execute(rows).first()


def set_before(
    connection: Connection, store: str, name: Literal["request_due", "hold_review"], before: date
) -> tuple[int, Row[Any] | None]:
    """Count the records of a store with a day of this name before a day, and give the oldest: `kind`, `external_id`,
    `day`."""
    day = records.c[name]
    past = records.c.store == store, day < before
    rows: Select[Any] = select(*_NAMED, day.label("day")).where(*past)
    first = connection.execute(
        rows.order_by(day, records.c.kind, records.c.external_id).limit(1)
    ).first()
    if first is None:
        return 0, None
    number = connection.execute(select(func.count()).select_from(records).where(*past)).scalar_one()
    return int(number), first


def _groups(connection: Connection, chosen: Due) -> dict[tuple[str, ...], int]:
    """What the indexes go by before they go by day (kind and class, or of parts kind alone): how many each has."""
    by = ("kind",) if chosen.parts else ("kind", "retention_class")
    return {
        tuple(row[:-1]): row.number
        for row in tallies.days(connection, chosen.what, *by, **chosen.of)
    }


def _page(chosen: Due, groups: Iterable[tuple[str, ...]], upto: int, size: int) -> Select[Any]:
    """The last `size` ids of the first `upto`: each group gives as many as may be wanted of it, which an index has in
    order."""
    each = [_first(chosen, upto, *group).subquery().select() for group in groups]
    together = union_all(*each).subquery()
    ordered = select(together.c.id).order_by(together.c.day, together.c.id)
    return ordered.limit(size).offset(upto - size)


def _first(chosen: Due, upto: int, kind: str, retention_class: str | None = None) -> Select[Any]:
    where: list[Any] = [
        IS_KEPT if chosen.parts else IS_OPEN,
        chosen.day.is_not(None),
        records.c.kind == kind,
    ]
    if retention_class is not None:
        where.append(records.c.retention_class == (retention_class or None))
    if chosen.before:
        where.append(chosen.day < chosen.before)
    found = select(records.c.id, chosen.day.label("day")).where(*where)
    return found.order_by(chosen.day, records.c.id).limit(upto)


def due_by_day(connection: Connection, chosen: Due) -> list[Row[Any]]:
    """How many (`number`) records of each kind and class fall due on the same `day`."""
    return tallies.days(connection, chosen.what, "day", "kind", "retention_class", **chosen.of)
