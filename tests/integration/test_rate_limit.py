"""One budget of calls for all callers of a store: the calls never exceed the rate."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from sqlalchemy import select

from hooks.errors import LedgerUnavailableError
from hooks.ledger import stores
from hooks.ledger import tables as ledger
from hooks.ledger.database import Database
from hooks.store.rate import GROWTH, MIN_RATE, START_RATE, CallOutcome
from hooks.sync.rate_limit import MAX_AHEAD, MAX_QUEUE, SharedPace
from tests.integration.harness import NOON, ON_SQLITE, SECOND

STEP = timedelta(seconds=1 / START_RATE)


@dataclass
class FakeTime:
    """A clock that advances only while somebody sleeps; `slots` lists the ends of the sleeps."""

    now: datetime = NOON
    passes: bool = True
    slots: list[datetime] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self.lock:
            until = self.now + timedelta(seconds=seconds)
            self.slots.append(until)
            if self.passes:
                self.now = until


def _pace(
    database: Database, time: FakeTime, *, ceiling: float = 10.0, store: str = "shop"
) -> SharedPace:
    return SharedPace(database, store, ceiling, time.clock, time.sleep)


def _row(database: Database, store: str = "shop") -> Any:
    with database.read() as connection:
        return connection.execute(select(ledger.stores).where(ledger.stores.c.slug == store)).one()


def _granted(pace: SharedPace, time: FakeTime, times: int) -> Iterator[datetime]:
    for _ in range(times):
        pace.wait()
        yield time.now


def _at_once(paces: Sequence[SharedPace], times: int) -> None:
    """Run each call in a thread of its own. A call that a slow disk kept from the ledger is retried, as a worker
    does."""

    def call(pace: SharedPace) -> None:
        left = times
        while left:
            with suppress(LedgerUnavailableError):
                pace.wait()
                left -= 1

    with ThreadPoolExecutor(len(paces)) as pool:
        list(pool.map(call, paces))


@pytest.fixture(autouse=True)
def _registered(database: Database) -> None:
    with database.write() as connection:
        stores.register(connection, ["shop", "other"])


def test_calls_go_out_a_step_apart_and_the_first_at_once(database: Database) -> None:
    time = FakeTime()
    assert list(_granted(_pace(database, time), time, 5)) == [
        NOON + STEP * place for place in range(5)
    ]


def test_a_pause_is_not_followed_by_a_burst(database: Database) -> None:
    time = FakeTime()
    pace = _pace(database, time)
    pace.wait()
    time.now = later = NOON + timedelta(hours=1)
    assert list(_granted(pace, time, 3)) == [later, later + STEP, later + 2 * STEP]


def test_threads_and_processes_never_share_a_slot(database: Database, database_url: str) -> None:
    """Four threads use the connections of two ledgers, as two processes do. Twenty calls get twenty consecutive
    slots."""
    time = FakeTime(passes=False)
    second = Database(database_url)
    paces = [_pace(one, time) for one in (database, second) for _ in range(2)]

    _at_once(paces, times=5)
    second.close()
    assert sorted(time.slots) == [NOON + STEP * place for place in range(1, 20)]
    assert _row(database).next_call_at == NOON + STEP * 20


def test_calls_of_one_store_do_not_delay_those_of_another(database: Database) -> None:
    time = FakeTime(passes=False)
    ours, others = _pace(database, time), _pace(database, time, store="other")
    for _ in range(5):
        ours.wait()
    waited = len(time.slots)
    others.wait()
    assert len(time.slots) == waited


def test_calls_beyond_the_queue_retry_nearer_their_turn(database: Database) -> None:
    """The budget holds for any number of callers: a long queue is not taken for a clock that was set back."""
    time = FakeTime()
    waiting = NOON + MAX_AHEAD - SECOND
    with database.write() as connection:
        stores.save_budget(connection, "shop", next_call_at=waiting, rate=START_RATE, usual="{}")
    pace = _pace(database, time)
    pace.wait()
    assert time.slots == [waiting - MAX_QUEUE, waiting]
    assert _row(database).next_call_at == waiting + STEP


def test_many_callers_of_a_slow_store_keep_to_the_budget(database: Database) -> None:
    """Eight callers at once, five seconds a call: more than MAX_AHEAD of calls are waiting at any time."""
    time = FakeTime()
    paces = [_pace(database, time, ceiling=MIN_RATE) for _ in range(8)]

    _at_once(paces, times=3)
    assert _row(database).next_call_at >= NOON + 24 * SECOND / MIN_RATE


def test_a_long_queue_is_not_taken_for_a_clock_set_back(
    database: Database,
) -> None:
    time = FakeTime(passes=False)
    pace = _pace(database, time, ceiling=0.1)
    for _ in range(2):
        pace.wait()
    ahead = _row(database).next_call_at - NOON
    assert MAX_QUEUE < ahead < MAX_AHEAD


@pytest.mark.parametrize("back", [timedelta(minutes=1), timedelta(days=400)])
def test_a_clock_set_back_stops_no_call(database: Database, back: timedelta) -> None:
    time = FakeTime()
    pace = _pace(database, time)
    pace.wait()
    time.now = NOON - back
    assert list(_granted(pace, time, 3)) == [NOON - back + STEP * place for place in range(3)]


def test_a_clock_set_back_a_little_delays_calls_only_a_little(database: Database) -> None:
    time = FakeTime()
    pace = _pace(database, time)
    pace.wait()
    time.now = NOON - timedelta(seconds=20)
    assert next(_granted(pace, time, 1)) == NOON + STEP


def test_good_calls_raise_the_rate_up_to_the_ceiling(database: Database) -> None:
    time = FakeTime()
    pace, other = _pace(database, time, ceiling=4), _pace(database, time, ceiling=4)
    pace.wait()
    rates = []
    for _ in range(8):
        pace.observe("read-orders", 0.2, CallOutcome.ANSWERED)
        pace.wait()
        rates.append(_row(database).rate)
    assert rates == [2, *(min(4, START_RATE + GROWTH * place) for place in range(1, 8))]
    begin = _row(database).next_call_at
    assert list(_granted(other, time, 2)) == [begin, begin + SECOND / 4]
    assert json.loads(_row(database).usual) == {"read-orders": pytest.approx(0.2)}


def test_one_busy_answer_lowers_the_rate_for_all(database: Database) -> None:
    time = FakeTime()
    pace, other = _pace(database, time), _pace(database, time)
    for outcome in (CallOutcome.BUSY, CallOutcome.TIMED_OUT):
        pace.observe("read-orders", 1.0, outcome)
    pace.wait()
    assert _row(database).rate == START_RATE / 4
    assert list(_granted(other, time, 2)) == [NOON + 2 * SECOND, NOON + 4 * SECOND]


def test_a_store_that_stays_slow_is_called_once_in_five_seconds(database: Database) -> None:
    time = FakeTime()
    pace = _pace(database, time)
    for _ in range(10):
        pace.observe("read-orders", 60.0, CallOutcome.TIMED_OUT)
        pace.wait()
    first, second = _granted(pace, time, 2)
    assert second - first == SECOND / MIN_RATE


def test_a_lowered_ceiling_holds_from_the_next_call(database: Database) -> None:
    time = FakeTime()
    _pace(database, time).wait()
    slow = _pace(database, time, ceiling=0.5)
    assert list(_granted(slow, time, 3)) == [
        NOON + STEP,
        NOON + STEP + 2 * SECOND,
        NOON + STEP + 4 * SECOND,
    ]


def test_an_unregistered_store_has_a_budget_too(database: Database) -> None:
    time = FakeTime()
    assert list(_granted(_pace(database, time, store="new"), time, 2)) == [NOON, NOON + STEP]
    assert _row(database, "new").rate == START_RATE


@ON_SQLITE
def test_observations_during_a_ledger_outage_are_not_lost(database: Database) -> None:
    time = FakeTime()
    pace = _pace(database, time)
    pace.observe("read-orders", 1.0, CallOutcome.BUSY)
    there = Path(str(database.url.database))
    away = there.rename(there.with_suffix(".away"))
    with pytest.raises(LedgerUnavailableError):
        pace.wait()
    away.rename(there)
    for _ in range(2):  # once, and not again
        pace.wait()
        assert _row(database).rate == START_RATE / 2


@ON_SQLITE
def test_a_clock_set_back_during_a_call_causes_no_long_wait(database: Database) -> None:
    times = iter([NOON, NOON - timedelta(days=365)])
    slept: list[float] = []
    with database.write() as connection:
        stores.save_budget(connection, "shop", next_call_at=NOON, rate=1.0, usual="{}")
    SharedPace(database, "shop", 10.0, times.__next__, slept.append).wait()
    assert slept == [MAX_AHEAD.total_seconds()]
