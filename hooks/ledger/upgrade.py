"""Bringing the database to this version, and checking that it is."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from hooks.errors import LedgerNotReadyError, LedgerUnavailableError
from hooks.ledger.database import BUSY_TIMEOUT_SECONDS, Database
from hooks.ledger.sqlite import SQLite, mode_of

if TYPE_CHECKING:
    from alembic.config import Config

_UPGRADE_LOCK = 7_235_604_118_201
"""The key of an advisory lock: any number that nobody else uses in this database."""

RETRY_SECONDS = 1.0
"""The wait between two tries to reach a database that has not started yet."""

_OWN_FOLDER = Path("var")
"""The folder of the ledger by default, in the folder where the process was started."""

_MIGRATIONS = Path(__file__).with_name("migrations")


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - only the upgrade needs Alembic

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def upgrade_within(database: Database, seconds: float) -> str:
    """Do the same as `upgrade`, and retry it for some seconds while the database cannot be used, as after a boot.

    Raises LedgerUnavailableError.
    """
    limit = time.monotonic() + seconds
    while True:
        try:
            return upgrade(database)
        except LedgerUnavailableError:
            if time.monotonic() >= limit:
                raise
        time.sleep(RETRY_SECONDS)


def upgrade(database: Database) -> str:
    """Create or migrate the database, and return its revision then. Safe to repeat, and while another version serves.

    A database that a newer version has migrated is left as it is. Only here an SQLite file is created and its journal
    mode changed. If every process did so at its start, several at once would fail with 'database is locked'.
    """
    if database.sqlite:
        _make_sqlite(database.sqlite, Path(database.url.database or ""))
    from alembic import command  # noqa: PLC0415 - as above

    config = _config()
    with database.write() as connection:
        if not database.is_sqlite:  # SQLite has one writer at a time
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        current = _revision(connection)
        if current is not None and _is_newer(current):
            return current
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return head()


def _make_sqlite(sqlite: SQLite, path: Path) -> None:
    """Create the file; also its folder, if that is the default one. Any other missing folder is a typing error."""
    try:
        if path.parent == _OWN_FOLDER:
            path.parent.mkdir(exist_ok=True)
        with _alone_in(path.parent):
            sqlite.make(path, BUSY_TIMEOUT_SECONDS)
    except FileNotFoundError as error:
        words = "its folder is not there. Make the folder, or check DATABASE_URL."
        raise LedgerNotReadyError(f"{path} cannot be made: {words}") from error
    except OSError as error:
        words = f"{error.strerror}. Check DATABASE_URL, and who may write there."
        raise LedgerNotReadyError(f"{path} cannot be made or opened: {words}") from error


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Let one process at a time into this block: SQLite does not wait to change the journal mode, it fails."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _revisions() -> list[str]:
    """List the revisions that this version knows, the oldest first. A file is named by its revision up to the `_`."""
    files = (_MIGRATIONS / "versions").glob("[0-9]*_*.py")
    return sorted(path.name.partition("_")[0] for path in files)


def head() -> str:
    """Return the revision that this version of the service works with."""
    return _revisions()[-1]


def _revision(connection: Connection) -> str | None:
    """Return the revision of the database; None before the first."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    return revision


def _is_newer(revision: str) -> bool:
    """Tell whether a later version of the service made this revision.

    Each version knows all revisions before its own, so an unknown revision is a newer one.
    """
    return revision not in _revisions()


def check(connection: Connection) -> None:
    """Raise LedgerNotReadyError unless this version can work with the database.

    An SQLite file must also be in the journal mode that is safe with the SQLite in use. A database that a newer version
    has migrated is fine: migrations only add, so that the old version serves until the new one has taken over.
    """
    current = _revision(connection)
    if current is None:
        raise LedgerNotReadyError(
            "The ledger was never made in this database. Run `flask --app wsgi db upgrade`."
        )
    if current != head() and not _is_newer(current):
        raise LedgerNotReadyError(
            f"The ledger is at {current}, not {head()}. Run `flask --app wsgi db upgrade`."
        )
    if connection.dialect.name == "sqlite":
        SQLite(connection.dialect.loaded_dbapi).check_mode(mode_of(connection.connection.cursor()))
