"""The choice of SQLite, the journal that is safe with it, and waits for its locks."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from types import ModuleType
from typing import Any

import gevent
import pytest
from gevent.lock import BoundedSemaphore
from sqlalchemy import text

from hooks.errors import LedgerNotReadyError, LedgerUnavailableError
from hooks.ledger import database as database_module
from hooks.ledger.database import Database
from hooks.ledger.sqlite import SQLite, sqlite_is_safe
from hooks.ledger.upgrade import check, upgrade

SQLITE_VERSIONS = [
    # what Python links on Debian 12
    ((3, 40, 1), False),
    # the branches that got the fix of the WAL-reset bug, and their neighbours
    ((3, 44, 5), False),
    ((3, 44, 6), True),
    ((3, 45, 0), False),
    ((3, 50, 6), False),
    ((3, 50, 7), True),
    ((3, 51, 0), False),
    ((3, 51, 2), False),
    # since when it is gone for good
    ((3, 51, 3), True),
    ((3, 52, 0), True),
    ((3, 53, 4), True),
    ((4, 0, 0), True),
]


@pytest.mark.parametrize(("version", "safe"), SQLITE_VERSIONS)
def test_versions_that_keep_every_commit_are_known(
    version: tuple[int, int, int], safe: bool
) -> None:
    assert sqlite_is_safe(version) is safe


# Which one is used

SAFE, UNSAFE, OLD = (3, 51, 3), (3, 40, 1), (3, 34, 1)
Version = tuple[int, int, int]


@dataclass(frozen=True)
class Case:
    """The versions of the wheel (None where there is none) and of Python's own SQLite, and the one that is used."""

    wheel: Version | None
    own: Version
    driver: str
    journal_mode: str
    words: str


CHOICES = [
    # x86-64 Linux
    Case(SAFE, UNSAFE, "pysqlite3.dbapi2", "wal", "SQLite 3.51.3 in WAL mode"),
    # a wheel that was pinned in vain: as good as Python's own
    Case(UNSAFE, UNSAFE, "pysqlite3.dbapi2", "delete", "SQLite 3.40.1 with a rollback journal"),
    # ARM with a Python of today, and of tomorrow
    Case(None, UNSAFE, "sqlite3", "delete", "SQLite 3.40.1 of Python with a rollback journal"),
    Case(None, SAFE, "sqlite3", "wal", "SQLite 3.51.3 of Python in WAL mode"),
]


def _install(monkeypatch: pytest.MonkeyPatch, wheel: Version | None, own: Version) -> None:
    driver, package = ModuleType("pysqlite3.dbapi2"), ModuleType("pysqlite3")
    monkeypatch.setattr(package, "dbapi2", driver, raising=False)
    monkeypatch.setitem(sys.modules, "pysqlite3", package if wheel else None)
    _set_version(monkeypatch, driver, wheel or own)
    _set_version(monkeypatch, sqlite3, own)


def _set_version(monkeypatch: pytest.MonkeyPatch, module: ModuleType, version: Version) -> None:
    monkeypatch.setattr(module, "sqlite_version_info", version, raising=False)
    monkeypatch.setattr(module, "sqlite_version", ".".join(map(str, version)), raising=False)


@pytest.mark.parametrize("case", CHOICES, ids=lambda case: case.words)
def test_the_wheel_is_preferred_and_wal_used_where_safe(
    monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    _install(monkeypatch, case.wheel, case.own)
    sqlite = SQLite.of_this_python()
    assert (sqlite.driver.__name__, sqlite.journal_mode, str(sqlite)) == (
        case.driver,
        case.journal_mode,
        case.words,
    )


def test_a_sqlite_that_is_too_old_for_our_statements_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _install(monkeypatch, None, OLD)
    with pytest.raises(
        LedgerNotReadyError, match=r"SQLite 3\.34\.1 is too old; 3\.35\.0 or newer is needed"
    ):
        Database(f"sqlite:///{tmp_path}/ledger.db")


def test_postgresql_needs_no_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, None, OLD)
    assert Database("postgresql+psycopg://nobody@localhost/none").description == "PostgreSQL"


# The journal of the file

MODES = [("sqlite", "wal"), ("sqlite-rollback", "delete")]
BOTH = pytest.mark.parametrize("database_url", ["sqlite", "sqlite-rollback"], indirect=True)
ROLLBACK = pytest.mark.parametrize("database_url", ["sqlite-rollback"], indirect=True)
EXTRA = 3


def _needs_safe_sqlite(mode: str) -> None:
    if mode == "wal" and SQLite.of_this_python().journal_mode != "wal":
        pytest.skip("there is no SQLite here that is safe in WAL mode")


@pytest.mark.parametrize(("database_url", "mode"), MODES, indirect=["database_url"])
def test_every_connection_uses_and_syncs_the_safe_journal(database: Database, mode: str) -> None:
    _needs_safe_sqlite(mode)
    with database.read() as one, database.read() as other:
        for connection in (one, other):
            found = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
            assert found == [mode, EXTRA, 1]


LEAVE_BEHIND = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = " + sys.argv[2])
connection.execute("PRAGMA cache_size = 5")
connection.execute("CREATE TABLE kept (words)")
connection.execute("INSERT INTO kept VALUES ('committed')")
connection.execute("BEGIN")
for number in range(1000):
    connection.execute("INSERT INTO kept VALUES (?)", (str(number) * 100,))
os.kill(os.getpid(), 9)
"""
"""A process that is killed in the midst of a transaction, some of which is written already."""

LEFT = {
    "wal": ["ledger.db", "ledger.db-shm", "ledger.db-wal"],
    "delete": ["ledger.db", "ledger.db-journal"],
}


@pytest.mark.parametrize("left", ["wal", "delete"])
@pytest.mark.parametrize(("database_url", "mode"), MODES, indirect=["database_url"])
def test_an_upgrade_sets_the_safe_mode_after_a_kill(
    database_url: str, mode: str, left: str, tmp_path: Path
) -> None:
    _needs_safe_sqlite(mode)
    done = subprocess.run(
        [sys.executable, "-c", LEAVE_BEHIND, str(tmp_path / "ledger.db"), left], check=False
    )
    assert done.returncode == -9
    assert sorted(path.name for path in tmp_path.iterdir()) == LEFT[left]
    with closing(Database(database_url)) as ledger:
        if mode == "delete" and left == "wal":
            with ledger.read() as reader, pytest.raises(LedgerNotReadyError):
                check(reader)
            ledger.close()
        upgrade(ledger)
        with ledger.read() as reader:
            check(reader)
            assert reader.exec_driver_sql("PRAGMA journal_mode").scalar_one() == mode
            assert list(reader.execute(text("SELECT words FROM kept")).scalars()) == ["committed"]
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.db"]


def _set_mode(ledger: Database, mode: str) -> None:
    """Set the mode, as another program does, or a service with another SQLite."""
    with closing(SQLite.of_this_python().driver.connect(ledger.url.database)) as connection:
        assert connection.execute(f"PRAGMA journal_mode = {mode}").fetchone() == (mode,)


WRONG = [("sqlite", "delete", "not WAL"), ("sqlite-rollback", "wal", "can lose commits")]


@pytest.mark.parametrize(("database_url", "wrong", "words"), WRONG, indirect=["database_url"])
def test_a_file_in_an_unsafe_mode_is_not_ready_until_migrated(
    database: Database, wrong: str, words: str
) -> None:
    if wrong == "delete":
        _needs_safe_sqlite("wal")
    database.close()
    _set_mode(database, wrong)
    with database.read() as reader, pytest.raises(LedgerNotReadyError, match=words):
        check(reader)
    database.close()
    upgrade(database)
    with database.read() as reader:
        check(reader)


@ROLLBACK
def test_an_unsafe_sqlite_never_writes_in_wal_mode(database: Database) -> None:
    """The mode may be set while a connection is open."""
    with database.write() as connection:
        connection.execute(text("CREATE TABLE kept (words)"))
    _set_mode(database, "wal")
    with pytest.raises(LedgerNotReadyError, match="db upgrade"), database.write() as connection:
        raise AssertionError("it writes")
    with database.read() as reader:
        assert list(reader.execute(text("SELECT words FROM kept"))) == []


@ROLLBACK
def test_a_file_open_elsewhere_in_wal_mode_keeps_that_mode(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hooks.ledger.upgrade.BUSY_TIMEOUT_SECONDS", 0.05)
    database.close()
    _set_mode(database, "wal")
    with database.read() as reader:
        reader.execute(text("SELECT 1 FROM records"))
        with (
            closing(Database(str(database.url))) as other,
            pytest.raises(LedgerNotReadyError, match="stop web"),
        ):
            upgrade(other)
    database.close()
    upgrade(database)


# Waiting


@pytest.fixture
def other(database: Database) -> Iterator[Database]:
    """The same ledger as another process sees it, with connections of its own."""
    with closing(Database(str(database.url))) as opened:
        yield opened


def _add(connection: Any, words: str) -> None:
    connection.execute(text("INSERT INTO kept VALUES (:words)"), {"words": words})


def _kept(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(text("SELECT words FROM kept ORDER BY words")).scalars())


@pytest.fixture
def table(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("CREATE TABLE kept (words)"))


@ROLLBACK
@pytest.mark.usefixtures("table")
def test_a_commit_waits_for_a_reader(database: Database, other: Database) -> None:
    waits = Event()
    database.wait_by(lambda _: waits.set(), Lock)

    def write() -> None:
        with database.write() as connection:
            _add(connection, "late")

    writer = Thread(target=write)
    with other.read() as reader:
        writer.start()
        assert waits.wait(30)
        assert reader.execute(text("SELECT words FROM kept")).all() == []
    writer.join()
    assert _kept(other) == ["late"]
    assert not database.is_contended(), "it did not wait for a writer"


@ROLLBACK
@pytest.mark.usefixtures("table")
def test_a_commit_that_waits_too_long_is_rolled_back(
    database: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0.05)
    with other.read() as reader:
        with pytest.raises(LedgerUnavailableError), database.write() as connection:
            _add(connection, "lost")
        with database.read() as second:
            assert second.execute(text("SELECT words FROM kept")).all() == []
        assert reader.execute(text("SELECT words FROM kept")).all() == []
    with other.write() as connection:
        _add(connection, "there")
    with database.write() as connection:
        _add(connection, "there too")
    assert _kept(database) == ["there", "there too"]


MANY = 40
"""More than there are connections in a pool."""


def _beat(beats: list[float]) -> None:
    while True:
        beats.append(0)
        gevent.sleep(0.01)


@ROLLBACK
@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("act", ["read", "write"])
def test_the_process_goes_on_while_every_connection_waits(
    database: Database, other: Database, act: str
) -> None:
    """Another process reads, so a commit waits. Then readers of this process wait for that commit."""
    database.wait_by(gevent.sleep, BoundedSemaphore)
    beats: list[float] = []

    def write() -> list[str]:
        with database.write() as connection:
            _add(connection, "written")
        return []

    acts: dict[str, Callable[[], list[str]]] = {"read": lambda: _kept(database), "write": write}
    with other.read():
        heart = gevent.spawn(_beat, beats)
        asked = [gevent.spawn(write)]
        gevent.sleep(0.05)
        asked += [gevent.spawn(acts[act]) for _ in range(MANY)]
        gevent.sleep(0.2)
        assert not any(one.ready() for one in asked)
        so_far = len(beats)
        gevent.sleep(0.05)
        assert len(beats) > so_far, "nobody keeps the others from running"
    gevent.joinall(asked, raise_error=True)
    heart.kill()
    expected = {"read": ([["written"]] * MANY, 1), "write": ([[]] * MANY, MANY + 1)}
    assert ([one.value for one in asked[1:]], len(_kept(database))) == expected[act]


@BOTH
@pytest.mark.usefixtures("table")
def test_a_large_transaction_lets_others_read_until_it_commits(
    database: Database, other: Database
) -> None:
    """It may be larger than SQLite's cache."""
    with database.write() as connection:
        for number in range(5000):
            _add(connection, str(number) * 200)
        assert _kept(other) == []
    assert len(_kept(other)) == 5000
