"""What somebody can do who holds the webhook secret, or one delivery that he saw: as little as can be, and not for
long."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from hooks.delivery import Delivery
from hooks.ingest import REPORTS_APART, Ingest, Result
from hooks.ledger.database import Database
from hooks.retention.policy import Policy
from hooks.signature import signing_keys
from tests.integration.desk import NOON, ON_SQLITE, SECOND, SETTLE, Clock, Desk
from tests.support.recordings import SECRET, Recorded, made

# Reports without a time

REPORT = "action.wc_support_request_closed"


def _closed(delivery_id: int, number: int = 7, webhook_id: int = 1) -> Recorded:
    return made(REPORT, {"arg": number}, delivery_id=f"{delivery_id:032}", webhook_id=webhook_id)


@ON_SQLITE
@pytest.mark.parametrize(
    ("after", "sent", "result"),
    [
        # The same body under another id, which nobody signs.
        (SECOND, _closed(2), Result.DUPLICATE),
        (SECOND, _closed(1, webhook_id=2), Result.DUPLICATE),
        (REPORTS_APART - SECOND, _closed(2), Result.DUPLICATE),
        # It was opened and closed once more.
        (REPORTS_APART, _closed(2), Result.UNCHANGED),  # on the same day
        (timedelta(days=2), _closed(2), Result.RECORDED),
        # This very delivery.
        (SECOND, _closed(1), Result.DUPLICATE),
        (timedelta(days=2), _closed(1), Result.DUPLICATE),
        # Another request.
        (SECOND, _closed(2, number=8), Result.RECORDED),
        # The clock was set back meanwhile.
        (-SECOND, _closed(2), Result.DUPLICATE),
    ],
)
def test_a_report_without_a_time_counts_once_within_minutes(
    after: timedelta, sent: Recorded, result: Result, desk: Desk
) -> None:
    assert desk.receive(_closed(1)) == Result.RECORDED
    before = desk.row("support-request", 7)
    desk.clock.now += after
    assert desk.receive(sent) == result
    assert desk.receive(sent) == Result.DUPLICATE
    if result is Result.DUPLICATE:
        assert desk.row("support-request", 7) == before


@pytest.mark.parametrize("apart", [timedelta(0), REPORTS_APART])
def test_a_report_that_comes_to_several_processes_at_once_counts_once(
    apart: timedelta, database: Database, policy: Policy
) -> None:
    """Whether it is the first of its kind, or long after another one."""
    width, clock = 4, Clock()
    ingest = Ingest(database, policy, SETTLE, clock)
    together = Barrier(width)

    def deliver(place: int) -> Result:
        sent = _closed(place)
        delivery = Delivery.from_http(sent.headers, sent.body, keys=signing_keys(SECRET), policy=policy)
        together.wait(30)
        return ingest.receive("shop", delivery)

    with ThreadPoolExecutor(width) as pool:
        for turn in range(2 if apart else 1):
            clock.now = NOON + turn * apart
            places = range(turn * width, (turn + 1) * width)
            results = list(pool.map(deliver, places))
            assert results.count(Result.DUPLICATE) == width - 1
