"""A store that fails, refuses or is unreachable: backoff, visible problems and retries."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import make_url
from structlog.testing import capture_logs

from deploy.sandbox.auth import ApiKey
from deploy.sandbox.errors import RestError
from deploy.sandbox.records import Order
from deploy.sandbox.wire import Json
from hooks.errors import StoreBusyError
from hooks.ledger import stores
from hooks.ledger.database import Database
from hooks.store.client import SINGLE_WRITES
from hooks.store.retry import FIRST, LONGEST, PERMANENT
from hooks.worker import loop as worker_module
from hooks.worker.loop import StoreWorker
from tests.integration.harness import ON_SQLITE, SECOND, Harness, close, worker_of
from tests.support.processes import until
from tests.support.recordings import made


@ON_SQLITE
def test_the_backoff_of_a_failing_store_grows(harness: Harness) -> None:
    number = harness.paid_order()
    harness.deliver()
    harness.advance()
    harness.store.add_fault("500", times=1000)
    waits = []
    for _ in range(12):
        sent = len(harness.store.log.requests)
        assert harness.worker.run_once() is False
        assert len(harness.store.log.requests) == sent + 1
        pause = harness.pause()
        assert pause is not None
        waits.append(pause.until - harness.clock())
        harness.advance(waits[-1] - SECOND)
        harness.work()
        assert len(harness.store.log.requests) == sent + 1
        assert "store-server-error" in harness.problems()
        harness.advance(SECOND)
    doubling = [FIRST * 2**place for place in range(12)]
    assert waits == [min(wait, LONGEST) for wait in doubling]
    harness.store.clear_faults()
    harness.come_to_rest()
    assert harness.writes("order", number) == 1
    assert harness.pause() is None
    assert harness.status()["status"] == "ok"


@ON_SQLITE
@pytest.mark.parametrize(
    ("jitter", "expected"),
    [
        # half of it, three quarters, nearly all of it
        (0.0, FIRST / 2),
        (0.5, FIRST * 3 / 4),
        (1.0, FIRST),
    ],
)
def test_the_backoff_has_jitter(harness: Harness, jitter: float, expected: timedelta) -> None:
    harness.paid_order()
    harness.deliver()
    harness.advance()
    harness.store.add_fault("500")
    replace(harness.worker, jitter=lambda: jitter).run_once()
    pause = harness.pause()
    assert pause is not None
    assert pause.until - harness.clock() == expected


@ON_SQLITE
@pytest.mark.parametrize("fault", ["429", "503"])
def test_a_retry_after_of_the_store_is_kept(harness: Harness, fault: str) -> None:
    number = harness.paid_order()
    harness.deliver()
    harness.advance()
    harness.store.add_fault(fault, seconds=3600)
    harness.worker.run_once()
    pause = harness.pause()
    assert pause is not None
    assert pause.until - harness.clock() == timedelta(hours=1)
    assert "store-busy" in harness.problems()
    harness.advance(timedelta(minutes=59))
    harness.work()
    assert harness.writes("order", number) == 0
    harness.advance(timedelta(minutes=1))
    harness.work()
    assert harness.writes("order", number) == 1


@ON_SQLITE
@pytest.mark.parametrize("fault", ["429", "500", "503", "html", "half", "reset"])
def test_after_any_failure_the_store_holds_the_wanted_fields(harness: Harness, fault: str) -> None:
    orders = [harness.paid_order() for _ in range(3)]
    customer = int(harness.store.sign_up(email="kari@example.test")["id"])
    harness.deliver()
    harness.store.add_fault(fault, times=2)
    for _ in range(5):
        harness.advance(timedelta(minutes=1))
        harness.work()
    harness.come_to_rest()
    for number in orders:
        assert harness.held("order", number) == harness.wanted("order", number)
    assert harness.held("customer", customer) == harness.wanted("customer", customer)
    assert harness.status()["status"] == "ok"


@ON_SQLITE
def test_an_unanswered_write_is_not_repeated_after_its_echo(
    harness: Harness,
) -> None:
    number = harness.paid_order()
    harness.deliver()
    harness.advance()
    harness.store.add_fault("half")
    harness.work()
    assert harness.held("order", number) == harness.wanted("order", number)
    harness.come_to_rest()
    harness.advance(timedelta(hours=1))
    harness.come_to_rest()
    assert harness.writes("order", number) == 1


def _with_secret(harness: Harness, secret: str) -> StoreWorker:
    reach = replace(harness.settings.stores["shop"], consumer_secret=secret)
    return worker_of(reach, harness.runtime)


@ON_SQLITE
def test_a_refused_key_stops_the_pushes_and_shows(harness: Harness) -> None:
    number = harness.paid_order()
    harness.deliver()
    harness.advance()
    wrong = _with_secret(harness, "cs_wrong")
    assert wrong.run_once() is False
    assert len(harness.store.log.requests) == 1
    (problem,) = harness.status()["problems"]
    assert problem["code"] == "store-credentials-refused"
    assert problem["since"] == harness.clock().isoformat()
    assert harness.status()["status"] == "degraded"
    for _ in range(10):
        harness.advance(timedelta(minutes=1))
        assert wrong.run_once() is False
    assert len(harness.store.log.requests) == 1
    close(wrong)
    assert harness.writes("order", number) == 0


def test_pushes_continue_when_the_key_works_again(harness: Harness) -> None:
    """The key is corrected in the store; nobody restarts the worker."""
    number = harness.paid_order()
    harness.deliver()
    harness.advance()
    wrong = _with_secret(harness, "cs_mended")
    wrong.run_once()
    since = harness.status()["problems"][0]["since"]
    harness.advance(LONGEST)
    wrong.run_once()
    assert harness.status()["problems"][0]["since"] == since
    key = harness.settings.stores["shop"].consumer_key
    harness.store.keys.add(ApiKey(key, "cs_mended"))
    harness.advance(LONGEST)
    wrong.run_once()
    close(wrong)
    assert harness.writes("order", number) == 1
    assert harness.pause() is None
    assert harness.status()["problems"] == []


@ON_SQLITE
def test_a_restarted_worker_tries_the_key_at_once(harness: Harness) -> None:
    number = harness.paid_order()
    harness.deliver()
    harness.advance()
    wrong = _with_secret(harness, "cs_wrong")
    wrong.run_once()
    close(wrong)
    harness.work()
    assert harness.writes("order", number) == 0
    with harness.runtime.database.write() as connection:
        stores.register(connection, ["shop"])
    harness.work()
    assert harness.writes("order", number) == 1


def test_a_refused_record_shows_and_holds_up_no_other(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, *others = (harness.paid_order() for _ in range(4))
    update = harness.store.orders.update
    tried = []

    def refuse(order: Order, given: Json, at: Any = None) -> list[str]:
        if order.id == refused and "meta_data" in given:
            tried.append(order.id)
            raise RestError("some_plugin_refuses", "No.", 400)
        return update(order, given, at)

    monkeypatch.setattr(harness.store.orders, "update", refuse)
    harness.come_to_rest()
    assert [harness.writes("order", number) for number in others] == [1, 1, 1]
    assert harness.problems() == {"failing-pushes"}
    assert harness.status()["stores"]["shop"]["failing_pushes"] == 1
    assert len(tried) == 1
    row = harness.row("order", refused)
    assert (
        row["push_error"],
        row["push_attempts"],
        row["push_at"] - harness.clock() > LONGEST,
    ) == (
        "refused",
        1,
        True,
    )
    monkeypatch.undo()
    harness.advance(PERMANENT)
    harness.come_to_rest()
    assert harness.writes("order", refused) == 1
    assert harness.status()["status"] == "ok"


@ON_SQLITE
def test_a_refused_record_is_retried_when_its_schedule_changes(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = harness.paid_order()

    def refuse(*_: object) -> list[str]:
        raise RestError("some_plugin_refuses", "No.", 400)

    monkeypatch.setattr(harness.store.orders, "update", refuse)
    harness.come_to_rest()
    monkeypatch.undo()
    harness.advance()
    harness.store.edit_order(number, customer_note="ring twice")
    harness.come_to_rest()
    assert harness.writes("order", number) == 1
    assert harness.held("order", number) == harness.wanted("order", number)
    assert harness.problems() == set()


@ON_SQLITE
def test_a_schedule_that_changed_during_a_refusal_is_retried_soon(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = harness.paid_order()
    harness.deliver()
    harness.advance()

    def change_and_refuse(order: Order, *_: object) -> list[str]:
        monkeypatch.undo()
        harness.advance(SECOND)
        harness.store.edit_order(order.id, customer_note="ring twice")
        harness.receive(made("order.updated", harness.store.renderer.order(order)))
        raise RestError("some_plugin_refuses", "No.", 400)

    monkeypatch.setattr(harness.store.orders, "update", change_and_refuse)
    harness.worker.pusher.push()
    harness.advance()
    harness.work()
    assert harness.held("order", number) == harness.wanted("order", number)


GONE: list[tuple[dict[str, Any], set[str]]] = [
    # a paid order, but only deliveries ever told of it, which may be forged
    ({"set_paid": True}, set()),
    # one that was never paid
    ({"status": "pending"}, set()),
]


@pytest.mark.parametrize(("given", "problems"), GONE)
@pytest.mark.parametrize("alone", [True, False])
def test_a_gone_order_found_by_a_write_is_refetched_and_closed(
    harness: Harness, given: dict[str, Any], problems: set[str], alone: bool
) -> None:
    """It was deleted for good without a delivery; it is written alone or in a batch."""
    number = int(harness.store.place_order(**given)["id"])
    others = [] if alone else [harness.paid_order() for _ in range(2)]
    harness.deliver()
    harness.store.delete_order(number)
    harness.lose()
    harness.advance()
    harness.work()
    assert harness.row("order", number)["reread_reason"] == "deleted"
    assert harness.row("order", number)["state"] == "active"
    harness.advance()
    harness.work()
    row = harness.row("order", number)
    assert (row["state"], row["push_at"], row["push_error"], row["reread_at"]) == (
        "gone",
        None,
        None,
        None,
    )
    assert harness.problems() == problems
    assert [harness.writes("order", other) for other in others] == [1] * len(others)
    harness.come_to_rest()
    sent = [
        one
        for one in harness.store.log.requests
        if one.path.endswith(f"/orders/{number}") and one.method == "POST"
    ]
    assert len([one for one in sent if one.query.get("_method") != "GET"]) <= 1


@ON_SQLITE
def test_an_unavailable_ledger_does_not_end_the_worker(
    harness: Harness, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's loop waits for the ledger, and continues when it is back."""
    monkeypatch.setattr(worker_module, "LEDGER_AWAY_SECONDS", 0.05)
    number = harness.paid_order()
    harness.deliver()
    harness.advance()
    there = tmp_path / "there.db"
    ledger = Database(f"sqlite:///{there}")
    own = worker_of(harness.settings.stores["shop"], replace(harness.runtime, database=ledger))
    stopping = Event()
    running = Thread(target=own.run, args=(stopping,))
    with capture_logs() as logged:
        running.start()
        until(
            lambda: any(entry["event"] == "ledger.away" for entry in logged),
            "the worker to miss the ledger",
        )
        there.symlink_to(make_url(database_url).database or "")
        until(lambda: harness.writes("order", number) == 1, "the order to be written")
        stopping.set()
        running.join()
    close(own)
    ledger.close()


@ON_SQLITE
@pytest.mark.parametrize("harness", ["shop_manager"], indirect=True)
def test_single_writes_before_a_failure_are_not_repeated(
    harness: Harness,
) -> None:
    numbers = [int(harness.store.sign_up(email=f"kari{n}@example.test")["id"]) for n in range(4)]
    harness.deliver()
    harness.advance()
    harness.worker.pusher.client._cannot_batch.add("customer")  # as it learns with its first batch
    refused = iter([False, False, True])
    answer = harness.worker.pusher.client.call

    def call(*arguments: Any, **options: Any) -> object:
        if next(refused, False):
            harness.store.add_fault("500", times=1)
        return answer(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness.worker.pusher.client, "call", call)
        assert harness.worker.run_once() is False
    assert [harness.writes("customer", number) for number in numbers] == [1, 1, 0, 0]
    harness.advance(timedelta(minutes=1))
    harness.come_to_rest()
    assert [harness.writes("customer", number) for number in numbers] == [1, 1, 1, 1]


@ON_SQLITE
@pytest.mark.parametrize("harness", ["shop_manager"], indirect=True)
def test_single_writes_over_the_limit_wait_for_the_next_turn(
    harness: Harness,
) -> None:
    customers = [
        int(harness.store.sign_up(email=f"{place}@example.test")["id"])
        for place in range(2 * SINGLE_WRITES + 5)
    ]
    harness.deliver()
    harness.advance()
    for done in (SINGLE_WRITES, 2 * SINGLE_WRITES, len(customers)):
        assert harness.worker.pusher.push() > 0
        assert sum(harness.writes("customer", number) for number in customers) == done
        assert harness.count_claimed() == 0
        assert {harness.row("customer", number)["push_attempts"] for number in customers} == {0}
    assert harness.worker.pusher.push() == 0
    assert harness.sent("POST", "/customers/batch") == 1
    harness.come_to_rest()
    assert [harness.writes("customer", number) for number in customers] == [1] * len(customers)
    assert harness.held("customer", customers[-1]) == harness.wanted("customer", customers[-1])


@ON_SQLITE
@pytest.mark.parametrize("harness", ["shop_manager"], indirect=True)
def test_a_failure_during_single_writes_releases_the_rest(
    harness: Harness,
) -> None:
    customers = [
        int(harness.store.sign_up(email=f"{place}@example.test")["id"])
        for place in range(SINGLE_WRITES + 5)
    ]
    harness.deliver()
    harness.advance()
    harness.store.add_fault("503", path=f"/wp-json/wc/v3/customers/{customers[3]}")
    with pytest.raises(StoreBusyError):
        harness.worker.pusher.push()
    assert [harness.writes("customer", number) for number in customers] == [1] * 3 + [0] * (
        SINGLE_WRITES + 2
    )
    assert harness.count_claimed() == 0
    assert {harness.row("customer", number)["push_attempts"] for number in customers} == {0}
    harness.come_to_rest()
    assert [harness.writes("customer", number) for number in customers] == [1] * len(customers)
