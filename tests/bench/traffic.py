"""An endless stream of a busy shop's deliveries as bytes: each one is different, and as large as a real one.

Three of four are new orders (every second one by a customer with an account). One is an earlier order that has
been paid since.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from typing import Any, Self

from tests.bench.load import http_request
from tests.support.recordings import Recorded, delivery, made

BODY_BYTES = 6_000
"""The size of a body, as of an order with a few lines. The recorded order is extended to it."""

PAID_AFTER = 50
"""An order is paid after this many further groups of four deliveries of its store."""

BEGAN = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


SLUGS = ("shop",)


def deliveries(first: int, *, slugs: Sequence[str] = SLUGS) -> Iterator[bytes]:
    """Yield requests from order number `first` on. The same number always gives the same request. Four deliveries go to
    one of the stores `slugs`, the next four to the next."""
    before = 4 * len(slugs) * PAID_AFTER
    for number in range(first, first + 1_000_000_000):
        slug = slugs[number // 4 % len(slugs)]
        if number % 4 == 3:
            yield _on_the_wire(_order(number - 2 - before, number, paid=True), slug)
        else:
            yield _on_the_wire(_order(number, number, paid=False), slug)


class Supply:
    """Requests that are prepared in advance, so that a load does not spend time on it."""

    def __init__(self, endless: Iterator[bytes]) -> None:
        self._endless = endless
        self._ready: deque[bytes] = deque()

    @classmethod
    def repeated(cls, different: int = 1000) -> Self:
        """The same few requests repeatedly, for a target that stores nothing."""
        return cls(cycle(islice(deliveries(1), different)))

    def prepare(self, count: int) -> None:
        """Prepare `count` requests, including those left from the load before."""
        self._ready.extend(islice(self._endless, max(0, count - len(self._ready))))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        """The next prepared request. Raise StopIteration if there is none."""
        if not self._ready:
            raise StopIteration
        return self._ready.popleft()


def _order(number: int, event: int, *, paid: bool) -> Recorded:
    """The delivery of order `number`, after `event` deliveries."""
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
    """The recorded order, with its first line repeated up to BODY_BYTES."""
    order = delivery(8).payload
    line = order["line_items"][0]
    while len(json.dumps(order)) < BODY_BYTES:
        order["line_items"].append(line)
    return order


_ORDER = _large_order()
