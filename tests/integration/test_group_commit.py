"""Deliveries that wait at the same time share a transaction, and each gets its own result."""

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
class RecordingIngest:
    """An ingester that records the size of each batch; `fails` says which deliveries it cannot take."""

    runtime: Runtime
    fails: dict[str, Exception] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)

    def ingest_batch(self, batch: Batch) -> list[Result]:
        return Ingest(self.runtime).ingest_batch(_RecordingBatch(self, batch))


@dataclass
class _RecordingBatch:
    """A batch whose deliveries are recorded, and fail where the ingester says so."""

    watched: RecordingIngest
    batch: Batch

    def deliveries(self) -> Sequence[tuple[str, Delivery]]:
        deliveries = self.batch.deliveries()
        self.watched.sizes.append(len(deliveries))
        for _, delivery in deliveries:
            if delivery.identity in self.watched.fails:
                raise self.watched.fails[delivery.identity]
        return deliveries


@pytest.fixture
def watched(database: Database, policy: Policy) -> RecordingIngest:
    return RecordingIngest(Runtime(database, policy, timedelta(seconds=10)))


def _all(watched: RecordingIngest, sent: Sequence[Delivery]) -> list[Result | BaseException | None]:
    """Submit these at the same time. Returns the result of each."""
    group = GroupCommit()
    asked = [gevent.spawn(group.submit, watched, "shop", delivery) for delivery in sent]
    gevent.joinall(asked)
    return [one.value if one.successful() else one.exception for one in asked]


def _count(database: Database, table: object) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def test_waiting_deliveries_share_one_transaction(watched: RecordingIngest, policy: Policy) -> None:
    sent = [_delivery(number, policy) for number in range(1, 11)]
    assert _all(watched, sent) == [Result.RECORDED] * 10
    assert watched.sizes == [10]
    assert _count(watched.runtime.database, deliveries) == 10


def test_a_single_delivery_waits_for_no_other(watched: RecordingIngest, policy: Policy) -> None:
    assert _all(watched, [_delivery(1, policy)]) == [Result.RECORDED]
    assert watched.sizes == [1]


def test_a_batch_has_a_maximum_size(watched: RecordingIngest, policy: Policy) -> None:
    sent = [_delivery(number, policy) for number in range(1, MAX_BATCH + 6)]
    assert set(_all(watched, sent)) == {Result.RECORDED}
    assert watched.sizes == [MAX_BATCH, 5]


def test_a_delivery_submitted_twice_at_once_is_recorded_once(
    watched: RecordingIngest, policy: Policy
) -> None:
    """The two may be in one transaction."""
    sent = _delivery(7, policy)
    assert _all(watched, [sent, sent, sent]) == [
        Result.RECORDED,
        Result.DUPLICATE,
        Result.DUPLICATE,
    ]
    assert _all(watched, [sent]) == [Result.DUPLICATE]
    assert _count(watched.runtime.database, history) == 1


def test_a_batch_of_states_ends_in_the_newest_state(
    watched: RecordingIngest, policy: Policy
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


def test_an_unwritable_ledger_fails_the_whole_batch(
    watched: RecordingIngest, policy: Policy
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
def test_a_delivery_that_cannot_be_taken_fails_alone(
    watched: RecordingIngest, policy: Policy, error: Exception
) -> None:
    sent = [_delivery(number, policy) for number in range(1, 4)]
    watched.fails[sent[1].identity] = error
    found = _all(watched, sent)
    assert [found[0], found[2]] == [Result.RECORDED, Result.RECORDED]
    assert found[1] is error
    assert watched.sizes == [3, 1, 1, 1]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_delivery_that_the_database_refuses_fails_alone(
    watched: RecordingIngest, policy: Policy
) -> None:
    sent = [_delivery(number, policy) for number in range(1, 4)]
    sent[1] = replace(sent[1], topic="of more letters than there is room for: " + 100 * "x")
    found = _all(watched, sent)
    assert [found[0], found[2]] == [Result.RECORDED, Result.RECORDED]
    assert isinstance(found[1], LedgerRefusedError)


def test_each_batch_commits_under_its_first_waiters_policy(
    watched: RecordingIngest, database: Database, policy: Policy
) -> None:
    """This holds where somebody always waits, too: a policy that is activated meanwhile is followed."""
    later = RecordingIngest(Runtime(database, policy, timedelta(seconds=10)))
    group = GroupCommit()
    early, late = (
        [_delivery(first + number, policy) for number in range(MAX_BATCH)] for first in (1, 1000)
    )
    asked = [gevent.spawn(group.submit, watched, "shop", delivery) for delivery in early]
    asked += [gevent.spawn(group.submit, later, "shop", delivery) for delivery in late]
    gevent.joinall(asked)
    assert (watched.sizes, later.sizes) == ([MAX_BATCH], [MAX_BATCH])


@ON_SQLITE
def test_more_writers_than_connections_may_wait(watched: RecordingIngest, policy: Policy) -> None:
    """Events are such writers, as they share no commit. The process goes on meanwhile."""
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
def test_deliveries_join_a_batch_that_waits_for_the_lock(
    watched: RecordingIngest, policy: Policy
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
def test_a_lock_that_is_never_granted_fails_every_waiter(
    watched: RecordingIngest, policy: Policy, monkeypatch: pytest.MonkeyPatch
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
class ScriptedIngest:
    """An ingester that does what the test says."""

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
def test_a_wrong_number_of_results_leaves_nobody_waiting(
    watched: RecordingIngest, policy: Policy, odd: Callable[[Sequence[Result]], list[Result]]
) -> None:
    group, sent = GroupCommit(), [_delivery(number, policy) for number in range(1, 4)]
    ingester = ScriptedIngest(lambda batch: odd(watched.ingest_batch(batch)))
    asked = [gevent.spawn(group.submit, ingester, "shop", delivery) for delivery in sent]
    assert len(gevent.joinall(asked, timeout=20)) == 3
    told = {one.value if one.successful() else type(one.exception) for one in asked}
    assert told <= {Result.RECORDED, LedgerUnavailableError}
    assert group.submit(watched, "shop", _delivery(4, policy)) == Result.RECORDED


@ON_SQLITE
@pytest.mark.parametrize("begun", [True, False], ids=["in the transaction", "before it"])
def test_a_commit_that_is_killed_leaves_nobody_waiting(
    watched: RecordingIngest, policy: Policy, begun: bool
) -> None:
    """This happens at the end of the process. Deliveries that come later are taken."""

    def end(batch: Batch) -> list[Result]:
        if begun:
            batch.deliveries()
        raise gevent.GreenletExit

    group, sent = GroupCommit(), [_delivery(number, policy) for number in range(1, 4)]
    asked = [gevent.spawn(group.submit, ScriptedIngest(end), "shop", delivery) for delivery in sent]
    assert len(gevent.joinall(asked, timeout=20)) == 3
    assert [type(one.exception) for one in asked] == [LedgerUnavailableError] * 3
    assert group.submit(watched, "shop", sent[0]) == Result.RECORDED
