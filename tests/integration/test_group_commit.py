"""Deliveries that wait at the same time share a transaction, and each learns what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta

import gevent
import pytest
from gevent.lock import BoundedSemaphore
from sqlalchemy import func, select

from hooks.errors import LedgerRefusedError, LedgerUnavailableError
from hooks.intake.ingest import Batch, Ingest, Result
from hooks.intake.webhook import Delivery
from hooks.ledger import database as database_module
from hooks.ledger.database import Database
from hooks.ledger.tables import deliveries, history, records
from hooks.retention.policy import Policy
from hooks.runtime import Runtime
from hooks.settings.webhook_secrets import signing_keys
from hooks.web.group_commit import MAX_BATCH, GroupCommit
from tests.integration.harness import ON_SQLITE
from tests.support.recordings import SECRET, made, order


def _delivery(number: int, policy: Policy, **changes: object) -> Delivery:
    sent = made("order.updated", order(number, **changes))
    return Delivery.from_http(sent.headers, sent.body, keys=signing_keys(SECRET), policy=policy)


@dataclass
class Watched:
    """Takes deliveries into a ledger, and keeps how many came at once; `fails` says of which it cannot take any."""

    runtime: Runtime
    fails: dict[str, Exception] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)

    def ingest_batch(self, batch: Batch) -> list[Result]:
        return Ingest(self.runtime).ingest_batch(_WatchedBatch(self, batch))


@dataclass
class _WatchedBatch:
    """A batch whose deliveries are counted, and fail where the watcher says so."""

    watched: Watched
    batch: Batch

    def deliveries(self) -> Sequence[tuple[str, Delivery]]:
        deliveries = self.batch.deliveries()
        self.watched.sizes.append(len(deliveries))
        for _, delivery in deliveries:
            if delivery.identity in self.watched.fails:
                raise self.watched.fails[delivery.identity]
        return deliveries


@pytest.fixture
def watched(database: Database, policy: Policy) -> Watched:
    return Watched(Runtime(database, policy, timedelta(seconds=10)))


def _all(watched: Watched, sent: Sequence[Delivery]) -> list[Result | BaseException | None]:
    """What each of these learns, sent at the same time."""
    group = GroupCommit()
    asked = [gevent.spawn(group.submit, watched, "shop", delivery) for delivery in sent]
    gevent.joinall(asked)
    return [one.value if one.successful() else one.exception for one in asked]


def _count(database: Database, table: object) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def test_those_that_wait_at_the_same_time_are_taken_at_once(
    watched: Watched, policy: Policy
) -> None:
    sent = [_delivery(number, policy) for number in range(1, 11)]
    assert _all(watched, sent) == [Result.RECORDED] * 10
    assert watched.sizes == [10]
    assert _count(watched.runtime.database, deliveries) == 10


def test_a_delivery_alone_waits_for_no_other(watched: Watched, policy: Policy) -> None:
    assert _all(watched, [_delivery(1, policy)]) == [Result.RECORDED]
    assert watched.sizes == [1]


def test_no_more_than_so_many_are_taken_at_once(watched: Watched, policy: Policy) -> None:
    sent = [_delivery(number, policy) for number in range(1, MAX_BATCH + 6)]
    assert set(_all(watched, sent)) == {Result.RECORDED}
    assert watched.sizes == [MAX_BATCH, 5]


def test_one_and_the_same_is_taken_once(watched: Watched, policy: Policy) -> None:
    """Also where both are in one transaction."""
    sent = _delivery(7, policy)
    assert _all(watched, [sent, sent, sent]) == [
        Result.RECORDED,
        Result.DUPLICATE,
        Result.DUPLICATE,
    ]
    assert _all(watched, [sent]) == [Result.DUPLICATE]
    assert _count(watched.runtime.database, history) == 1


def test_states_of_one_record_in_one_transaction_end_in_its_newest(
    watched: Watched, policy: Policy
) -> None:
    unpaid = {"date_paid_gmt": None, "customer_id": 8}
    sent = [
        _delivery(7, policy, date_modified_gmt="2026-11-22T08:00:03", status="pending", **unpaid),
        _delivery(
            7, policy, date_modified_gmt="2026-11-22T08:00:09", status="processing", customer_id=8
        ),
        _delivery(7, policy, date_modified_gmt="2026-11-22T08:00:06", status="on-hold", **unpaid),
    ]
    assert _all(watched, sent) == [Result.RECORDED, Result.RECORDED, Result.STALE]
    with watched.runtime.database.read() as connection:
        chosen = select(records.c.facts, records.c.version).where(records.c.kind == "order")
        row = connection.execute(chosen).one()
    assert '"status":"processing"' in row.facts
    assert f"{row.version:%H:%M:%S}" == "08:00:09"


def test_where_the_ledger_cannot_be_written_all_learn_so_and_none_is_kept(
    watched: Watched, policy: Policy
) -> None:
    sent = [_delivery(number, policy) for number in range(1, 4)]
    watched.fails[sent[1].identity] = LedgerUnavailableError(
        "the ledger cannot be used (disk full)"
    )
    assert [type(found) for found in _all(watched, sent)] == [LedgerUnavailableError] * 3
    assert watched.sizes == [3]
    assert _count(watched.runtime.database, records) == 0


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), LedgerRefusedError("the ledger takes no such thing")]
)
def test_one_that_cannot_be_taken_at_all_fails_alone(
    watched: Watched, policy: Policy, error: Exception
) -> None:
    sent = [_delivery(number, policy) for number in range(1, 4)]
    watched.fails[sent[1].identity] = error
    found = _all(watched, sent)
    assert [found[0], found[2]] == [Result.RECORDED, Result.RECORDED]
    assert found[1] is error
    assert watched.sizes == [3, 1, 1, 1]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_one_with_a_value_that_the_database_does_not_take_fails_alone(
    watched: Watched, policy: Policy
) -> None:
    sent = [_delivery(number, policy) for number in range(1, 4)]
    sent[1] = replace(sent[1], topic="of more letters than there is room for: " + 100 * "x")
    found = _all(watched, sent)
    assert [found[0], found[2]] == [Result.RECORDED, Result.RECORDED]
    assert isinstance(found[1], LedgerRefusedError)


def test_each_group_is_taken_by_what_its_own_would_be_taken_by(
    watched: Watched, database: Database, policy: Policy
) -> None:
    """Also where there is never nobody who waits: a policy that was put in force meanwhile is followed."""
    later = Watched(Runtime(database, policy, timedelta(seconds=10)))
    group = GroupCommit()
    early, late = (
        [_delivery(first + number, policy) for number in range(MAX_BATCH)] for first in (1, 1000)
    )
    asked = [gevent.spawn(group.submit, watched, "shop", delivery) for delivery in early]
    asked += [gevent.spawn(group.submit, later, "shop", delivery) for delivery in late]
    gevent.joinall(asked)
    assert (watched.sizes, later.sizes) == ([MAX_BATCH], [MAX_BATCH])


@ON_SQLITE
def test_more_than_there_are_connections_may_wait_to_write(
    watched: Watched, policy: Policy
) -> None:
    """As events do, which share no commit. Meanwhile the process goes on."""
    ledger = watched.runtime.database
    ledger.wait_by(gevent.sleep, BoundedSemaphore)
    beats = 0

    def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            gevent.sleep(0.01)

    with closing(Database(str(ledger.url))) as other_process, other_process.write():
        heart = gevent.spawn(beat)
        asked = [
            gevent.spawn(Ingest(watched.runtime).ingest_one, "shop", _delivery(number, policy))
            for number in range(1, 41)
        ]
        gevent.sleep(0.2)
        assert not any(one.ready() for one in asked)
        assert beats > 1, "nobody keeps the others from running"
        with ledger.read() as connection:
            assert connection.execute(select(func.count()).select_from(records)).scalar_one() == 0
    gevent.joinall(asked)
    heart.kill()
    assert {one.value for one in asked} == {Result.RECORDED}


@ON_SQLITE
def test_those_who_come_while_the_lock_is_waited_for_are_taken_along(
    watched: Watched, policy: Policy
) -> None:
    ledger, group = watched.runtime.database, GroupCommit()
    ledger.wait_by(gevent.sleep, BoundedSemaphore)
    sent = [_delivery(number, policy) for number in (1, 2)]
    with closing(Database(str(ledger.url))) as other_process, other_process.write():
        first = gevent.spawn(group.submit, watched, "shop", sent[0])
        gevent.sleep(0.05)
        second = gevent.spawn(group.submit, watched, "shop", sent[1])
        gevent.sleep(0.05)
        assert not first.ready()
    gevent.joinall([first, second])
    assert [first.value, second.value] == [Result.RECORDED, Result.RECORDED]
    assert watched.sizes == [2]


@ON_SQLITE
def test_all_who_waited_for_a_lock_that_is_not_given_learn_so(
    watched: Watched, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0)
    with (
        closing(Database(str(watched.runtime.database.url))) as other_process,
        other_process.write(),
    ):
        found = _all(watched, [_delivery(number, policy) for number in (1, 2)])
    assert [type(one) for one in found] == [LedgerUnavailableError] * 2
    assert _all(watched, [_delivery(3, policy)]) == [Result.RECORDED], (
        "it is tried again for those who come later"
    )


@dataclass
class Scripted:
    """An ingester that does as the test says."""

    script: Callable[[Batch], list[Result]]

    def ingest_batch(self, batch: Batch) -> list[Result]:
        return self.script(batch)


ODD_COMMITS: dict[str, Callable[[Sequence[Result]], list[Result]]] = {
    "none": lambda _: [],
    "one too few": lambda results: list(results[1:]),
    "one too many": lambda results: [*results, Result.RECORDED],
}


@ON_SQLITE
@pytest.mark.parametrize("odd", ODD_COMMITS.values(), ids=ODD_COMMITS)
def test_with_another_number_of_results_nobody_waits_for_ever(
    watched: Watched, policy: Policy, odd: Callable[[Sequence[Result]], list[Result]]
) -> None:
    group, sent = GroupCommit(), [_delivery(number, policy) for number in range(1, 4)]
    ingester = Scripted(lambda batch: odd(watched.ingest_batch(batch)))
    asked = [gevent.spawn(group.submit, ingester, "shop", delivery) for delivery in sent]
    assert len(gevent.joinall(asked, timeout=20)) == 3
    told = {one.value if one.successful() else type(one.exception) for one in asked}
    assert told <= {Result.RECORDED, LedgerUnavailableError}
    assert group.submit(watched, "shop", _delivery(4, policy)) == Result.RECORDED


@ON_SQLITE
@pytest.mark.parametrize("begun", [True, False], ids=["in the transaction", "before it"])
def test_a_commit_that_is_ended_from_outside_leaves_nobody_waiting(
    watched: Watched, policy: Policy, begun: bool
) -> None:
    """As at the end of the process. Those who come later are taken."""

    def end(batch: Batch) -> list[Result]:
        if begun:
            batch.deliveries()
        raise gevent.GreenletExit

    group, sent = GroupCommit(), [_delivery(number, policy) for number in range(1, 4)]
    asked = [gevent.spawn(group.submit, Scripted(end), "shop", delivery) for delivery in sent]
    assert len(gevent.joinall(asked, timeout=20)) == 3
    assert [type(one.exception) for one in asked] == [LedgerUnavailableError] * 3
    assert group.submit(watched, "shop", sent[0]) == Result.RECORDED
