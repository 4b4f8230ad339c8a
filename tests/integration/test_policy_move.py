"""A shop moves from the previous policy to the shipped one: preview, re-tag, refetch and write-back."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from hooks.ledger.database import Database
from hooks.policies.preview import preview
from hooks.retention import tags
from hooks.retention.cache import BoundedCache
from hooks.retention.policy import Policy
from schemas.policy import load_policy
from tests.integration.harness import ON_SQLITE, Harness, open_harness
from tests.support.processes import ROOT

BEFORE = load_policy(ROOT / "tests" / "recordings" / "policy-2026-01-15.toml")
NAMED = {"first_name": "Kari", "address_1": "Storgata 1", "email": "kari@example.test"}
REACHED = {"email": "kari@example.test"}


def _schedule(shop: Harness, number: int) -> list[tuple[str, str | None, str, str | None]]:
    shown: list[dict[str, Any]] = json.loads(shop.held("order", number)["retention_schedule"])
    return [(one["data"], one.get("part"), one["basis"], one["delete_after"]) for one in shown]


def _as_read_before(shop: Harness, number: int) -> None:
    """Give the facts the form of the previous version: name and contact were one category."""
    facts = json.loads(shop.row("order", number)["facts"])
    told = {"identity" if kind == "contact" else kind for kind in facts["kinds"]}
    facts["kinds"] = sorted(told - {"item-meta", "refund-reason"})
    shop.edit_row("order", number, facts=json.dumps(facts, separators=(",", ":"), sort_keys=True))


@pytest.fixture
def version_before(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Tag as the previous version did, until the test ends."""
    monkeypatch.setattr(tags, "REVISION", 1)
    monkeypatch.setattr(tags, "_cache", BoundedCache(16))
    return monkeypatch


def test_a_ledger_of_the_previous_policy_is_moved_and_written_back(
    database: Database, policy: Policy, version_before: pytest.MonkeyPatch
) -> None:
    with open_harness(database, BEFORE) as shop:
        shop.activate(BEFORE)
        named, reached = (shop.written_order(billing=billing) for billing in (NAMED, REACHED))
        for number in (named, reached):
            _as_read_before(shop, number)
        assert shop.held("order", named)["retention_policy"] == BEFORE.id
        version_before.undo()
        shop.activate(policy)
        shop.tag()
        # Until the store is read again, what was called identity is taken for that.
        assert "contact" not in shop.row("order", reached)["facts"]
        shop.come_to_rest()
        assert [shop.held("order", number)["retention_policy"] for number in (named, reached)] == [
            policy.id
        ] * 2
        by_law, identity = (
            ("order-payment", None, "legal-obligation"),
            ("identity-contact", "identity"),
        )
        contact = ("identity-contact", "contact", "contract", "2031-12-31")
        assert _schedule(shop, named) == [
            (*by_law, "2031-12-31"),
            (*identity, "legal-obligation", "2031-12-31"),
            contact,
        ]
        assert _schedule(shop, reached) == [(*by_law, "2031-12-31"), contact]
        assert shop.status()["policy"]["to_be_tagged"] == 0


@ON_SQLITE
def test_the_move_is_previewed_before_anything_changes(database: Database, policy: Policy) -> None:
    """No date of an order moves, and nothing is due at once: parts of the orders only get a legal basis of their
    own."""
    with open_harness(database, BEFORE) as shop:
        shop.activate(BEFORE)
        number = shop.written_order(billing=NAMED)
        found = preview(database, policy, date(2026, 11, 22))
        assert (found.total, found.moved, found.due_at_once, found.alarms) == (1, 0, 0, ())
        assert shop.held("order", number)["retention_policy"] == BEFORE.id


@ON_SQLITE
def test_data_that_the_stores_eraser_leaves_are_named(harness: Harness) -> None:
    number = harness.store.checkout(
        ip_address="192.0.2.7",
        billing=NAMED,
        line_items=[{"product_id": 10}],
        payment_method="bacs",
        set_paid=True,
    )["id"]
    harness.store.shop.order(number).line_items[0].meta.set("Engraving", "For Kari")
    harness.store.refund_order(number, "10.00", "Kari was ill")
    harness.come_to_rest()
    assert "item-meta" not in harness.held("order", number)["retention_schedule"]
    harness.store.anonymise_order(number)
    harness.come_to_rest()
    named = {(data, part) for data, part, *_ in _schedule(harness, number)}
    assert {("order-payment", "item-meta"), ("support", "refund-reason")} <= named
    assert "Kari" not in json.dumps(harness.row("order", number), default=str)
