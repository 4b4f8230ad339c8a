"""Migrations while the previous version serves: it continues with the tables as it knows them, before, during and
after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from threading import Event
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, func, insert, select, text, update

from hooks.errors import LedgerNotReadyError
from hooks.ledger import upgrade as upgrading
from hooks.ledger.codec import facts_text, read_facts
from hooks.ledger.database import Database
from hooks.ledger.records import RecordKey, blank
from hooks.ledger.tables import history, records
from hooks.ledger.upgrade import check, head, upgrade
from hooks.retention.facts import OrderFacts
from tests.integration.full_counts import assert_tallies_match
from tests.support.processes import Stack, until
from tests.unit.builders import order

NOW = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
FIRST = "0001"
NEWER = "9999"
ROUNDS = 10
"""More than a driver needs to prepare a statement on the server, which a change of its table may then spoil."""


@pytest.fixture
def at_first(at_revision: Callable[[str], Database]) -> Database:
    """A ledger as the first version created it."""
    return at_revision(FIRST)


class FirstVersion:
    """Take deliveries and write back as the first version did, with the columns of that time."""

    def __init__(self, ledger: Database) -> None:
        self.ledger = ledger
        self.tables = MetaData()
        with ledger.read() as connection:
            self.tables.reflect(connection)
        self.numbers = count(1)

    def table(self, name: str) -> Table:
        return self.tables.tables[name]

    def work(self) -> int:
        """Take one delivery, then do a worker's part for its record. Returns the record's id in the store."""
        number = next(self.numbers)
        with self.ledger.write() as connection:
            self._take(connection, number)
        with self.ledger.write() as connection:
            self._write_back(connection, number)
        with self.ledger.read() as connection:
            assert self._row(connection, number)["known_digest"] == "digest"
        return number

    def _take(self, connection: Connection, number: int) -> None:
        made = insert(self.table("records")).returning(*self.table("records").c)
        row = connection.execute(made, self._record(number)).one()
        said = {
            "at": self._time(NOW),
            "cause": "order.created",
            "state": "active",
            "reason": "Paid",
        }
        connection.execute(insert(self.table("history")), said | {"record_id": row.id})
        seen = {
            "store": "shop",
            "topic": "order.created",
            "result": "recorded",
            "received_at": self._time(NOW),
        }
        connection.execute(insert(self.table("deliveries")), seen | {"identity": f"{number:032}"})
        aside = {
            "store": "shop",
            "topic": "order.created",
            "reason": "not-json",
            "received_at": self._time(NOW),
        }
        connection.execute(
            insert(self.table("quarantine")), aside | {"detail": "the body was not JSON"}
        )
        connection.execute(insert(self.table("stores")), {"slug": f"shop-{number}"})

    def _write_back(self, connection: Connection, number: int) -> None:
        records, stores = self.table("records"), self.table("stores")
        mine = records.c.store == "shop", records.c.external_id == number
        claimed = (
            update(records)
            .where(*mine)
            .values(claim="me", claim_until=self._time(NOW + timedelta(minutes=3)))
        )
        assert len(connection.execute(claimed.returning(*records.c)).all()) == 1
        settled = {"claim": None, "claim_until": None, "push_at": None, "known_digest": "digest"}
        assert (
            connection.execute(
                update(records).where(*mine, records.c.claim == "me"), settled
            ).rowcount
            == 1
        )
        pushed = update(stores).where(stores.c.slug == f"shop-{number}")
        assert (
            connection.execute(pushed, {"last_pushed_at": self._time(NOW), "failures": 0}).rowcount
            == 1
        )

    def _row(self, connection: Connection, number: int) -> dict[str, Any]:
        records = self.table("records")
        return dict(
            connection.execute(select(records).where(records.c.external_id == number))
            .one()
            ._mapping
        )

    def _record(self, number: int) -> dict[str, Any]:
        now = self._time(NOW)
        flags = dict.fromkeys(("doubtful", "unknown_status", "held"), False)
        counts = dict.fromkeys(("push_attempts", "contests", "reread_attempts"), 0)
        return flags | counts | {
            "store": "shop", "kind": "order", "external_id": number, "state": "active", "version": now,
            "entries": "[]", "delete_after": date(2031, 12, 31), "push_at": now, "created_at": now, "updated_at": now,
        }  # fmt: skip

    def _time(self, instant: datetime) -> datetime:
        """Format a time as the first version's column type did."""
        return instant.replace(tzinfo=None) if self.ledger.is_sqlite else instant


@contextmanager
def at_work(version: FirstVersion) -> Iterator[list[int]]:
    """Let the first version work while the block lasts, and write all its work to the store."""
    done: list[int] = []
    stopping = Event()

    def work() -> None:
        while not stopping.is_set():
            done.append(version.work())

    with ThreadPoolExecutor() as pool:
        working = pool.submit(work)
        try:
            yield done
        finally:
            stopping.set()
        working.result()


def _count(ledger: Database, table: Table) -> int:
    with ledger.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_the_first_version_serves_during_and_after_the_migration(
    at_first: Database,
) -> None:
    version = FirstVersion(at_first)
    assert "rounds" not in version.tables.tables
    with at_work(version) as done:
        until(lambda: len(done) >= ROUNDS, "some work before it")
        with closing(Database(at_first.url.render_as_string(hide_password=False))) as other:
            assert upgrade(other) == head()
        so_far = len(done)
        until(lambda: len(done) >= so_far + ROUNDS, "some work after it")
    for name in ("records", "history", "deliveries", "quarantine", "stores"):
        assert _count(at_first, version.table(name)) == len(done)
    with at_first.read() as connection:
        check(connection)
        assert_tallies_match(connection)


@pytest.mark.parametrize(
    ("basis", "before", "is_paid"),
    [
        # Paid, and made unpaid by a later state.
        ("contract", "legal-obligation", True),
        # Never paid.
        ("contract", "contract", False),
        # Paid still: its facts say so by themselves.
        ("legal-obligation", "legal-obligation", False),
    ],
)
def test_an_order_that_was_paid_once_is_paid_after_the_migration(
    basis: str, before: str, is_paid: bool, at_revision: Callable[[str], Database]
) -> None:
    ledger = at_revision("0005")
    facts = order("cancelled", "2026-11-20", kinds="note")
    with ledger.write() as connection:
        row = _row_of_an_order(facts) | {"legal_basis": basis, "tagged_by": "made.by"}
        number = connection.execute(
            insert(records).values(row).returning(records.c.id)
        ).scalar_one()
        line = {
            "record_id": number,
            "at": NOW,
            "cause": "order.updated",
            "state": "active",
            "reason": "Paid",
        }
        connection.execute(insert(history).values(line | {"legal_basis": before}))
    upgrade(ledger)
    with ledger.read() as connection:
        row = dict(connection.execute(select(records)).one()._mapping)
    assert read_facts("order", row["facts"]) == replace(facts, was_paid=is_paid)
    assert facts_text(read_facts("order", row["facts"])) == row["facts"]
    assert row["tagged_by"] == ("~made.by" if is_paid else "made.by")


def test_reports_of_an_address_go_by_its_hash_after_the_migration(
    at_revision: Callable[[str], Database],
) -> None:
    ledger, hashed = at_revision("0006"), "5" * 64
    blank_row = _row_of_an_order(order("pending", "2026-11-20"))
    about = ((7, f"email:{hashed}"), (8, "customer:7"), (9, None))
    with ledger.write() as connection:
        for number, subject in about:
            row = blank_row | {"kind": "support-request", "external_id": number, "subject": subject}
            connection.execute(insert(records).values(row))
    upgrade(ledger)
    with ledger.read() as connection:
        chosen = select(records.c.external_id, records.c.email_hash)
        assert dict(connection.execute(chosen).all()) == {7: hashed, 8: None, 9: None}


def _row_of_an_order(facts: OrderFacts) -> dict[str, Any]:
    # Columns that older revisions did not have yet.
    later = {"oddities", "role", "email_hash", "request_due", "hold_review"}
    row = blank(RecordKey("shop", "order", 7), NOW) | {
        "facts": facts_text(facts),
        "state": "active",
    }
    return {name: value for name, value in row.items() if name not in later and value is not None}


def test_a_ledger_of_an_older_version_needs_its_migration(at_first: Database) -> None:
    with at_first.read() as connection, pytest.raises(LedgerNotReadyError, match="at 0001"):
        check(connection)
    upgrade(at_first)
    with at_first.read() as connection:
        check(connection)


def test_migrations_are_numbered_by_the_names_of_their_files() -> None:
    """The file names alone tell which revision this version works with, and which are newer."""
    ordered = ScriptDirectory.from_config(upgrading._config()).walk_revisions()
    assert [known.revision for known in ordered][::-1] == upgrading._revisions()


def _set_revision(ledger: Database, revision: str) -> None:
    with ledger.write() as connection:
        connection.execute(
            text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision}
        )


def test_a_ledger_of_a_newer_version_is_ready_and_unchanged(
    database: Database,
) -> None:
    _set_revision(database, NEWER)
    assert upgrade(database) == NEWER
    with database.read() as connection:
        check(connection)


def test_a_database_without_a_revision_is_not_ready(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    with database.read() as connection, pytest.raises(LedgerNotReadyError, match="db upgrade"):
        check(connection)


def test_web_and_worker_survive_a_newer_migration_and_restart(
    processes: Stack,
) -> None:
    sandbox, web = processes.sandbox(), processes.web(WEB_CONCURRENCY="1")
    processes.connect(sandbox, web)
    with closing(Database(processes.database_url)) as ledger:
        _set_revision(ledger, NEWER)
    assert web.get("/readyz").status_code == 200
    assert web.stop() == 0
    web.start()
    processes.worker()
    assert web.get("/readyz").json()["checks"]["migrations"] == "ok"
    number = sandbox.do("place_order", set_paid=True)["id"]
    until(lambda: bool(sandbox.meta("order", number)), "the order to be written back")
    done = processes.flask("db", "upgrade")
    assert (done.returncode, NEWER in done.stdout) == (0, True), done.stderr
