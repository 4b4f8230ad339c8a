"""The tallies equal the counts of the records themselves, whoever writes the records, and at any time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier, Event
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Row, Table, delete, insert, select, update

from hooks.ledger import due as due_module
from hooks.ledger import tallies, views
from hooks.ledger.database import Database
from hooks.ledger.records import RecordKey, blank
from hooks.ledger.tables import day_changes, day_tally, kind_changes, kind_tally, records
from hooks.ledger.upgrade import upgrade
from hooks.retention.policy import Policy
from hooks.worker.maintenance import Maintenance
from tests.integration.full_counts import (
    CLASSES,
    KINDS,
    NOW,
    TODAY,
    all_of,
    assert_pages_match,
    assert_tallies_match,
    tally_counts,
)
from tests.integration.harness import Harness
from tests.support.large_ledger import family_rows

DAYS = [None, *(TODAY + timedelta(days=days) for days in (-1, 0, 1, 29, 30, 364, 365))]
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

VALUES: dict[str, list[Any]] = {
    "state": ["unknown", "active", "trashed", "erased", "gone", "ignored"],
    "retention_class": CLASSES,
    "legal_basis": [None, "legal-obligation", "contract"],
    "held": [False, True],
    "unknown_status": [False, True],
    "recipients": ["", "klarna", "klarna,?payment:bacs"],
    "delete_after": DAYS,
    "part_delete_after": DAYS,
    "closed_on": DAYS,
}
COLUMNS = {name: st.sampled_from(values) for name, values in VALUES.items()} | {
    "push_at": st.sampled_from([None, NOW]),
    "updated_at": st.sampled_from([NOW, NOW + timedelta(hours=1)]),
}
NUMBERS = st.integers(1, 5)
MADE = st.tuples(
    st.just("make"), NUMBERS, st.fixed_dictionaries({"kind": st.sampled_from(KINDS), **COLUMNS})
)
CHANGED = st.tuples(st.just("change"), NUMBERS, st.fixed_dictionaries({}, optional=COLUMNS))
DELETED: st.SearchStrategy[Any] = st.tuples(st.just("delete"), NUMBERS, st.just({}))
FOLDED: st.SearchStrategy[Any] = st.tuples(st.just("fold"), st.integers(1, 3), st.just({}))
STEPS = st.lists(st.one_of(MADE, CHANGED, DELETED, FOLDED), max_size=25)


def _take(connection: Connection, step: tuple[str, int, dict[str, Any]]) -> None:
    what, number, columns = step
    this = records.c.external_id == number
    if what == "make":
        if connection.execute(select(records.c.id).where(this)).first() is None:
            _make(connection, number, columns)
    elif what == "change" and columns:
        connection.execute(update(records).where(this).values(columns))
    elif what == "delete":
        connection.execute(delete(records).where(this))
    elif what == "fold" and connection.dialect.name == "postgresql":
        tallies.fold(connection, number)


def _make(connection: Connection, number: int, columns: dict[str, Any]) -> int:
    row = blank(RecordKey("shop", columns.get("kind", "order"), number), NOW) | columns
    made = insert(records).values({name: value for name, value in row.items() if name != "id"})
    return int(connection.execute(made.returning(records.c.id)).scalar_one())


def _rows(connection: Connection, *tables: Table) -> list[Row[Any]]:
    return [row for table in tables for row in connection.execute(select(table))]


# Tests


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_tallies_match_the_records_after_any_write(
    database: Database, steps: list[Any]
) -> None:
    before = due_module.PAGE_SIZE
    due_module.PAGE_SIZE = 2
    try:
        with database.write() as connection:
            for step in steps:
                _take(connection, step)
            assert_tallies_match(connection)
            assert_pages_match(connection)
            if not database.is_sqlite:
                tallies.fold(connection)
                assert_tallies_match(connection)
            assert _rows(connection, kind_changes, day_changes) == []
            assert all(row.number > 0 for row in _rows(connection, kind_tally, day_tally)), (
                "no row of nothing stays"
            )
            connection.rollback()
    finally:
        due_module.PAGE_SIZE = before


@pytest.mark.parametrize("state", ["active", "trashed", "erased", "gone"])
def test_a_change_of_one_column_alone_is_counted(database: Database, state: str) -> None:
    whole = {
        "state": state,
        "legal_basis": "legal-obligation",
        "delete_after": TODAY,
        "closed_on": TODAY,
    }
    for name, values in VALUES.items():
        with database.write() as connection:
            _make(connection, 1, whole)
            for value in [*values, *reversed(values)]:
                connection.execute(update(records).values({name: value}))
                assert_tallies_match(connection)
            connection.rollback()


def test_the_start_of_early_erasures_is_the_first_one(database: Database) -> None:
    early = {
        "state": "erased",
        "legal_basis": "legal-obligation",
        "delete_after": TODAY,
        "closed_on": TODAY,
    }

    def since(number: int) -> object:
        for fold in (False, True):
            if fold:
                tallies.fold_all(database)
            with database.read() as connection:
                found = views.erased_too_early(connection, TODAY)
                assert found[0] == number
        return found[2]

    with database.write() as connection:
        _make(connection, 1, early | {"updated_at": NOW})
    assert since(1) == NOW
    later = NOW + timedelta(hours=1)
    with database.write() as connection:
        connection.execute(update(records).values(updated_at=later, part_delete_after=TODAY))
    assert since(1) == NOW, "what else became of it is no matter"
    with database.write() as connection:
        _make(connection, 2, early | {"updated_at": later})
        connection.execute(delete(records).where(records.c.external_id == 1))
    assert since(1) == NOW, "there has been one all the time"
    with database.write() as connection:
        connection.execute(delete(records))
    assert since(0) is None


@ON_POSTGRESQL
def test_a_push_changes_no_tally(database: Database) -> None:
    with database.write() as connection:
        _make(connection, 1, {"state": "active", "delete_after": TODAY})
    tallies.fold_all(database)
    with database.write() as connection:
        connection.execute(
            update(records).values(push_at=NOW, claim="me", claim_until=NOW, state="active")
        )
        assert _rows(connection, kind_changes, day_changes) == []


def test_a_migration_counts_the_existing_records(
    policy: Policy, at_revision: Callable[[str], Database]
) -> None:
    ledger = at_revision("0003")
    # Columns that this revision did not have yet.
    later = {"oddities", "role", "email_hash", "request_due", "hold_review"}
    with ledger.write() as connection:
        for row in family_rows(policy, 60, NOW):
            connection.execute(
                insert(records), {name: value for name, value in row.items() if name not in later}
            )
    upgrade(ledger)
    with ledger.write() as connection:
        assert _rows(connection, kind_changes, day_changes) == []
        assert len(_rows(connection, kind_tally, day_tally)) > 30
        assert_tallies_match(connection)
        connection.execute(update(records).where(records.c.kind == "order").values(state="gone"))
        assert_tallies_match(connection)


def _at_work(database: Database, place: int, together: Barrier) -> None:
    """Create, change and delete records that count for the same tallies as those of the other threads, in an order of
    its own."""
    states = ["active", "trashed", "erased", "gone"]
    together.wait(30)
    for turn in range(15):
        with database.write() as connection:
            for step in range(4):
                _make(
                    connection,
                    1000 * place + 4 * turn + step,
                    {"state": states[(place + step) % 4], "held": True},
                )
        with database.write() as connection:
            mine = records.c.external_id.between(1000 * place, 1000 * place + 999)
            day = date(2031, 12, 1 + (place * turn) % 28)
            connection.execute(
                update(records).where(mine).values(delete_after=day, state=states[turn % 4])
            )
            connection.execute(delete(records).where(records.c.external_id == 1000 * place + turn))


@ON_POSTGRESQL
def test_concurrent_writers_and_folders_give_right_tallies(database: Database) -> None:
    width, over = 4, Event()
    together = Barrier(width)

    def folding() -> int:
        folded = 0
        while not over.is_set():
            folded += tallies.fold_all(database)
            with database.read() as connection:
                assert tally_counts(tallies.kinds(connection, "state")) == Counter(
                    (row.state,) for row in all_of(connection)
                )
        return folded

    with ThreadPoolExecutor(width + 2) as pool:
        folders = [pool.submit(folding) for _ in range(2)]
        try:
            for each in [
                pool.submit(_at_work, database, place, together) for place in range(1, width + 1)
            ]:
                each.result()
        finally:
            over.set()
        assert sum(each.result() for each in folders) > 0
    tallies.fold_all(database)
    with database.read() as connection:
        assert _rows(connection, kind_changes, day_changes) == []
        assert_tallies_match(connection)


@ON_POSTGRESQL
def test_one_process_folds_at_a_time_in_batches(database: Database) -> None:
    with database.write() as connection:
        for number in range(7):
            _make(connection, number, {"state": "active"})
    with database.write() as one:
        assert tallies.fold(one, 5) == 5
        with database.write() as other:
            assert tallies.fold(other, 5) == 0
            assert_tallies_match(other)
    with database.write() as other:
        assert tallies.fold(other, 5) == 2
        assert_tallies_match(other)


def test_a_worker_folds_the_open_changes(harness: Harness) -> None:
    harness.written_order()
    database = harness.runtime.database
    upkeep = Maintenance(harness.runtime, harness.settings, harness.runtime.policy)
    assert (upkeep.fold() > 0) is not database.is_sqlite
    assert upkeep.fold() == 0
    with database.read() as connection:
        assert _rows(connection, kind_changes, day_changes) == []
        assert_tallies_match(connection)
