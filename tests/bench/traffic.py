"""Deliveries of a busy shop without end, as bytes on the wire: every one different, as large as a real store's.

Of four, three are new orders (each second one by a customer with an account) and one is an order of before that has
been paid since.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.bench.load import http_request
from tests.support.recordings import Recorded, delivery, made

BODY_BYTES = 6_000
"""As large as the order of a few lines that a store sends; the recorded one is made up to it."""

BEGAN = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def deliveries(first: int, *, slug: str = "shop") -> Iterator[bytes]:
    """Requests from order number `first` on; the same number gives the same request each time."""
    for number in range(first, first + 1_000_000_000):
        if number % 4 == 3:
            yield _on_the_wire(_order(number - 2, number, paid=True), slug)
        else:
            yield _on_the_wire(_order(number, number, paid=False), slug)


def _order(number: int, event: int, *, paid: bool) -> Recorded:
    """The order `number` after the event, which moves the clock on by a tenth of a second."""
    at = BEGAN + timedelta(seconds=number // 10)
    changes: dict[str, Any] = {
        "customer_id": 10_000_000 + number if number % 2 else 0,
        "status": "processing" if paid else "pending",
        "date_created_gmt": f"{at:%Y-%m-%dT%H:%M:%S}",
        "date_modified_gmt": f"{at + timedelta(seconds=60 * paid):%Y-%m-%dT%H:%M:%S}",
        "date_paid_gmt": f"{at + timedelta(seconds=60):%Y-%m-%dT%H:%M:%S}" if paid else None,
    }
    payload = _ORDER | changes | {"id": number}
    topic = "order.updated" if paid else "order.created"
    return made(topic, json.dumps(payload).encode(), delivery_id=f"{event // 9:032x}")


def _on_the_wire(sent: Recorded, slug: str) -> bytes:
    return http_request(f"/webhooks/{slug}", list(sent.headers.items()), sent.body)


def _large_order() -> dict[str, Any]:
    """The recorded order with as many of its lines as make a body of the size."""
    order = delivery(8).payload
    line = order["line_items"][0]
    while len(json.dumps(order)) < BODY_BYTES:
        order["line_items"].append(line)
    return order


_ORDER = _large_order()
