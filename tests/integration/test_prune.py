"""The log of deliveries is pruned; the history of records is not, nor what must be known for ever."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, insert, select

from hooks.intake.ingest import Result
from hooks.ledger.log import PRUNED_AT_ONCE
from hooks.ledger.tables import deliveries, history, quarantine
from hooks.worker.maintenance import Maintenance
from tests.integration.desk import SECOND, Desk
from tests.support.recordings import made

LOG = timedelta(days=30)


def _count(desk: Desk, table: object) -> int:
    with desk.runtime.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def _prune(desk: Desk) -> None:
    Maintenance(desk.runtime, desk.settings, desk.runtime.policy).prune()


def test_deliveries_are_forgotten_after_their_time_and_history_never(desk: Desk) -> None:
    desk.written_order()
    told, remembered = _count(desk, deliveries), _count(desk, history)
    desk.advance(LOG - timedelta(minutes=5))
    _prune(desk)
    assert _count(desk, deliveries) == told > 0
    desk.advance(timedelta(minutes=10))
    _prune(desk)
    assert _count(desk, deliveries) == 0
    assert _count(desk, history) == remembered > 0


def test_more_than_go_at_once_all_go(desk: Desk) -> None:
    number = 2 * PRUNED_AT_ONCE + 7
    rows = [
        {"store": "shop", "identity": str(place), "topic": "order.updated", "result": "stale"}
        for place in range(number)
    ]
    with desk.runtime.database.write() as connection:
        connection.execute(
            insert(deliveries), [row | {"received_at": desk.clock() - LOG - SECOND} for row in rows]
        )
    _prune(desk)
    assert _count(desk, deliveries) == 0


def test_what_tells_no_time_stays_known_so_that_a_repeat_moves_no_date(desk: Desk) -> None:
    closed = made(
        "action.wc_support_request_closed", {"action": "wc_support_request_closed", "arg": 7}
    )
    assert desk.receive(closed) == Result.RECORDED
    before = desk.row("support-request", 7)["delete_after"]
    desk.advance(timedelta(days=40))
    _prune(desk)
    assert desk.receive(closed) == Result.DUPLICATE
    assert desk.row("support-request", 7)["delete_after"] == before


def test_what_was_set_aside_stays_until_it_is_made_good(desk: Desk) -> None:
    desk.receive(
        made("order.updated", {"code": "woocommerce_rest_cannot_view", "data": {"status": 403}})
    )
    desk.advance(timedelta(days=40))
    _prune(desk)
    assert _count(desk, quarantine) == 1
    desk.reconcile()
    desk.advance(timedelta(days=40))
    _prune(desk)
    assert _count(desk, quarantine) == 0
