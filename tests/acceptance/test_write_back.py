"""The whole way with real processes: shop, web and worker; one write a changed record, none for its echo."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from hooks.ledger.database import Database
from hooks.ledger.tables import records
from hooks.retention.store_meta import KEYS
from tests.acceptance.expected_state import let_claims_lapse
from tests.acceptance.process_sessions import living
from tests.support.processes import Process, Sandbox, Stack, Web, until
from tests.support.recordings import delivery

ORDERS = 1000
CUSTOMERS = 20


@pytest.fixture
def ledger(processes: Stack) -> Iterator[Database]:
    """The ledger that the processes work with."""
    opened = Database(processes.database_url)
    yield opened
    opened.close()


def _rows(ledger: Database) -> list[Any]:
    """Every record: its kind and id, what is wanted in the store, and the digests of that and of what is there."""
    columns = (records.c.kind, records.c.external_id, records.c.wanted)
    with ledger.read() as connection:
        return list(
            connection.execute(select(*columns, records.c.wanted_digest, records.c.known_digest))
        )


def _busy(ledger: Database) -> int:
    """How many records are still to be written or asked for."""
    chosen = select(func.count()).where(
        records.c.push_at.is_not(None) | records.c.reread_at.is_not(None)
    )
    with ledger.read() as connection:
        return int(connection.execute(chosen).scalar_one())


def _count(ledger: Database, condition: object = None) -> int:
    chosen = select(func.count()).select_from(records)
    if condition is not None:
        chosen = chosen.where(condition)  # type: ignore[arg-type]  # any condition will do
    with ledger.read() as connection:
        return int(connection.execute(chosen).scalar_one())


def _at_rest(sandbox: Sandbox, ledger: Database) -> bool:
    """Nothing waits in the shop, and nothing is to be written or asked for."""
    return (
        _busy(ledger) == 0
        and sandbox.do("wait_until_idle", timeout=1)["idle"]
        and _busy(ledger) == 0
    )


def _held(sandbox: Sandbox) -> dict[tuple[str, int], dict[str, str]]:
    """What the shop holds under our keys, of all records."""
    state = sandbox.state()
    listed = [("order", one) for one in state["orders"]] + [
        ("customer", one) for one in state["customers"]
    ]
    return {
        (kind, one["id"]): {
            item["key"]: item["value"] for item in one["meta_data"] if item["key"] in KEYS
        }
        for kind, one in listed
    }


def _assert_in_step(sandbox: Sandbox, ledger: Database, number: int) -> None:
    """All records are there, and the shop holds exactly what the ledger wants, of each."""
    held = _held(sandbox)
    rows = _rows(ledger)
    assert len(rows) == number
    for kind, external_id, wanted, wanted_digest, known_digest in rows:
        meta = {key: value for key, value in json.loads(wanted).items() if value is not None}
        assert held[kind, external_id] == meta, (kind, external_id)
        assert meta
        assert wanted_digest == known_digest, (kind, external_id)


def test_each_changed_record_of_1000_orders_is_written_once(
    processes: Stack, ledger: Database
) -> None:
    sandbox = processes.sandbox()
    sandbox.do("set_clock", at="2026-11-22T11:00:00")  # no midnight falls into the run
    web = processes.web()
    processes.connect(sandbox, web)
    worker = processes.worker(PUSH_SETTLE_SECONDS="1")
    customers = [
        sandbox.do("sign_up", email=f"c{place}@example.test")["id"] for place in range(CUSTOMERS)
    ]
    for place in range(ORDERS):
        customer = customers[place % CUSTOMERS] if place % 10 == 0 else 0
        sandbox.do(
            "place_order", set_paid=True, customer_id=customer, line_items=[{"product_id": 11}]
        )
    until(lambda: _count(ledger) == ORDERS + CUSTOMERS, "all records to arrive", 120)
    until(lambda: _at_rest(sandbox, ledger), "all to be written", 120)
    _assert_in_step(sandbox, ledger, ORDERS + CUSTOMERS)
    writes = sandbox.writes()
    assert Counter(writes.values()) == {1: ORDERS + CUSTOMERS}, {
        one: n for one, n in writes.items() if n > 1
    }
    assert worker.stop() == 0
    status = web.status()
    assert [problem["code"] for problem in status["problems"]] == ["clock-ahead"], (
        "the shop's clock stands days behind"
    )
    assert status["stores"]["shop"]["pending_pushes"] == 0


def test_after_the_run_a_second_change_is_one_more_write(
    processes: Stack, ledger: Database
) -> None:
    """Also with a shop manager's key and webhooks, to which customers show no `meta_data`."""
    sandbox = processes.sandbox()
    key = sandbox.do("create_key", role="shop_manager")
    web = processes.web()
    processes.worker(
        STORE_CONSUMER_KEY=key["consumer_key"], STORE_CONSUMER_SECRET=key["consumer_secret"]
    )
    processes.connect(sandbox, web, role="shop_manager")
    customers = [sandbox.do("sign_up", email=f"c{place}@example.test")["id"] for place in range(5)]
    orders = [sandbox.do("place_order", set_paid=True)["id"] for _ in range(30)]
    until(lambda: _count(ledger) == 35, "all records to arrive")
    until(lambda: _at_rest(sandbox, ledger), "all to be written")
    assert Counter(sandbox.writes().values()) == {1: 35}
    for number in orders:
        sandbox.do("edit_order", order_id=number, customer_note="ring twice")
    until(lambda: _at_rest(sandbox, ledger), "all to be written again")
    _assert_in_step(sandbox, ledger, 35)
    writes = sandbox.writes()
    assert {writes["order", number] for number in orders} == {2}
    assert {writes["customer", number] for number in customers} == {1}


def test_a_worker_killed_during_a_write_leads_to_no_second_write(
    processes: Stack, ledger: Database
) -> None:
    """The write arrives though nobody is there to settle it: its echo tells that it did."""
    sandbox = processes.sandbox()
    web = processes.web()
    processes.connect(sandbox, web)
    for _ in range(120):
        sandbox.do("place_order", set_paid=True)
    until(
        lambda: _count(ledger) == 120 and sandbox.do("wait_until_idle")["idle"],
        "all orders to arrive",
    )
    sandbox.do("add_fault", kind="hang", seconds=5, path="/wp-json/wc/v3/orders/batch")
    killed = processes.worker()
    until(lambda: sandbox.state()["held"] == 1, "a write to be with the store")
    killed.send(signal.SIGKILL)
    killed.wait()
    assert sandbox.writes() == {}
    processes.worker()
    until(lambda: len(sandbox.writes()) == 120, "all to be written")
    until(lambda: _count(ledger, records.c.push_at.is_not(None)) == 0, "the echoes to tell of it")
    let_claims_lapse(ledger)
    until(lambda: _at_rest(sandbox, ledger), "all to come to rest")
    _assert_in_step(sandbox, ledger, 120)
    assert Counter(sandbox.writes().values()) == {1: 120}


def test_workers_killed_again_and_again_end_in_step(processes: Stack, ledger: Database) -> None:
    sandbox = processes.sandbox()
    web = processes.web()
    processes.connect(sandbox, web)
    placed = 0
    for _ in range(2):
        worker = processes.worker()
        for _ in range(60):
            sandbox.do("place_order", set_paid=True)
        placed += 60
        before = len(sandbox.writes())
        until(lambda before=before: len(sandbox.writes()) > before, "some to be written")  # type: ignore[misc]
        worker.send(signal.SIGKILL)
        worker.wait()
        let_claims_lapse(ledger)
    processes.worker()
    until(lambda: _count(ledger) == placed, "all orders to arrive")
    until(lambda: _at_rest(sandbox, ledger), "all to come to rest")
    _assert_in_step(sandbox, ledger, placed)


# The end of processes

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ENDS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


def _pid(process: Process) -> int:
    assert process.child is not None
    return process.child.pid


@ON_SQLITE
@ENDS
def test_the_web_process_stops_cleanly_and_leaves_no_child(processes: Stack, number: int) -> None:
    web = processes.web(WEB_CONCURRENCY="2")
    assert web.result(delivery(6)) == "recorded"
    session = _pid(web)
    until(lambda: len(living(session)) == 3, "one process and two of its own")
    assert web.stop(number) == 0, web.log()
    assert living(session) == []


@ON_SQLITE
@ENDS
def test_the_worker_stops_cleanly_and_leaves_no_child(processes: Stack, number: int) -> None:
    processes.sandbox()
    worker = processes.worker()
    until(lambda: "worker.started" in worker.log(), "the worker to start")
    session = _pid(worker)
    assert worker.stop(number) == 0, worker.log()
    assert living(session) == []
    assert "worker.stopped" in worker.log()


@ON_SQLITE
@ENDS
def test_a_stopping_worker_finishes_its_write(
    processes: Stack, ledger: Database, number: int
) -> None:
    sandbox = processes.sandbox()
    web: Web = processes.web()
    processes.connect(sandbox, web)
    order = sandbox.do("place_order", set_paid=True)["id"]
    until(
        lambda: _count(ledger) == 1 and sandbox.do("wait_until_idle")["idle"], "the order to arrive"
    )
    sandbox.do("add_fault", kind="hang", seconds=1.5, path="/wp-json/wc/v3/orders", method="POST")
    worker = processes.worker()
    until(lambda: _count(ledger, records.c.claim.is_not(None)) == 1, "a write under way")
    assert worker.stop(number) == 0, worker.log()
    assert sandbox.writes() == {("order", order): 1}
    assert _count(ledger, records.c.claim.is_not(None)) == 0
    _assert_in_step(sandbox, ledger, 1)


@ON_SQLITE
def test_a_worker_without_a_migrated_ledger_says_so_and_ends(processes: Stack) -> None:
    missing = f"sqlite:///{processes.directory}/missing.db"
    done = processes.flask("worker", DATABASE_URL=missing)
    assert done.returncode == 2
    assert "ledger" in done.stderr
    assert not (processes.directory / "missing.db").exists()
