"""What really happened in a shop, and what a ledger says of it, held against each other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, select

from deploy.sandbox.records import Customer, Order
from deploy.sandbox.wire import Json
from hooks.intake.webhook import EventNote, OccurrenceReport
from hooks.ledger.codec import facts_text, read_facts
from hooks.ledger.database import Database
from hooks.ledger.tables import history
from hooks.ledger.tables import records as records_table
from hooks.retention.facts import PAID_STATUSES, STORED_KINDS, Choice, CustomerFacts, OrderFacts
from hooks.retention.policy import Policy
from tests.integration.expected_rows import Key, columns_of, events_of, reports_of
from tests.integration.harness import Harness

Held = Key
Rows = dict[Held, dict[str, Any]]


@dataclass
class ShopLog:
    """What really was, second by second: of each record, all newsletter choices that stood in a second; and what was
    reported and noted besides, which the ledger alone knows."""

    choices: dict[Held, list[tuple[datetime, bool | None]]] = field(default_factory=dict)
    erased: dict[int, datetime] = field(default_factory=dict)
    owners: dict[int, set[int]] = field(default_factory=dict)
    placed: dict[int, datetime] = field(default_factory=dict)
    paid: set[int] = field(default_factory=set)
    days: set[tuple[int, str, str]] = field(default_factory=set)
    undated: set[int] = field(default_factory=set)
    told: list[OccurrenceReport | EventNote] = field(default_factory=list)

    def note(self, one: Harness) -> None:
        """Write down how the shop stands."""
        now = one.store.clock.now()
        for number, order in one.store.shop.orders.items():
            self._choice(("order", number), now, order)
            self.placed[number] = order.date_created
            self._days(number, one.store.renderer.order(order))
            if order.customer_id:
                self.owners.setdefault(order.customer_id, set()).add(number)
            if order.meta.get("_anonymized") == "yes":
                self.erased.setdefault(number, now)
        for number, customer in one.store.shop.customers.items():
            self._choice(("customer", number), now, customer)

    def _days(self, number: int, shown: Json) -> None:
        """Write down what an order shows of its days, and whether it shows that it was paid."""
        if shown["date_paid_gmt"] or shown["status"] in PAID_STATUSES:
            self.paid.add(number)
        for name in ("created", "paid", "completed"):
            self.days.add((number, f"{name}_at", str(shown[f"date_{name}_gmt"])[:19]))
        if "date_modified_gmt" in self.shown_oddly(shown):
            self.undated.add(number)

    @staticmethod
    def shown_oddly(shown: Json) -> set[str]:
        """Names of the days that are no days of this time."""
        return {
            name
            for name, value in shown.items()
            if name.endswith("_gmt") and str(value)[:2] != "20" and value
        }

    def _choice(self, held: Held, now: datetime, record: Order | Customer) -> None:
        stands = {"yes": True, "no": False}.get(str(record.meta.get("ws_opt_in")))
        known = self.choices.setdefault(held, [])
        if not known or known[-1][1] != stands:
            known.append((now, stands))

    def stood(self, held: Held, at: datetime) -> set[bool | None]:
        """The choices that stood in the second `at`: that of before, and all that were made in it."""
        before = [given for since, given in self.choices[held] if since < at]
        return {*before[-1:], *(given for since, given in self.choices[held] if since == at)}

    def last_order(self, customer: int) -> datetime | None:
        """The latest order that ever was the customer's."""
        return max((self.placed[number] for number in self.owners.get(customer, ())), default=None)


def rows_of(database: Database) -> Rows:
    """All records of the ledger, by kind and id."""
    with database.read() as connection:
        found = connection.execute(select(records_table))
        return {(row.kind, row.external_id): dict(row._mapping) for row in found}


def bare(rows: Rows) -> Rows:
    """Without what only says when the store was last asked, and by whom."""
    idle = {"read_at", "young", "updated_at", "claim", "claim_until"}
    return {
        key: {name: value for name, value in row.items() if name not in idle}
        for key, row in rows.items()
    }


def count_history(database: Database) -> int:
    """How many changes of schedules the ledger tells of."""
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(history)).scalar_one())


def count_to_ask(database: Database) -> int:
    """Of how many records the store is still to be asked."""
    with database.read() as connection:
        chosen = (
            select(func.count())
            .select_from(records_table)
            .where(records_table.c.reread_at.is_not(None))
        )
        return int(connection.execute(chosen).scalar_one())


def compare(rows: Rows, second: Rows, one: Harness, shop_log: ShopLog) -> None:
    """The ledger against one that knows nothing but what the store's lists led to, record by record."""
    shop = one.store.shop
    there = {("order", number) for number in shop.orders}
    there |= {
        ("customer", number)
        for number, account in shop.customers.items()
        if account.role == "customer"
    }
    assert there <= rows.keys()
    for held, row in rows.items():
        kind, number = held
        if kind not in STORED_KINDS:
            continue
        if number not in (shop.orders if kind == "order" else shop.customers):
            assert row["state"] in ("gone", "unknown"), held
            continue
        if held in there or held in second:
            if kind == "customer" or number not in shop_log.undated:
                assert row["version"] == second[held]["version"], held
            _compare_facts(held, row, second[held], shop_log)
            if second[held]["email_hash"] and (
                kind == "customer" or number not in shop_log.undated
            ):
                assert row["email_hash"] == second[held]["email_hash"], held
    _compare_columns(rows, one.runtime.policy, shop_log)


def _compare_columns(rows: Rows, policy: Policy, shop_log: ShopLog) -> None:
    """Tags, dates and state of all that is not gone are as the rules give them for the facts, and for what was reported
    and noted."""
    facts = {
        key: read_facts(key[0], row["facts"], row["email_hash"])
        for key, row in rows.items()
        if row["facts"]
    }
    addresses = {
        number: row["email_hash"] for (kind, number), row in rows.items() if kind == "customer"
    }
    for key, reported in reports_of(shop_log.told).items():
        assert facts[key] == reported, key
    for key, columns in columns_of(facts, events_of(shop_log.told), policy, addresses).items():
        names = columns.keys() if rows[key]["state"] != "gone" else {"events"}
        assert {name: rows[key][name] for name in names} == {
            name: columns[name] for name in names
        }, key


def _compare_facts(
    held: Held, row: dict[str, Any], fresh: dict[str, Any], shop_log: ShopLog
) -> None:
    """The same facts but for what only history tells."""
    kind, number = held
    mine = cast("OrderFacts | CustomerFacts", read_facts(kind, row["facts"]))
    shown = cast("OrderFacts | CustomerFacts", read_facts(kind, fresh["facts"]))
    if isinstance(mine, OrderFacts) and isinstance(shown, OrderFacts):
        assert (mine.erased_at is None) == (shown.erased_at is None), held
        if mine.erased_at and shown.erased_at:
            assert shop_log.erased[number] <= mine.erased_at <= shown.erased_at, held
        expected: OrderFacts | CustomerFacts = _remembered(number, mine, shown, shop_log)
    else:
        mine, shown = cast("CustomerFacts", mine), cast("CustomerFacts", shown)
        latest = shop_log.last_order(number)
        if shown.last_order_at or mine.last_order_at:
            assert latest is not None
            assert mine.last_order_at is not None
            assert (shown.last_order_at or mine.last_order_at) <= mine.last_order_at <= latest, held
        expected = replace(shown, choices=mine.choices, last_order_at=mine.last_order_at)
    assert facts_text(mine) == facts_text(expected), held
    _check_choices(held, mine.choices, shown.choices, shop_log)


def _remembered(number: int, mine: OrderFacts, shown: OrderFacts, shop_log: ShopLog) -> OrderFacts:
    """The facts that the store shows, with what is remembered of earlier states: each of it was so once."""
    assert mine.is_paid or not shown.is_paid, number
    assert not mine.was_paid or number in shop_log.paid, number
    owner = mine.former_customer_id
    assert not owner or number in shop_log.owners[owner], number
    carried: dict[str, Any] = {}
    for name, _ in mine.carried:
        if name in ("created_at", "paid_at", "completed_at"):
            carried[name] = getattr(mine, name)
            assert (number, name, f"{carried[name]:%Y-%m-%dT%H:%M:%S}") in shop_log.days, (
                number,
                name,
            )
    if number in shop_log.undated:
        carried["meta_at"] = mine.meta_at
    return replace(
        shown,
        **carried,
        carried=mine.carried,
        choices=mine.choices,
        erased_at=mine.erased_at,
        was_paid=mine.was_paid,
        former_customer_id=owner,
        first_seen_at=mine.first_seen_at,
    )


def _check_choices(
    held: Held, seen: tuple[Choice, ...], now: tuple[Choice, ...], shop_log: ShopLog
) -> None:
    """Each choice was true when it was seen, and the last is what stands."""
    for choice in seen:
        assert choice.given in shop_log.stood(held, choice.at), held
    if now and held[1] in shop_log.undated and held[0] == "order":
        assert seen[-1].given == now[-1].given, held
    elif now:
        assert seen[-1] == now[-1], held


def assert_in_step(rows: Rows, one: Harness) -> None:
    """The store holds what the ledger wants, and nothing waits."""
    shop = one.store.shop
    for (kind, number), row in rows.items():
        assert (row["push_at"], row["push_error"]) == (None, None), (kind, number)
        assert (row["reread_at"], row["reread_reason"]) == (None, None), (kind, number)
        if kind in STORED_KINDS and number in (shop.orders if kind == "order" else shop.customers):
            assert one.held(kind, number) == one.wanted(kind, number), (kind, number)
