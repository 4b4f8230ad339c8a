"""Fixtures that more than one tier of tests uses."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings
from sqlalchemy.engine import make_url

from hooks.ledger.database import Database
from hooks.ledger.upgrade import upgrade
from hooks.retention.policy import Policy
from schemas.policy import load_policy
from tests.support.postgresql import new_database, server
from tests.support.processes import ROOT, UNSAFE_SQLITE, Stack, stack
from tests.support.unsafe_sqlite import UNSAFE_VERSION

# Property tests say what is true, not how fast; and a run tries the same examples as the one before it, so that a
# change is to blame for what it breaks. `HYPOTHESIS_PROFILE=search` tries others, and more.
settings.register_profile(
    "same", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile(
    "search", settings.get_profile("same"), derandomize=False, max_examples=2000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# Started in the background by a script, the suite ignores SIGINT, and so would all processes that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

POLICY_FILE = ROOT / "deploy/policies/smartgroup.toml"


@pytest.fixture(autouse=True)
def _logging_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Making an app configures logging for the whole process; a test must not hand that on. A logger that is kept from
    its first line on would: no later test could capture what it says."""
    configure = structlog.configure
    monkeypatch.setattr(
        structlog,
        "configure",
        lambda **given: configure(**given | {"cache_logger_on_first_use": False}),
    )
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The policy that the project ships."""
    return load_policy(POLICY_FILE)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A real PostgreSQL server; the URL of its maintenance database."""
    with (
        tempfile.TemporaryDirectory(prefix="retention-pg-") as directory,
        server(Path(directory)) as url,
    ):
        yield url


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: str) -> Iterator[str]:
    """Migrate one database, and yield its name: a copy of it takes less time than a migration."""
    with new_database(postgresql) as url:
        _migrate(url)
        yield str(make_url(url).database)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one SQLite file, for the same reason."""
    path = tmp_path_factory.mktemp("migrated") / "ledger.db"
    _migrate(f"sqlite:///{path}")
    return path


def _migrate(url: str) -> None:
    ledger = Database(url)
    upgrade(ledger)
    ledger.close()


@pytest.fixture
def rollback_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """An SQLite that can lose commits in WAL mode, in this process and in all that a test starts."""
    monkeypatch.setitem(sys.modules, "pysqlite3", None)
    monkeypatch.setenv("PYTHONPATH", str(UNSAFE_SQLITE))
    monkeypatch.setattr(
        sqlite3, "sqlite_version_info", min(sqlite3.sqlite_version_info, UNSAFE_VERSION)
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a database of the test's own: once SQLite, once PostgreSQL; where a test asks for it, also
    "sqlite-rollback", an SQLite that needs a rollback journal.

    It is empty. For a test that asks for a migrated ledger it is a copy of one, but for the rollback journal.
    """
    is_migrated = not {"database", "processes"}.isdisjoint(request.fixturenames)
    if request.param == "postgresql":
        server_url = request.getfixturevalue("postgresql")
        template = request.getfixturevalue("migrated_postgresql") if is_migrated else "template1"
        with new_database(server_url, template=template) as url:
            yield url
        return
    path = tmp_path / "ledger.db"
    if request.param == "sqlite-rollback":
        request.getfixturevalue("rollback_journal")
    elif is_migrated:
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)  # with its mode
    yield f"sqlite:///{path}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated ledger."""
    ledger = Database(database_url)
    upgrade(ledger)
    yield ledger
    ledger.close()


@pytest.fixture
def processes(database_url: str, tmp_path: Path) -> Iterator[Stack]:
    """Real processes over a migrated ledger."""
    with stack(tmp_path, database_url) as made:
        made.migrate()
        yield made
