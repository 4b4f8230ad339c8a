"""The SQLite library of this process: which journal is safe with it, and how to wait for its lock.

Two journals keep a commit through a crash and through a loss of power:

- WAL with full sync. Readers and the writer do not wait for each other. Many versions of SQLite can lose commits in
  this mode (see `sqlite_is_safe`), and never write in it here.
- The rollback journal of SQLite's mode DELETE. Deleting the journal is the commit. With `synchronous = FULL` the folder
  is not synced after that, so that the journal can come back when the power is lost, and undo the commit; with EXTRA it
  is synced (https://sqlite.org/pragma.html#pragma_synchronous). This is slower, and as durable. In WAL mode EXTRA means
  the same as FULL, so every connection has it. TRUNCATE and PERSIST would save the work on the folder, but they are
  set for each connection and by asking for them, which would take a file out of WAL mode. DELETE need not be asked for.

With the rollback journal a commit waits for all readers to end, and while it waits no reader begins. A web process is
one thread: a writer that waits inside SQLite stops the very reader that it waits for. So SQLite itself never waits
(`timeout=0`). A reader takes its lock at its begin, a writer at its begin and at its commit. There
`retry_while_locked` retries, and between two tries the other requests of the process go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DisconnectionError

from hooks.errors import LedgerNotReadyError
from hooks.ledger.failure_causes import cause_of

LOCK_RETRY_SECONDS = 0.001
"""The wait between two tries to take the lock. It is mostly held for about a millisecond. The intervals of SQLite's own
retry grow to a tenth of a second, so that the longest waiter would have the smallest chance."""

OLDEST = (3, 35, 0)
"""The first version that knows RETURNING."""

TAKE_READ_LOCK = "SELECT 1 FROM sqlite_master LIMIT 1"
"""Takes a reader's lock until the transaction ends."""

JournalMode = Literal["wal", "delete"]
Wait = Callable[[Any, str], object]
"""Executes a statement on a cursor, and waits for the lock that the statement needs."""


def sqlite_is_safe(version: tuple[int, ...]) -> bool:
    """Tell whether this version of SQLite keeps every commit in WAL mode.

    Before 3.51.3 (but for 3.44.6 and 3.50.7) commits can be lost when two connections write and checkpoint at
    once; SQLite's own documentation calls it the WAL-reset bug (https://sqlite.org/wal.html).
    """
    return version >= (3, 51, 3) or version in {(3, 44, 6), (3, 50, 7)}


@dataclass(frozen=True, slots=True)
class SQLite:
    """An SQLite library, by its Python driver (DB-API)."""

    driver: Any

    @classmethod
    def of_this_python(cls) -> SQLite:
        """Use the wheel if it is installed, else Python's own SQLite. Raises LedgerNotReadyError if it is too old."""
        try:
            from pysqlite3 import dbapi2 as driver  # noqa: PLC0415 - not needed, nor loaded, with PostgreSQL
        except ImportError:
            import sqlite3 as driver  # noqa: PLC0415 - as above
        if driver.sqlite_version_info < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            words = f"SQLite {driver.sqlite_version} is too old; {oldest} or newer is needed"
            raise LedgerNotReadyError(f"{words}. Install a newer Python, or use PostgreSQL.")
        return cls(driver)

    @property
    def journal_mode(self) -> JournalMode:
        """The mode that the ledger's file must be in, as SQLite names it."""
        if sqlite_is_safe(self.driver.sqlite_version_info):
            return "wal"
        return "delete"

    def __str__(self) -> str:
        words = f"SQLite {self.driver.sqlite_version}"
        if self.driver.__name__.startswith("sqlite3"):
            words += " of Python"
        if self.journal_mode == "wal":
            return f"{words} in WAL mode"
        return f"{words} with a rollback journal"

    def check_mode(self, mode: str) -> None:
        """Raise LedgerNotReadyError unless this SQLite may write to a file that is in this mode."""
        if mode == "wal" and self.journal_mode != "wal":
            words = f"in WAL mode, in which SQLite {self.driver.sqlite_version} can lose commits"
            raise LedgerNotReadyError(
                f"the SQLite file is {words}: run `flask --app wsgi db upgrade`"
            )
        if mode != "wal" and self.journal_mode == "wal":
            raise LedgerNotReadyError(
                f"the SQLite file is in {mode} mode, not WAL: run `flask --app wsgi db upgrade`"
            )

    def check_before_write(self, cursor: Any) -> None:
        """Check the mode again, for a writer that holds the lock. Raises LedgerNotReadyError.

        A process with another SQLite may put the file into WAL mode while it is open here. If this SQLite is safe in
        WAL mode, there is nothing to check.
        """
        if self.journal_mode != "wal":
            self.check_mode(mode_of(cursor))

    def engine(self, path: Path, wait: Wait) -> Engine:
        """Create the engine for a file. Only the migration creates the file, so that processes can start at once."""
        target = f"{path.resolve().as_uri()}?mode=rw"

        def connect() -> Any:
            return self.driver.connect(target, uri=True, timeout=0, check_same_thread=False)

        def prepare(connection: Any, pooled: Any) -> None:
            pooled.info["file"] = _file_id(path)
            self._prepare(connection, wait)

        def check_out(_connection: Any, pooled: Any, _proxy: object) -> None:
            _check_same_file(pooled, path)

        engine = create_engine(
            "sqlite://",
            module=self.driver,
            creator=connect,
            hide_parameters=True,
            poolclass=QueuePool,
            pool_size=20,
            max_overflow=0,
        )
        event.listen(engine, "connect", prepare)
        event.listen(engine, "checkout", check_out)
        return engine

    def _prepare(self, connection: Any, wait: Wait) -> None:
        connection.isolation_level = None  # the driver begins no transaction by itself
        pragmas = ["synchronous = EXTRA", "foreign_keys = ON"]
        if self.journal_mode == "delete":
            # A cache that spills before the commit would take the exclusive lock, and keep readers out.
            pragmas.append("cache_spill = OFF")
        for pragma in pragmas:
            wait(connection.cursor(), f"PRAGMA {pragma}")

    def make(self, path: Path, seconds: float) -> None:
        """Create the file if there is none, and put it into the mode that this SQLite needs.

        It also takes a file out of WAL mode, although this SQLite must not write in that mode otherwise. This is safe:
        SQLite does it only while no other connection is open, and the bug needs a second connection. What a killed
        process has left in the WAL is moved into the file first (https://sqlite.org/wal.html).
        Waits at most `seconds` for a lock. Raises LedgerNotReadyError.
        """
        try:
            with closing(self.driver.connect(str(path), timeout=0)) as connection:
                cursor = connection.cursor()
                retry_while_locked(
                    cursor, f"PRAGMA journal_mode = {self.journal_mode}", time.sleep, seconds
                )
                mode = mode_of(cursor)
        except self.driver.Error as error:
            if _is_locked(error):
                words = "is in use, and its journal mode must be changed: stop web and worker first"
                raise LedgerNotReadyError(f"{path} {words}") from error
            raise LedgerNotReadyError(
                f"{path} cannot be made or opened. {cause_of(error)}"
            ) from error
        if mode != self.journal_mode:
            raise LedgerNotReadyError(
                f"the file system under {path.parent} does not take SQLite's WAL mode"
            )


def back_up(ledger: str, copy: str) -> None:
    """Write a copy of a ledger's file to a path where no file exists. The service may run meanwhile."""
    driver = SQLite.of_this_python().driver
    source = f"{Path(ledger).resolve().as_uri()}?mode=ro"
    with closing(driver.connect(source, uri=True)) as connection:
        connection.execute("VACUUM INTO ?", (copy,))


def mode_of(cursor: Any) -> str:
    """Return the journal mode of the file, as SQLite names it."""
    (mode,) = cursor.execute("PRAGMA journal_mode").fetchone()
    return str(mode)


def retry_while_locked(
    cursor: Any, statement: str, pause: Callable[[float], None], seconds: float
) -> bool:
    """Execute a statement, and retry it for up to `seconds` while another connection holds the lock that it needs.

    Returns True if it had to wait. Raises the driver's error.
    """
    has_waited = False
    limit = time.monotonic() + seconds
    while True:
        try:
            cursor.execute(statement).fetchall()
        except Exception as error:
            if not _is_locked(error) or time.monotonic() > limit:
                raise
        else:
            return has_waited
        has_waited = True
        pause(LOCK_RETRY_SECONDS)


def _is_locked(error: Exception) -> bool:
    return str(error) == "database is locked"


def _check_same_file(pooled: Any, path: Path) -> None:
    """Raise DisconnectionError if the path leads to another file than the connection.

    A connection to a file that was moved or deleted still works, and its commits are lost.
    """
    if pooled.info["file"] != _file_id(path):
        raise DisconnectionError("the SQLite file is another one now")


def _file_id(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
