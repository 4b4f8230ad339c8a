"""Each cause that makes the ledger unusable has a sentence of its own, and a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import make_url

from hooks.errors import LedgerNotReadyError, LedgerUnavailableError
from hooks.ledger import database as database_module
from hooks.ledger import upgrade as upgrade_module
from hooks.ledger.database import Database
from hooks.ledger.sqlite import SQLite
from hooks.ledger.upgrade import check, upgrade, upgrade_within
from tests.support.postgresql import new_database
from tests.support.processes import free_port

Fault = Callable[[Database], None]
SECRET = "hidden-word"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no lock."""
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0)


def message(database: Database, act: Fault) -> str:
    """Return the message that `act` gets where the ledger is unusable: words for people, without a value."""
    with pytest.raises(LedgerUnavailableError) as raised:
        act(database)
    database.close()
    said = str(raised.value)
    assert SECRET not in said
    assert said.count(". ") >= 1, "a sentence that says what is wrong, and one that says what to do"
    return said


def read(database: Database) -> None:
    """Read from a table of the ledger."""
    with database.read() as connection:
        connection.execute(text("SELECT count(*) FROM records"))


def write(database: Database) -> None:
    """Write a megabyte."""
    with database.write() as connection:
        connection.execute(text("CREATE TABLE large (value TEXT)"))
        connection.execute(text("INSERT INTO large VALUES (:value)"), {"value": SECRET * 100_000})


def is_ready(database: Database) -> None:
    """Ask for readiness, as web and worker do."""
    with database.read() as connection:
        check(connection)


# --- SQLite ------------------------------------------------------------------------------------------------


def full(database: Database) -> None:
    """Let the file grow no further."""
    with database.write() as connection:
        connection.execute(text("PRAGMA max_page_count = 1"))
        connection.execute(text("CREATE TABLE large (value TEXT)"))
        connection.execute(text("INSERT INTO large VALUES (:value)"), {"value": SECRET * 100_000})


def locked(database: Database) -> None:
    """Let another process be in the middle of a write."""
    with closing(SQLite.of_this_python().driver.connect(database.url.database)) as other:
        other.execute("BEGIN IMMEDIATE")
        write(database)


def read_only(database: Database) -> None:
    """Make the connection read-only; the modes of a file do not stop root."""
    with database.write() as connection:
        connection.execute(text("PRAGMA query_only = ON"))
        connection.execute(text("CREATE TABLE large (value TEXT)"))


def no_sqlite(database: Database) -> None:
    """Put another kind of file in the ledger's place."""
    Path(str(database.url.database)).write_text(SECRET * 1000)
    read(database)


def damaged(database: Database) -> None:
    """Remove half of the file."""
    path = Path(str(database.url.database))
    upgrade(database)
    database.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * 8192)
    read(database)


OF_SQLITE: list[tuple[Fault, str]] = [
    (full, "disk of the ledger is full"),
    (locked, "holds the ledger locked"),
    (read_only, "can only be read"),
    (no_sqlite, "not one of SQLite"),
    (damaged, "is damaged"),
    (read, "never made"),
    (is_ready, "never made"),
]


@pytest.mark.parametrize(
    ("fault", "cause"), OF_SQLITE, ids=lambda each: getattr(each, "__name__", None)
)
def test_each_cause_in_sqlite_has_its_message(fault: Fault, cause: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    SQLite.of_this_python().make(path, 1)
    assert cause in message(Database(f"sqlite:///{path}"), fault)


# A path at which there is no file; what is said to whoever uses the ledger, and by `db upgrade`.
NO_FILE = [
    ("missing.db", "is not there", None),
    ("missing/ledger.db", "is not there", "folder is not there"),
    ("folder", "cannot be opened", "cannot be made or opened"),
    ("file/ledger.db", "cannot be opened", "cannot be made or opened"),
    ("x" * 300, "cannot be opened", "cannot be made or opened"),
]


@pytest.mark.parametrize(("path", "used", "upgraded"), NO_FILE, ids=lambda each: str(each)[:20])
def test_a_missing_file_is_named(
    path: str, used: str, upgraded: str | None, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    database = Database(f"sqlite:///{tmp_path}/{path}")
    before = sorted(tmp_path.rglob("*"))
    assert used in message(database, read)
    if upgraded:
        with pytest.raises(LedgerNotReadyError, match=upgraded):
            upgrade(database)
        assert sorted(tmp_path.rglob("*")) == before
    else:
        upgrade(database)
        read(database)
    database.close()


def test_the_projects_own_folder_is_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database = Database("sqlite:///var/retention.db")
    upgrade(database)
    database.close()
    assert (tmp_path / "var/retention.db").is_file()


# --- PostgreSQL --------------------------------------------------------------------------------------------


def raising(state: str) -> Fault:
    """Let the server raise this SQLSTATE, with a value in its words."""

    def fault(database: Database) -> None:
        with database.write() as connection:
            connection.execute(
                text(f"DO $$ BEGIN RAISE EXCEPTION '{SECRET}' USING ERRCODE = '{state}'; END $$")
            )

    return fault


def locked_table(database: Database) -> None:
    """Let another session hold a table."""
    with database.write() as connection:
        connection.execute(text("CREATE TABLE held (value TEXT)"))
    with database.write() as other, database.write() as connection:
        other.execute(text("LOCK TABLE held"))
        connection.execute(text("SET LOCAL lock_timeout = '1ms'"))
        connection.execute(text("SELECT * FROM held"))


def read_only_transaction(database: Database) -> None:
    """Make every transaction read-only, as on a standby."""
    with database.write() as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        connection.execute(text("CREATE TABLE held (value TEXT)"))


OF_POSTGRESQL: list[tuple[Fault, str]] = [
    (raising("53100"), "disk of the database is full"),
    (raising("57P01"), "was stopped"),
    (raising("42501"), "too few rights"),
    (raising("XX000"), "cannot be used"),
    (locked_table, "holds the ledger locked"),
    (read_only_transaction, "can only be read"),
    (read, "never made"),
    (is_ready, "never made"),
]


@pytest.mark.parametrize(("fault", "cause"), OF_POSTGRESQL)
def test_each_cause_in_postgresql_has_its_message(
    fault: Fault, cause: str, postgresql: str
) -> None:
    with new_database(postgresql) as url:
        assert cause in message(Database(url), fault)


@contextmanager
def guarded_role(server_url: str) -> Iterator[str]:
    """Name of a database user who needs a password."""
    admin = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        rules = Path(connection.execute(text("SHOW hba_file")).scalar_one())
        before = rules.read_text()
        connection.execute(text("CREATE ROLE guarded LOGIN PASSWORD 'right'"))
        rules.write_text(f"local all guarded scram-sha-256\n{before}")
        connection.execute(text("SELECT pg_reload_conf()"))
        yield "guarded"
        rules.write_text(before)
        connection.execute(text("DROP ROLE guarded"))
        connection.execute(text("SELECT pg_reload_conf()"))
    admin.dispose()


@pytest.mark.parametrize("password", [None, SECRET])
def test_a_refused_password_is_named(password: str | None, postgresql: str) -> None:
    with guarded_role(postgresql) as user:
        database = Database(
            make_url(postgresql).set(username=user, password=password).render_as_string(False)
        )
        assert "refuses the user or the password" in message(database, read)


def test_an_unknown_database_or_user_is_named(postgresql: str) -> None:
    url = make_url(postgresql)
    missing = Database(url.set(database=SECRET).render_as_string(False))
    assert "no such database" in message(missing, read)
    stranger = Database(url.set(username=SECRET).render_as_string(False))
    assert "refuses the user or the password" in message(stranger, read)


NOBODY = [
    (f"postgresql+psycopg://user:{SECRET}@127.0.0.1:{free_port()}/ledger", "Nobody answers"),
    (f"postgresql+psycopg://user:{SECRET}@/ledger?host=/{SECRET}", "Nobody answers"),
    (
        f"postgresql+psycopg://user:{SECRET}@nowhere.invalid/ledger",
        "host of DATABASE_URL is unknown",
    ),
]


@pytest.mark.parametrize(("url", "cause"), NOBODY, ids=["port", "socket", "host"])
def test_an_unreachable_postgresql_is_named(url: str, cause: str) -> None:
    assert cause in message(Database(url), read)


def test_a_silent_server_is_given_up_on(postgresql: str) -> None:
    """The driver needs a time limit: without it, a frozen host holds a process for as long as the kernel waits."""
    database = Database(postgresql)
    options: dict[str, object] = {}
    event.listen(
        database.engine,
        "do_connect",
        lambda _dialect, _record, _arguments, given: options.update(given),
    )
    with database.read() as connection:
        connection.execute(text("SELECT 1"))
    database.close()
    assert options["tcp_user_timeout"] == 10_000
    assert (
        options["keepalives_idle"],
        options["keepalives_interval"],
        options["keepalives_count"],
    ) == (5, 2, 3)


# --- waiting for it ----------------------------------------------------------------------------------------


def test_upgrade_waits_for_a_database_that_starts_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade_module, "RETRY_SECONDS", 0.01)
    database = Database(f"sqlite:///{tmp_path}/late/ledger.db")
    with pytest.raises(LedgerUnavailableError):
        upgrade_within(database, 0)
    Timer(0.1, (tmp_path / "late").mkdir).start()
    upgrade_within(database, 60)
    read(database)
    database.close()
