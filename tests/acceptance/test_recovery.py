"""A long outage: what the store lost, gave up or changed meanwhile is made good by one reconciliation, by itself."""

from __future__ import annotations

import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hooks.ledger.database import Database
from hooks.retention.policy import Policy
from tests.acceptance import expected_state
from tests.support.processes import TOPICS, Process, Sandbox, Stack, Web, until

Event = Callable[[], Any]
EVENTS = 500
ORDERS = 80
ACCOUNTS = 20
SOCKS = [{"product_id": 11}]
PRICE = "149.00"

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def ledger(processes: Stack) -> Iterator[Database]:
    with expected_state.ledger_of(processes) as opened:
        yield opened


# --- a shop that lives on ----------------------------------------------------------------------------------


@dataclass
class Shop:
    """What happens in the shop before, and while nobody is told. Each record's date is moved by one thing only."""

    sandbox: Sandbox
    orders: list[int] = field(default_factory=list)
    trashed: list[int] = field(default_factory=list)
    accounts: list[int] = field(default_factory=list)
    deleted: list[expected_state.Key] = field(default_factory=list)

    def begin(self) -> None:
        """Orders of guests, and accounts of which nobody heard for long."""
        for place in range(ACCOUNTS):
            self._sign_up(f"old{place}", self.accounts, created="2024-03-01T12:00:00")
        self.orders = self.sandbox.do("place_orders", count=ORDERS, line_items=SOCKS)
        self.trashed = self.sandbox.do("place_orders", count=5, line_items=SOCKS)
        for number in self.trashed:
            self.sandbox.do("trash_order", order_id=number)

    def live_on(self) -> int:
        """Everything that happens while the service is away; how many events that were."""
        events = [*self._old_orders(), *self._accounts(), *self._new_orders()]
        for event in events:
            event()
        return len(events)

    def _old_orders(self) -> Iterator[Event]:
        yield from self._each("trash_order", self.orders[:15])
        yield from self._deletions("order", self.orders[15:25])
        yield from self._each("anonymise_order", self.orders[25:35])
        yield from self._each("refund_order", self.orders[35:45], amount="10.00")
        yield from self._each("refund_order", self.orders[45:50], amount=PRICE)
        yield from self._each("complete_order", self.orders[50:70])
        yield from self._each("edit_order", self.orders[70:80], customer_note="ring twice")
        yield from self._each("restore_order", self.trashed)

    def _accounts(self) -> Iterator[Event]:
        for number in self.accounts[:8]:
            yield partial(self.sandbox.do, "visit", customer_id=number)
        for number in self.accounts[8:16]:
            yield partial(
                self.sandbox.do, "place_order", customer_id=number, set_paid=True, line_items=SOCKS
            )
        yield from self._deletions("customer", self.accounts[16:])
        signed_up: list[int] = []
        for place in range(30):
            yield partial(self._sign_up, f"new{place}", signed_up)
        for place in range(2):
            yield partial(self._to, signed_up, place, "delete_customer", "customer_id")

    def _new_orders(self) -> Iterator[Event]:
        placed: list[int] = []
        for _ in range(100):
            yield partial(self._place, placed)

        def each(operation: str, places: range, **given: Any) -> Iterator[Event]:
            for place in places:
                yield partial(self._to, placed, place, operation, "order_id", **given)

        yield from each("pay_order", range(80))
        yield from each("complete_order", range(40))
        yield from each("refund_order", range(40, 50), amount="20.00")
        yield from each("anonymise_order", range(50, 55))
        yield from each("trash_order", range(80, 90))
        yield from each("delete_order", range(90, 95))
        for _ in range(12):
            yield partial(self.sandbox.do, "place_order", status="checkout-draft", line_items=SOCKS)
        for _ in range(101):
            yield partial(self.sandbox.do, "place_order", set_paid=True, line_items=SOCKS)

    def _each(self, operation: str, numbers: list[int], **given: Any) -> Iterator[Event]:
        for number in numbers:
            yield partial(self.sandbox.do, operation, order_id=number, **given)

    def _deletions(self, kind: str, numbers: list[int]) -> Iterator[Event]:
        for number in numbers:
            self.deleted.append((kind, number))
            yield partial(self.sandbox.do, f"delete_{kind}", **{f"{kind}_id": number})

    def _sign_up(self, name: str, known: list[int], **given: Any) -> None:
        known.append(int(self.sandbox.do("sign_up", email=f"{name}@example.test", **given)["id"]))

    def _place(self, known: list[int]) -> None:
        known.append(int(self.sandbox.do("place_order", line_items=SOCKS)["id"]))

    def _to(self, known: list[int], place: int, operation: str, name: str, **given: Any) -> None:
        self.sandbox.do(operation, **{name: known[place]}, **given)

    def have_something_sent(self) -> None:
        """At least one event of each topic."""
        (number,) = self.sandbox.do("place_orders", count=1)
        for operation in ("trash_order", "restore_order", "delete_order"):
            self.sandbox.do(operation, order_id=number)
            self.sandbox.do("wait_until_idle")
        account = self.sandbox.do("sign_up", email="last@example.test")["id"]
        self.sandbox.do("delete_customer", customer_id=account)
        self.sandbox.do("fire_action", name="wc_support_request_closed", arg=4711)

    def webhooks(self) -> list[dict[str, Any]]:
        """All webhooks of the shop, in the order of topics."""
        listed: list[dict[str, Any]] = self.sandbox.state()["webhooks"]
        return sorted(listed, key=lambda one: TOPICS.index(one["topic"]))

    def all_well(self) -> bool:
        """Whether each topic has one webhook, active and without a failure."""
        found = [(one["topic"], one["status"], one["failure_count"]) for one in self.webhooks()]
        return found == [(topic, "active", 0) for topic in TOPICS]

    def disabled(self) -> set[str]:
        """The topics of webhooks that the shop has given up."""
        return {one["topic"] for one in self.webhooks() if one["status"] == "disabled"}


def in_step(processes: Stack, ledger: Database) -> tuple[Shop, Web, Process]:
    """A shop whose records are all tagged and written back, by a service that installed its webhooks."""
    shop = Shop(processes.sandbox())
    web = processes.web()
    processes.env |= {"PUBLIC_URL": web.url, "STORE_REQUESTS_PER_SECOND": "1000"}
    processes.flask("store", "install")
    assert shop.all_well()
    began = datetime.now(UTC)
    worker = processes.worker()
    shop.begin()
    until(lambda: expected_state.reconciled_since(ledger, began), "the first reconciliation")
    known = ORDERS + ACCOUNTS + len(shop.trashed)
    until(lambda: len(expected_state.tagged(ledger)) == known, "all records to arrive")
    until(lambda: expected_state.at_rest(ledger, shop.sandbox), "all to be written back")
    return shop, web, worker


def reports(worker: Process, event: str) -> Counter[str]:
    """The topics that a worker logged under this event."""
    lines = [line for line in worker.log().splitlines() if event in line]
    return Counter(re.search(r"topic=\W*([\w.]+)", line)[1] for line in lines)  # type: ignore[index]


def problems(web: Web) -> set[str]:
    """The codes of all problems that `/status` names."""
    return {problem["code"] for problem in web.status()["problems"]}


# --- the service is away -----------------------------------------------------------------------------------


@ON_SQLITE
def test_one_reconciliation_repairs_500_events_of_an_outage(
    processes: Stack, ledger: Database, policy: Policy, tmp_path: Path
) -> None:
    """The watch alone asks for it: no round is due by itself before the test has ended."""
    processes.env["WATCH_SECONDS"] = "1"
    shop, web, worker = in_step(processes, ledger)
    assert (worker.stop(), web.stop()) == (0, 0)
    assert shop.live_on() == EVENTS
    assert shop.sandbox.do("wait_until_idle")["idle"]
    disabled = shop.disabled()
    assert disabled == set(TOPICS) - {
        "order.restored",
        "customer.deleted",
        "action.wc_support_request_closed",
    }
    right = expected_state.anew(shop.sandbox, tmp_path, policy)
    due = expected_state.out_of_step(shop.sandbox, right)
    assert len(due) > 200
    expected_state.clear_log(shop.sandbox)

    began = datetime.now(UTC)
    web.start()
    worker = processes.worker()
    until(lambda: expected_state.reconciled_since(ledger, began), "a reconciliation")
    until(lambda: expected_state.at_rest(ledger, shop.sandbox), "all to be written back")
    expected_state.assert_true(ledger, shop.sandbox, right)
    assert expected_state.written(shop.sandbox) == dict.fromkeys(due, 1)
    assert {expected_state.states(ledger)[key] for key in shop.deleted} == {"gone"}
    assert shop.all_well()
    assert reports(worker, "webhook.wrong") == Counter(disabled)
    done = Counter(re.findall(r"reconciliation\.done.*round=(\w+)", worker.log()))
    # One for changes may have been under way when the worker before was stopped; it is ended first.
    assert (done["orders"], done["customers"], done["changes"] in (1, 2)) == (1, 1, True)
    assert problems(web) == {"erased-too-early"}
    listed = web.status()["stores"]["shop"]["webhooks"]
    assert {(one["status"], one["ok"]) for one in listed} == {("active", True)}


@ON_POSTGRESQL
def test_a_running_worker_repairs_500_events_without_web(
    processes: Stack, ledger: Database, policy: Policy, tmp_path: Path
) -> None:
    """It mends webhooks that fail at once again, as long as nobody answers them."""
    processes.env |= {"WATCH_SECONDS": "1", "RECONCILE_SECONDS": "2", "SWEEP_SECONDS": "3"}
    shop, web, worker = in_step(processes, ledger)
    web.send(signal.SIGKILL)
    web.wait()
    expected_state.clear_log(shop.sandbox)
    assert shop.live_on() == EVENTS
    until(lambda: reports(worker, "webhook.wrong")["order.updated"] > 0, "the worker to notice")
    ended = datetime.now(UTC)
    web.start()
    until(lambda: expected_state.reconciled_since(ledger, ended), "a reconciliation")
    until(lambda: expected_state.at_rest(ledger, shop.sandbox), "all to be written back")
    expected_state.assert_true(
        ledger, shop.sandbox, expected_state.anew(shop.sandbox, tmp_path, policy)
    )
    told = expected_state.histories(ledger)
    assert {
        key: number
        for key, number in expected_state.written(shop.sandbox).items()
        if number > len(told[key])
    } == {}
    assert {expected_state.states(ledger)[key] for key in shop.deleted} == {"gone"}
    shop.have_something_sent()  # what failed fewer times than it takes is forgotten with the first success
    until(shop.all_well, "all webhooks to be active, without a failure")
    until(lambda: problems(web) == {"erased-too-early"}, "the ledger to know it")
