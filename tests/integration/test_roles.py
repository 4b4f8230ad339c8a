"""Accounts with roles that plugins made: ignored and counted by role, and customers once the policy says so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hooks.intake.ingest import Result
from tests.integration.desk import Desk
from tests.support.policies import variant
from tests.support.recordings import customer, made

WHOLESALE = "wholesale_customer"
ROLES = ("customer", "subscriber", WHOLESALE)


def _ignored(desk: Desk) -> dict[str, int]:
    ignored: dict[str, int] = desk.status()["records"]["ignored"]
    return ignored


def _accounts(desk: Desk, *roles: str) -> list[int]:
    return [
        int(desk.store.make_account(f"n{n}@example.test", role)["id"])
        for n, role in enumerate(roles)
    ]


@pytest.mark.parametrize("is_told", [True, False])
def test_ignored_accounts_are_counted_by_role(desk: Desk, *, is_told: bool) -> None:
    _accounts(desk, "customer", WHOLESALE, WHOLESALE, "editor", "", "Vip Member")
    if is_told:
        desk.come_to_rest()
        assert _ignored(desk) == {"editor": 1, "none": 1, "other": 1, WHOLESALE: 2}
    else:
        desk.lose()
    desk.reconcile()  # of staff whom only a list shows nothing is asked: nobody wonders about these
    assert _ignored(desk) == {"none": 1, "other": 1, WHOLESALE: 2} | (
        {"editor": 1} if is_told else {}
    )
    assert desk.status()["records"]["total"] == 1
    assert desk.problems() == set()


def test_what_is_counted_is_not_asked_for_again(desk: Desk) -> None:
    _accounts(desk, WHOLESALE, "editor")
    desk.reconcile()
    before = desk.sent("GET", "/customers/")
    desk.reconcile()
    assert desk.sent("GET", "/customers/") == before


def test_accounts_ignored_before_roles_were_kept_are_unknown_until_they_are_read(
    desk: Desk,
) -> None:
    (number,) = _accounts(desk, WHOLESALE)
    desk.reconcile()
    desk.edit_row("customer", number, role=None)
    assert _ignored(desk) == {"unknown": 1}
    desk.reconcile()
    assert _ignored(desk) == {WHOLESALE: 1}


def test_a_role_that_changes_moves_the_count(desk: Desk) -> None:
    (number,) = _accounts(desk, WHOLESALE)
    desk.reconcile()
    for role, counted in (
        # Another one that is ignored; one of a customer; and back again. WordPress changes no date for it.
        ("editor", {"editor": 1}),
        ("customer", {}),
        (WHOLESALE, {WHOLESALE: 1}),
    ):
        desk.store.shop.customer(number).role = role
        desk.advance(timedelta(days=1))
        desk.reconcile()
        assert _ignored(desk) == counted
        assert desk.row("customer", number)["role"] == (None if role == "customer" else role)


def test_an_account_that_is_gone_has_no_role(desk: Desk) -> None:
    (number,) = _accounts(desk, WHOLESALE)
    desk.reconcile()
    desk.store.delete_customer(number)
    desk.come_to_rest()
    assert (desk.row("customer", number)["state"], desk.row("customer", number)["role"]) == (
        "gone",
        None,
    )
    assert _ignored(desk) == {}


def test_roles_that_the_policy_names_make_customers_of_ignored_accounts(desk: Desk) -> None:
    """At the worker's next turns: what was read with other roles in mind is read again."""
    wholesaler, editor = _accounts(desk, WHOLESALE, "editor")
    desk.come_to_rest()
    desk.adopt(variant(desk.runtime.policy, roles=ROLES))
    desk.come_to_rest()
    assert desk.row("customer", wholesaler)["state"] == "active"
    assert desk.held("customer", wholesaler)["retention_class"] == "customer-accounts"
    assert desk.row("customer", editor)["state"] == "ignored"
    assert _ignored(desk) == {"editor": 1}


def test_roles_that_the_policy_names_no_more_make_ignored_accounts_of_customers(desk: Desk) -> None:
    usual = desk.runtime.policy
    desk.adopt(variant(usual, "first", roles=ROLES))
    (wholesaler,) = _accounts(desk, WHOLESALE)
    desk.come_to_rest()
    assert desk.held("customer", wholesaler)["retention_class"] == "customer-accounts"
    desk.adopt(variant(usual, "second"))
    desk.come_to_rest()
    assert _ignored(desk) == {WHOLESALE: 1}
    assert desk.held("customer", wholesaler) == {}


def test_the_shipped_policy_under_another_name_has_nothing_read_again(desk: Desk) -> None:
    _accounts(desk, "customer", WHOLESALE)
    desk.come_to_rest()
    before = desk.sent("GET", "/customers")
    desk.adopt(variant(desk.runtime.policy, roles=ROLES[:2]))
    desk.come_to_rest()
    assert desk.sent("GET", "/customers") == before


def test_a_delivery_of_an_ignored_account_is_answered_as_before(desk: Desk) -> None:
    assert desk.receive(made("customer.updated", customer(7, role=WHOLESALE))) == Result.IGNORED
    assert _ignored(desk) == {WHOLESALE: 1}
