"""What is to be deleted when, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from hooks.ledger.tables import records
from hooks.ledger.views import OPEN

PAGE_SIZE = 500


@dataclass(frozen=True, slots=True)
class Due:
    """What to look for. `before`: due on that day or earlier, that is, kept until the day before it at most."""

    before: date | None = None
    retention_class: str | None = None
    kind: str | None = None
    page: int = 1


def _where(chosen: Due) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [OPEN, records.c.delete_after.is_not(None)]
    if chosen.before:
        where.append(records.c.delete_after < chosen.before)
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
    ordered = select(records).where(*where).order_by(records.c.delete_after, records.c.id)
    page = ordered.limit(PAGE_SIZE).offset((chosen.page - 1) * PAGE_SIZE)
    return int(total), list(connection.execute(page))


def due_by_day(connection: Connection, chosen: Due) -> list[Row[Any]]:
    """How many (`number`) records of each kind and class fall due on the same day."""
    columns = (records.c.delete_after, records.c.kind, records.c.retention_class)
    grouped = select(*columns, func.count().label("number")).where(*_where(chosen)).group_by(*columns)
    return list(connection.execute(grouped.order_by(*columns)))
