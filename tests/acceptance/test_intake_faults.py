"""What a delivery is answered when the ledger cannot be written, and that an answered one is never lost."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import Event

import pytest
import requests
from sqlalchemy import select, text
from sqlalchemy.engine import make_url

from hooks.ledger.database import Database
from hooks.ledger.tables import records
from tests.support.databases import ON_EVERY_JOURNAL
from tests.support.ledger_file import moved_away
from tests.support.postgresql import DISCONNECT, maintain
from tests.support.processes import Stack, Web, until
from tests.support.recordings import Recorded, made, order

Fault = Callable[[Stack, Web], AbstractContextManager[None]]


@contextmanager
def ledger_of(processes: Stack) -> Iterator[Database]:
    ledger = Database(processes.database_url)
    try:
        yield ledger
    finally:
        ledger.close()


# --- faults ------------------------------------------------------------------------------------------------


@contextmanager
def locked(processes: Stack, _: Web) -> Iterator[None]:
    """Another connection holds the write lock for longer than anybody waits."""
    with (
        ledger_of(processes) as ledger,
        ledger.write() as connection,
    ):  # on SQLite this is BEGIN IMMEDIATE
        if not ledger.is_sqlite:
            connection.execute(text("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE"))
        yield


@contextmanager
def table_gone(processes: Stack, _: Web) -> Iterator[None]:
    """A table is not there."""
    with ledger_of(processes) as ledger:
        with ledger.write() as connection:
            connection.execute(text("ALTER TABLE deliveries RENAME TO elsewhere"))
        yield
        with ledger.write() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO deliveries"))


@contextmanager
def disk_full(_: Stack, web: Web) -> Iterator[None]:
    """No file that the web processes write to can grow.

    All of them have come up before: gunicorn gives up where one cannot.
    """
    until(lambda: have_come_up(web), "all web processes to come up")
    pids = session_of(web)
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    yield
    for pid in pids:
        resource.prlimit(
            pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        )


def have_come_up(web: Web) -> bool:
    """Whether every process that answers has made its files, the last that it needs to begin."""
    metrics = Path(web.env["PROMETHEUS_MULTIPROC_DIR"])
    up = [pid for pid in session_of(web) if (metrics / f"counter_{pid}.db").exists()]
    return len(up) == int(web.env.get("WEB_CONCURRENCY", "3"))


def session_of(web: Web) -> list[int]:
    """The ids of the web process and of all that it started."""
    assert web.child is not None
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(ValueError, ProcessLookupError):
            if os.getsid(int(entry.name)) == web.child.pid:
                found.append(int(entry.name))
    assert len(found) > 1
    return found


@contextmanager
def file_gone(processes: Stack, _: Web) -> Iterator[None]:
    """The database's files are moved away, as before a backup is put in their place."""
    with moved_away(Path(make_url(processes.database_url).database or "")):
        yield


@contextmanager
def read_only(processes: Stack, _: Web) -> Iterator[None]:
    """The database takes no writes, as a standby does."""
    maintain(
        processes.database_url,
        'ALTER DATABASE "{name}" SET default_transaction_read_only = on',
        DISCONNECT,
    )
    yield
    maintain(
        processes.database_url,
        'ALTER DATABASE "{name}" RESET default_transaction_read_only',
        DISCONNECT,
    )


@contextmanager
def dropped(processes: Stack, _: Web) -> Iterator[None]:
    """The whole database is gone; afterwards there is a new one."""
    maintain(processes.database_url, 'DROP DATABASE "{name}" WITH (FORCE)')
    yield
    maintain(processes.database_url, 'CREATE DATABASE "{name}"')
    processes.migrate()


FAULTS: list[tuple[str, Fault]] = [
    ("sqlite", locked),
    ("sqlite", table_gone),
    ("sqlite", disk_full),
    ("sqlite", file_gone),
    ("sqlite-rollback", locked),
    ("sqlite-rollback", disk_full),
    ("sqlite-rollback", file_gone),
    ("postgresql", locked),
    ("postgresql", table_gone),
    ("postgresql", read_only),
    ("postgresql", dropped),
]


@pytest.mark.parametrize(
    ("database_url", "fault"),
    FAULTS,
    indirect=["database_url"],
    ids=[f"{database}-{getattr(fault, '__name__', '')}" for database, fault in FAULTS],
)
def test_a_ledger_that_cannot_be_written_is_503_and_recovers_by_itself(
    processes: Stack, fault: Fault
) -> None:
    web = processes.web(WEB_CONCURRENCY="2")
    sent = [made("order.created", order(number)) for number in (1, 2, 3)]
    assert web.result(sent[0]) == "recorded"
    with fault(processes, web):
        with ThreadPoolExecutor(2) as senders:
            answers = list(senders.map(web.post, sent[1:]))
        for answer in answers:
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.json()["error"]["code"] == "ledger-unavailable"
            assert answer.headers["X-Request-ID"]
        assert web.get("/healthz").json() == {"status": "ok"}
    # The very same deliveries are new to the ledger: nothing of them was kept. No process was started again.
    assert [web.result(again) for again in sent[1:]] == ["recorded", "recorded"]
    assert web.record("order", 3)["state"] == "active"
    assert web.get("/readyz").status_code == 200


# --- kill -9 -----------------------------------------------------------------------------------------------

BURST = 240
ANSWERED_BEFORE_THE_KILL = 100


@ON_EVERY_JOURNAL
def test_every_delivery_answered_200_survives_kill_9(processes: Stack) -> None:
    web = processes.web()
    burst = [made("order.created", order(1000 + n, customer_id=n % 7)) for n in range(BURST)]
    with Sending(web, burst) as sending:
        until(
            lambda: len(sending.answered) >= ANSWERED_BEFORE_THE_KILL,
            "a hundred deliveries to be answered",
        )
        web.send(signal.SIGKILL)
        web.wait()
    answered = set(sending.answered)
    assert len(answered) < BURST, "the kill came in the middle"

    web.start()
    assert answered <= order_numbers(processes)
    results = [web.result(sent) for sent in burst]
    assert {result for n, result in enumerate(results) if 1000 + n in answered} == {"duplicate"}
    assert order_numbers(processes) == set(range(1000, 1000 + BURST))
    assert web.status()["records"]["by_kind"] == {"order": BURST}


class Sending:
    """Sends from several threads, and notes which deliveries were answered with 200; gives up at the first failure."""

    def __init__(self, web: Web, burst: list[Recorded]) -> None:
        self.web = web
        self.burst = burst
        self.answered: list[int] = []
        self.broken = Event()
        self.senders = ThreadPoolExecutor(8)

    def __enter__(self) -> Sending:
        for sent in self.burst:
            self.senders.submit(self._send, sent)
        return self

    def __exit__(self, *_: object) -> None:
        self.senders.shutdown()

    def _send(self, sent: Recorded) -> None:
        if self.broken.is_set():
            return
        try:
            if self.web.post(sent).status_code == 200:
                self.answered.append(int(sent.payload["id"]))
        except requests.RequestException:
            self.broken.set()


def order_numbers(processes: Stack) -> set[int]:
    with ledger_of(processes) as ledger, ledger.read() as connection:
        found = connection.execute(select(records.c.external_id).where(records.c.kind == "order"))
        return set(found.scalars())
