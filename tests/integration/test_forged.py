"""Limits of what somebody with the webhook secret, or with one captured delivery, can do: little, and not for long."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from threading import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from hooks.intake.answers import Answer, Answers
from hooks.intake.ingest import MAX_UNKNOWN_PER_MINUTE, REPEAT_WINDOW, Ingest, Result
from hooks.intake.webhook import Delivery, snapshot_of
from hooks.ledger import records as queries
from hooks.ledger.database import Database
from hooks.ledger.records import RecordKey
from hooks.ledger.tables import quarantine, records
from hooks.ledger.unit import Unit
from hooks.retention.events import RecordEvent
from hooks.retention.policy import Policy
from hooks.runtime import Runtime
from hooks.settings.webhook_secrets import signing_keys
from hooks.tagging.recorder import mark_for_refetch
from tests.integration.harness import NOON, ON_SQLITE, SECOND, SETTLE, Clock, Harness
from tests.support.recordings import SECRET, Recorded, customer, made, order

# Reports without a time

REPORT = "action.wc_support_request_closed"


def _closed(delivery_id: int, number: int = 7, webhook_id: int = 1) -> Recorded:
    return made(REPORT, {"arg": number}, delivery_id=f"{delivery_id:032}", webhook_id=webhook_id)


@ON_SQLITE
@pytest.mark.parametrize(
    ("after", "sent", "result"),
    [
        # The same body under another id, which nobody signs.
        (SECOND, _closed(2), Result.DUPLICATE),
        (SECOND, _closed(1, webhook_id=2), Result.DUPLICATE),
        (REPEAT_WINDOW - SECOND, _closed(2), Result.DUPLICATE),
        # It was opened and closed once more.
        (REPEAT_WINDOW, _closed(2), Result.UNCHANGED),  # on the same day
        (timedelta(days=2), _closed(2), Result.RECORDED),
        # This very delivery.
        (SECOND, _closed(1), Result.DUPLICATE),
        (timedelta(days=2), _closed(1), Result.DUPLICATE),
        # Another request.
        (SECOND, _closed(2, number=8), Result.RECORDED),
        # The clock was set back meanwhile.
        (-SECOND, _closed(2), Result.DUPLICATE),
    ],
)
def test_a_repeated_report_without_a_time_counts_once(
    after: timedelta, sent: Recorded, result: Result, harness: Harness
) -> None:
    assert harness.receive(_closed(1)) == Result.RECORDED
    before = harness.row("support-request", 7)
    harness.clock.now += after
    assert harness.receive(sent) == result
    assert harness.receive(sent) == Result.DUPLICATE
    if result is Result.DUPLICATE:
        assert harness.row("support-request", 7) == before


@pytest.mark.parametrize("apart", [timedelta(0), REPEAT_WINDOW])
def test_a_report_that_comes_to_several_processes_at_once_counts_once(
    apart: timedelta, database: Database, policy: Policy
) -> None:
    """It may be the first of its kind, or come long after another one."""
    width, clock = 4, Clock()
    runtime = Runtime(database, policy, SETTLE, clock)
    together = Barrier(width)

    def deliver(place: int) -> Result:
        sent = _closed(place)
        delivery = Delivery.from_http(
            sent.headers, sent.body, keys=signing_keys(SECRET), policy=policy
        )
        together.wait(30)
        return Ingest(runtime).ingest_one("shop", delivery)

    with ThreadPoolExecutor(width) as pool:
        for turn in range(2 if apart else 1):
            clock.now = NOON + turn * apart
            places = range(turn * width, (turn + 1) * width)
            results = list(pool.map(deliver, places))
            assert results.count(Result.DUPLICATE) == width - 1


# Times that have not come

HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), timedelta(days=365)
FAR = datetime(2998, 1, 1, tzinfo=NOON.tzinfo)


def _gmt(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def _active(at: datetime) -> dict[str, Any]:
    return {"key": "wc_last_active", "value": str(int(at.timestamp()))}


@ON_SQLITE
@pytest.mark.parametrize(
    "changes",
    [
        {"date_modified_gmt": _gmt(NOON + YEAR)},
        {"date_modified_gmt": _gmt(FAR)},
        {"date_modified_gmt": _gmt(NOON + HOUR)},
        {"date_created_gmt": _gmt(NOON + YEAR)},
        {"date_paid_gmt": _gmt(FAR)},
        {"date_modified_gmt": "0782-01-01T00:00:00"},
        {"date_modified_gmt": None},
    ],
)
def test_a_state_of_an_impossible_time_makes_no_later_one_stale(
    changes: dict[str, str | None], harness: Harness
) -> None:
    """It counts as of its arrival, and the store is asked for the true state."""
    number = harness.written_order()
    harness.advance()
    shown = {"date_modified_gmt": _gmt(harness.clock())} | changes
    assert harness.receive(made("order.updated", order(number, **shown))) in (
        Result.RECORDED,
        Result.UNCHANGED,
    )
    row = harness.row("order", number)
    assert row["version"] <= harness.clock()
    if "date_modified_gmt" in changes:
        assert row["reread_reason"] == "tie"
    harness.advance(timedelta(seconds=1))
    harness.store.complete_order(number)
    assert Result.STALE not in harness.deliver()
    harness.come_to_rest()
    assert harness.problems() == set()
    assert harness.held("order", number) == harness.wanted("order", number)


@ON_SQLITE
@pytest.mark.parametrize("at", [NOON + HOUR, NOON + YEAR, FAR])
def test_a_log_in_that_the_store_does_not_show_is_undone(at: datetime, harness: Harness) -> None:
    """A log-in in the future never counts, also in an older version."""
    number = int(harness.store.sign_up(email="kari@example.test")["id"])
    harness.come_to_rest()
    harness.advance()
    before = harness.row("customer", number)
    version = _gmt(NOON - 400 * DAY)
    harness.receive(
        made(
            "customer.updated", customer(number, date_modified_gmt=version, meta_data=[_active(at)])
        )
    )
    assert (harness.row("customer", number)["runs_from"] == before["runs_from"]) == (
        at > NOON + DAY
    ) or at < NOON + DAY
    harness.reconcile()
    assert harness.row("customer", number)["facts"] == before["facts"]
    assert harness.row("customer", number)["delete_after"] == before["delete_after"]


def test_an_invented_order_is_no_activity_and_needs_no_keeping(harness: Harness) -> None:
    number = int(harness.store.sign_up(email="kari@example.test")["id"])
    harness.written_order(customer_id=number)
    harness.advance(40 * DAY)
    before = harness.row("customer", number)
    at = _gmt(harness.clock())
    invented = order(999_999, customer_id=number, date_created_gmt=at, date_modified_gmt=at)
    assert harness.receive(made("order.created", invented)) == Result.RECORDED
    assert harness.row("customer", number)["delete_after"] > before["delete_after"]
    harness.come_to_rest()
    assert harness.row("order", 999_999)["state"] == "gone"
    assert harness.problems() == set()
    assert harness.row("customer", number)["delete_after"] == before["delete_after"]


@ON_SQLITE
def test_a_real_order_that_is_gone_stays_an_activity(harness: Harness) -> None:
    number = int(harness.store.sign_up(email="kari@example.test")["id"])
    harness.advance(40 * DAY)
    placed = harness.written_order(customer_id=number)
    before = harness.row("customer", number)
    harness.store.delete_order(placed)
    harness.come_to_rest()
    assert harness.row("order", placed)["state"] == "gone"
    assert harness.problems() == {"erased-too-early"}
    assert harness.row("customer", number)["delete_after"] == before["delete_after"]


ahead = st.sampled_from([-YEAR, -DAY, HOUR, 23 * HOUR, 25 * HOUR, 40 * DAY, YEAR, FAR - NOON])
versions = st.sampled_from([-YEAR, timedelta(0), HOUR, 25 * HOUR, FAR - NOON])
stores = count()


@dataclass
class RealStore:
    """A store with one account and its orders, which answers with its real state."""

    runtime: Runtime
    slug: str
    shown: dict[RecordKey, dict[str, Any]]

    def ask_about_all(self) -> None:
        """Make the ledger refetch every record that it knows."""
        asked_at = self.runtime.clock()
        with self.runtime.database.read() as connection:
            chosen = select(records.c.kind, records.c.external_id).where(
                records.c.store == self.slug
            )
            keys = [RecordKey(self.slug, *row) for row in connection.execute(chosen)]

        def work(unit: Unit) -> None:
            for key in keys:
                mark_for_refetch(unit, key, "changed", self.runtime.moment())

        self.runtime.transaction(work)
        with self.runtime.database.write() as connection:
            due = queries.claim_refetches(
                connection,
                self.slug,
                limit=100,
                now=asked_at + DAY,
                until=asked_at + DAY,
                claim="mine",
            )
        for one in due:
            raw = self.shown.get(RecordKey(self.slug, one.kind, one.external_id))
            if raw is None:
                Answers(self.runtime).close_missing(one.claim, asked_at=asked_at)
            else:
                answer = snapshot_of(one.kind, raw, self.runtime.policy)
                Answers(self.runtime).apply(
                    self.slug, [Answer(one.claim, answer)], asked_at=asked_at
                )


def _real_shop(visited: int, placed: list[int]) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """Return a customer who visited so many days ago, and the orders that were placed so many days ago, by id."""
    old = _gmt(NOON - 800 * DAY)
    meta = [_active(NOON - visited * DAY)]
    account = customer(3, date_created_gmt=old, date_modified_gmt=old, meta_data=meta)
    orders = {}
    for number, age in enumerate(placed, 1):
        times = {"date_created_gmt": _gmt(NOON - age * DAY), "date_modified_gmt": _gmt(NOON)}
        orders[number] = order(number, customer_id=3, **times)
    return account, orders


def _sent(
    account: dict[str, Any],
    orders: Iterable[dict[str, Any]],
    visits: list[tuple[timedelta, timedelta]],
    invented: list[tuple[timedelta, timedelta]],
) -> list[Recorded]:
    """Return the real deliveries, forged visits of the customer, and orders that were never placed."""
    sent = [made("customer.created", account), *(made("order.created", raw) for raw in orders)]
    for version, at in visits:
        shown = {"date_modified_gmt": _gmt(NOON + version), "meta_data": [_active(NOON + at)]}
        sent.append(made("customer.updated", account | shown))
    for place, (version, at) in enumerate(invented):
        times = {"date_created_gmt": _gmt(NOON + at), "date_modified_gmt": _gmt(NOON + version)}
        sent.append(made("order.updated", order(900 + place, customer_id=3, **times)))
    return sent


@ON_SQLITE
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(
    visited=st.integers(1, 700),
    placed=st.lists(st.integers(1, 700), max_size=2),
    visits=st.lists(st.tuples(versions, ahead), max_size=3),
    invented=st.lists(st.tuples(versions, ahead), max_size=3),
    dice=st.randoms(use_true_random=False),
)
def test_a_forged_date_of_a_customer_lasts_until_the_refetch(
    database: Database,
    policy: Policy,
    visited: int,
    placed: Any,
    visits: Any,
    invented: Any,
    dice: Any,
) -> None:
    """The date is not earlier afterwards than the real events give."""
    clock, slug = Clock(), f"s{next(stores)}"
    runtime = Runtime(database, policy, SETTLE, clock)
    account, orders = _real_shop(visited, placed)
    sent = _sent(account, orders.values(), visits, invented)
    dice.shuffle(sent)
    keys = signing_keys(SECRET)
    for one in sent:
        delivery = Delivery.from_http(one.headers, one.body, keys=keys, policy=policy)
        Ingest(runtime).ingest_one(slug, delivery)
    shown = {RecordKey(slug, "order", number): raw for number, raw in orders.items()}
    clock.now += timedelta(minutes=1)
    RealStore(runtime, slug, shown | {RecordKey(slug, "customer", 3): account}).ask_about_all()
    with database.read() as connection:
        chosen = select(records.c.facts).where(
            records.c.store == slug, records.c.kind == "customer"
        )
        facts = json.loads(connection.execute(chosen).scalar_one())
    last = min(placed, default=None)
    assert facts["last_active_at"] == (NOON - visited * DAY).isoformat()
    assert facts.get("last_order_at") == (last and (NOON - last * DAY).isoformat())


# Invented ids


def _count(harness: Harness, *where: Any) -> int:
    with harness.runtime.database.read() as connection:
        return int(
            connection.execute(select(func.count()).select_from(records).where(*where)).scalar_one()
        )


HINTS = [
    ("order.deleted", "id", Result.RECORDED),
    ("customer.deleted", "id", Result.RECORDED),
    ("action.woocommerce_delete_order", "arg", Result.RECORDED),
    # Not of the shape, but for its id.
    ("order.updated", "id", Result.QUARANTINED),
]


@ON_SQLITE
@pytest.mark.parametrize(("topic", "name", "result"), HINTS)
def test_invented_ids_cause_few_refetches_and_leave_no_row(
    topic: str, name: str, result: Result, harness: Harness
) -> None:
    number = harness.written_order()
    before = _count(harness)
    sent = [made(topic, {name: 900_000 + place}) for place in range(MAX_UNKNOWN_PER_MINUTE + 20)]
    assert [harness.receive(one) for one in sent] == [result] * len(sent)
    assert _count(harness) == before + MAX_UNKNOWN_PER_MINUTE
    assert (
        harness.receive(made(topic, {name: number})) == result
    )  # what is known may always be asked about
    assert _count(harness, records.c.reread_at.is_not(None)) >= MAX_UNKNOWN_PER_MINUTE
    harness.come_to_rest()
    assert _count(harness) == before
    harness.advance(timedelta(minutes=1))
    assert harness.receive(made(topic, {name: 950_000})) == result
    assert _count(harness) == before + 1


@ON_SQLITE
def test_records_beyond_the_limit_of_hints_are_found_by_the_lists(
    harness: Harness,
) -> None:
    for place in range(MAX_UNKNOWN_PER_MINUTE):
        harness.receive(made("order.deleted", {"id": 900_000 + place}))
    number = harness.paid_order()
    harness.lose()
    harness.receive(made("order.updated", {"id": number}))
    harness.advance()
    harness.reconcile()
    assert harness.row("order", number)["state"] == "active"
    with harness.runtime.database.read() as connection:
        assert (
            connection.execute(
                select(quarantine.c.id).where(quarantine.c.resolved_at.is_(None))
            ).all()
            == []
        )


def test_a_record_with_an_event_stays_though_the_store_denies_it(
    harness: Harness,
) -> None:
    hold = RecordEvent("h-1", "hold", NOON, reason="litigation", owner="legal")
    harness.note("order", 900_000, hold)
    harness.receive(made("order.deleted", {"id": 900_001}))
    harness.come_to_rest()
    assert harness.row("order", 900_000)["state"] == "gone"
    assert _count(harness, records.c.external_id == 900_001) == 0


# Refunds


@ON_SQLITE
def test_no_order_has_more_than_a_thousand_refunds(harness: Harness) -> None:
    number = harness.written_order()
    harness.advance()
    refunds = [{"id": 1 + place} for place in range(1000)]
    times = {"date_modified_gmt": _gmt(NOON + HOUR)}
    assert harness.receive(
        made("order.updated", order(number, refunds=[*refunds, {"id": 5000}], **times))
    ) == (Result.QUARANTINED)
    assert harness.row("order", number)["reread_reason"] == "quarantined"
    assert (
        harness.receive(made("order.updated", order(number, refunds=refunds, **times)))
        == Result.RECORDED
    )
    harness.come_to_rest()
    assert json.loads(harness.row("order", number)["facts"]).get("refunds", []) == []


@ON_SQLITE
def test_all_pages_of_an_orders_refunds_are_read(harness: Harness) -> None:
    number = harness.paid_order(line_items=[{"product_id": 10, "quantity": 30}])
    for place in range(101):
        at = NOON + timedelta(days=place)
        harness.store.refund_order(number, "1.00", at=at)
    harness.advance(102 * DAY)
    harness.come_to_rest()
    refunds = json.loads(harness.row("order", number)["facts"])["refunds"]
    assert len(refunds) == 101
    assert None not in [at for _, at in refunds]
