"""The database's own rules: creation, writing, refused values, concurrent transactions and growth."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier, Event, Lock, Thread
from typing import Any, cast

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, delete, func, insert, inspect, select, text, update

from hooks.errors import LedgerNotReadyError, LedgerUnavailableError
from hooks.intake.ingest import Ingest, Result
from hooks.intake.webhook import Delivery
from hooks.ledger import database as database_module
from hooks.ledger import records, stores
from hooks.ledger.database import Database
from hooks.ledger.records import Claim, RacedError, RecordKey
from hooks.ledger.rows import RecordChange
from hooks.ledger.tables import deliveries, history, metadata
from hooks.ledger.tables import records as records_table
from hooks.ledger.unit import Unit
from hooks.ledger.upgrade import check, head, upgrade
from hooks.retention.facts import RecordKind
from hooks.retention.policy import Policy
from hooks.runtime import Runtime
from hooks.settings.webhook_secrets import signing_keys
from tests.support.databases import ON_EVERY_JOURNAL
from tests.support.ledger import find, make, remember
from tests.support.postgresql import DISCONNECT, maintain
from tests.support.recordings import SECRET, made
from tests.support.recordings import order as order_payload

NOW = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEY = RecordKey("shop", "order", 1)


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    """A migrated ledger in SQLite, for tests that need only this database."""
    ledger = Database(f"sqlite:///{tmp_path}/only.db")
    upgrade(ledger)
    return ledger


def _make(connection: Connection, number: int, kind: RecordKind = "order", **columns: Any) -> int:
    """Insert a record. Returns its row id."""
    return make(connection, RecordKey("shop", kind, number), NOW, **{"state": "active"} | columns)


def _save(connection: Connection, known: Any, **columns: Any) -> None:
    unit = Unit(connection)
    unit.hold(known)
    unit.save(known, cast("RecordChange", columns))
    unit.write()


def _count(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(records_table)).scalar_one())


# Making and migrating


def test_connecting_creates_no_file(tmp_path: Path) -> None:
    ledger = Database(f"sqlite:///{tmp_path}/missing/ledger.db")
    for transaction in (ledger.read, ledger.write):
        with pytest.raises(LedgerUnavailableError), transaction() as connection:
            connection.execute(text("SELECT 1"))
    assert list(tmp_path.iterdir()) == []


def test_the_migration_creates_the_file_and_only_our_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ledger = Database("sqlite:///var/retention.db")
    upgrade(ledger)
    assert (tmp_path / "var/retention.db").is_file()
    ledger.close()


@pytest.mark.parametrize("name", ["a b.db", "ledger%20.db", "what?.db", "år#1.db"])
def test_a_database_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    ledger = Database("sqlite://")
    ledger.close()
    url = ledger.url.set(database=str(tmp_path / name)).render_as_string()
    ledger = Database(url)
    upgrade(ledger)
    with ledger.write() as connection:
        _make(connection, 1)
    ledger.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_postgresql_commits_synchronously_in_utc(postgresql: str) -> None:
    ledger = Database(postgresql)
    with ledger.read() as connection:
        found = [
            connection.execute(text(f"SHOW {name}")).scalar_one()
            for name in ("synchronous_commit", "timezone")
        ]
    ledger.close()
    assert found == ["on", "UTC"]


def test_the_migrated_database_matches_the_tables(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_the_partial_indexes_are_partial(database: Database) -> None:
    """Alembic's autogenerate does not compare their conditions."""
    with database.read() as connection:
        found = {index["name"]: index for index in inspect(connection).get_indexes("records")}
    dialect = "sqlite" if database.is_sqlite else "postgresql"
    for name, column in (("ix_records_push", "push_at"), ("ix_records_reread", "reread_at")):
        where = str(found[name]["dialect_options"][f"{dialect}_where"])
        assert where.strip("()").upper() == f"{column} IS NOT NULL".upper()


def test_migrating_again_changes_nothing(database: Database) -> None:
    with database.write() as connection:
        _make(connection, 1)
    assert upgrade(database) == head()
    with database.read() as connection:
        check(connection)
        assert _count(connection) == 1


@ON_EVERY_JOURNAL
def test_several_processes_may_migrate_at_once(database_url: str) -> None:
    together = Barrier(4)

    def migrate() -> str:
        ledger = Database(database_url)
        together.wait(30)
        try:
            return upgrade(ledger)
        finally:
            ledger.close()

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(migrate) for _ in range(4)]
        assert {one.result() for one in done} == {head()}
    ledger = Database(database_url)
    with ledger.read() as connection:
        check(connection)
    ledger.close()


def test_a_database_that_was_not_migrated_is_not_ready(database_url: str) -> None:
    ledger = Database(database_url)
    if ledger.is_sqlite:
        Path(ledger.url.database or "").touch()
    with ledger.read() as connection, pytest.raises(LedgerNotReadyError, match="db upgrade"):
        check(connection)
    ledger.close()


# Transactions


def test_a_transaction_that_fails_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        assert _make(connection, 1) / 0
    with database.read() as connection:
        assert _count(connection) == 0


def test_a_second_writer_waits_for_the_first(sqlite: Database) -> None:
    """The first statement of a transaction takes the lock, not its first write."""
    began, entered = Event(), Event()
    seen: list[int] = []

    def second() -> None:
        began.set()
        with sqlite.write() as connection:
            entered.set()
            seen.append(_count(connection))

    other = Thread(target=second)
    with sqlite.write() as connection:
        other.start()
        assert began.wait(30)
        assert not entered.wait(0.3)
        _make(connection, 1)
    other.join()
    assert seen == [1]
    sqlite.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_that_the_server_closed_is_not_reused(
    database: Database, database_url: str
) -> None:
    for number in (1, 2, 3):
        with database.write() as connection:
            _make(connection, number)
        with database.read() as connection:
            assert _count(connection) == number
        maintain(database_url, DISCONNECT)


def test_a_wait_for_the_lock_is_remembered_for_a_while(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait() -> None:
        with sqlite.write() as connection:
            _make(connection, 2)

    with sqlite.write() as connection:
        _make(connection, 1)
    assert not sqlite.is_contended()
    other, waits = Thread(target=wait), Event()
    sqlite.wait_by(lambda _: waits.set(), Lock)
    with closing(Database(str(sqlite.url))) as other_process, other_process.write():
        other.start()
        assert waits.wait(30)
    other.join()
    assert sqlite.is_contended()
    monkeypatch.setattr(database_module, "CONTENDED_SECONDS", 0.0)
    assert not sqlite.is_contended()
    sqlite.close()


def test_a_writer_that_waits_too_long_gets_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0.1)
    ledger = Database(f"sqlite:///{tmp_path}/ledger.db")
    upgrade(ledger)
    with ledger.write():
        with pytest.raises(LedgerUnavailableError), ledger.write():
            raise AssertionError("two writers at once")
        with ledger.read() as reader:
            assert _count(reader) == 0
    with ledger.write() as connection:
        _make(connection, 1)
    ledger.close()


def test_a_reader_does_not_wait_and_sees_no_partial_write(database: Database) -> None:
    with database.write() as writer:
        _make(writer, 1)
        with database.read() as reader:
            assert _count(reader) == 0
    with database.read() as reader:
        assert _count(reader) == 1


def test_a_reader_sees_one_state_of_the_ledger(database: Database) -> None:
    if database.sqlite and database.sqlite.journal_mode != "wal":
        pytest.skip("with a rollback journal nobody commits while one reads")
    with database.read() as reader:
        assert _count(reader) == 0
        with database.write() as writer:
            _make(writer, 1)
        assert _count(reader) == 0


def test_an_unwritable_ledger_says_so_and_recovers(
    sqlite: Database,
) -> None:
    sqlite.close()
    path = Path(sqlite.url.database or "")
    away = path.rename(path.with_suffix(".away"))
    with pytest.raises(LedgerUnavailableError), sqlite.write():
        raise AssertionError("there is no ledger")
    away.rename(path)
    with sqlite.write() as connection:
        _make(connection, 1)
    sqlite.close()


# What is refused


HISTORY_CHANGES = [
    lambda: update(history).values(reason="nothing ever happened"),
    lambda: delete(history),
    lambda: delete(history).where(history.c.cause == "a test"),
]


@pytest.mark.parametrize("change", HISTORY_CHANGES)
def test_the_history_cannot_be_changed_or_deleted(
    database: Database, change: Callable[[], Any]
) -> None:
    tagged = {
        "state": "active",
        "legal_basis": None,
        "retention_class": None,
        "delete_after": None,
        "policy_id": None,
    }
    with database.write() as connection:
        record = _make(connection, 1)
        remember(connection, record, tagged, NOW, "a test", "It was made")
    with pytest.raises(LedgerUnavailableError), database.write() as connection:
        connection.execute(change())
    with database.read() as connection:
        assert list(connection.execute(select(history.c.reason)).scalars()) == ["It was made"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has no TRUNCATE
def test_the_history_cannot_be_truncated(database: Database) -> None:
    with pytest.raises(LedgerUnavailableError), database.write() as connection:
        connection.execute(text("TRUNCATE history"))


def test_a_record_with_history_cannot_be_deleted(database: Database) -> None:
    tagged = {
        "state": "active",
        "legal_basis": None,
        "retention_class": None,
        "delete_after": None,
        "policy_id": None,
    }
    with database.write() as connection:
        remember(connection, _make(connection, 1), tagged, NOW, "a test", "It was made")
    with pytest.raises(LedgerUnavailableError), database.write() as connection:
        connection.execute(delete(records_table))


def test_a_naive_datetime_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="naive"), database.write() as connection:
        _make(connection, 1, version=NOW.replace(tzinfo=None))
    with database.read() as connection:
        assert _count(connection) == 0


def test_an_instant_of_any_zone_is_read_back_in_utc(database: Database) -> None:
    there = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    with database.write() as connection:
        _make(connection, 1, version=there, delete_after=date(2031, 12, 31))
    with database.read() as connection:
        row = connection.execute(select(records_table)).one()
    assert (row.version, row.version.tzinfo, row.delete_after) == (NOW, UTC, date(2031, 12, 31))
    assert isinstance(row.delete_after, date)


def test_no_error_of_the_ledger_shows_a_value(database: Database) -> None:
    values = {
        "store": "shop",
        "identity": "canary",
        "topic": "canary",
        "result": "x",
        "received_at": NOW,
    }
    with database.write() as connection:
        connection.execute(insert(deliveries), values)
    with pytest.raises(LedgerUnavailableError) as caught, database.write() as connection:
        connection.execute(insert(deliveries), values)
    assert "canary" not in str(caught.value)


# Records


def test_a_record_cannot_be_created_twice(database: Database) -> None:
    with database.write() as connection:
        _make(connection, 1)
    with pytest.raises(RacedError), database.write() as connection:
        _make(connection, 1)
    with database.read() as connection:
        assert _count(connection) == 1


def _ingest(database: Database, policy: Policy) -> Runtime:
    return Runtime(database, policy, timedelta(seconds=10))


def _delivery(number: int, name: str, policy: Policy, **fields: Any) -> Delivery:
    sent = made("order.updated", order_payload(number, **fields), delivery_id=name)
    return Delivery.from_http(sent.headers, sent.body, keys=signing_keys(SECRET), policy=policy)


@ON_EVERY_JOURNAL
def test_records_created_by_many_writers_exist_once(database: Database, policy: Policy) -> None:
    """Eight deliveries of each new order come at the same moment, and all orders are of one new customer."""
    rounds, width = 6, 8
    runtime = _ingest(database, policy)
    together = Barrier(width)

    def deliver(place: int) -> list[Result]:
        results = []
        for turn in range(rounds):
            delivery = _delivery(100 + turn, f"{turn}-{place}", policy, customer_id=5)
            together.wait(30)
            results.append(Ingest(runtime).ingest_one("shop", delivery))
        return results

    with ThreadPoolExecutor(width) as pool:
        results = [result for done in pool.map(deliver, range(width)) for result in done]
    assert (results.count(Result.RECORDED), results.count(Result.UNCHANGED)) == (
        rounds,
        rounds * (width - 1),
    )
    with database.read() as connection:
        found = connection.execute(select(records_table.c.kind, records_table.c.external_id)).all()
        assert sorted(tuple(row) for row in found) == [
            ("customer", 5),
            *(("order", 100 + n) for n in range(rounds)),
        ]
        assert (
            connection.execute(select(func.count()).select_from(deliveries)).scalar_one()
            == rounds * width
        )


def test_a_delivery_sent_many_times_at_once_is_recorded_once(
    database: Database, policy: Policy
) -> None:
    width = 8
    runtime = _ingest(database, policy)
    together = Barrier(width)
    delivery = _delivery(100, "same", policy)

    def deliver(_: int) -> Result:
        together.wait(30)
        return Ingest(runtime).ingest_one("shop", delivery)

    with ThreadPoolExecutor(width) as pool:
        results = list(pool.map(deliver, range(width)))
    assert results.count(Result.RECORDED) == 1
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(deliveries)).scalar_one() == 1
        assert connection.execute(select(func.count()).select_from(history)).scalar_one() == 1


@ON_EVERY_JOURNAL
def test_concurrent_changes_of_one_record_all_count(database: Database, policy: Policy) -> None:
    """Each order moves the same customer's day. The latest of them counts, in whatever order they commit."""
    width = 8
    runtime = replace(_ingest(database, policy), settle=timedelta(0))
    together = Barrier(width)

    def deliver(place: int) -> Result:
        day = f"2026-11-{10 + place}T10:00:00"
        delivery = _delivery(200 + place, str(place), policy, customer_id=5, date_created_gmt=day)
        together.wait(30)
        return Ingest(runtime).ingest_one("shop", delivery)

    with ThreadPoolExecutor(width) as pool:
        assert set(pool.map(deliver, range(width))) == {Result.RECORDED}
    with database.read() as connection:
        row = connection.execute(
            select(records_table.c.facts).where(records_table.c.kind == "customer")
        ).one()
    assert "2026-11-17T10:00:00" in row.facts


def test_saving_unchanged_values_writes_nothing(database: Database) -> None:
    with database.write() as connection:
        _make(connection, 1)
        known = find(connection, KEY)
        _save(connection, known, state="active", updated_at=NOW + SECOND)
        assert find(connection, KEY) == known
        _save(connection, known, state="trashed", updated_at=NOW + SECOND)
        found = find(connection, KEY)
    assert found == known | {"state": "trashed", "updated_at": NOW + SECOND}


# Claims


def _claim(
    connection: Connection, claim: str, *, limit: int = 100, now: datetime = NOW
) -> list[int]:
    until = now + timedelta(minutes=10)
    due = records.claim_pushes(
        connection, "shop", "order", limit=limit, now=now, until=until, claim=claim
    )
    return sorted(row.external_id for row in due)


NOT_DUE: list[dict[str, Any]] = [
    # nothing to be written
    {"push_at": None},
    # not yet
    {"push_at": NOW + SECOND},
    # the store must be asked first
    {"push_at": NOW, "reread_at": NOW + SECOND},
    # somebody else has it
    {"push_at": NOW, "claim": "other", "claim_until": NOW + SECOND},
]


@pytest.mark.parametrize("columns", NOT_DUE)
def test_a_record_that_is_not_due_is_not_claimed(
    database: Database, columns: dict[str, Any]
) -> None:
    with database.write() as connection:
        _make(connection, 1, **columns)
        assert _claim(connection, "mine") == []


DUE: list[dict[str, Any]] = [
    {"push_at": NOW},
    {"push_at": NOW - timedelta(days=1)},
    # a claim that has lapsed
    {"push_at": NOW, "claim": "other", "claim_until": NOW},
]


@pytest.mark.parametrize("columns", DUE)
def test_a_due_record_is_claimed(database: Database, columns: dict[str, Any]) -> None:
    with database.write() as connection:
        _make(connection, 1, **columns)
        assert _claim(connection, "mine") == [1]
    with database.write() as connection:
        assert _claim(connection, "second") == []
        unit = Unit(connection)
        assert unit.claimed([Claim(1, "second")]) == {}
        known = unit.find(unit.claimed([Claim(1, "mine")])[1])
    assert known is not None
    assert (known["external_id"], known["claim_until"]) == (1, NOW + timedelta(minutes=10))


def test_a_claim_is_for_one_store_and_one_kind_of_work(database: Database) -> None:
    with database.write() as connection:
        _make(connection, 1, push_at=NOW)
        _make(connection, 2, "customer", push_at=NOW)
        make(connection, RecordKey("other", "order", 3), NOW, push_at=NOW)
        assert _claim(connection, "mine") == [1]


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize(("due", "limit"), [(30, 10), (250, 100)])
def test_a_claim_has_a_limit_and_takes_the_longest_due_first(
    database: Database, due: int, limit: int, analysed: bool
) -> None:
    with database.write() as connection:
        for place in range(due):
            _make(connection, place + 1, push_at=NOW - place * SECOND)
        if analysed:  # with what a database knows of its tables it plans otherwise
            connection.execute(text("ANALYZE"))
    left = list(range(1, due + 1))
    for turn in range(due // limit):
        with database.write() as connection:
            assert _claim(connection, f"turn-{turn}", limit=limit) == left[-limit:]
        left = left[:-limit]


def test_a_claim_of_refetches_has_a_limit(database: Database) -> None:
    with database.write() as connection:
        for place in range(30):
            _make(connection, place + 1, reread_at=NOW - place * SECOND, reread_reason="deleted")
    with database.write() as connection:
        due = records.claim_refetches(
            connection, "shop", limit=10, now=NOW, until=NOW + SECOND, claim="mine"
        )
    assert sorted(row.external_id for row in due) == list(range(21, 31))


@ON_EVERY_JOURNAL
def test_concurrent_claims_share_no_record(database: Database) -> None:
    width, due = 4, 120
    with database.write() as connection:
        for place in range(due):
            _make(connection, place + 1, push_at=NOW)
    together = Barrier(width)

    def claim(place: int) -> list[int]:
        together.wait(30)
        with database.write() as connection:
            return _claim(connection, f"worker-{place}", limit=due)

    with ThreadPoolExecutor(width) as pool:
        got = [number for numbers in pool.map(claim, range(width)) for number in numbers]
    assert sorted(got) == list(range(1, due + 1))


def test_only_its_holder_releases_a_claim(database: Database) -> None:
    with database.write() as connection:
        row_id = _make(connection, 1, push_at=NOW)
        _claim(connection, "mine")
        assert records.release(connection, Claim(row_id, "other"), push_at=None) is False
        assert records.release(connection, Claim(row_id, "mine"), push_attempts=1) is True
        assert records.release(connection, Claim(row_id, "mine"), push_attempts=2) is False
        known = find(connection, KEY)
    assert (known["claim"], known["claim_until"], known["push_at"], known["push_attempts"]) == (
        None,
        None,
        NOW,
        1,
    )


# Stores


def test_a_backoff_starts_with_the_first_failure_and_ends(database: Database) -> None:
    with database.write() as connection:
        stores.register(connection, ["shop"])
        assert stores.backoff_of(connection, "shop") is None
        first = stores.Backoff("busy", NOW, NOW + SECOND, permanent=False, failures=1)
        stores.save_backoff(connection, "shop", first)
        assert stores.backoff_of(connection, "shop") == first
        later = replace(first, since=NOW + SECOND, until=NOW + 5 * SECOND, failures=2)
        stores.save_backoff(connection, "shop", later)
        assert stores.backoff_of(connection, "shop") == replace(later, since=NOW)
        other = replace(later, code="credentials-refused", permanent=True)
        stores.save_backoff(connection, "shop", other)
        assert stores.backoff_of(connection, "shop") == other
        stores.end_backoff(connection, "shop", NOW)
        assert stores.backoff_of(connection, "shop") == other, (
            "it was asked for by the store, whoever else it answers"
        )
        stores.end_backoff(connection, "shop", later.until)
        assert stores.backoff_of(connection, "shop") is None


def test_a_new_start_retries_only_failures_an_operator_can_fix(
    database: Database,
) -> None:
    with database.write() as connection:
        stores.register(connection, ["a", "b"])
        until = NOW + timedelta(hours=1)
        stores.save_backoff(
            connection,
            "a",
            stores.Backoff("credentials-refused", NOW, until, permanent=True, failures=1),
        )
        stores.save_backoff(
            connection, "b", stores.Backoff("busy", NOW, until, permanent=False, failures=1)
        )
        stores.register(connection, ["a", "b"])
        again, resting = stores.backoff_of(connection, "a"), stores.backoff_of(connection, "b")
    assert again is not None
    assert resting is not None
    assert again.until < NOW, "it is tried at once"
    assert resting.until == until
