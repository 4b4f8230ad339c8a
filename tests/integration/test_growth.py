"""The regular queries of the service are no more work in a large ledger than in a small one.

Work is not measured in time: it is the steps of the virtual machine in SQLite, and the visited rows in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, text, update

from hooks.ledger import due as due_module
from hooks.ledger import log, person_records, records, stores, tagged_rows, tallies
from hooks.ledger.audit import seals
from hooks.ledger.database import Database
from hooks.ledger.due import DueQuery, due_by_day, due_page
from hooks.ledger.tables import deliveries, history
from hooks.ledger.tables import records as records_table
from hooks.retention.policy import Policy
from hooks.retention.tags import tagged_by
from hooks.settings import Settings, StoreSettings
from hooks.web.status.report import status_of
from tests.integration.full_counts import NOW, TODAY
from tests.support.large_ledger import FAMILY_SIZE, STORES, family_rows, fill_ledger

SMALL, LARGE = 100, 400
"""Families: there are more than shapes of them in both."""

MORE = 1.25
"""Trees are a little higher, and some of what is found is not what is looked for."""

PAGE = 10

Ask = Callable[[Connection], object]
UNTIL = NOW + timedelta(minutes=3)
FAR = TODAY + timedelta(days=3650)


QUERIES = (
    DueQuery(),
    DueQuery(before=TODAY + timedelta(days=90)),
    DueQuery(kind="customer"),
    DueQuery(kind="support-request"),
    DueQuery(retention_class="orders-accounting"),
    DueQuery(retention_class="no such"),
    DueQuery(TODAY, "unpaid-orders", "order"),
    DueQuery(parts=True),
    DueQuery(TODAY, kind="order", parts=True),
)


def _asks(policy: Policy) -> dict[str, Ask]:
    """The regular queries of web and worker, and the first queries of a person."""
    store, made_by = STORES[0], tagged_by(policy)
    settings = Settings(
        stores={STORES[1]: StoreSettings(STORES[1], "https://a.test", "ck", "cs", ("s",))}
    )
    before = NOW - timedelta(days=1)
    return {
        **{str(query): partial(due_page, query=query) for query in QUERIES},
        "calendar": lambda connection: due_by_day(connection, DueQuery()),
        "status": lambda connection: status_of(
            connection, settings, policy, started_at=NOW, now=NOW
        ),
        "tagged otherwise": lambda connection: tagged_rows.tagged_otherwise(
            connection, made_by, limit=PAGE
        ),
        "orders to be written": lambda connection: _push(connection, "order"),
        "customers to be written": lambda connection: _push(connection, "customer"),
        "questions": lambda connection: records.claim_refetches(
            connection, store, limit=PAGE, now=NOW, until=UNTIL, claim="me"
        ),
        "approaching": lambda connection: records.find_approaching(
            connection, store, due=FAR, read_before=before, limit=PAGE
        ),
        "not sealed": seals.first_unsealed,
        "sealed far below": lambda connection: seals.first_stray(connection, 0, 100),
        "old deliveries": lambda connection: log.prune(
            connection, NOW - timedelta(days=30), ["event.undated"]
        ),
        "not found yet": lambda connection: person_records.has_unassigned_records(
            connection, store
        ),
    }


def _push(connection: Connection, kind: Any) -> object:
    return records.claim_pushes(
        connection, STORES[0], kind, limit=PAGE, now=NOW, until=UNTIL, claim="me"
    )


def _grow(ledger: Database, policy: Policy, have: int, families: int) -> None:
    """Add families; each record has a sealed line of history and a delivery."""
    fill_ledger(ledger, islice(family_rows(policy, families, NOW), have * FAMILY_SIZE, None))
    told = {"at": NOW, "cause": "order.created", "state": "active", "reason": "Paid"}
    new = range(have * FAMILY_SIZE + 1, families * FAMILY_SIZE + 1)
    with ledger.write() as connection:
        stores.register(connection, STORES)
        connection.execute(insert(history), [told | {"record_id": number} for number in new])
        connection.execute(insert(deliveries), [_delivery(number) for number in new])
        while seals.seal(connection, len(new)):
            pass
        if not ledger.is_sqlite:  # which nobody ever has look at its tables
            connection.execute(text("ANALYZE"))
    with ledger.write() as connection:
        _let_live(connection, families)
    tallies.fold_all(ledger)


def _let_live(connection: Connection, families: int) -> None:
    """Make half of the first store's orders due for a push, which `/status` counts. Many records are gone since long,
    and one alone was erased too early."""
    closed = records_table.c.state.in_(("trashed", "erased"))
    connection.execute(update(records_table).where(closed).values(state="active"))
    orders = (
        records_table.c.store == STORES[0],
        records_table.c.kind == "order",
        records_table.c.id % 2 == 0,
    )
    connection.execute(update(records_table).where(*orders).values(push_at=NOW))
    gone = {
        "state": "gone",
        "delete_after": TODAY - timedelta(days=900),
        "closed_on": TODAY,
        "held": False,
    }
    connection.execute(update(records_table).where(records_table.c.id % 5 == 0).values(gone))
    last = update(records_table).where(records_table.c.id == families * FAMILY_SIZE)
    connection.execute(last.values(legal_basis="legal-obligation", delete_after=TODAY))


def _delivery(number: int) -> dict[str, Any]:
    about = {
        "store": STORES[number % 2],
        "identity": f"{number:032}",
        "topic": "order.updated",
        "result": "recorded",
    }
    return about | {"received_at": NOW - timedelta(days=20) + timedelta(minutes=number)}


def _work(ledger: Database, ask: Ask) -> int:
    """Return the amount of work of a query, and roll it back."""
    with ledger.write() as connection:
        work = _steps(connection, ask) if ledger.is_sqlite else _rows(connection, ask)
        connection.rollback()
    return work


def _steps(connection: Connection, ask: Ask) -> int:
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    driver: Any = connection.connection.driver_connection
    driver.set_progress_handler(step, 1)
    try:
        ask(connection)
    finally:
        driver.set_progress_handler(None, 0)
    return steps


def _rows(connection: Connection, ask: Ask) -> int:
    """Return the rows that PostgreSQL visits. The planner avoids full scans where it can; for a small table a full scan
    would be right."""
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    with _heard(connection) as statements:
        ask(connection)
    return sum(_looked_at(connection, *statement) for statement in statements)


@contextmanager
def _heard(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    """Record the statements with their parameters."""
    found: list[tuple[str, Any]] = []

    def hear(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> None:
        found.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", hear)
    try:
        yield found
    finally:
        event.remove(connection, "before_cursor_execute", hear)


def _looked_at(connection: Connection, statement: str, parameters: Any) -> int:
    explained = connection.exec_driver_sql(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters
    ).scalar_one()
    return int(sum(map(_of_node, _nodes(explained[0]["Plan"]))))


def _of_node(node: dict[str, Any]) -> float:
    if "Relation Name" not in node:
        return 0
    skipped = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + skipped) * node["Actual Loops"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def test_regular_queries_are_no_more_work_in_a_large_ledger(
    database: Database, policy: Policy, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    monkeypatch.setattr(due_module, "PAGE_SIZE", PAGE)
    monkeypatch.setattr(seals, "LOOKBACK", PAGE)
    asks = _asks(policy)
    _grow(database, policy, 0, SMALL)
    small = {name: _work(database, ask) for name, ask in asks.items()}
    _grow(database, policy, SMALL, LARGE)
    for name, ask in asks.items():
        with subtests.test(name):
            assert _work(database, ask) <= small[name] * MORE + 2 * PAGE
