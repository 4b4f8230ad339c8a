"""The content of a line of `/schedule`, for whole records and for parts that go first."""

from __future__ import annotations

import json
from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hooks.retention.events import RecordEvent
from hooks.retention.facts import Choice, ConsentFacts, Facts
from hooks.retention.policy import Policy
from hooks.retention.tags import Context
from hooks.tagging.tagger import tag
from hooks.web.endpoints.schedule import line_of
from tests.unit.builders import at, order

ERASURE = RecordEvent("erasure", "erasure-requested", at("2026-11-23"))
IDENTITY = "identity-contact (identity)"
CONTACT = "identity-contact (contact)"
PAID = order(kinds="identity contact")
SUBSCRIBED = ConsentFacts(
    "marketing-consent",
    (Choice(at("2026-01-10"), given=True), Choice(at("2026-11-22"), given=False)),
)

# (facts, context, are parts listed, the day, the data to delete).
LINES: list[tuple[Facts, Context, bool, date, list[str]]] = [
    # The whole order, with each part of a split category.
    (PAID, Context(), False, date(2031, 12, 31), ["order-payment", IDENTITY, CONTACT]),
    # Only the part that the person asked to erase goes: a sales document needs the other part.
    (PAID, Context((ERASURE,)), True, date(2026, 12, 23), [CONTACT]),
    # A category that is not split has its own name.
    (order(kinds="network"), Context(), True, date(2027, 11, 22), ["technical"]),
]


@pytest.mark.parametrize(("facts", "bearing", "parts", "day", "data"), LINES)
def test_a_line_names_the_parts_to_delete(
    facts: Facts, bearing: Context, parts: bool, day: date, data: list[str], policy: Policy
) -> None:
    line = line_of(_row(facts, bearing, policy), parts=parts)
    assert (line["delete_after"], line["data"]) == (day.isoformat(), data)


def test_an_entry_that_may_govern_but_does_not_is_a_part(policy: Policy) -> None:
    """The proof of a withdrawn consent stays and governs. The marketing data of that consent go first."""
    proof = {
        "delete_after": "2029-11-22",
        "class": "consent-evidence",
        "data": "marketing",
        "governs": True,
    }
    ended = {
        "delete_after": "2026-11-22",
        "class": "marketing",
        "data": "marketing",
        "governs": True,
    }
    entries = [one | {"basis": "consent", "review_after": None} for one in (ended, proof)]
    row = _row(SUBSCRIBED, Context(), policy)
    row.entries, row.part_delete_after = json.dumps(entries), date(2026, 11, 22)
    line = line_of(row, parts=True)
    assert (line["class"], line["data"]) == ("marketing", ["marketing"])


def _row(facts: Facts, bearing: Context, policy: Policy) -> Any:
    _, columns = tag(facts, policy, bearing)
    return cast("Any", SimpleNamespace(store="shop", kind=facts.kind, external_id=7, **columns))
