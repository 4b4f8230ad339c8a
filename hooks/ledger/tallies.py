"""How many records there are of each kind, and how many fall due on each day, without going through them.

Triggers on the records count them, so that no way of writing can forget to. In SQLite, where one writes at a time, they
change the tally itself. In PostgreSQL deliveries that changed the same row of a tally would wait for each other, and
deadlock: there each change is a row of its own, which a worker adds to the tally later. What counts is the sum of both.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnClause,
    ColumnElement,
    Connection,
    Row,
    String,
    Subquery,
    Table,
    and_,
    case,
    cast,
    delete,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.dialects import postgresql

from hooks.ledger.database import Database
from hooks.ledger.tables import day_changes, day_tally, kind_changes, kind_tally

What = Literal["whole", "part", "early"]

FOLDED_AT_ONCE = 10_000

_LOCK = 7_235_604_118_203
"""Any number that nobody else takes as an advisory lock in this database."""


def _summed(tally: Table, changes: Table) -> Subquery:
    return union_all(select(tally), select(changes)).subquery()


_KINDS, _DAYS = _summed(kind_tally, kind_changes), _summed(day_tally, day_changes)


def kinds(connection: Connection, *by: str) -> list[Row[Any]]:
    """The `number` of records by these columns of the tally; an empty text stands for none."""
    columns = [_KINDS.c[name] for name in by]
    return _grouped(connection, _KINDS, *columns)


def days(
    connection: Connection, what: What, *by: str, before: date | None = None, **of: str | None
) -> list[Row[Any]]:
    """The `number` of records that are due, by these columns of the tally and in their order; due `before` a day, and
    of a kind or a class, where those are given."""
    where = [_DAYS.c.what == what, *(_DAYS.c[name] == value for name, value in of.items() if value)]
    if before:
        where.append(_DAYS.c.day < before)
    return _grouped(connection, _DAYS, *(_DAYS.c[name] for name in by), where=where)


def _grouped(
    connection: Connection, summed: Subquery, *columns: Any, where: Any = ()
) -> list[Row[Any]]:
    number = func.sum(summed.c.number)
    chosen = select(*columns, cast(number, BigInteger).label("number")).where(*where)
    return list(
        connection.execute(chosen.group_by(*columns).having(number != 0).order_by(*columns))
    )


def months(connection: Connection, what: What, today: date) -> list[Row[Any]]:
    """The `number` of records that are due, by `month` (`2026-11`) and in that order, and of these how many are
    `overdue` and due within the `next_30_days` and the `next_365_days`, today among them."""

    def within(of: ColumnElement[bool]) -> ColumnElement[int]:
        return cast(func.sum(case((of, _DAYS.c.number), else_=0)), BigInteger)

    day, number = _DAYS.c.day, func.sum(_DAYS.c.number)
    month = func.substr(cast(day, String), 1, 7).label("month")
    chosen = select(
        month,
        cast(number, BigInteger).label("number"),
        within(day < today).label("overdue"),
        *(
            within(and_(day >= today, day < today + timedelta(days=days))).label(
                f"next_{days}_days"
            )
            for days in (30, 365)
        ),
    )
    chosen = chosen.where(_DAYS.c.what == what).group_by(month).having(number != 0).order_by(month)
    return list(connection.execute(chosen))


def early(connection: Connection, today: date) -> tuple[int, datetime | None]:
    """How many records are gone that should still be there, and since when there have been any."""
    key = [_DAYS.c[name] for name in ("day", "kind", "retention_class")]
    number = func.sum(_DAYS.c.number)
    chosen = select(cast(number, BigInteger), func.min(_DAYS.c.since))
    chosen = (
        chosen.where(_DAYS.c.what == "early", _DAYS.c.day >= today)
        .group_by(*key)
        .having(number != 0)
    )
    found = connection.execute(chosen).all()
    return sum(number for number, _ in found), min(
        (since for _, since in found if since), default=None
    )


# --- adding the changes to the tallies ---------------------------------------------------------------------


def fold_all(database: Database) -> int:
    """Add all changes to the tallies; how many those were. Raises LedgerUnavailableError."""
    folded = 0
    while _any_to_fold(database):
        with database.write() as connection:
            done = fold(connection)
        if not done:
            break
        folded += done
    return folded


def _any_to_fold(database: Database) -> bool:
    """A look that waits for nobody; in SQLite there is never anything."""
    if database.is_sqlite:
        return False
    with database.read() as connection:
        return any(
            connection.execute(select(table).limit(1)).first()
            for table in (kind_changes, day_changes)
        )


def fold(connection: Connection, limit: int = FOLDED_AT_ONCE) -> int:
    """Add up to `limit` changes to each tally; how many those were. Another that is at it meanwhile finds nothing."""
    if not connection.execute(select(func.pg_try_advisory_xact_lock(_LOCK))).scalar_one():
        return 0
    pairs = ((kind_tally, kind_changes), (day_tally, day_changes))
    return sum(_fold(connection, tally, changes, limit) for tally, changes in pairs)


def _fold(connection: Connection, tally: Table, changes: Table, limit: int) -> int:
    """One statement, so that at no moment a change counts twice, or not at all."""
    row: ColumnClause[Any] = literal_column("ctid")
    some = select(row).select_from(changes).limit(limit)
    taken = delete(changes).where(row.in_(some)).returning(*changes.c).cte("taken")
    added = _add(tally, taken).cte("added")
    number = connection.execute(select(func.count()).select_from(taken).add_cte(added)).scalar_one()
    connection.execute(delete(tally).where(tally.c.number == 0))
    return int(number)


def _add(tally: Table, taken: CTE) -> postgresql.Insert:
    key = [taken.c[column.name] for column in tally.primary_key]
    number = func.sum(taken.c.number)
    rest = {"since": func.min(taken.c.since)} if "since" in taken.c else {}
    summed = select(*key, *rest.values(), number).group_by(*key).having(number != 0)
    new = postgresql.insert(tally).from_select(
        [*(column.name for column in key), *rest, "number"], summed
    )
    changed = {"number": tally.c.number + new.excluded.number}
    changed |= {name: func.coalesce(tally.c[name], new.excluded[name]) for name in rest}
    return new.on_conflict_do_update(index_elements=list(tally.primary_key), set_=changed)
