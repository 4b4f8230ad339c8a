"""Fixtures of the worker's side: a desk with a store, scripted servers, clients of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from deploy.sandbox import SandboxStore, SendingOptions, StoreOptions, serving
from hooks.ledger.database import Database
from hooks.retention.policy import Policy
from hooks.settings import StoreSettings
from hooks.store.client import StoreClient
from tests.integration.desk import NOON, Desk
from tests.integration.desk import desk as open_desk
from tests.integration.scripted import Scripted
from tests.integration.scripted import scripted as listen
from tests.support.recordings import SECRET

MakeClient = Callable[..., StoreClient]


@pytest.fixture
def desk(request: pytest.FixtureRequest, database: Database, policy: Policy) -> Iterator[Desk]:
    """A desk; its parameter is the role behind the key and the webhooks, an administrator's if none is given."""
    with open_desk(database, policy, role=getattr(request, "param", "administrator")) as made:
        yield made


@pytest.fixture
def store() -> Iterator[SandboxStore]:
    """A store that listens, at noon, and sends nothing by itself."""
    made = SandboxStore(StoreOptions(sending=SendingOptions(autosend=False)), now=NOON)
    with serving(made):
        yield made


@pytest.fixture
def script() -> Iterator[Scripted]:
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
