"""One record over which the store, or what stands before it, fails: all else goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from requests import Response

from hooks.ledger import rounds
from tests.integration.desk import ON_SQLITE, Desk
from tests.support.recordings import made

MINUTE = timedelta(minutes=1)
JUMPER = [{"product_id": 10}]

Fits = Callable[[str, str, dict[str, str]], bool]


def _answer_otherwise(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, fits: Fits, status: int, body: bytes
) -> None:
    """Let what stands before the store answer the calls that fit."""
    for client in (desk.worker.refetcher.client, desk.reconciler.client):
        send = client._send

        def paced(
            method: str,
            endpoint: str,
            params: Any,
            body_sent: object,
            send: Callable[..., Response] = send,
        ) -> Response:
            answer = send(method, endpoint, params, body_sent)
            if fits(method, endpoint, params or {}):
                answer.status_code, answer._content = status, body
            return answer

        monkeypatch.setattr(client, "_send", paced)


HTML = b"<html><body>Forbidden</body></html>"
FAILED = b'{"code": "internal_server_error", "message": "x", "data": {"status": 500}}'


@ON_SQLITE
@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_an_order_that_is_gone_is_closed_where_no_post_may_be_read(
    status: int, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firewall refuses a POST that asks to be read; no cache was ever seen, so that the answer to the GET counts."""
    number, other = desk.written_order(), desk.written_order()
    _answer_otherwise(desk, monkeypatch, lambda *call: "_method" in call[2], status, HTML)
    desk.store.delete_order(number)
    desk.lose()
    desk.advance(MINUTE)
    desk.store.trash_order(other)
    desk.lose()
    desk.reconcile("orders")
    assert (desk.row("order", number)["state"], desk.row("order", other)["state"]) == (
        "gone",
        "trashed",
    )
    assert desk.pause() is None


@ON_SQLITE
@pytest.mark.parametrize(("status", "body"), [(500, FAILED), (502, HTML)])
def test_the_search_passes_over_an_order_that_the_store_fails_over(
    status: int, body: bytes, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = desk.store.place_orders(count=5, quiet=True)
    desk.advance(MINUTE)
    desk.store.set_habits(unlisted=[numbers[1], numbers[2]])
    desk.reconcile("orders")
    poison = str(numbers[2])
    _answer_otherwise(
        desk,
        monkeypatch,
        lambda *call: poison in call[2].get("include", "").split(","),
        status,
        body,
    )
    with desk.runtime.database.write() as connection:
        rounds.ask_for(connection, desk.slug, ("unlisted",), desk.clock())
    for _ in range(10):
        desk.reconciler.step(("unlisted",))
    desk.come_to_rest()
    assert desk.row("order", numbers[1])["state"] == "active"
    assert desk.pause() is None
    with desk.runtime.database.read() as connection:
        state = rounds.state(connection, desk.slug, "unlisted")
    assert state is not None
    assert (state.error, state.due_at > desk.clock()) == (None, True)


def test_a_refund_that_the_list_of_refunds_lacks_is_a_refund(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = int(desk.store.place_order(line_items=JUMPER)["id"])
    desk.come_to_rest()
    desk.advance(MINUTE)
    shown = desk.worker.refetcher.client.refunds
    monkeypatch.setattr(
        type(desk.worker.refetcher.client), "refunds", lambda _, number: shown(number)[1:]
    )
    for _ in range(2):
        desk.store.refund_order(number, amount="5.00")
    desk.come_to_rest()
    refunds = json.loads(desk.row("order", number)["facts"])["refunds"]
    assert len(refunds) == 2
    assert [date for _, date in refunds].count("") == 1
    assert desk.problems() == {"implausible-dates"}
    assert desk.row("order", number)["reread_at"] is None


@ON_SQLITE
def test_a_closed_record_keeps_the_question_that_was_open(desk: Desk) -> None:
    number = desk.written_order()
    stale = desk.store.renderer.order(desk.store.shop.order(number)) | {
        "date_modified_gmt": "2026-01-01T00:00:00"
    }
    desk.store.set_habits(closed=[f"order:{number}"])
    desk.advance(MINUTE)
    desk.receive(made("order.deleted", {"id": number}))
    desk.advance(MINUTE)
    desk.work()
    assert desk.row("order", number)["reread_reason"] == "closed"
    desk.receive(made("order.updated", stale, delivery_id="again"))
    assert desk.row("order", number)["reread_reason"] == "closed"
    assert desk.problems() == {"failing-questions"}
