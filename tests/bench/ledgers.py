"""Create a ledger of any size fast: the database copies the rows of one family a day.

Each record has its own ids and time of day. All history is sealed, nothing is left to push, and the policy is in force.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Text,
    cast,
    func,
    insert,
    literal,
    select,
)

from hooks.ledger import policies
from hooks.ledger.audit import seals
from hooks.ledger.database import Database
from hooks.ledger.tables import history, records
from hooks.ledger.tallies import fold_all
from hooks.ledger.upgrade import upgrade
from hooks.retention.policy import Policy
from tests.bench.sample_shop import CUSTOMER, DAYS, FAMILY_SIZE, NOON, family_rows

FIRST_ID = 1000
"""The first id. All ids are below those of the orders in `tests.bench.traffic`."""

_AT_ONCE = 5000
"""Number of families in one transaction."""

_SECONDS = 12 * 3600
"""The seconds between 08:00 and 20:00 UTC, which are of the same day in all time zones of Europe."""

_metadata = MetaData()
_OWN = [column.name for column in records.c if column.name != "id"]
_shapes = Table(
    "bench_shapes",
    _metadata,
    Column("day", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("reason", Text),
    *(Column(name, records.c[name].type) for name in _OWN),
)
_clocks = Table(
    "bench_clocks",
    _metadata,
    Column("second", Integer, primary_key=True),
    Column("text", String(12)),
)


def fill(ledger: Database, policy: Policy, number: int) -> None:
    """Insert `number` records (a multiple of FAMILY_SIZE) into a new ledger, tagged by this policy."""
    upgrade(ledger)
    families = number // FAMILY_SIZE
    with ledger.write() as connection:
        _metadata.create_all(connection)
        _prepare(connection, policy, families)
    for first in range(0, families, _AT_ONCE):
        with ledger.write() as connection:
            _stamp(connection, first, min(first + _AT_ONCE, families), families)
    with ledger.write() as connection:
        _metadata.drop_all(connection)
        policies.put_in_force(connection, policy, datetime.now(UTC))
    seal(ledger)
    fold_all(ledger)
    tidy(ledger)


def _prepare(connection: Connection, policy: Policy, families: int) -> None:
    """Insert the rows that are copied later."""
    columns = ("day", "place", "reason", *_OWN)
    for day in sorted({number * DAYS // families for number in range(families)}):
        rows = [
            {"day": day, "place": place} | row for place, row in enumerate(family_rows(day, policy))
        ]
        connection.execute(insert(_shapes), [{name: row[name] for name in columns} for row in rows])
    connection.execute(insert(_clocks), list(_times()))


def _times() -> Iterator[dict[str, int | str]]:
    for second in range(_SECONDS):
        yield {
            "second": second,
            "text": f"T{8 + second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}",
        }


def _stamp(connection: Connection, first: int, end: int, families: int) -> None:
    """Insert the records of the families from `first` to before `end`, and a line of history for each."""
    before = connection.execute(select(func.coalesce(func.max(records.c.id), 0))).scalar_one()
    connection.execute(insert(records).from_select(_OWN, _rows(first, end, families)))
    number = records.c.external_id - FIRST_ID
    shape = (_shapes.c.day == number // FAMILY_SIZE * DAYS // families) & (
        _shapes.c.place == number % FAMILY_SIZE
    )
    same = ("state", "legal_basis", "retention_class", "delete_after", "policy_id")
    lines = select(
        records.c.id,
        records.c.created_at,
        literal("order.created"),
        *(records.c[name] for name in same),
        _shapes.c.reason,
    ).where(records.c.id > before, shape)
    ordered = lines.order_by(records.c.id)
    connection.execute(
        insert(history).from_select(["record_id", "at", "cause", *same, "reason"], ordered)
    )


def _rows(first: int, end: int, families: int) -> Select[tuple[object, ...]]:
    """Select the columns of `_OWN`, ordered by family and place."""
    numbers = select(literal(first, Integer).label("number")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.number + 1).where(numbers.c.number < end - 1))
    number = numbers.c.number
    customer_id = FIRST_ID + number * FAMILY_SIZE
    stands_for = cast(literal(CUSTOMER), String)
    own: dict[str, ColumnElement[object]] = {
        "external_id": customer_id + _shapes.c.place,
        "customer_id": customer_id + _shapes.c.customer_id - CUSTOMER,
        "subject": func.replace(_shapes.c.subject, stands_for, cast(customer_id, String)),
        "facts": func.replace(
            func.replace(_shapes.c.facts, stands_for, cast(customer_id, String)),
            NOON,
            _clocks.c.text,
        ),
    }
    of_the_day = _shapes.c.day == number * DAYS // families
    at_a_time = _clocks.c.second == (number * 31 + _shapes.c.place * 4099) % _SECONDS
    columns = [own.get(name, _shapes.c[name]) for name in _OWN]
    return select(*columns).where(of_the_day, at_a_time).order_by(number, _shapes.c.place)


def seal(ledger: Database) -> None:
    """Seal the history as a worker does, in larger batches."""
    sealed = 1
    while sealed:
        with ledger.write() as connection:
            sealed = seals.seal(connection, 20_000)


def tidy(ledger: Database) -> None:
    """Do the upkeep that the databases do in time: SQLite's checkpoint, PostgreSQL's VACUUM ANALYZE."""
    if ledger.is_sqlite:
        ledger.close()  # as the last connection does when it goes
        return
    with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
