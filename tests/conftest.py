"""Fixtures that more than one tier of tests uses."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

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
    """The URL of a database that nobody has touched: once SQLite, once PostgreSQL; where a test asks for it, also
    "sqlite-rollback", an SQLite that needs a rollback journal."""
    if request.param == "sqlite-rollback":
        request.getfixturevalue("rollback_journal")
    if request.param.startswith("sqlite"):
        yield f"sqlite:///{tmp_path}/ledger.db"
        return
    with new_database(request.getfixturevalue("postgresql")) as url:
        yield url


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
