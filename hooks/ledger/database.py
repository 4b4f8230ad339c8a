"""Connections and transactions: SQLite or PostgreSQL, the same to all callers."""

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
"""For so long a lock, or a connection, is waited for; then the ledger counts as unavailable."""

LATELY_SECONDS = 1.0
"""For so long after it had to wait for the lock, others count as writing."""

TRUSTED_SECONDS = 1.0
"""For so long a connection to PostgreSQL that is silent is not asked whether it still works: each delivery would wait
for that."""

CONTENDED = frozenset({"40P01", "40001"})
"""PostgreSQL's codes of a deadlock and of a serialization failure: of two transactions it has undone one."""

SILENT_MILLISECONDS = 10_000
"""A server that has not acknowledged a packet for so long is gone: its host is frozen, or the network is cut."""


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
        self.sqlite = SQLite.of_this_python() if self.is_sqlite else None
        self.wait_by(time.sleep, Lock)
        self._waited_at = float("-inf")
        self.engine = (
            self._sqlite_engine(self.sqlite) if self.sqlite else _postgresql_engine(self.url)
        )
        event.listen(self.engine, "handle_error", _drop_what_may_only_read)
        options: dict[str, Any] = {"read_only": True}
        if not self.is_sqlite:  # there, every statement would see a state of its own
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        driver: Any = self.engine.dialect.loaded_dbapi
        self._driver_errors = driver.Error
        self._refusals = driver.DataError, driver.IntegrityError
        self._reader = self.engine.execution_options(**options)

    @property
    def description(self) -> str:
        """The database in words for people, such as "SQLite 3.51.3 in WAL mode". Touches nothing."""
        return str(self.sqlite or "PostgreSQL")

    def wait_by(self, pause: Callable[[float], None], make_gate: Callable[[], Gate]) -> None:
        """Say how this process waits for SQLite: for its lock by a `pause` of some seconds again and again, and for
        others of this process at a gate, writers at one and readers who begin at another. Those who wait there have
        no connection yet: there would be none left for who holds the lock."""
        self._pause, self._write_gate, self._read_gate = pause, make_gate(), make_gate()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start and is durable once this block has ended.

        Raises LedgerUnavailableError; then nothing of it stands.
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
        """A transaction that sees one state of the ledger and writes nothing. Raises LedgerUnavailableError.

        With a rollback journal every commit waits for its end. So the block neither writes nor waits for others.
        """
        with self._translated(), ExitStack() as transaction:
            with self._turn(self._read_gate):
                connection = transaction.enter_context(self._reader.connect())
                transaction.enter_context(self._dropping(connection))
                transaction.enter_context(connection.begin())
            yield connection

    def _sqlite_engine(self, sqlite: SQLite) -> Engine:
        def begin(connection: Connection) -> None:
            """A writer takes the lock now: one that read first could find it taken, and its read out of date."""
            cursor = connection.connection.cursor()
            if connection.get_execution_options().get("read_only"):
                cursor.execute("BEGIN")
                self._wait(cursor, TAKE_READ_LOCK)
            else:
                if self._wait(cursor, "BEGIN IMMEDIATE"):
                    self._waited_at = time.monotonic()
                sqlite.check_before_write(cursor)

        def commit(connection: Connection) -> None:
            """What the dialect does after this finds nothing left to commit."""
            self._wait(connection.connection.cursor(), "COMMIT")

        engine = sqlite.engine(Path(self.url.database or ""), self._wait)
        event.listen(engine, "begin", begin)
        event.listen(engine, "commit", commit)
        return engine

    def _wait(self, cursor: Any, statement: str) -> bool:
        return retry_while_locked(cursor, statement, self._pause, BUSY_TIMEOUT_SECONDS)

    @contextmanager
    def _turn(self, gate: Gate) -> Iterator[None]:
        """Let one writer of this process at a time go to SQLite, and one reader who begins."""
        if not self.is_sqlite:
            yield
            return
        if not gate.acquire(blocking=False):
            if gate is self._write_gate:
                self._waited_at = time.monotonic()
            if not gate.acquire(timeout=BUSY_TIMEOUT_SECONDS):
                raise LedgerUnavailableError(
                    "The ledger is busy: others of this process wait for it, too. Find out what holds it locked."
                )
        try:
            yield
        finally:
            gate.release()

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
            if _may_only_read(error) or dialect.is_disconnect(
                error, connection.connection.dbapi_connection, cursor
            ):
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


def _drop_what_may_only_read(context: ExceptionContext) -> None:
    """A connection that was opened while the ledger could only be read stays so: the pool must not keep it."""
    if _may_only_read(context.original_exception):
        context.is_disconnect = True


def _may_only_read(error: BaseException) -> bool:
    words = str(error).lower()
    return "readonly" in words or "read-only" in words


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
    event.listen(
        engine,
        "checkout",
        lambda connection, pooled, _proxy: _still_there(engine, connection, pooled),
    )
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
