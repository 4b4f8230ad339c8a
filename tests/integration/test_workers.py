"""Several workers over one ledger, and several stores in it."""

from __future__ import annotations

from dataclasses import replace
from threading import Barrier, Event, Thread
from typing import Any
from uuid import uuid4

import pytest

from hooks.errors import LedgerContendedError, LedgerUnavailableError
from hooks.intake.answers import Answer, Answers, Write
from hooks.intake.webhook import snapshot_of
from hooks.ledger import records
from hooks.ledger.database import Database
from hooks.ledger.records import Claim
from hooks.retention.policy import Policy
from hooks.runtime import Runtime
from hooks.settings import Settings
from hooks.sync.push import LEASE
from hooks.worker import loop as worker_module
from hooks.worker.loop import StoreWorker
from hooks.worker.maintenance import IDLE_SECONDS, LEDGER_AWAY_SECONDS
from tests.integration.harness import (
    ON_SQLITE,
    SECOND,
    SETTLE,
    Harness,
    close,
    open_harness,
    worker_of,
)
from tests.support.databases import ON_EVERY_JOURNAL
from tests.support.processes import until


def _claim(harness: Harness, now: Any = None) -> list[Claim]:
    """Claim the due records, as a worker does that dies right afterwards."""
    token, now = uuid4().hex, now or harness.clock()
    with harness.runtime.database.write() as connection:
        due = records.claim_pushes(
            connection, "shop", "order", limit=100, now=now, until=now + LEASE, claim=token
        )
    return [Claim(row.id, token) for row in due]


def test_a_claimed_record_is_left_to_its_worker_until_the_claim_lapses(harness: Harness) -> None:
    number = harness.paid_order()
    harness.deliver()
    harness.advance()
    assert len(_claim(harness)) == 1
    harness.advance(LEASE - SECOND)
    harness.work()
    assert harness.writes("order", number) == 0
    harness.advance(SECOND)
    harness.work()
    assert harness.writes("order", number) == 1
    assert harness.row("order", number)["claim"] is None


def test_a_settle_after_the_claim_lapsed_changes_nothing(harness: Harness) -> None:
    number = harness.paid_order()
    harness.deliver()
    harness.advance()
    (lapsed,) = _claim(harness)
    harness.advance(LEASE)
    (taken,) = _claim(harness)
    before = harness.row("order", number)
    assert before["claim"] == taken.token
    raw = harness.worker.pusher.client.read(
        "order", number, fields="id,status,date_created_gmt,meta_data"
    )
    snapshot = snapshot_of("order", raw, harness.runtime.policy)
    Answers(harness.runtime).settle_writes(
        "shop", [Write(lapsed, before["wanted_digest"], snapshot)], asked_at=harness.clock()
    )
    Answers(harness.runtime).apply("shop", [Answer(lapsed, snapshot)], asked_at=harness.clock())
    Answers(harness.runtime).close_missing(lapsed, asked_at=harness.clock())
    with harness.runtime.database.write() as connection:
        assert records.release(connection, lapsed, push_at=None) is False
    assert harness.row("order", number) == before


def test_a_failure_of_the_store_releases_all_claims(harness: Harness) -> None:
    numbers = [harness.paid_order() for _ in range(3)]
    harness.deliver()
    harness.advance()
    harness.store.add_fault("500")
    harness.worker.run_once()
    assert [harness.row("order", number)["claim"] for number in numbers] == [None] * 3
    assert [harness.row("order", number)["push_attempts"] for number in numbers] == [0] * 3


@ON_EVERY_JOURNAL
def test_two_workers_over_one_ledger_never_write_a_record_twice(
    harness: Harness, database_url: str, policy: Policy
) -> None:
    orders = [harness.paid_order() for _ in range(150)]
    customers = [
        int(harness.store.sign_up(email=f"c{place}@example.test")["id"]) for place in range(20)
    ]
    harness.deliver()
    harness.advance()
    together = Barrier(3)
    failures: list[BaseException] = []

    def work() -> None:
        database = Database(database_url)
        own = worker_of(
            harness.settings.stores["shop"], Runtime(database, policy, SETTLE, harness.clock)
        )
        try:
            together.wait(30)
            while own.run_once():
                pass
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            close(own)
            database.close()

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {harness.writes("order", number) for number in orders} == {1}
    assert {harness.writes("customer", number) for number in customers} == {1}
    harness.come_to_rest()
    assert {harness.writes("order", number) for number in orders} == {1}


def test_two_pushers_over_one_ledger_share_the_work(harness: Harness) -> None:
    """The second pusher claims while the first one's write is under way."""
    numbers = [harness.paid_order() for _ in range(130)]
    harness.deliver()
    harness.advance()
    harness.store.add_fault("hang", seconds=60, path="/wp-json/wc/v3/orders/batch")
    first = Thread(target=harness.worker.pusher.push)
    first.start()
    try:
        until(lambda: harness.count_claimed() > 0, "a batch under way")
        other = worker_of(harness.settings.stores["shop"], harness.runtime)
        other.pusher.push()
        close(other)
        assert sum(harness.writes("order", number) for number in numbers) == 30
    finally:
        harness.store.faults.closing.set()
        first.join()
    assert {harness.writes("order", number) for number in numbers} == {1}


class _Pauses(Event):
    """Keep the length of a worker's pauses, and stop it after its second turn."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0)
        if len(self.seconds) == 2:
            self.set()
        return self.is_set()


FAILED_TURNS = [
    # two transactions stood in each other's way: nothing is wrong
    (LedgerContendedError("the ledger is busy"), 0),
    # the ledger is away
    (LedgerUnavailableError("the ledger cannot be used"), LEDGER_AWAY_SECONDS),
    # nobody knows why
    (ZeroDivisionError(), LEDGER_AWAY_SECONDS),
]


@ON_SQLITE
@pytest.mark.parametrize(("failure", "pause"), FAILED_TURNS)
def test_a_turn_that_fails_is_followed_by_another(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, failure: Exception, pause: float
) -> None:
    turn = StoreWorker.run_once

    def fail_first(worker: StoreWorker) -> bool:
        monkeypatch.setattr(StoreWorker, "run_once", turn)
        raise failure

    monkeypatch.setattr(StoreWorker, "run_once", fail_first)
    pauses = _Pauses()
    harness.worker.run(pauses)
    assert pauses.seconds == [pause, IDLE_SECONDS]


# Several stores


def test_a_dead_store_delays_no_other(database: Database, policy: Policy) -> None:
    with (
        open_harness(database, policy, slug="a") as dead,
        open_harness(database, policy, slug="b") as alive,
    ):
        both = Settings(stores=dict(dead.settings.stores) | dict(alive.settings.stores))
        orders = {shop.slug: shop.paid_order() for shop in (dead, alive)}
        for shop in (dead, alive):
            shop.deliver()
            shop.advance()
        dead.store.add_fault("hang", times=1000, seconds=600)
        stopping = Event()
        runtime = replace(alive.runtime, clock=alive.clock)
        running = Thread(
            target=worker_module.run,
            args=(both, runtime, stopping),
            kwargs={"configured_policy": policy},
        )
        running.start()
        try:
            until(lambda: alive.writes("order", orders["b"]) == 1, "store b to be written to")
            until(
                lambda: alive.row("order", orders["b"])["push_at"] is None,
                "the write to be settled",
            )
            assert dead.writes("order", orders["a"]) == 0
            later = alive.paid_order()
            alive.deliver()
            alive.advance()
            until(lambda: alive.writes("order", later) == 1, "store b to be written to again")
            assert dead.writes("order", orders["a"]) == 0
        finally:
            stopping.set()
            dead.store.faults.closing.set()
            running.join()
        assert not running.is_alive()


def test_stores_have_records_of_their_own(database: Database, policy: Policy) -> None:
    """Both stores number their orders alike."""
    with (
        open_harness(database, policy, slug="a") as one,
        open_harness(database, policy, slug="b") as other,
    ):
        number = one.paid_order()
        assert other.paid_order(customer_note="ring twice") == number
        for shop in (one, other):
            shop.come_to_rest()
            assert shop.writes("order", number) == 1
            assert shop.held("order", number) == shop.wanted("order", number)
        assert one.wanted("order", number) != other.wanted("order", number)
