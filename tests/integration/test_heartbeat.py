"""A worker's heartbeat: the rounds that are due after an absence, and the shop that the ledger is for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import select, update

from hooks.errors import CachedAnswerError
from hooks.ledger import rounds, stores, tables
from hooks.store.connection import ClockReading
from hooks.sync.heartbeat import ABSENCE, Heartbeat
from hooks.worker.loop import StoreWorker
from tests.integration.harness import ON_SQLITE, SECOND, Harness, close, worker_of
from tests.integration.problem_scenarios import Site
from tests.integration.scripted_server import Answer, ScriptedServer
from tests.support.processes import until

pytestmark = ON_SQLITE

MOVED = "store moved shop"
ELSEWHERE = "https://shop.example.org"


@pytest.fixture
def heartbeat(harness: Harness) -> Heartbeat:
    """The heartbeat of a worker that has just started."""
    return harness.worker.heartbeat


@pytest.fixture
def always_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every time a time for a heartbeat."""
    monkeypatch.setattr("hooks.sync.heartbeat.EVERY_SECONDS", 0.0)


def row_of(harness: Harness) -> Any:
    with harness.runtime.database.read() as connection:
        return stores.row(connection, "shop")


def move(harness: Harness, url: str) -> None:
    """Let the ledger's records be of the shop at this address."""
    with harness.runtime.database.write() as connection:
        stores.replace_url(connection, "shop", url)


def due_of(harness: Harness) -> dict[str, datetime]:
    with harness.runtime.database.read() as connection:
        return {row.name: row.due_at for row in connection.execute(select(tables.rounds))}


def put_off(harness: Harness) -> datetime:
    """Make each round due in a minute, and failed before."""
    later = harness.clock() + timedelta(minutes=1)
    with harness.runtime.database.write() as connection:
        connection.execute(
            update(tables.rounds).values(due_at=later, error="paging-ignored", error_since=later)
        )
    return later


def assert_due(harness: Harness, later: datetime, *, at_once: bool) -> None:
    """Check that the webhooks and the changes are due at once, or unchanged, and that all other rounds are
    unchanged."""
    hurried = {"watch", "changes"} if at_once else set()
    assert due_of(harness) == {
        name: harness.clock() if name in hurried else later for name in rounds.NAMES
    }


# --- after an absence --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("absence", "at_once"),
    [
        # The first worker of all.
        (None, True),
        (timedelta(days=3), True),
        (ABSENCE + SECOND, True),
        # A restart.
        (ABSENCE, False),
        (SECOND, False),
        # Another worker is at it.
        (timedelta(0), False),
    ],
)
def test_after_an_absence_webhooks_and_changes_are_due_at_once(
    harness: Harness, heartbeat: Heartbeat, absence: timedelta | None, at_once: bool
) -> None:
    if absence is not None:
        with harness.runtime.database.write() as connection:
            stores.note_worker(connection, "shop", harness.clock() - absence)
    later = put_off(harness)
    assert heartbeat.beat()
    assert_due(harness, later, at_once=at_once)
    assert row_of(harness).worker_at == harness.clock()


@pytest.mark.usefixtures("always_due")
def test_an_absence_may_end_without_a_new_start(harness: Harness, heartbeat: Heartbeat) -> None:
    """The worker ran meanwhile, and the ledger was another shop's."""
    heartbeat.beat()
    move(harness, ELSEWHERE)
    harness.clock.now += ABSENCE + SECOND
    assert not heartbeat.beat()
    move(harness, heartbeat.client.settings.url)
    later = put_off(harness)
    assert heartbeat.beat()
    assert_due(harness, later, at_once=True)
    later = put_off(harness)
    harness.clock.now += SECOND
    assert heartbeat.beat()
    assert_due(harness, later, at_once=False)


def test_the_heart_beats_only_when_due(harness: Harness, heartbeat: Heartbeat) -> None:
    heartbeat.beat()
    began = harness.clock()
    harness.clock.now += SECOND
    assert heartbeat.beat()
    assert row_of(harness).worker_at == began


# --- the time of the store ---------------------------------------------------------------------------------


def test_the_stores_first_time_is_saved_at_once(harness: Harness, heartbeat: Heartbeat) -> None:
    heartbeat.beat()
    assert row_of(harness).store_time is None
    heartbeat.client.clock_reading = ClockReading(harness.clock() - SECOND, harness.clock())
    heartbeat.beat()
    assert (row_of(harness).store_time, row_of(harness).store_time_at) == (
        harness.clock() - SECOND,
        harness.clock(),
    )


@pytest.mark.parametrize(
    ("headers", "is_heard"),
    [
        ({}, True),
        # Any cache on the way, however fresh its answer.
        ({"Age": "0"}, False),
        ({"Age": "86400"}, False),
    ],
)
def test_a_cached_time_is_not_believed(
    harness: Harness, script: ScriptedServer, headers: dict[str, str], is_heard: bool
) -> None:
    """The server gives its time with each answer."""
    script.always(Answer(headers=headers))
    with worker_at(harness, script.url) as worker:
        with suppress(CachedAnswerError):
            worker.heartbeat.client.call("GET", "orders")
        assert worker.heartbeat.beat()
    assert (row_of(harness).store_time is not None) is is_heard


# --- another shop ------------------------------------------------------------------------------------------


@contextmanager
def worker_at(harness: Harness, url: str) -> Iterator[StoreWorker]:
    """Make a worker whose settings name the store at this address."""
    worker = worker_of(replace(harness.settings.stores["shop"], url=url), harness.runtime)
    try:
        yield worker
    finally:
        close(worker)


@contextmanager
def running(worker: StoreWorker) -> Iterator[None]:
    """Run the worker's loop in a thread, as its process does."""
    stopping = Event()
    thread = Thread(target=worker.run, args=(stopping,))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def ledger_of(harness: Harness) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that is in the ledger."""
    with harness.runtime.database.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table))]
            for table in tables.metadata.sorted_tables
        }


class CountingHeartbeat:
    """A heartbeat that counts."""

    def __init__(self, heartbeat: Heartbeat) -> None:
        self.heartbeat, self.answers = heartbeat, list[bool]()

    def beat(self) -> bool:
        """Beat, and keep the answer."""
        self.answers.append(self.heartbeat.beat())
        return self.answers[-1]


def test_a_beat_remembers_the_shop_under_its_first_address(
    harness: Harness, heartbeat: Heartbeat
) -> None:
    assert heartbeat.beat()
    url = harness.settings.stores["shop"].url
    assert row_of(harness).url == url
    with worker_at(harness, f"{url}/") as worker:
        assert worker.heartbeat.beat()
    assert row_of(harness).url == url


@pytest.mark.usefixtures("always_due")
def test_another_shop_is_not_called_until_it_is_confirmed(
    harness: Harness, heartbeat: Heartbeat, script: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hooks.worker.loop.IDLE_SECONDS", 0.01)
    assert heartbeat.beat()
    harness.paid_order()
    harness.deliver()
    harness.advance()
    before = ledger_of(harness)
    with worker_at(harness, script.url) as worker:
        beats = CountingHeartbeat(worker.heartbeat)
        with running(replace(worker, heartbeat=beats)):  # type: ignore[arg-type]  # all that the loop asks of it
            until(lambda: len(beats.answers) >= 3, "the worker to beat")
            assert set(beats.answers) == {False}
            assert script.requests == []
            assert ledger_of(harness) == before
            move(harness, script.url)
            until(lambda: bool(script.requests), "the worker to write what is due to the store")


@pytest.fixture
def moved(
    harness: Harness, heartbeat: Heartbeat, script: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> Site:
    """A site whose settings name another shop than the ledger's, which would take a call."""
    assert heartbeat.beat()
    script.always(Answer(404, b"<html>"))
    site = Site(harness, monkeypatch)
    reach = replace(
        site.reach, url=script.url, webhook_secrets=("another secret that is long", "secret")
    )
    site.start(replace(site.settings, stores={"shop": reach}))
    return site


def run(site: Site, *words: str) -> tuple[int, str]:
    """Run a command. Returns its exit status and its output, without the output of the store's own threads."""
    done = site.app.test_cli_runner().invoke(args=["store", *words])
    return done.exit_code, done.stdout


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("install", "Nothing was changed"),
        ("rotate-secret", "Nothing was changed"),
        ("backfill", "not begun"),
    ],
)
def test_no_command_touches_another_shop(
    harness: Harness, moved: Site, script: ScriptedServer, command: str, said: str
) -> None:
    before = ledger_of(harness)
    status, told = run(moved, command)
    assert status == 1
    assert said in told
    assert MOVED in told
    assert script.requests == []
    assert ledger_of(harness) == before


def test_after_the_move_is_confirmed_the_work_goes_on(
    harness: Harness, moved: Site, script: ScriptedServer
) -> None:
    (problem,) = moved.status()[1]["problems"]
    assert problem["code"] == "store-moved"
    assert MOVED in problem["message"]
    assert MOVED in run(moved, "check")[1]
    known, url = harness.settings.stores["shop"].url, script.url
    assert run(moved, "moved") == (
        0,
        f"shop: the records are of {url} from now on, and no more of {known}.\n",
    )
    assert run(moved, "moved") == (0, f"shop: the records are of {url}, as before.\n")
    assert moved.status()[1]["problems"] == []
    assert MOVED not in run(moved, "check")[1]
    script.requests.clear()
    assert MOVED not in run(moved, "install")[1]
    assert script.requests
