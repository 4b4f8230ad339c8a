"""Accounts with roles from plugins: ignored and counted by role, and customers once the policy names the role."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hooks.intake.ingest import Result
from tests.integration.harness import Harness
from tests.support.policies import variant
from tests.support.recordings import customer, made

WHOLESALE = "wholesale_customer"
ROLES = ("customer", "subscriber", WHOLESALE)


def _ignored(harness: Harness) -> dict[str, int]:
    ignored: dict[str, int] = harness.status()["records"]["ignored"]
    return ignored


def _accounts(harness: Harness, *roles: str) -> list[int]:
    return [
        int(harness.store.make_account(f"n{n}@example.test", role)["id"])
        for n, role in enumerate(roles)
    ]


@pytest.mark.parametrize("is_told", [True, False])
def test_ignored_accounts_are_counted_by_role(harness: Harness, *, is_told: bool) -> None:
    _accounts(harness, "customer", WHOLESALE, WHOLESALE, "editor", "", "Vip Member")
    if is_told:
        harness.come_to_rest()
        assert _ignored(harness) == {"editor": 1, "none": 1, "other": 1, WHOLESALE: 2}
    else:
        harness.lose()
    harness.reconcile()  # of staff whom only a list shows nothing is asked: nobody wonders about these
    assert _ignored(harness) == {"none": 1, "other": 1, WHOLESALE: 2} | (
        {"editor": 1} if is_told else {}
    )
    assert harness.status()["records"]["total"] == 1
    assert harness.problems() == set()


def test_a_counted_account_is_not_refetched(harness: Harness) -> None:
    _accounts(harness, WHOLESALE, "editor")
    harness.reconcile()
    before = harness.sent("GET", "/customers/")
    harness.reconcile()
    assert harness.sent("GET", "/customers/") == before


def test_accounts_ignored_before_roles_were_kept_have_no_role_yet(
    harness: Harness,
) -> None:
    (number,) = _accounts(harness, WHOLESALE)
    harness.reconcile()
    harness.edit_row("customer", number, role=None)
    assert _ignored(harness) == {"unknown": 1}
    harness.reconcile()
    assert _ignored(harness) == {WHOLESALE: 1}


def test_a_changed_role_moves_the_count(harness: Harness) -> None:
    (number,) = _accounts(harness, WHOLESALE)
    harness.reconcile()
    for role, counted in (
        # Another one that is ignored; one of a customer; and back again. WordPress changes no date for it.
        ("editor", {"editor": 1}),
        ("customer", {}),
        (WHOLESALE, {WHOLESALE: 1}),
    ):
        harness.store.shop.customer(number).role = role
        harness.advance(timedelta(days=1))
        harness.reconcile()
        assert _ignored(harness) == counted
        assert harness.row("customer", number)["role"] == (None if role == "customer" else role)


def test_a_gone_account_has_no_role(harness: Harness) -> None:
    (number,) = _accounts(harness, WHOLESALE)
    harness.reconcile()
    harness.store.delete_customer(number)
    harness.come_to_rest()
    assert (harness.row("customer", number)["state"], harness.row("customer", number)["role"]) == (
        "gone",
        None,
    )
    assert _ignored(harness) == {}


def test_a_role_named_by_the_policy_makes_accounts_customers(harness: Harness) -> None:
    """At the worker's next turns, every account that was read under other roles is refetched."""
    wholesaler, editor = _accounts(harness, WHOLESALE, "editor")
    harness.come_to_rest()
    harness.activate(variant(harness.runtime.policy, roles=ROLES))
    harness.come_to_rest()
    assert harness.row("customer", wholesaler)["state"] == "active"
    assert harness.held("customer", wholesaler)["retention_class"] == "customer-accounts"
    assert harness.row("customer", editor)["state"] == "ignored"
    assert _ignored(harness) == {"editor": 1}


def test_a_role_dropped_by_the_policy_makes_accounts_ignored(
    harness: Harness,
) -> None:
    usual = harness.runtime.policy
    harness.activate(variant(usual, "first", roles=ROLES))
    (wholesaler,) = _accounts(harness, WHOLESALE)
    harness.come_to_rest()
    assert harness.held("customer", wholesaler)["retention_class"] == "customer-accounts"
    harness.activate(variant(usual, "second"))
    harness.come_to_rest()
    assert _ignored(harness) == {WHOLESALE: 1}
    assert harness.held("customer", wholesaler) == {}


def test_the_same_policy_under_another_id_refetches_nothing(harness: Harness) -> None:
    _accounts(harness, "customer", WHOLESALE)
    harness.come_to_rest()
    before = harness.sent("GET", "/customers")
    harness.activate(variant(harness.runtime.policy, roles=ROLES[:2]))
    harness.come_to_rest()
    assert harness.sent("GET", "/customers") == before


def test_a_delivery_of_an_ignored_account_is_accepted_as_before(harness: Harness) -> None:
    assert harness.receive(made("customer.updated", customer(7, role=WHOLESALE))) == Result.IGNORED
    assert _ignored(harness) == {WHOLESALE: 1}
