"""Connections and transactions: SQLite (in WAL, with full sync) or PostgreSQL, the same to all callers."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from hooks.errors import LedgerContendedError, LedgerNotReadyError, LedgerRefusedError, LedgerUnavailableError

BUSY_TIMEOUT_SECONDS = 5
"""For so long a lock, or a connection, is waited for; then the ledger counts as unavailable."""

LOOK_AGAIN_SECONDS = 0.001
"""Between two looks for SQLite's lock; most hold it for a millisecond or so."""

LATELY_SECONDS = 1.0
"""For so long after it had to wait for the lock, others count as writing."""

TRUSTED_SECONDS = 1.0
"""For so long a connection to PostgreSQL that is silent is not asked whether it still works: each delivery would wait
for that."""

CONTENDED = frozenset({"40P01", "40001"})
"""PostgreSQL's codes of a deadlock and of a serialization failure: of two transactions it has undone one."""


def sqlite_is_safe(version: tuple[int, ...]) -> bool:
    """Whether this SQLite keeps every commit in WAL mode.

    Before 3.51.3 (but for 3.44.6 and 3.50.7) commits can be lost when two connections write and checkpoint at
    once; SQLite's own documentation calls it the WAL-reset bug (https://sqlite.org/wal.html).
    """
    return version >= (3, 51, 3) or version in {(3, 44, 6), (3, 50, 7)}


def _sqlite_driver() -> Any:
    from pysqlite3 import dbapi2  # noqa: PLC0415 - not needed, nor loaded, where the ledger is in PostgreSQL

    if not sqlite_is_safe(dbapi2.sqlite_version_info):
        raise LedgerNotReadyError(
            f"SQLite {dbapi2.sqlite_version} can lose commits in WAL mode; install the pinned pysqlite3"
        )
    return dbapi2


class Gate(Protocol):
    """A lock."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...
    def release(self) -> object: ...


class Database:
    """The ledger's database; each process opens its own. Safe to share between threads or, after `wait_by`, between the
    greenlets of one."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.wait_by(time.sleep, Lock())
        self._waited_at = float("-inf")
        self.engine = _sqlite_engine(self.url) if self.is_sqlite else _postgresql_engine(self.url)
        if self.is_sqlite:
            event.listen(self.engine, "begin", self._begin_sqlite)
        event.listen(self.engine, "handle_error", _drop_what_may_only_read)
        options: dict[str, Any] = {"read_only": True}
        if not self.is_sqlite:  # there, every statement would see a state of its own
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        driver: Any = self.engine.dialect.loaded_dbapi
        self._driver_errors = driver.Error
        self._refusals = driver.DataError, driver.IntegrityError
        self._reader = self.engine.execution_options(**options)

    def wait_by(self, pause: Callable[[float], None], gate: Gate) -> None:
        """Say how this process waits for SQLite, which takes one writer at a time: for its lock by a `pause` of some
        seconds again and again, and for others of this process at the `gate`. Those who wait there have no connection
        yet: there would be none left for who holds the lock."""
        self._pause, self._gate = pause, gate

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start and is durable once this block has ended.

        Raises LedgerUnavailableError; then nothing of it stands.
        """
        with self._translated(), self._turn(), self.engine.begin() as connection, self._dropping(connection):
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the ledger and writes nothing. Raises LedgerUnavailableError."""
        with self._translated(), self._reader.begin() as connection, self._dropping(connection):
            yield connection

    def _begin_sqlite(self, connection: Connection) -> None:
        """A writer takes the lock now: one that read first could find it taken, and its read out of date."""
        cursor = connection.connection.cursor()
        if connection.get_execution_options().get("read_only"):
            cursor.execute("BEGIN")
        elif _begin_to_write(cursor, self._pause):
            self._waited_at = time.monotonic()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until it is one's turn among the writers of this process."""
        if not self.is_sqlite:
            yield
            return
        if not self._gate.acquire(blocking=False):
            self._waited_at = time.monotonic()
            if not self._gate.acquire(timeout=BUSY_TIMEOUT_SECONDS):
                raise LedgerUnavailableError("the ledger is busy (others of this process wait to write to it, too)")
        try:
            yield
        finally:
            self._gate.release()

    def others_write(self) -> bool:
        """Whether somebody else held the lock lately when it was wanted. In PostgreSQL nobody holds one for the
        whole ledger, so that it must be reckoned with at any time."""
        return not self.is_sqlite or time.monotonic() - self._waited_at < LATELY_SECONDS

    @contextmanager
    def _dropping(self, connection: Connection) -> Iterator[None]:
        """Let go of a connection of which a prepared statement found that it is of no use; SQLAlchemy sees its own."""
        try:
            yield
        except self._driver_errors as error:
            cursor, dialect = None, self.engine.dialect
            if _may_only_read(error) or dialect.is_disconnect(error, connection.connection.dbapi_connection, cursor):
                connection.invalidate(error)
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeoutError, self._driver_errors) as error:
            driver_error = getattr(error, "orig", None) or error
            name = type(driver_error).__name__
            if getattr(driver_error, "sqlstate", None) in CONTENDED:
                raise LedgerContendedError(f"the ledger is busy ({name})") from error
            if isinstance(driver_error, self._refusals):
                raise LedgerRefusedError(f"the ledger takes no such thing ({name})") from error
            raise LedgerUnavailableError(f"the ledger cannot be used ({name})") from error
        except SQLAlchemyError as error:
            raise LedgerUnavailableError(f"the ledger cannot be used ({type(error).__name__})") from error

    def close(self) -> None:
        """Close all connections; a later use opens new ones."""
        self.engine.dispose()


def _drop_what_may_only_read(context: ExceptionContext) -> None:
    """A connection that was opened while the ledger could only be read stays so: the pool must not keep it."""
    if _may_only_read(context.original_exception):
        context.is_disconnect = True


def _may_only_read(error: BaseException) -> bool:
    words = str(error).lower()
    return "readonly" in words or "read-only" in words


def _sqlite_engine(url: URL) -> Engine:
    """Never makes the file: that is the migration's work, so that several processes can start at once."""
    path = Path(url.database or "")
    target = f"{path.resolve().as_uri()}?mode=rw"
    driver = _sqlite_driver()

    def connect() -> Any:
        return driver.connect(target, uri=True, timeout=BUSY_TIMEOUT_SECONDS, check_same_thread=False)

    engine = create_engine(
        "sqlite://",
        module=driver,
        creator=connect,
        hide_parameters=True,
        poolclass=QueuePool,
        pool_size=20,
        max_overflow=0,
    )
    event.listen(engine, "connect", lambda connection, pooled: _prepare_sqlite(connection, pooled, path))
    event.listen(engine, "checkout", lambda _connection, pooled, _proxy: _same_file(pooled, path))
    return engine


def _prepare_sqlite(connection: Any, pooled: Any, path: Path) -> None:
    pooled.info["file"] = _file_id(path)
    connection.isolation_level = None  # transactions begin where we say so
    for pragma in ("synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _same_file(pooled: Any, path: Path) -> None:
    """A connection to a file that was moved away or deleted still works, and its commits are nowhere."""
    if pooled.info["file"] != _file_id(path):
        raise DisconnectionError("the SQLite file is another one now")


def _file_id(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _begin_to_write(cursor: Any, pause: Callable[[float], None]) -> bool:
    """Take the lock; whether it had to be waited for.

    SQLite itself looks for the lock at ever longer intervals, of up to a tenth of a second, while most hold it for
    a millisecond: whoever has waited long would wait longest.
    """
    waited, limit = False, time.monotonic() + BUSY_TIMEOUT_SECONDS
    cursor.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                cursor.execute("BEGIN IMMEDIATE")
            except Exception as error:
                if str(error) != "database is locked" or time.monotonic() > limit:
                    raise
            else:
                return waited
            waited = True
            pause(LOOK_AGAIN_SECONDS)
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {1000 * BUSY_TIMEOUT_SECONDS}")


def _postgresql_engine(url: URL) -> Engine:
    connect = {
        "connect_timeout": BUSY_TIMEOUT_SECONDS,
        "options": f"-c synchronous_commit=on -c timezone=UTC -c lock_timeout={BUSY_TIMEOUT_SECONDS}s",
    }
    engine = create_engine(url, hide_parameters=True, pool_size=10, max_overflow=0, connect_args=connect)
    event.listen(engine, "checkout", lambda connection, pooled, _proxy: _still_there(engine, connection, pooled))
    event.listen(engine, "checkin", _put_back)
    return engine


def _still_there(engine: Engine, connection: Any, pooled: Any) -> None:
    """Whether the server still knows the connection. One just used, on which it has said nothing since, is trusted."""
    try:
        if _just_used(pooled) and not _has_something_to_say(connection):
            return
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError("the connection was lost while nobody used it") from error


def _just_used(pooled: Any) -> bool:
    return bool(time.monotonic() - pooled.info.get("used_at", float("-inf")) < TRUSTED_SECONDS)


def _has_something_to_say(connection: Any) -> bool:
    """Unasked a server says little but that it ends the connection."""
    look = select.poll()
    look.register(connection.fileno(), select.POLLIN)
    return bool(look.poll(0))


def _put_back(connection: Any, pooled: Any) -> None:
    """After a reader the pool asks for transactions that may write; whether they may is the database's to say."""
    if connection is not None and not connection.closed:
        connection.read_only = None
        pooled.info["used_at"] = time.monotonic()
