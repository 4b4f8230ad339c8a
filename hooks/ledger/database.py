"""Connections and transactions, on SQLite or PostgreSQL. Callers need not know which it is.

One writer at a time works on an SQLite file, and each process has many requests. So a writer first passes the gate of
its process, then opens a connection, then takes SQLite's lock. A writer that waits at the gate holds no connection:
otherwise none would be left for the one that holds the lock. Readers pass a gate of their own at their begin.

Errors of the driver become errors of `hooks.errors`, which say whether a retry can help.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from hooks.errors import LedgerContendedError, LedgerRefusedError, LedgerUnavailableError
from hooks.ledger.failure_causes import cause_of
from hooks.ledger.sqlite import TAKE_READ_LOCK, SQLite, retry_while_locked

BUSY_TIMEOUT_SECONDS = 5
"""The longest wait for a lock or a connection. After it the ledger counts as unavailable."""

CONTENDED_SECONDS = 1.0
"""The time for which the ledger counts as contended after a wait for the lock."""

TRUSTED_SECONDS = 1.0
"""The time after its last use for which a silent connection to PostgreSQL is not pinged. Every delivery would wait for
the ping."""

CONTENDED = frozenset({"40P01", "40001"})
"""PostgreSQL's codes of a deadlock and of a serialization failure: it has rolled back one of two transactions."""

SILENT_MILLISECONDS = 10_000
"""A server that does not acknowledge a packet within this time counts as lost: the host hangs, or the network does."""


class Gate(Protocol):
    """A lock of `threading` or of gevent."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...
    def release(self) -> object: ...


class Database:
    """The ledger's database. Each process opens its own.

    Safe to share between threads or, after `wait_by`, between the greenlets of one thread.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.sqlite: SQLite | None = None
        self.wait_by(time.sleep, Lock)
        self._waited_at = float("-inf")
        if self.is_sqlite:
            self.sqlite = SQLite.of_this_python()
            self.engine = self._sqlite_engine(self.sqlite)
        else:
            self.engine = _postgresql_engine(self.url)
        event.listen(self.engine, "handle_error", _drop_read_only)
        options: dict[str, Any] = {"read_only": True}
        if not self.is_sqlite:
            # By default each statement would see another state of the ledger.
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        driver: Any = self.engine.dialect.loaded_dbapi
        self._driver_errors = driver.Error
        self._refusals = driver.DataError, driver.IntegrityError
        self._reader = self.engine.execution_options(**options)

    @property
    def description(self) -> str:
        """The database in words for people, such as "SQLite 3.51.3 in WAL mode". Opens no connection."""
        return str(self.sqlite or "PostgreSQL")

    def wait_by(self, pause: Callable[[float], None], make_gate: Callable[[], Gate]) -> None:
        """Set how this process waits for SQLite.

        `pause` takes seconds; it is called between two tries to take SQLite's lock. `make_gate` makes a lock: there is
        one for the writers of this process, and one for its readers at their begin.
        """
        self._pause = pause
        self._write_gate = make_gate()
        self._read_gate = make_gate()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that holds the write lock from its start, and is durable once this block has ended.

        Raises LedgerUnavailableError; then nothing was written.
        """
        with (
            self._translated(),
            self._turn(self._write_gate),
            self.engine.connect() as connection,
            self._dropping(connection),
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the ledger and writes nothing. Raises LedgerUnavailableError.

        With a rollback journal each commit waits for its end. So the block must not write, and must not wait for
        another transaction.
        """
        with self._translated(), ExitStack() as transaction:
            with self._turn(self._read_gate):
                connection = transaction.enter_context(self._reader.connect())
                transaction.enter_context(self._dropping(connection))
                transaction.enter_context(connection.begin())
            yield connection

    def _sqlite_engine(self, sqlite: SQLite) -> Engine:
        def begin(connection: Connection) -> None:
            """Take the lock at the begin. If it came after a read, what was read could be outdated by then."""
            cursor = connection.connection.cursor()
            if connection.get_execution_options().get("read_only"):
                cursor.execute("BEGIN")
                self._wait(cursor, TAKE_READ_LOCK)
            else:
                had_to_wait = self._wait(cursor, "BEGIN IMMEDIATE")
                if had_to_wait:
                    self._waited_at = time.monotonic()
                sqlite.check_before_write(cursor)

        def commit(connection: Connection) -> None:
            """Commit here, where a lock can be waited for. The dialect's own commit after it has nothing left to do."""
            self._wait(connection.connection.cursor(), "COMMIT")

        engine = sqlite.engine(Path(self.url.database or ""), self._wait)
        event.listen(engine, "begin", begin)
        event.listen(engine, "commit", commit)
        return engine

    def _wait(self, cursor: Any, statement: str) -> bool:
        return retry_while_locked(cursor, statement, self._pause, BUSY_TIMEOUT_SECONDS)

    @contextmanager
    def _turn(self, gate: Gate) -> Iterator[None]:
        """Let one writer of this process at a time go to SQLite; at the other gate, one reader at a time begin."""
        if not self.is_sqlite:
            yield
            return
        if not gate.acquire(blocking=False):
            if gate is self._write_gate:
                self._waited_at = time.monotonic()
            if not gate.acquire(timeout=BUSY_TIMEOUT_SECONDS):
                raise LedgerUnavailableError(
                    "The ledger is busy: other requests of this process wait for it, too. "
                    "Find out what holds it locked."
                )
        try:
            yield
        finally:
            gate.release()

    def is_contended(self) -> bool:
        """Tell whether a writer had to wait for SQLite's lock lately.

        On PostgreSQL always true: it has no lock on the whole ledger that would show other writers.
        """
        return not self.is_sqlite or time.monotonic() - self._waited_at < CONTENDED_SECONDS

    @contextmanager
    def _dropping(self, connection: Connection) -> Iterator[None]:
        """Drop a connection on which a prepared statement has failed for good.

        SQLAlchemy does so for its own statements. It does not see those that go to the driver directly.
        """
        try:
            yield
        except self._driver_errors as error:
            dialect = self.engine.dialect
            dbapi_connection = connection.connection.dbapi_connection
            if _is_read_only(error) or dialect.is_disconnect(error, dbapi_connection, None):
                connection.invalidate(error)
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the errors of SQLAlchemy and of the driver into those of `hooks.errors`."""
        try:
            yield
        except (DBAPIError, PoolTimeoutError, self._driver_errors) as error:
            driver_error = getattr(error, "orig", None) or error
            name = type(driver_error).__name__
            if getattr(driver_error, "sqlstate", None) in CONTENDED:
                raise LedgerContendedError(
                    f"Two transactions stood in each other's way ({name})."
                ) from error
            if isinstance(driver_error, self._refusals):
                raise LedgerRefusedError(
                    f"The ledger does not take this value ({name})."
                ) from error
            raise LedgerUnavailableError(cause_of(driver_error)) from error
        except SQLAlchemyError as error:
            raise LedgerUnavailableError(cause_of(error)) from error

    def close(self) -> None:
        """Close all connections; a later use opens new ones."""
        self.engine.dispose()


def _drop_read_only(context: ExceptionContext) -> None:
    """Keep a read-only connection out of the pool: opened while the ledger was read-only, it stays so for ever."""
    if _is_read_only(context.original_exception):
        context.is_disconnect = True


def _is_read_only(error: BaseException) -> bool:
    message = str(error).lower()
    return "readonly" in message or "read-only" in message


def _postgresql_engine(url: URL) -> Engine:
    connect = {
        "connect_timeout": BUSY_TIMEOUT_SECONDS,
        "tcp_user_timeout": SILENT_MILLISECONDS,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "options": f"-c synchronous_commit=on -c timezone=UTC -c lock_timeout={BUSY_TIMEOUT_SECONDS}s",
    }
    engine = create_engine(
        url, hide_parameters=True, pool_size=10, max_overflow=0, connect_args=connect
    )

    def check_out(connection: Any, pooled: Any, _proxy: object) -> None:
        _check_alive(engine, connection, pooled)

    event.listen(engine, "checkout", check_out)
    event.listen(engine, "checkin", _check_in)
    return engine


def _check_alive(engine: Engine, connection: Any, pooled: Any) -> None:
    """Raise DisconnectionError if the server has closed the connection.

    A connection that was just used, and on which the server has sent nothing since, counts as alive without a ping.
    """
    try:
        if _was_just_used(pooled) and not _has_input(connection):
            return
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError("the connection was lost while nobody used it") from error


def _was_just_used(pooled: Any) -> bool:
    return bool(time.monotonic() - pooled.info.get("used_at", float("-inf")) < TRUSTED_SECONDS)


def _has_input(connection: Any) -> bool:
    """Tell whether the server has sent something unasked: mostly that it closes the connection."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _check_in(connection: Any, pooled: Any) -> None:
    """Undo the read-only mode of a reader, and note the time. `None` leaves the mode to the database."""
    if connection is not None and not connection.closed:
        connection.read_only = None
        pooled.info["used_at"] = time.monotonic()
