"""Bringing the database to this version, and telling whether it is."""

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
"""Any number that nobody else takes as an advisory lock in this database."""

LOOK_AGAIN_SECONDS = 1.0
"""Between two tries to reach a database that is not there yet."""

_OWN_FOLDER = Path("var")
"""Where the ledger is by default, in the folder of the start."""

_MIGRATIONS = Path(__file__).with_name("migrations")


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - whoever only looks needs none of it, and that are all but one

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def upgrade_within(database: Database, seconds: float) -> str:
    """The same as `upgrade`, tried again for so many seconds while the database cannot be used, as after a boot.

    Raises LedgerUnavailableError.
    """
    limit = time.monotonic() + seconds
    while True:
        try:
            return upgrade(database)
        except LedgerUnavailableError:
            if time.monotonic() >= limit:
                raise
        time.sleep(LOOK_AGAIN_SECONDS)


def upgrade(database: Database) -> str:
    """Create or migrate the database; safe to repeat, and while another version serves. Returns its revision then.

    A database that a newer version has migrated is left as it is. The one place where an SQLite file is made and
    its journal mode changed: left to whichever process comes first, several at once fail with 'database is locked'.
    """
    if database.sqlite:
        _make_sqlite(database.sqlite, Path(database.url.database or ""))
    from alembic import command  # noqa: PLC0415 - as above

    config = _config()
    with database.write() as connection:
        if not database.is_sqlite:  # SQLite's writer is alone already
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        current = _revision(connection)
        if current is not None and _is_newer(current):
            return current
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return head()


def _make_sqlite(sqlite: SQLite, path: Path) -> None:
    """Make the file, and its folder if that is the project's own. Any other one that is not there is a typing error."""
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
    """One process at a time: SQLite does not wait its turn to change the journal mode, but fails as locked."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _known() -> list[str]:
    """The revisions that this version knows, the oldest first: their numbers are their files' names up to the `_`."""
    files = (_MIGRATIONS / "versions").glob("[0-9]*_*.py")
    return sorted(path.name.partition("_")[0] for path in files)


def head() -> str:
    """The revision that this version of the service works with."""
    return _known()[-1]


def _revision(connection: Connection) -> str | None:
    """The revision that the database is at; None before the first."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    return revision


def _is_newer(revision: str) -> bool:
    """Whether a later version made this revision: each knows all that came before it, so what is unknown is newer."""
    return revision not in _known()


def check(connection: Connection) -> None:
    """Raise LedgerNotReadyError unless this version can work with the database, and an SQLite file is in the journal
    mode that is safe with the SQLite in use.

    It can if a newer version has migrated it: migrations only add, so that the old version goes on serving until
    the new one has taken over.
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
