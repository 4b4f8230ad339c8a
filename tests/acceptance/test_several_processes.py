"""Two stores, two workers and four web processes over one PostgreSQL: one write a record, and each store its share."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import pytest
from sqlalchemy import func, select

from hooks.ledger.database import Database
from hooks.ledger.tables import records
from tests.acceptance import expected_state
from tests.support.processes import TOPICS, Sandbox, Stack, Web, until
from tests.support.recordings import SECRET

SLUGS = ("no", "uk")
HALF = 1250
ORDERS = 2 * HALF
WORKERS = 2
FEW = 300
LONG = 300.0
"""Seconds: ten thousand deliveries, echoes among them, take a slow machine some minutes."""

SOCKS = [{"product_id": 11}]

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def ledger(processes: Stack) -> Iterator[Database]:
    with expected_state.ledger_of(processes) as opened:
        yield opened


def two_stores(processes: Stack) -> dict[str, Sandbox]:
    """Stores that every process started later serves."""
    made = {slug: processes.sandbox() for slug in SLUGS}
    processes.env |= {"STORES": ",".join(SLUGS), "STORE_REQUESTS_PER_SECOND": "1000"}
    for slug, sandbox in made.items():
        given = {
            "URL": sandbox.url,
            "CONSUMER_KEY": "ck_test",
            "CONSUMER_SECRET": "cs_test",
            "WEBHOOK_SECRETS": SECRET,
        }
        processes.env |= {f"STORE_{slug.upper()}_{name}": value for name, value in given.items()}
    return made


def connect(stores: dict[str, Sandbox], web: Web) -> None:
    """Make webhooks in each that deliver to its own address."""
    for slug, sandbox in stores.items():
        for topic in TOPICS:
            sandbox.do(
                "create_webhook",
                topic=topic,
                delivery_url=f"{web.url}/webhooks/{slug}",
                secret=SECRET,
            )


def in_step(ledger: Database, store: str) -> int:
    """How many records of a store are known to be written back."""
    chosen = select(func.count()).where(
        records.c.store == store,
        records.c.state == "active",
        records.c.known_digest == records.c.wanted_digest,
    )
    with ledger.read() as connection:
        return int(connection.execute(chosen).scalar_one())


def done(ledger: Database, store: str, sandbox: Sandbox, number: int) -> bool:
    """Whether so many records are written back, and no more is to come."""
    return in_step(ledger, store) == number and expected_state.at_rest(ledger, sandbox, store)


def assert_written_once(sandbox: Sandbox, number: int) -> None:
    """So many records were written, each with one write, and hold what was written."""
    assert Counter(expected_state.written(sandbox).values()) == {1: number}
    assert (
        sum(bool(meta.get("retention_class")) for meta in expected_state.held(sandbox).values())
        == number
    )


def write_times(sandbox: Sandbox) -> list[float]:
    """When each record was written, in seconds of the machine's clock, the first one first."""
    return sorted(
        entry["at"]
        for entry in sandbox.requests()
        for write in entry["writes"]
        if write["kind"] != "webhook"
    )


@pytest.mark.timeout(2 * LONG)
def test_5000_orders_of_two_stores_are_written_once_and_fairly(
    processes: Stack, ledger: Database
) -> None:
    """Half of them come as deliveries, half are found: an importer placed those without a word."""
    stores = two_stores(processes)
    for sandbox in stores.values():
        sandbox.do("place_orders", count=HALF, quiet=True, line_items=SOCKS)
    web = processes.web(WEB_CONCURRENCY="4")
    connect(stores, web)
    workers = [processes.worker() for _ in range(WORKERS)]
    for sandbox in stores.values():
        sandbox.do("place_orders", count=HALF, line_items=SOCKS)
    for slug, sandbox in stores.items():
        until(partial(done, ledger, slug, sandbox, ORDERS), f"all of {slug} to be written", LONG)
    for sandbox in stores.values():
        assert_written_once(sandbox, ORDERS)
    times = sorted(
        (write_times(sandbox) for sandbox in stores.values()), key=lambda found: found[-1]
    )
    first, second = times
    assert sum(at <= first[-1] for at in second) >= ORDERS / 3
    assert [worker.stop() for worker in workers] == [0] * WORKERS
    assert web.status()["status"] == "ok"


# --- a store that does not answer ----------------------------------------------------------------------------


@contextmanager
def hanging(sandbox: Sandbox) -> Iterator[None]:
    """It takes connections, and says nothing."""
    sandbox.send(signal.SIGSTOP)
    try:
        yield
    finally:
        sandbox.send(signal.SIGCONT)


@contextmanager
def dead(sandbox: Sandbox) -> Iterator[None]:
    """Nobody listens any more."""
    sandbox.send(signal.SIGKILL)
    sandbox.wait()
    yield


@pytest.mark.parametrize("trouble", [hanging, dead])
def test_a_silent_store_never_delays_the_other(
    processes: Stack, ledger: Database, trouble: Callable[[Sandbox], AbstractContextManager[None]]
) -> None:
    stores = two_stores(processes)
    web = processes.web(WEB_CONCURRENCY="4")
    connect(stores, web)
    for sandbox in stores.values():
        sandbox.do("place_orders", count=FEW, line_items=SOCKS)
    until(
        lambda: (
            len(expected_state.tagged(ledger, "no"))
            == len(expected_state.tagged(ledger, "uk"))
            == FEW
        ),
        "all orders to arrive",
    )
    for sandbox in stores.values():
        assert sandbox.do("wait_until_idle")["idle"]
    with trouble(stores["uk"]):
        for _ in range(WORKERS):
            processes.worker()
        until(lambda: done(ledger, "no", stores["no"], FEW), "the one to be served")
        assert in_step(ledger, "uk") == 0
    assert_written_once(stores["no"], FEW)
    if trouble is hanging:
        until(
            lambda: done(ledger, "uk", stores["uk"], FEW), "the other to be served once it answers"
        )
