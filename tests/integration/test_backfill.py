"""The first run over a shop: a page of records is taken in while the next page is requested."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from hooks.intake.answers import Answers
from hooks.store.client import StoreClient
from hooks.sync.backfill import Backfill
from tests.integration.harness import Harness
from tests.support.processes import until

ORDERS = 250


@pytest.fixture
def backfill(harness: Harness) -> Iterator[Backfill]:
    """A backfill of a shop that existed before the service."""
    harness.store.place_orders(count=ORDERS, quiet=True)
    client = StoreClient(harness.worker.pusher.client.settings)
    with closing(client._api.session):
        refetcher = replace(harness.worker.refetcher, client=client)
        yield Backfill("shop", harness.runtime, harness.reconciler, refetcher)


def _listed(harness: Harness) -> int:
    """Count the pages of orders that the store was asked for."""
    return sum("offset" in entry.query for entry in harness.store.log.requests)


def test_the_next_page_is_listed_while_a_page_is_taken_in(
    harness: Harness, backfill: Backfill, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_answers, pages = Answers.apply, iter((2, 3))

    def when_listed(
        self: Answers, store: str, answers: Iterable[Any], *, asked_at: datetime
    ) -> None:
        wanted = next(pages, 0)
        until(
            lambda: _listed(harness) >= wanted,
            f"page {wanted} to be asked for before the records before are taken in",
        )
        apply_answers(self, store, answers, asked_at=asked_at)

    monkeypatch.setattr(Answers, "apply", when_listed)
    *_, last = backfill.run()
    assert (last.seen, last.trouble) == (ORDERS + 1, None)  # and one of the staff
    assert next(pages, None) is None
