"""Fixtures of the worker's side: a harness with a store, scripted servers, and clients of both."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from flask import Flask
from sqlalchemy import create_engine, text

from deploy.sandbox import SandboxStore, SendingOptions, StoreOptions, serving
from hooks.ledger import upgrade as upgrading
from hooks.ledger.database import Database
from hooks.ledger.upgrade import upgrade
from hooks.retention.policy import Policy
from hooks.settings import StoreSettings
from hooks.store.client import StoreClient
from tests.integration.harness import NOON, Harness, open_harness, service_at
from tests.integration.scripted_server import ScriptedServer
from tests.integration.scripted_server import scripted_server as listen
from tests.support.recordings import SECRET

MakeClient = Callable[..., StoreClient]
MakeLedger = Callable[[], Database]


@pytest.fixture
def at_revision(database_url: str) -> Iterator[Callable[[str], Database]]:
    """Brings a ledger to a revision, and no further."""
    with closing(Database(database_url)) as ledger:

        def made(revision: str) -> Database:
            if ledger.sqlite:
                upgrading._make_sqlite(ledger.sqlite, Path(ledger.url.database or ""))
            config = upgrading._config()
            with ledger.write() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
            return ledger

        yield made


@pytest.fixture
def harness(
    request: pytest.FixtureRequest, database: Database, policy: Policy
) -> Iterator[Harness]:
    """A harness; its parameter is the role behind the key and the webhooks, an administrator's if none is given."""
    with open_harness(database, policy, role=getattr(request, "param", "administrator")) as made:
        yield made


@pytest.fixture
def store() -> Iterator[SandboxStore]:
    """A store that listens, at noon, and sends nothing by itself."""
    made = SandboxStore(StoreOptions(sending=SendingOptions(autosend=False)), now=NOON)
    with serving(made):
        yield made


@pytest.fixture
def script() -> Iterator[ScriptedServer]:
    """A server that answers by script."""
    with listen() as made:
        yield made


@pytest.fixture
def client() -> Iterator[MakeClient]:
    """Makes clients: `client(url, key, secret)`."""
    made: list[StoreClient] = []

    def make(url: str, key: str = "ck_test", secret: str | None = None) -> StoreClient:
        made.append(StoreClient(StoreSettings("shop", url, key, secret or "cs_test", (SECRET,))))
        return made[-1]

    yield make
    for one in made:
        one._api.session.close()


@pytest.fixture
def client_of(store: SandboxStore, client: MakeClient) -> MakeClient:
    """Makes clients of the store: `client_of(role, permissions)`."""

    def make(role: str = "administrator", permissions: str = "read_write") -> StoreClient:
        key = store.create_key(role, permissions)
        return client(store.url, key["consumer_key"], key["consumer_secret"])

    return make


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated ledger, to be copied."""
    path = tmp_path_factory.mktemp("template") / "ledger.db"
    made = Database(f"sqlite:///{path}")
    upgrade(made)
    made.close()
    return path


@pytest.fixture
def copies(template: Path, tmp_path: Path) -> MakeLedger:
    """Makes ledgers in SQLite."""

    def make() -> Database:
        path = tmp_path / f"{uuid4().hex}.db"
        shutil.copy(template, path)
        return Database(f"sqlite:///{path}")

    return make


@pytest.fixture
def servers(postgresql: str) -> Iterator[MakeLedger]:
    """Makes ledgers in PostgreSQL."""
    admin = create_engine(postgresql, isolation_level="AUTOCOMMIT")
    with ExitStack() as stack:
        stack.callback(admin.dispose)

        def make() -> Database:
            name = f"ledger_{uuid4().hex}"
            with admin.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
            made = Database(admin.url.set(database=name).render_as_string(hide_password=False))
            upgrade(made)
            return made

        yield make


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """The service, with a store, and a ledger of its own."""
    return service_at(tmp_path)
