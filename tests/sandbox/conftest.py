"""A store on loopback, a receiver of its deliveries, and the public client of its API."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from woocommerce import API

from deploy.sandbox import SandboxStore, SendingOptions, StoreOptions, serving
from tests.sandbox.receiver import Receiver, receiving

NOON = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
Client = Callable[..., Any]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of deliveries."""
    with receiving() as listening:
        yield listening


@pytest.fixture
def store() -> Iterator[SandboxStore]:
    """A store at noon in Oslo. Its clock stands still, and it sends deliveries only on command."""
    options = StoreOptions(sending=SendingOptions(autosend=False, timeout=5))
    open_store = SandboxStore(options, now=NOON)
    with serving(open_store):
        yield open_store


@pytest.fixture
def client(store: SandboxStore) -> Client:
    """A function that makes clients: `client(role, permissions)`."""

    def make(role: str = "administrator", permissions: str = "read_write") -> Any:
        key = store.create_key(role, permissions)
        return API(store.url, key["consumer_key"], key["consumer_secret"])

    return make


@pytest.fixture
def api(client: Client) -> Any:
    """The client of an administrator."""
    return client()


@pytest.fixture
def subscribed(store: SandboxStore, receiver: Receiver) -> Receiver:
    """The receiver, subscribed to everything."""
    for topic in (
        "order.created", "order.updated", "order.deleted", "order.restored",
        "customer.created", "customer.updated", "customer.deleted",
        "action.woocommerce_delete_order", "action.wc_support_request_closed",
    ):  # fmt: skip
        store.create_webhook(topic, receiver.url, "secret")
    return receiver
