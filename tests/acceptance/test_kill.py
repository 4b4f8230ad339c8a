"""Web and worker are killed at random moments amid 2,000 deliveries: nothing that was answered 200 is lost."""

from __future__ import annotations

import os
import random
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Event, Thread
from typing import Any, Literal

import pytest
from sqlalchemy import select

from hooks.intake.webhook import Delivery
from hooks.ledger.database import Database
from hooks.ledger.tables import deliveries
from hooks.retention.policy import Policy
from hooks.settings.webhook_secrets import signing_keys
from tests.acceptance import expected_state
from tests.support.databases import ON_EVERY_JOURNAL
from tests.support.processes import Process, Sandbox, Stack, Web, until
from tests.support.recordings import SECRET
from tests.support.serving import served

DELIVERIES = 2000
KILLS = 5
"""Of the web process; as many of the worker."""

ACCOUNTS = 20
SOCKS = [{"product_id": 11}]
Victim = Literal["web", "worker"]


# --- the door through which deliveries come ------------------------------------------------------------------


@dataclass
class Door:
    """A proxy before the web process, that remembers every delivery to which the store got the answer 200."""

    behind: int
    url: str = ""
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    changed: Condition = field(default_factory=Condition)

    def forward(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Hand one delivery on; the answer's status, 502 where there is none."""
        connection = HTTPConnection("127.0.0.1", self.behind, timeout=60)
        client: socket.socket | None = None
        try:
            connection.connect()
            client = connection.sock
            connection.request("POST", path, body, headers)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return 502
        finally:
            connection.close()
            if client is not None:
                _close(client)

    def remember(self, headers: dict[str, str], body: bytes) -> None:
        """The store has its 200."""
        with self.changed:
            if "X-WC-Webhook-Topic" in headers:
                self.taken.append((headers, body))
                self.changed.notify_all()

    def wait_for(self, number: int, seconds: float) -> None:
        """Wait until so many were taken, but no longer than that."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.taken) >= number, seconds)

    def identities(self, policy: Policy) -> set[str]:
        """By what the ledger knows the deliveries that were taken."""
        keys = signing_keys(SECRET)
        read = (
            Delivery.from_http(headers, body, keys=keys, policy=policy)
            for headers, body in self.taken
        )
        return {delivery.identity for delivery in read}


def _close(client: socket.socket) -> None:
    """Close a socket that http.client may have left open: where the process is killed amid its answer, the answer's
    file still holds the socket."""
    number = client.detach()
    if number >= 0:
        os.close(number)


@contextmanager
def door_to(web: Web) -> Iterator[Door]:
    """A door that is open for as long as the block lasts."""
    door = Door(int(web.url.rpartition(":")[2]))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = dict(self.headers.items())
            body = self.rfile.read(int(headers["Content-Length"]))
            status = door.forward(self.path, headers, body)
            self.send_response(status)
            self.end_headers()
            if status == 200:
                door.remember(headers, body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Say nothing."""

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as door.url:
        yield door


# --- a shop that never stands still --------------------------------------------------------------------------


class Bustle:
    """Things happen in the shop, one after the other, until so many deliveries were taken."""

    def __init__(self, sandbox: Sandbox, door: Door, seed: int) -> None:
        self.sandbox = sandbox
        self.door = door
        self.dice = random.Random(seed)
        self.accounts: list[int] = []
        self.unpaid: list[int] = []
        self.paid: list[int] = []
        self.stopping = Event()
        self.thread = Thread(target=self._live)
        self.failures: list[BaseException] = []

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """For as long as the block lasts."""
        self.thread.start()
        try:
            yield
        finally:
            self.stopping.set()
            self.thread.join()
        assert self.failures == []

    @property
    def over(self) -> bool:
        """Whether there were deliveries enough."""
        return len(self.door.taken) >= DELIVERIES or not self.thread.is_alive()

    def _live(self) -> None:
        try:
            for place in range(ACCOUNTS):
                account = self.sandbox.do(
                    "sign_up", email=f"c{place}@example.test", created="2025-05-05T12:00:00"
                )
                self.accounts.append(int(account["id"]))
            while not self.stopping.is_set() and len(self.door.taken) < DELIVERIES:
                for _ in range(10):
                    self._something()
                # Neither faster than the service takes it, nor silent while it takes nothing.
                self.door.wait_for(len(self.door.taken) + 10, 0.3)
        except BaseException as error:  # noqa: BLE001 - it is shown at the end
            self.failures.append(error)

    def _something(self) -> None:
        deed = self.dice.choices(
            (
                "buy",
                "order",
                "pay",
                "complete",
                "edit",
                "refund",
                "anonymise",
                "trash",
                "delete",
                "visit",
            ),
            (40, 15, 10, 12, 8, 5, 2, 3, 3, 2),
        )[0]
        getattr(self, f"_{deed}")()

    def _place(self, **given: Any) -> int:
        customer = self.dice.choice(self.accounts) if self.dice.random() < 0.1 else 0
        placed = self.sandbox.do("place_order", line_items=SOCKS, customer_id=customer, **given)
        return (
            0 if customer else int(placed["id"])
        )  # of an account's orders none is erased: that would not show

    def _buy(self) -> None:
        self.paid += filter(None, [self._place(set_paid=True)])

    def _order(self) -> None:
        self.unpaid += filter(None, [self._place()])

    def _pay(self) -> None:
        if self.unpaid:
            number = self._take(self.unpaid)
            self.sandbox.do("pay_order", order_id=number)
            self.paid.append(number)

    def _complete(self) -> None:
        self._with_paid("complete_order")

    def _edit(self) -> None:
        self._with_paid("edit_order", customer_note="ring twice")

    def _refund(self) -> None:
        self._with_last("refund_order", amount="9.00")

    def _anonymise(self) -> None:
        self._with_last("anonymise_order")

    def _trash(self) -> None:
        self._with_last("trash_order")

    def _delete(self) -> None:
        self._with_last("delete_order")

    def _visit(self) -> None:
        self.sandbox.do("visit", customer_id=self.dice.choice(self.accounts))

    def _with_paid(self, operation: str, **given: Any) -> None:
        if self.paid:
            self.sandbox.do(operation, order_id=self.dice.choice(self.paid), **given)

    def _with_last(self, operation: str, **given: Any) -> None:
        """Of such an order nothing is heard afterwards."""
        if self.paid:
            self.sandbox.do(operation, order_id=self._take(self.paid), **given)

    def _take(self, numbers: list[int]) -> int:
        return numbers.pop(self.dice.randrange(len(numbers)))


# --- the killing ---------------------------------------------------------------------------------------------


def moments(seed: int) -> list[tuple[int, Victim]]:
    """After how many deliveries who is killed."""
    dice = random.Random(seed)
    victims: list[Victim] = ["web", "worker"] * KILLS
    dice.shuffle(victims)
    return list(
        zip(sorted(dice.sample(range(50, DELIVERIES - 50), len(victims))), victims, strict=True)
    )


def kill(process: Process) -> None:
    process.send(signal.SIGKILL)
    process.wait()


def kill_amid(bustle: Bustle, ledger: Database, web: Web, worker: Process, seed: int) -> None:
    """Kill one and then the other, and start each again, while the shop lives on."""
    for moment, victim in moments(seed):
        until(
            lambda moment=moment: len(bustle.door.taken) >= moment or bustle.over,  # type: ignore[misc]
            f"{moment} deliveries",
        )
        if victim == "web":
            kill(web)
            web.start()
        else:
            kill(worker)
            expected_state.let_claims_lapse(ledger)
            worker.start()
    until(lambda: bustle.over, f"{DELIVERIES} deliveries")


def identities(ledger: Database) -> set[str]:
    """Every delivery in the ledger."""
    with ledger.read() as connection:
        return set(connection.execute(select(deliveries.c.identity)).scalars())


@ON_EVERY_JOURNAL
@pytest.mark.timeout(600)
def test_kills_over_2000_deliveries_lose_no_answered_one(
    processes: Stack, policy: Policy, tmp_path: Path
) -> None:
    """What was sent while nobody listened is lost, and found by the reconciliation at the end."""
    seed = 20261123
    sandbox = processes.sandbox()
    web = processes.web()
    every = {"WATCH_SECONDS": "1", "RECONCILE_SECONDS": "2", "SWEEP_SECONDS": "5"}
    with ExitStack() as stack:
        ledger = stack.enter_context(expected_state.ledger_of(processes))
        door = stack.enter_context(door_to(web))
        processes.env |= {"PUBLIC_URL": door.url, "STORE_REQUESTS_PER_SECOND": "1000", **every}
        processes.flask("store", "install")
        worker = processes.worker()
        bustle = Bustle(sandbox, door, seed)
        with bustle.going_on():
            kill_amid(bustle, ledger, web, worker, seed)
        until(
            lambda: sandbox.do("wait_until_idle", timeout=1)["idle"], "the store to have sent all"
        )
        ended = datetime.now(UTC)
        until(lambda: expected_state.reconciled_since(ledger, ended), "a reconciliation")
        until(lambda: expected_state.at_rest(ledger, sandbox), "all to be written back")
        assert worker.stop() == 0

        expected_state.assert_true(ledger, sandbox, expected_state.anew(sandbox, tmp_path, policy))
        expected_state.assert_nothing_told_twice(ledger)
        assert len(door.taken) >= DELIVERIES
        assert door.identities(policy) - identities(ledger) == set()
