"""The reason to refetch a record that one of the store's lists shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hooks.ledger.codec import facts_text
from hooks.ledger.records import RecordKey, blank
from hooks.retention.facts import OrderFacts, Snapshot
from hooks.sync.compare import ListRow, RefundIds, reason_to_refetch
from tests.unit.builders import at

VERSION = at("2026-11-22T12:00:00")
NOW = VERSION + timedelta(hours=1)
ORDER = OrderFacts("completed", at("2026-11-20"), completed_at=at("2026-11-21"))
NEXT_MILLENNIUM = at("3000-01-01")


def _stored(facts: OrderFacts) -> Any:
    row = blank(RecordKey("shop", "order", 7), NOW)
    return {**row, "state": "active", "version": VERSION, "facts": facts_text(facts)}


@pytest.mark.parametrize(
    ("stored", "version", "reason"),
    [
        (ORDER, VERSION, None),
        (ORDER, VERSION + timedelta(seconds=1), "missed"),
        (ORDER, VERSION - timedelta(seconds=1), "changed"),
        # The version makes no sense, which the ledger does not have yet: `/status` is to name it.
        (ORDER, NEXT_MILLENNIUM, "changed"),
        # The ledger has it: the store is not asked once more in each round.
        (replace(ORDER, oddities=frozenset({"date_modified"})), NEXT_MILLENNIUM, None),
    ],
)
def test_version_of_a_listed_order_decides(
    stored: OrderFacts, version: Any, reason: str | None
) -> None:
    row = ListRow(Snapshot(ORDER, 7, version, None), RefundIds(is_complete=True))
    assert reason_to_refetch(_stored(stored), row, now=NOW) == reason
