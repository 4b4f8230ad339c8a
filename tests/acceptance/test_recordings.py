"""All recorded deliveries, with their real signatures, over HTTP to the running service; and in any order."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count, permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from sqlalchemy import select

from hooks.intake.ingest import Ingest
from hooks.intake.webhook import Delivery
from hooks.ledger.codec import entry_name
from hooks.ledger.database import Database
from hooks.ledger.tables import records
from hooks.retention.facts import Snapshot
from hooks.retention.policy import Policy
from hooks.runtime import Runtime
from hooks.settings.webhook_secrets import signing_keys
from tests.support.processes import Stack, Web
from tests.support.recordings import DELIVERIES, SECRET, Recorded, delivery, made

OSLO = ZoneInfo("Europe/Oslo")

RESULTS = {
    1: "ping",
    2: "recorded",  # the account
    3: "unchanged",  # the same body under another topic
    4: "recorded",  # the order, not yet paid
    5: "unchanged",  # the same body under another topic
    6: "recorded",  # paid: another basis, another class
    7: "recorded",  # order attribution and a newsletter choice are there now: marketing
    8: "unchanged",  # completed on the day on which it was paid
    9: "unchanged",  # finishing the order touched the account
    10: "recorded",  # a log-in: technical data
    11: "unchanged",  # an echo
    12: "unchanged",  # an echo of a write that changed nothing
    13: "unchanged",  # an echo
    14: "unchanged",  # an echo, of the account
    15: "unchanged",  # a refund, whose day is still to be asked for
    16: "recorded",  # order 119
    17: "unchanged",  # the same body
    18: "recorded",  # order 120, under the delivery id of 16
    19: "recorded",  # order 121, under the same id once more
    20: "unchanged",  # an echo
    21: "unchanged",  # an echo
    22: "recorded",  # cancelled, never paid
    23: "unchanged",
    24: "recorded",  # failed
    25: "unchanged",
    26: "recorded",  # on hold
    27: "unchanged",
    28: "recorded",  # a guest's order: `updated` came before `created`
    29: "unchanged",
    30: "recorded",  # `{"id": 134}`: a hint
    31: "unchanged",  # restored before anybody asked
    32: "recorded",  # order 120 is said to be gone: a hint
    33: "recorded",  # the store erased order 117
    34: "recorded",  # a hundred lines
    35: "unchanged",
    36: "quarantined",  # a REST error in place of an order
    37: "quarantined",
    38: "recorded",  # a hint about an order that was never seen
    39: "recorded",  # an account without a modification date
    40: "quarantined",  # the owner of the webhook lost rights
    41: "recorded",  # a support request was closed
    42: "ignored",  # a member of staff
    43: "recorded",  # `{"id": 5}`: a hint
}

ACCOUNTING = ("legal-obligation", "orders-accounting", "2026-12-31", "2031-12-31")
UNPAID = ("contract", "unpaid-orders", "2026-11-22", "2027-11-22")
ACCOUNT = ("contract", "customer-accounts", "2026-11-22", "2028-11-22")


@dataclass(frozen=True)
class Expected:
    """A record after the recorded day. `entries`: the data with its part, basis, class, from, and the day or event
    until which it is kept."""

    state: str
    tag: tuple[str, str, str, str]
    entries: tuple[tuple[str, str, str, str, str], ...]
    asked: str | None = None


def same_as(
    tag: tuple[str, str, str, str], *categories: str
) -> tuple[tuple[str, str, str, str, str], ...]:
    """Entries that all have the terms of the record's tag."""
    basis, retention_class, start, end = tag
    return tuple((name, basis, retention_class, start, end) for name in categories)


# No law asks for an e-mail address on a sales document.
CONTACT = (
    "identity-contact (contact)",
    "contract",
    "orders-accounting",
    "2026-12-31",
    "2031-12-31",
)
PLAIN_SALE = (*same_as(ACCOUNTING, "order-payment", "identity-contact (identity)"), CONTACT)
PLAIN_UNPAID = same_as(
    UNPAID, "order-payment", "identity-contact (identity)", "identity-contact (contact)"
)

RECORDS = {
    # Erased by the store: what the eraser left has its own dates. The refund's day is still to be asked for.
    ("order", 117): Expected(
        "erased",
        ACCOUNTING,
        (
            ("support", "legitimate-interests", "support-requests", "2026-11-22", "2029-11-22"),
            ("marketing", "consent", "marketing", "2026-11-22", "consent-withdrawn"),
            (
                "support (refund-reason)",
                "legitimate-interests",
                "support-requests",
                "2026-11-22",
                "2029-11-22",
            ),
        ),
        asked="refund-date",
    ),
    ("order", 119): Expected("active", ACCOUNTING, PLAIN_SALE),
    # Said to be gone by a delivery that carries no time: nothing is closed on its word alone.
    ("order", 120): Expected("active", ACCOUNTING, PLAIN_SALE, asked="deleted"),
    ("order", 121): Expected("active", ACCOUNTING, PLAIN_SALE),
    ("order", 131): Expected("active", UNPAID, PLAIN_UNPAID),
    ("order", 132): Expected("active", UNPAID, PLAIN_UNPAID),
    ("order", 133): Expected("active", UNPAID, PLAIN_UNPAID),
    # From the storefront: shipped to an address, with an IP address and a browser.
    ("order", 134): Expected(
        "active",
        UNPAID,
        (
            *PLAIN_UNPAID,
            *same_as(UNPAID, "shipping"),
            ("technical", "legitimate-interests", "technical", "2026-11-22", "2027-11-22"),
        ),
        asked="deleted",
    ),
    ("order", 136): Expected("active", ACCOUNTING, PLAIN_SALE),
    # It was active again on the same day, and placed order 117 on it.
    ("customer", 5): Expected(
        "active",
        ACCOUNT,
        (
            *same_as(ACCOUNT, "account", "identity-contact"),
            ("technical", "legitimate-interests", "customer-accounts", "2026-11-22", "2028-11-22"),
        ),
        asked="deleted",
    ),
    ("customer", 6): Expected("active", ACCOUNT, same_as(ACCOUNT, "account", "identity-contact")),
}

ABSENT = [
    ("order", 137),  # known only from a hint: nothing is known of it yet
    ("customer", 7),  # a member of staff
    ("customer", 119),  # an order's id is no customer's
]


def as_expected(shown: dict[str, Any]) -> Expected:
    tag = shown["tag"]
    return Expected(
        shown["state"],
        (tag["legal_basis"], tag["class"], tag["from"], tag["delete_after"]),
        tuple(
            (
                entry_name(entry),
                entry["basis"],
                entry["class"],
                entry["from"],
                entry["delete_after"] or entry["until"],
            )
            for entry in shown["entries"]
        ),
        shown["store_copy"]["to_be_asked"],
    )


def oslo_today() -> date:
    return datetime.now(OSLO).date()


def test_the_recorded_day(processes: Stack, policy: Policy) -> None:
    web = processes.web(WEB_CONCURRENCY="2")
    first_day = oslo_today()
    results = {number: web.result(recorded) for number, recorded in enumerate(DELIVERIES, 1)}
    assert results == RESULTS

    assert {key: as_expected(web.record(*key)) for key in RECORDS} == RECORDS
    assert web.record("order", 117)["left_behind"] == [
        "support",
        "marketing",
        "support (refund-reason)",
    ]
    for kind, number in ABSENT:
        assert web.get(f"/records/shop/{kind}/{number}").status_code == 404, (kind, number)
    request = web.record(
        "support-request", 4711
    )  # dated by its arrival, since the action carries no time
    closed = date.fromisoformat(request["tag"]["from"])
    assert first_day <= closed <= oslo_today()
    assert as_expected(request) == support_request(closed, policy)
    check_status(web.status(), closed, policy)

    before = {key: web.record(*key) for key in RECORDS}
    again = {number: web.result(recorded) for number, recorded in enumerate(DELIVERIES, 1)}
    assert again == {1: "ping"} | dict.fromkeys(range(2, 44), "duplicate")
    assert {key: web.record(*key) for key in RECORDS} == before, (
        "deliveries seen before change nothing"
    )
    check_status(web.status(), closed, policy)
    check_counters(web, Counter(results.values()) + Counter(again.values()))


def support_request(closed: date, policy: Policy) -> Expected:
    keep = policy.classes["support-requests"].keep
    assert keep is not None
    tag = ("legitimate-interests", "support-requests", str(closed), str(keep.after(closed)))
    return Expected("active", tag, same_as(tag, "support"))


def check_status(status: dict[str, Any], closed: date, policy: Policy) -> None:
    """The counts agree with the records above; the erased order is no longer one that is kept."""
    kept = [expected for expected in RECORDS.values() if expected.state == "active"]
    kept.append(support_request(closed, policy))
    found = status["records"]
    assert found["total"] == len(kept) == 11
    assert found["by_kind"] == {"order": 8, "customer": 2, "support-request": 1}
    assert found["by_class"] == Counter(expected.tag[1] for expected in kept)
    assert found["by_legal_basis"] == Counter(expected.tag[0] for expected in kept)
    assert found["closed"] == {"erased": 1, "gone": 0}
    months = Counter(expected.tag[3][:7] for expected in kept)
    assert {entry["month"]: entry["count"] for entry in status["schedule"]["by_month"]} == months
    store = status["stores"]["shop"]
    assert store["quarantined"] == 3
    assert store["pending_questions"] == 5, "orders 117, 120, 134 and 137, and customer 5"
    assert store["pending_pushes"] == len(RECORDS), (
        "whatever the store keeps is to hold its schedule"
    )
    codes = {problem["code"] for problem in status["problems"]}
    assert codes == {"erased-too-early", "webhook-owner-lost-rights", "quarantined"}


def check_counters(web: Web, expected: Counter[str]) -> None:
    lines = web.get("/metrics").text.splitlines()
    for result, number in expected.items():
        line = f'retention_deliveries_total{{result="{result}",store="shop"}} {float(number)}'
        assert line in lines


# --- in any order ----------------------------------------------------------------------------------------

SNAPSHOT_NUMBERS = [*range(2, 30), 31, 33, 34, 35, 39, 42]
"""The recorded deliveries that carry a time: all but the ping, hints, errors and actions."""

TIMES = ("push_at", "push_since", "reread_at", "reread_since", "created_at", "updated_at")
UNCOMPARED = {"id", "store", *TIMES}

Ledger = dict[tuple[str, int], dict[str, Any]]
slugs = (f"store-{number}" for number in count(1))


@pytest.fixture
def runtime(database: Database, policy: Policy) -> Runtime:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    ticks = count()
    return Runtime(database, policy, timedelta(0), lambda: noon + timedelta(seconds=next(ticks)))


def again(recorded: Recorded, number: int) -> Recorded:
    """The same state, delivered once more as a delivery of its own."""
    headers = recorded.headers | {"X-WC-Webhook-Delivery-ID": f"{number:032x}"}
    return replace(recorded, headers=headers)


def typed(recorded: Recorded, policy: Policy) -> Delivery:
    return Delivery.from_http(
        recorded.headers, recorded.body, keys=signing_keys(SECRET), policy=policy
    )


def ledger_after(runtime: Runtime, sequence: list[Recorded]) -> Ledger:
    """What the ledger holds of a store that is new to it, once it has sent these."""
    slug = next(slugs)
    for recorded in sequence:
        Ingest(runtime).ingest_one(slug, typed(recorded, runtime.policy))
    return ledger_of(runtime.database, slug)


def ledger_of(database: Database, slug: str) -> Ledger:
    with database.read() as connection:
        rows = connection.execute(select(records).where(records.c.store == slug)).mappings().all()
    return {
        (row["kind"], row["external_id"]): {
            name: row[name] for name in row if name not in UNCOMPARED
        }
        for row in rows
    }


@st.composite
def disordered(draw: DrawFn) -> tuple[list[int], list[tuple[int, int]]]:
    """Some of the deliveries, and the same ones shuffled, some of them repeated under other delivery ids."""
    chosen = draw(
        st.lists(st.sampled_from(SNAPSHOT_NUMBERS), min_size=1, unique=True)
        | st.just(SNAPSHOT_NUMBERS)
    )
    repeated = draw(st.lists(st.sampled_from(chosen), max_size=12))
    once = [(number, 0) for number in chosen]
    sequence = draw(
        st.permutations(once + [(number, turn % 3) for turn, number in enumerate(repeated)])
    )
    return sorted(chosen), sequence


def test_snapshots_are_what_carries_a_time(policy: Policy) -> None:
    found = [
        number
        for number, recorded in enumerate(DELIVERIES, 1)
        if recorded.topic and isinstance(typed(recorded, policy).content, Snapshot)
    ]
    assert found == SNAPSHOT_NUMBERS


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(case=disordered())
def test_any_order_and_any_number_of_times_end_in_the_same_ledger(
    runtime: Runtime, case: tuple[list[int], list[tuple[int, int]]]
) -> None:
    check_order(runtime, case)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(case=disordered())
def test_any_order_ends_in_the_same_ledger_on_postgresql(
    runtime: Runtime, case: tuple[list[int], list[tuple[int, int]]]
) -> None:
    check_order(runtime, case)


def check_order(runtime: Runtime, case: tuple[list[int], list[tuple[int, int]]]) -> None:
    chosen, sequence = case
    in_order = ledger_after(runtime, [delivery(number) for number in chosen])
    shuffled = [
        again(delivery(number), turn) if turn else delivery(number) for number, turn in sequence
    ]
    assert ledger_after(runtime, shuffled) == in_order


def test_any_order_gives_the_recorded_day_s_dates(runtime: Runtime) -> None:
    """The whole set backwards: the dates are those of the day as it was, not only those of another order."""
    found = ledger_after(runtime, [delivery(number) for number in reversed(SNAPSHOT_NUMBERS)])
    for key, expected in RECORDS.items():
        row = found[key]
        tag = (
            row["legal_basis"],
            row["retention_class"],
            str(row["runs_from"]),
            str(row["delete_after"]),
        )
        assert (row["state"], tag) == (expected.state, expected.tag), key
        named = [entry_name(entry) for entry in json.loads(row["entries"])]
        assert named == [entry[0] for entry in expected.entries], key
    assert found.keys() - RECORDS.keys() == {("customer", 7)}
    assert found["customer", 7]["state"] == "ignored"


def moved(number: int, second: int, **changes: Any) -> Recorded:
    """A recorded state of order 117, as if the store had changed it last in this second."""
    changes |= {"date_modified_gmt": f"2026-11-22T09:00:{second:02}"}
    return made(
        "order.updated",
        delivery(number).payload | changes,
        delivery_id=f"{number:016x}{second:016x}",
    )


TIES = {
    "two states of one second": [moved(6, 1), moved(8, 1)],
    "two states of one second, the newsletter choice known of one": [
        moved(4, 1),
        moved(7, 1),
        moved(15, 0),
    ],
    "two states of one second, after the store erased the order": [
        moved(33, 0),
        moved(4, 1),
        moved(8, 1),
    ],
    "erased in the second of its completion": [moved(33, 1), moved(8, 1), moved(6, 0)],
    "trashed in the second of its payment": [moved(6, 1), moved(6, 1, status="trash"), moved(4, 0)],
    "refunded in the second of an echo": [moved(15, 1), moved(13, 1), moved(12, 0)],
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("deliveries", TIES.values(), ids=TIES)
def test_ties_end_in_the_same_ledger_in_any_order(
    runtime: Runtime, deliveries: list[Recorded]
) -> None:
    """The store's clock counts seconds: of two states of one second neither is known to be the later one."""
    ledgers = [ledger_after(runtime, list(sequence)) for sequence in permutations(deliveries)]
    assert all(ledger == ledgers[0] for ledger in ledgers)
    assert ledgers[0]["order", 117]["reread_reason"] == "tie", "only the store can tell"
