"""What is to be deleted when, a page at a time: records as a whole, and parts that have to go before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, func, select

from hooks.ledger.tables import records
from hooks.ledger.views import KEPT, OPEN

PAGE_SIZE = 500


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
    def day(self) -> Column[date]:
        """The column that says when."""
        return records.c.part_delete_after if self.parts else records.c.delete_after


def _where(chosen: Due) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [KEPT if chosen.parts else OPEN, chosen.day.is_not(None)]
    if chosen.before:
        where.append(chosen.day < chosen.before)
    if chosen.retention_class:
        where.append(records.c.retention_class == chosen.retention_class)
    if chosen.kind:
        where.append(records.c.kind == chosen.kind)
    return where


def due(connection: Connection, chosen: Due) -> tuple[int, list[Row[Any]]]:
    """How many records there are in all, and this page of them in the order in which they fall due.

    Records that are kept until an event have no day, and are not among them.
    """
    where = _where(chosen)
    total = connection.execute(select(func.count()).select_from(records).where(*where)).scalar_one()
    ordered = select(records).where(*where).order_by(chosen.day, records.c.id)
    page = ordered.limit(PAGE_SIZE).offset((chosen.page - 1) * PAGE_SIZE)
    return int(total), list(connection.execute(page))


def due_by_day(connection: Connection, chosen: Due) -> list[Row[Any]]:
    """How many (`number`) records of each kind and class fall due on the same `day`."""
    columns = (chosen.day.label("day"), records.c.kind, records.c.retention_class)
    grouped = select(*columns, func.count().label("number")).where(*_where(chosen))
    return list(connection.execute(grouped.group_by(*columns).order_by(*columns)))
