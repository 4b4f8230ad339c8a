"""One record on which the store, or a server in front of it, fails does not stop the work on other records."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from requests import Response

from hooks.ledger import rounds
from tests.integration.harness import ON_SQLITE, Harness
from tests.support.recordings import made

MINUTE = timedelta(minutes=1)
JUMPER = [{"product_id": 10}]

Fits = Callable[[str, str, dict[str, str]], bool]


def _answer_otherwise(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, fits: Fits, status: int, body: bytes
) -> None:
    """Let a server in front of the store answer the calls that match."""
    for client in (harness.worker.refetcher.client, harness.reconciler.client):
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
def test_a_gone_order_is_closed_where_a_firewall_blocks_post_reads(
    status: int, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firewall refuses a POST that only reads. No cache was ever seen, so the answer to the GET counts."""
    number, other = harness.written_order(), harness.written_order()
    _answer_otherwise(harness, monkeypatch, lambda *call: "_method" in call[2], status, HTML)
    harness.store.delete_order(number)
    harness.lose()
    harness.advance(MINUTE)
    harness.store.trash_order(other)
    harness.lose()
    harness.reconcile("orders")
    assert (harness.row("order", number)["state"], harness.row("order", other)["state"]) == (
        "gone",
        "trashed",
    )
    assert harness.pause() is None


@ON_SQLITE
@pytest.mark.parametrize(("status", "body"), [(500, FAILED), (502, HTML)])
def test_the_search_skips_an_order_on_which_the_store_fails(
    status: int, body: bytes, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = harness.store.place_orders(count=5, quiet=True)
    harness.advance(MINUTE)
    harness.store.set_habits(unlisted=[numbers[1], numbers[2]])
    harness.reconcile("orders")
    poison = str(numbers[2])
    _answer_otherwise(
        harness,
        monkeypatch,
        lambda *call: poison in call[2].get("include", "").split(","),
        status,
        body,
    )
    with harness.runtime.database.write() as connection:
        rounds.ask_for(connection, harness.slug, ("unlisted",), harness.clock())
    for _ in range(10):
        harness.reconciler.step(("unlisted",))
    harness.come_to_rest()
    assert harness.row("order", numbers[1])["state"] == "active"
    assert harness.pause() is None
    with harness.runtime.database.read() as connection:
        state = rounds.state(connection, harness.slug, "unlisted")
    assert state is not None
    assert (state.error, state.due_at > harness.clock()) == (None, True)


def test_a_refund_missing_in_the_list_of_refunds_still_counts(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = int(harness.store.place_order(line_items=JUMPER)["id"])
    harness.come_to_rest()
    harness.advance(MINUTE)
    shown = harness.worker.refetcher.client.refunds
    monkeypatch.setattr(
        type(harness.worker.refetcher.client), "refunds", lambda _, number: shown(number)[1:]
    )
    for _ in range(2):
        harness.store.refund_order(number, amount="5.00")
    harness.come_to_rest()
    refunds = json.loads(harness.row("order", number)["facts"])["refunds"]
    assert len(refunds) == 2
    assert [date for _, date in refunds].count("") == 1
    assert harness.problems() == {"implausible-dates"}
    assert harness.row("order", number)["reread_at"] is None


@ON_SQLITE
def test_a_closed_record_keeps_its_open_refetch(harness: Harness) -> None:
    number = harness.written_order()
    stale = harness.store.renderer.order(harness.store.shop.order(number)) | {
        "date_modified_gmt": "2026-01-01T00:00:00"
    }
    harness.store.set_habits(closed=[f"order:{number}"])
    harness.advance(MINUTE)
    harness.receive(made("order.deleted", {"id": number}))
    harness.advance(MINUTE)
    harness.work()
    assert harness.row("order", number)["reread_reason"] == "closed"
    harness.receive(made("order.updated", stale, delivery_id="again"))
    assert harness.row("order", number)["reread_reason"] == "closed"
    assert harness.problems() == {"failing-questions"}
