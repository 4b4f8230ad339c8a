"""The number of records of each kind, and the number that falls due on each day, without reading the records.

Triggers on the table of records do the counting, so that no code that writes records can forget it. SQLite has one
writer at a time: there the triggers change the tally itself. In PostgreSQL, deliveries that change the same row of a
tally would wait for each other, or deadlock. There each change is a row of its own, and a worker adds it to the tally
later ("folds" it). Each number is the sum of the tally and the changes.
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

Scope = Literal["whole", "part", "early"]
"""Records that are due as a whole, records of which a part is due before, and records that were erased too early."""

FOLDED_AT_ONCE = 10_000
"""The number of changes that one transaction folds."""

_LOCK = 7_235_604_118_203
"""The key of an advisory lock: any number that nobody else uses in this database."""


def _summed(tally: Table, changes: Table) -> Subquery:
    return union_all(select(tally), select(changes)).subquery()


_KINDS, _DAYS = _summed(kind_tally, kind_changes), _summed(day_tally, day_changes)


def kinds(connection: Connection, *names: str) -> list[Row[Any]]:
    """Return the `number` of records by these columns of the tally. An empty text means that a record has none."""
    columns = [_KINDS.c[name] for name in names]
    return _grouped(connection, _KINDS, *columns)


def days(
    connection: Connection,
    scope: Scope,
    *names: str,
    before: date | None = None,
    **filters: str | None,
) -> list[Row[Any]]:
    """Return the `number` of records that are due, by these columns of the tally and in their order.

    `before`: only those due before a day. `filters`: only those with this `kind` or `retention_class`, if not None.
    """
    conditions = [_DAYS.c.what == scope]
    for name, value in filters.items():
        if value:
            conditions.append(_DAYS.c[name] == value)
    if before:
        conditions.append(_DAYS.c.day < before)
    return _grouped(connection, _DAYS, *(_DAYS.c[name] for name in names), where=conditions)


def _grouped(
    connection: Connection, summed: Subquery, *columns: Any, where: Any = ()
) -> list[Row[Any]]:
    number = func.sum(summed.c.number)
    query = select(*columns, cast(number, BigInteger).label("number")).where(*where)
    query = query.group_by(*columns).having(number != 0).order_by(*columns)
    return list(connection.execute(query))


def months(connection: Connection, scope: Scope, today: date) -> list[Row[Any]]:
    """Return the `number` of records that are due, by `month` (`2026-11`) and in that order.

    Each row also says how many of them are `overdue`, and due within the `next_30_days` and the `next_365_days`, from
    today on.
    """
    day = _DAYS.c.day
    number = func.sum(_DAYS.c.number)
    month = func.substr(cast(day, String), 1, 7).label("month")
    query = select(
        month,
        cast(number, BigInteger).label("number"),
        _number_where(day < today).label("overdue"),
        _number_where(day >= today, day < today + timedelta(days=30)).label("next_30_days"),
        _number_where(day >= today, day < today + timedelta(days=365)).label("next_365_days"),
    )
    query = query.where(_DAYS.c.what == scope).group_by(month)
    query = query.having(number != 0).order_by(month)
    return list(connection.execute(query))


def _number_where(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    counted = case((and_(*conditions), _DAYS.c.number), else_=0)
    return cast(func.sum(counted), BigInteger)


def early(connection: Connection, today: date) -> tuple[int, datetime | None]:
    """Return the number of records that were erased too early, and since when there have been any."""
    key = [_DAYS.c[name] for name in ("day", "kind", "retention_class")]
    number = func.sum(_DAYS.c.number)
    query = select(cast(number, BigInteger), func.min(_DAYS.c.since))
    query = query.where(_DAYS.c.what == "early", _DAYS.c.day >= today)
    total = 0
    first = None
    for count, since in connection.execute(query.group_by(*key).having(number != 0)):
        total += count
        if since and (first is None or since < first):
            first = since
    return total, first


# --- folding the changes into the tallies ------------------------------------------------------------------


def fold_all(database: Database) -> int:
    """Add all changes to the tallies, and return how many there were. Raises LedgerUnavailableError."""
    folded = 0
    while _has_changes(database):
        with database.write() as connection:
            number = fold(connection)
        if not number:
            break
        folded += number
    return folded


def _has_changes(database: Database) -> bool:
    """Tell whether there are changes to fold. It reads only, so it waits for no lock. SQLite never has any."""
    if database.is_sqlite:
        return False
    with database.read() as connection:
        if connection.execute(select(kind_changes).limit(1)).first() is not None:
            return True
        return connection.execute(select(day_changes).limit(1)).first() is not None


def fold(connection: Connection, limit: int = FOLDED_AT_ONCE) -> int:
    """Add up to `limit` changes to each tally, and return how many there were; 0 while another process does it."""
    if not connection.execute(select(func.pg_try_advisory_xact_lock(_LOCK))).scalar_one():
        return 0
    pairs = ((kind_tally, kind_changes), (day_tally, day_changes))
    return sum(_fold(connection, tally, changes, limit) for tally, changes in pairs)


def _fold(connection: Connection, tally: Table, changes: Table, limit: int) -> int:
    """Fold changes in one statement, so that no reader sees a change counted twice, or not at all."""
    row: ColumnClause[Any] = literal_column("ctid")
    batch = select(row).select_from(changes).limit(limit)
    deleted = delete(changes).where(row.in_(batch)).returning(*changes.c).cte("taken")
    added = _add(tally, deleted).cte("added")
    count = select(func.count()).select_from(deleted).add_cte(added)
    number = connection.execute(count).scalar_one()
    connection.execute(delete(tally).where(tally.c.number == 0))
    return int(number)


def _add(tally: Table, changes: CTE) -> postgresql.Insert:
    """Add changes to the rows of a tally with the same key, or insert such rows."""
    key = [column.name for column in tally.primary_key]
    number = func.sum(changes.c.number)
    earliest = {}
    if "since" in changes.c:
        earliest["since"] = func.min(changes.c.since)
    key_columns = [changes.c[name] for name in key]
    summed = select(*key_columns, *earliest.values(), number)
    summed = summed.group_by(*key_columns).having(number != 0)
    insertion = postgresql.insert(tally).from_select([*key, *earliest, "number"], summed)
    values = {"number": tally.c.number + insertion.excluded.number}
    for name in earliest:
        values[name] = func.coalesce(tally.c[name], insertion.excluded[name])
    return insertion.on_conflict_do_update(index_elements=list(tally.primary_key), set_=values)
