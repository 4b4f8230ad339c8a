"""Reloads, ends and kills of web processes under a steady load, and thousands of connections that send nothing."""

from __future__ import annotations

import os
import resource
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import select

from hooks.ledger.database import Database
from hooks.ledger.tables import records
from tests.support.processes import Stack, Web, until
from tests.support.recordings import Recorded, made, order

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

DELIVERIES_PER_SECOND = 200
SIGNALS = 10

RESET = 0
"""In place of a status: the connection was reset, or refused."""


# --- a steady load -------------------------------------------------------------------------------------------


class Load:
    """Deliveries of different orders at a steady rate, from the start of the block to its end."""

    def __init__(self, web: Web) -> None:
        self.port = int(web.url.rpartition(":")[2])
        self.answers: list[tuple[int, Future[int]]] = []
        self.ended = Event()
        self.senders = ThreadPoolExecutor(64)
        self.clock = Thread(target=self._send_all)

    def __enter__(self) -> Load:
        self.clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.clock.join()
        self.senders.shutdown()

    def wait_for(self, more: int) -> None:
        """Wait until so many more were sent."""
        there = len(self.answers)
        until(lambda: len(self.answers) >= there + more, f"{more} more deliveries to be sent")

    def statuses(self) -> Counter[int]:
        """How often each status was answered; RESET where there was no answer."""
        return Counter(answer.result() for _, answer in self.answers)

    def answered(self, status: int) -> set[int]:
        """The orders whose delivery was answered so."""
        return {number for number, answer in self.answers if answer.result() == status}

    def _send_all(self) -> None:
        begun = time.monotonic()
        for number in count(1):
            if self.ended.wait(max(0.0, begun + number / DELIVERIES_PER_SECOND - time.monotonic())):
                return
            sent = made("order.created", order(number))
            self.answers.append((number, self.senders.submit(self.send, sent)))

    def send(self, sent: Recorded) -> int:
        """Send one delivery; the status, or RESET."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            try:
                connection.request("POST", "/webhooks/shop", sent.body, sent.headers)
                return connection.getresponse().status
            except (ConnectionError, HTTPException):
                return RESET


def workers_of(web: Web) -> list[int]:
    """The ids of the processes that answer."""
    assert web.child is not None
    children = Path(f"/proc/{web.child.pid}/task/{web.child.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def started(web: Web) -> int:
    """How many processes have begun to answer so far."""
    return web.log().count("web.started")


def replaced(web: Web, number: int) -> None:
    """Signal one of the processes that answer, again and again, each time after another has come up."""
    for _ in range(SIGNALS):
        before = started(web)
        os.kill(workers_of(web)[-1], number)
        until(lambda before=before: started(web) > before, "the next process to come up")  # type: ignore[misc]


def orders_in_ledger(processes: Stack) -> set[int]:
    with closing(Database(processes.database_url)) as ledger, ledger.read() as connection:
        return set(
            connection.execute(
                select(records.c.external_id).where(records.c.kind == "order")
            ).scalars()
        )


@ON_SQLITE
def test_reloads_and_stops_of_processes_reset_no_connection(processes: Stack) -> None:
    web = processes.web(WEB_CONCURRENCY="2")
    assert web.child is not None
    with Load(web) as load:
        load.wait_for(50)
        for _ in range(SIGNALS):
            os.kill(web.child.pid, signal.SIGHUP)
            load.wait_for(DELIVERIES_PER_SECOND // 2)
        replaced(web, signal.SIGTERM)
        load.wait_for(50)
    assert set(load.statuses()) == {200}
    assert load.answered(200) == orders_in_ledger(processes)
    assert "Traceback" not in web.log()


@ON_SQLITE
def test_a_killed_process_loses_no_answered_delivery(processes: Stack) -> None:
    """The connections that it had accepted end with it; whoever sends those again, as a proxy does, gets 200."""
    web = processes.web(WEB_CONCURRENCY="2")
    with Load(web) as load:
        load.wait_for(50)
        replaced(web, signal.SIGKILL)
    assert set(load.statuses()) <= {200, RESET}
    assert load.answered(200) <= orders_in_ledger(processes)
    again = [
        load.send(made("order.created", order(number))) for number in sorted(load.answered(RESET))
    ]
    assert set(again) <= {200}
    assert {number for number, _ in load.answers} == orders_in_ledger(processes)


# --- a listener that outlives the service --------------------------------------------------------------------


@ON_SQLITE
def test_a_restart_with_a_systemd_socket_refuses_nobody(processes: Stack) -> None:
    """As `retention-hooks-web.socket` hands it over: what comes while nothing runs waits, and is then answered."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        web = processes.new_web(WEB_CONCURRENCY="1")
        web.take_over(listener)
        web.start()
        assert web.stop() == 0
        with ThreadPoolExecutor(4) as senders:
            waiting = [
                senders.submit(web.post, made("order.created", order(number)))
                for number in range(1, 5)
            ]
            web.start()
            assert [sent.result().status_code for sent in waiting] == [200] * 4


# --- slow connections ----------------------------------------------------------------------------------------

SLOW_CONNECTIONS = 2200
SIGNED_LOOKING = b"X-WC-Webhook-Signature: " + 43 * b"A" + b"=\r\n"
SLOW = (
    b"",
    b"POST /webhooks/shop HTTP/1.1\r\nHost: local",
    b"POST /webhooks/shop HTTP/1.1\r\nHost: local\r\n"
    + SIGNED_LOOKING
    + b"Content-Length: 5000\r\n\r\nhalf",
    b"POST /nothing HTTP/1.1\r\nHost: local\r\nContent-Length: 5000\r\n\r\nhalf",
)


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process may open as many connections as it needs; the service sees to itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * SLOW_CONNECTIONS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@ON_SQLITE
@pytest.mark.usefixtures("many_files")
def test_thousands_of_slow_connections_do_not_stop_the_intake(processes: Stack) -> None:
    web = processes.web(WEB_CONCURRENCY="2")
    address = ("127.0.0.1", int(web.url.rpartition(":")[2]))
    with ExitStack() as slow:
        for number in range(SLOW_CONNECTIONS):
            connection = slow.enter_context(socket.create_connection(address, timeout=30))
            connection.sendall(SLOW[number % len(SLOW)])
        for number in range(1, 51):
            assert web.result(made("order.created", order(number))) == "recorded"
    assert "Traceback" not in web.log()
