"""Random histories of a shop: after one reconciliation the ledger holds what the policy alone gives.

The histories mix changes in the shop, deliveries, workers that die, holds, requests, consents and new policies; then
the lists are reconciled once. The ledger must then agree with a second ledger that was filled from the store's lists
alone, except for what the store no longer shows or never knew. The exceptions are checked against a log of what really
happened in the shop.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Literal, cast
from uuid import uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from deploy.sandbox.errors import RestError
from hooks.intake.webhook import EventNote, OccurrenceReport
from hooks.ledger import records, rounds, stores
from hooks.retention.events import TYPES, EventType, RecordEvent
from hooks.retention.facts import EVENT_TYPES, STORED_KINDS, RecordKind, Subject
from hooks.retention.policy import Policy
from hooks.store.retry import PERMANENT
from hooks.sync.reconcile import Reconciler
from hooks.sync.refetch import Refetcher
from tests.integration.conftest import MakeLedger
from tests.integration.harness import SETTLE, open_harness
from tests.integration.policy_variants import policies
from tests.integration.random_histories import ShopMachine, go_through, play
from tests.integration.shop_log import (
    Held,
    Rows,
    ShopLog,
    assert_in_step,
    bare,
    compare,
    count_history,
    count_to_ask,
    rows_of,
)

PAGE = 4
"""Short pages, so that a walk through a few records has many."""

MOST = 9
"""Orders in one history, and accounts: two of them are as good as a thousand."""

STEPS = 25

PASSING = (1, 2, 11, 60, 400, 3_600, 86_400, 40 * 86_400, 700 * 86_400)
"""Seconds. The last ones bring accounts near to their date and past it."""

KARI = "kari@example.test"
JUMPER = {"line_items": [{"product_id": 10}]}
PLACED: tuple[dict[str, Any], ...] = (
    JUMPER | {"set_paid": True, "billing": {"first_name": "Kari", "email": KARI}},
    JUMPER | {"status": "on-hold", "customer_note": "Ring twice"},
    JUMPER | {"status": "checkout-draft"},
    {
        "status": "pending",
        "meta_data": [{"key": "_wc_order_attribution_source_type", "value": "organic"}],
    },
    JUMPER | {"set_paid": True, "meta_data": [{"key": "ws_opt_in", "value": "yes"}]},
    JUMPER | {"status": "packed-by-a-plugin", "meta_data": [{"key": "ws_opt_in", "value": "no"}]},
)
DEEDS = ("pay", "complete", "cancel", "refund", "trash", "restore", "delete", "anonymise")
EDITS: tuple[dict[str, Any], ...] = (
    {"customer_note": "Leave it at the door"},
    {"customer_note": ""},
    {"shipping": {"first_name": "Kari", "city": "Lysaker"}},
    {"status": "processing"},
    {"status": "failed"},
)

ODD: tuple[dict[str, Any], ...] = (
    {},
    {"date_paid_gmt": None, "date_completed_gmt": None},
    {"date_paid_gmt": "1970-01-01T00:00:00"},
    {"date_created_gmt": None},
    {"date_created_gmt": "0000-00-00T00:00:00", "date_paid_gmt": "2647-01-01T00:00:00"},
    {"date_modified_gmt": "2647-01-01T00:00:00"},
    {"date_modified_gmt": "0782-01-01T00:00:00"},
)
"""Days that are lost, or that plugins write."""

NO_HABITS: dict[str, Any] = {
    "closed": set(),
    "refused_methods": set(),
    "cache": "",
    "before_json": "",
}
HABITS: tuple[dict[str, Any], ...] = (
    {},
    {"closed": True},
    {"refused_methods": {"PUT", "DELETE"}},
    {"cache": "deaf X-LiteSpeed-Cache: hit"},
    {"cache": "deaf silent"},
    {"before_json": "\ufeff<br />\n<b>Notice</b>: Undefined index<br />\n"},
)

places = st.integers(0, MOST - 1)
lost = st.booleans()
past = st.sampled_from([0, 1, 40, 700])
"""Days."""


class RandomShop(ShopMachine):
    """A shop, its deliveries and a worker, in any order."""

    role = "administrator"
    subject_key: str | None = None
    policy: Policy
    make_ledger: MakeLedger
    make_second: MakeLedger

    def __init__(self) -> None:
        super().__init__()
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr("hooks.store.listing.PER_PAGE", PAGE)
        self.database = self.make_ledger()
        self.stack.callback(self.database.close)
        self.harness = self.stack.enter_context(
            open_harness(self.database, self.policy, role=self.role, subject_key=self.subject_key)
        )
        self.shop_log = ShopLog()
        self.edited: dict[Held, int] = {}
        self.accounts = 0

    # The shop

    @initialize(
        given=st.lists(st.sampled_from(PLACED), min_size=2, max_size=4), heard=st.booleans()
    )
    def open(self, given: list[dict[str, Any]], heard: bool) -> None:
        """Open a shop with a few orders and an account; all deliveries were received, or none."""
        self.harness.store.sign_up(email="first@example.test")
        for place, one in enumerate(given):
            self.place(one, 0 if place == 0 else None, quiet=not heard)
        self.shop_log.note(self.harness)
        if heard:
            self.harness.come_to_rest()

    @rule(given=st.sampled_from(PLACED), owner=st.none() | places, quiet=st.booleans())
    def place(self, given: dict[str, Any], owner: int | None, *, quiet: bool) -> None:
        """Place an order; with `quiet` an importer places it, and no webhook fires."""
        if len(self.harness.store.shop.orders) >= MOST:
            return
        customer = self._customer(owner) if owner is not None else None
        self.harness.store.shop.statuses.add(given.get("status", "pending"))
        self.harness.store.place_orders(
            1, customer_id=customer or 0, quiet=quiet, **{"set_paid": False} | given
        )

    @rule(place=places, deed=st.sampled_from(DEEDS), lost=lost)
    def happen(self, place: int, deed: str, *, lost: bool) -> None:
        """Change an order, if the shop allows the change."""
        number = self._order(place)
        if number is None:
            return
        more = {"amount": "5.00"} if deed == "refund" else {}
        trashed = self.harness.store.shop.orders[number].status == "trash"
        if (trashed and deed not in ("restore", "delete", "anonymise")) or (
            deed == "restore" and not trashed
        ):
            return
        try:
            getattr(self.harness.store, f"{deed}_order")(number, **more)
        except RestError:
            return  # nothing left to be given back
        self._lose_if(lost)

    @rule(place=places, change=st.sampled_from(EDITS), lost=lost)
    def edit(self, place: int, change: dict[str, Any], *, lost: bool) -> None:
        """Let staff edit an order."""
        number = self._order(place)
        if number is not None and self.harness.store.shop.orders[number].status != "trash":
            self.harness.store.edit_order(number, **change)
            self._lose_if(lost)

    @rule(place=places, owner=places)
    def assign(self, place: int, owner: int) -> None:
        """Let staff give an order to another customer."""
        number, customer = self._order(place), self._customer(owner)
        if number is not None:
            self.harness.store.edit_order(number, customer_id=customer or 0)

    @rule(place=places, odd=st.sampled_from(ODD), change=st.booleans(), lost=lost)
    def show_oddly(self, place: int, odd: dict[str, Any], *, change: bool, lost: bool) -> None:
        """Let an update of the shop, or a plugin, confuse the days of an order."""
        number = self._order(place)
        if number is None or self.harness.store.shop.orders[number].status == "trash":
            return
        self.harness.store.show_oddly("order", number, **odd)
        if change:
            self.harness.store.edit_order(number, customer_note="Ring twice")
            self._lose_if(lost)

    @rule(place=places)
    def refund_in_silence(self, place: int) -> None:
        """Let a payment gateway refund an order: no date of the order moves, and no delivery is sent."""
        number = self._order(place)
        if number is not None and self.harness.store.shop.orders[number].status != "trash":
            with suppress(RestError):  # nothing left to be given back
                self.harness.store.refund_order(number, amount="5.00", silent=True)

    @rule(place=places)
    def delete_refund(self, place: int) -> None:
        """Let staff delete a refund, which sends no delivery either."""
        number = self._order(place)
        if number is not None and self.harness.store.shop.orders[number].refunds:
            self.harness.store.delete_refund(
                number, self.harness.store.shop.orders[number].refunds[0].id
            )

    @rule(habits=st.sampled_from(HABITS), place=places)
    def take_on(self, habits: dict[str, Any], place: int) -> None:
        """Give the store, or a server in front of it, a habit; or close a record to the key."""
        number = self._order(place)
        closed = {f"order:{number}"} if habits.get("closed") else set()
        self.harness.store.set_habits(**NO_HABITS | habits | {"closed": closed})

    @rule(how=st.sampled_from(["sign-up", "account", "staff"]))
    def sign_up(self, how: str) -> None:
        """Create an account; where addresses are known, the first account is of somebody who also orders as a guest."""
        if len(self.harness.store.shop.customers) >= MOST:
            return
        self.accounts += 1
        taken = {account.email for account in self.harness.store.shop.customers.values()}
        email = KARI if self.subject_key and KARI not in taken else f"c{self.accounts}@example.test"
        if how == "sign-up":
            self.harness.store.sign_up(email=email)
        else:
            self.harness.store.make_account(
                email=email, role="customer" if how == "account" else "editor"
            )

    @rule(
        place=places,
        deed=st.sampled_from(["visit", "edit", "delete", "promote", "demote"]),
        lost=lost,
    )
    def account(self, place: int, deed: str, *, lost: bool) -> None:
        """Change an account; a new role moves no date, and no webhook reports it."""
        number = self._customer(place)
        if number is None:
            return
        if deed in ("promote", "demote"):
            self.harness.store.shop.customers[number].role = (
                "editor" if deed == "promote" else "customer"
            )
        else:
            getattr(
                self.harness.store,
                {"edit": "edit_customer", "delete": "delete_customer"}.get(deed, deed),
            )(number)
            self._lose_if(lost)

    @rule(
        kind=st.sampled_from(["order", "customer"]), place=places, wanted=st.booleans(), lost=lost
    )
    def newsletter(self, kind: str, place: int, *, wanted: bool, lost: bool) -> None:
        """Subscribe to the newsletter, or unsubscribe."""
        number = self._order(place) if kind == "order" else self._customer(place)
        if number is not None:
            (self.harness.store.opt_in if wanted else self.harness.store.opt_out)(kind, number)
            self._lose_if(lost)

    @rule(
        kind=st.sampled_from(STORED_KINDS),
        place=places,
        value=st.sampled_from([None, "2020-01-01"]),
        key=st.sampled_from(["retention_class", "retention_delete_after"]),
    )
    def meddle(self, kind: RecordKind, place: int, key: str, value: str | None) -> None:
        """Edit our fields by hand: too rarely for the service to give up, and where the key can see it."""
        if kind == "customer" and self.role != "administrator":
            return
        number = self._order(place) if kind == "order" else self._customer(place)
        if number is None or self.edited.get((kind, number), 0) >= 2:
            return
        self.edited[kind, number] = self.edited.get((kind, number), 0) + 1
        self.harness.store.edit_meta(kind, number, key, value)

    @rule(seconds=st.sampled_from(PASSING))
    def pass_time(self, seconds: int) -> None:
        """Let time pass."""
        self.harness.advance(timedelta(seconds=seconds))

    # People, and other tools

    @rule(
        kind=st.sampled_from(["customer", "customer", "order", "support-request"]),
        place=st.sampled_from([0, 0, 1]),
        type_=st.sampled_from(["erasure-requested", "hold", *TYPES]),
        days=past,
        about=places,
    )
    def ask(self, kind: RecordKind, place: int, type_: EventType, days: int, about: int) -> None:
        """Record a request or a decision; it may lift or retract an earlier one.

        Only the first two records of each kind are used, so that events meet on one record.
        """
        places = {
            "order": self._order(place),
            "customer": self._customer(place),
            "support-request": place + 1,
        }
        number = places[kind]
        if number is None:
            return
        before = [told.event.id for told in self.shop_log.told if isinstance(told, EventNote)]
        named = (
            before[about % len(before)] if before and type_ in ("hold-lifted", "retracted") else ""
        )
        event = RecordEvent(f"event-{len(before)}", type_, self._ago(days), about=named)
        if type_ == "hold":
            event = replace(event, reason="litigation", owner="legal", review_on=date(2027, 5, 1))
        self.shop_log.told.append(EventNote(kind, number, event))
        self.harness.note(kind, number, event)

    @rule(
        what=st.sampled_from(sorted(EVENT_TYPES)),
        about=st.sampled_from(["order", "customer"]) | st.none(),
        place=places,
        number=st.integers(1, 2),
        days=past,
    )
    def report(
        self,
        what: str,
        about: Literal["order", "customer"] | None,
        place: int,
        number: int,
        days: int,
    ) -> None:
        """Report a request or a consent from another tool; of a customer, of an order's owner, or of nobody known."""
        kind, occurrence = EVENT_TYPES[what]
        whose = self._order(place) if about == "order" else self._customer(place)
        subject = Subject(about, str(whose)) if about and whose else None
        happened = OccurrenceReport(kind, number, occurrence, self._ago(days), subject=subject)
        self.shop_log.told.append(happened)
        self.harness.report(happened)

    @rule(which=st.integers(0, len(policies()) - 1))
    def publish(self, which: int) -> None:
        """Activate another policy, which may have been in force before."""
        self.harness.activate(policies()[which])

    # The worker

    @rule(pages=st.integers(1, 3), anew=st.booleans())
    def look(self, pages: int, *, anew: bool) -> None:
        """Read some pages of the rounds that are due; all rounds may have been requested before."""
        if anew:
            with self.database.write() as connection:
                rounds.ask_for(connection, "shop", rounds.LISTS, self.harness.clock())
        for _ in range(pages):
            self.harness.reconciler.step()

    @rule(deed=st.sampled_from(["ask", "push", "write", "orders", "customers", "changes"]))
    def die(self, deed: str) -> None:
        """Let a worker die after its claim, or after its write and before it settles."""
        now, token = self.harness.clock(), uuid4().hex
        until = now + timedelta(minutes=5)
        with self.database.write() as connection:
            if deed == "ask":
                records.claim_refetches(
                    connection, "shop", limit=3, now=now, until=until, claim=token
                )
                return
            if deed in ("orders", "customers", "changes"):
                rounds.claim(
                    connection,
                    rounds.RoundClaim("shop", cast("rounds.RoundName", deed), token),
                    now,
                )
                return
            due = [
                *records.claim_pushes(
                    connection, "shop", "order", limit=3, now=now, until=until, claim=token
                ),
                *records.claim_pushes(
                    connection, "shop", "customer", limit=1, now=now, until=until, claim=token
                ),
            ]
        if deed == "write":
            for kind in STORED_KINDS:
                mine = {row.external_id: _wanted(row) for row in due if row.kind == kind}
                if mine:
                    self.harness.worker.pusher.client.write_meta(kind, mine)

    @rule()
    def reconcile(self) -> None:
        """Reconcile in the middle of the history."""
        self.end()

    @invariant()
    def update_the_log(self) -> None:
        self.shop_log.note(self.harness)

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.end()
        finally:
            self.stack.close()

    # The end of it

    def end(self) -> None:
        """Let the claims of dead workers lapse, reconcile once, and check the ledger."""
        self.harness.store.set_habits(**NO_HABITS)
        self.harness.advance(PERMANENT)
        go_through(self.harness.reconciler, "shop")
        self.harness.work()
        self.harness.come_to_rest()
        self.shop_log.note(self.harness)
        rows = rows_of(self.database)
        with self._second() as second:
            compare(rows, second, self.harness, self.shop_log)
        assert_in_step(rows, self.harness)
        self._assert_nothing_is_left_to_do()

    def _assert_nothing_is_left_to_do(self) -> None:
        """Check that a second reconciliation writes nothing and changes nothing."""
        before, tells = rows_of(self.database), count_history(self.database)
        since = len(self.harness.store.log.requests)
        self.harness.advance(timedelta(minutes=1))
        go_through(self.harness.reconciler, "shop")
        self.harness.work()
        self.harness.come_to_rest()
        assert [one for one in self.harness.store.log.requests[since:] if one.method != "GET"] == []
        assert bare(rows_of(self.database)) == bare(before)
        assert count_history(self.database) == tells

    @contextmanager
    def _second(self) -> Iterator[Rows]:
        """Return the rows of a ledger that was filled by one reconciliation alone."""
        database = self.make_second()
        try:
            runtime = replace(self.harness.runtime, database=database)
            client = self.harness.worker.pusher.client
            with database.write() as connection:
                stores.register(connection, ["shop"])
                rounds.register(connection, "shop", self.harness.clock())
            reconciler = Reconciler("shop", client, runtime, timedelta(hours=1), timedelta(hours=1))
            go_through(reconciler, "shop")
            refetcher = Refetcher("shop", client, runtime)
            while refetcher.refetch() or count_to_ask(database):
                self.harness.advance(SETTLE)
            yield rows_of(database)
        finally:
            database.close()

    # Helpers

    def _ago(self, days: int) -> datetime:
        return self.harness.clock() - timedelta(days=days)


def _wanted(row: Any) -> dict[str, str | None]:
    return cast("dict[str, str | None]", json.loads(row.wanted))


def _play(
    policy: Policy,
    first: MakeLedger,
    second: MakeLedger,
    examples: int,
    *,
    role: str = "administrator",
    subject_key: str | None = None,
) -> None:
    class Played(RandomShop):
        pass

    Played.policy, Played.role, Played.subject_key = policy, role, subject_key
    Played.make_ledger, Played.make_second = staticmethod(first), staticmethod(second)
    play(Played, examples=examples, steps=STEPS)


def test_any_history_ends_in_what_the_policy_alone_gives(
    policy: Policy, copies: MakeLedger
) -> None:
    _play(policy, copies, copies, 14)


def test_any_history_ends_so_with_a_shop_managers_key(policy: Policy, copies: MakeLedger) -> None:
    _play(policy, copies, copies, 6, role="shop_manager")


def test_any_history_ends_so_with_keyed_addresses(policy: Policy, copies: MakeLedger) -> None:
    _play(policy, copies, copies, 4, subject_key="a key of at least thirty-two characters")


def test_any_history_ends_so_on_postgresql(
    policy: Policy, servers: MakeLedger, copies: MakeLedger
) -> None:
    _play(policy, servers, copies, 2)
