"""The log of deliveries is pruned. The history of records is not, nor anything that must be known for ever."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, insert, select

from hooks.intake.ingest import Result
from hooks.ledger.log import PRUNED_AT_ONCE
from hooks.ledger.tables import deliveries, history, quarantine
from hooks.worker.maintenance import Maintenance
from tests.integration.harness import SECOND, Harness
from tests.support.recordings import made

LOG = timedelta(days=30)


def _count(harness: Harness, table: object) -> int:
    with harness.runtime.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def _prune(harness: Harness) -> None:
    Maintenance(harness.runtime, harness.settings, harness.runtime.policy).prune()


def test_old_deliveries_are_pruned_and_history_never_is(harness: Harness) -> None:
    harness.written_order()
    told, remembered = _count(harness, deliveries), _count(harness, history)
    harness.advance(LOG - timedelta(minutes=5))
    _prune(harness)
    assert _count(harness, deliveries) == told > 0
    harness.advance(timedelta(minutes=10))
    _prune(harness)
    assert _count(harness, deliveries) == 0
    assert _count(harness, history) == remembered > 0


def test_more_deliveries_than_one_batch_are_all_pruned(harness: Harness) -> None:
    number = 2 * PRUNED_AT_ONCE + 7
    rows = [
        {"store": "shop", "identity": str(place), "topic": "order.updated", "result": "stale"}
        for place in range(number)
    ]
    with harness.runtime.database.write() as connection:
        connection.execute(
            insert(deliveries),
            [row | {"received_at": harness.clock() - LOG - SECOND} for row in rows],
        )
    _prune(harness)
    assert _count(harness, deliveries) == 0


def test_a_report_without_a_time_is_kept_so_that_no_repeat_counts(harness: Harness) -> None:
    closed = made(
        "action.wc_support_request_closed", {"action": "wc_support_request_closed", "arg": 7}
    )
    assert harness.receive(closed) == Result.RECORDED
    before = harness.row("support-request", 7)["delete_after"]
    harness.advance(timedelta(days=40))
    _prune(harness)
    assert harness.receive(closed) == Result.DUPLICATE
    assert harness.row("support-request", 7)["delete_after"] == before


def test_a_quarantined_delivery_stays_until_it_is_resolved(harness: Harness) -> None:
    harness.receive(
        made("order.updated", {"code": "woocommerce_rest_cannot_view", "data": {"status": 403}})
    )
    harness.advance(timedelta(days=40))
    _prune(harness)
    assert _count(harness, quarantine) == 1
    harness.reconcile()
    harness.advance(timedelta(days=40))
    _prune(harness)
    assert _count(harness, quarantine) == 0
