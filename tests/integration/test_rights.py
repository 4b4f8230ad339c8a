"""The answer to a person from a real ledger: whose records are listed, and that the answer is right while tags are
due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import update

from hooks.app import create_app
from hooks.intake.ingest import Ingest
from hooks.intake.webhook import Content, Delivery, EventNote, Hint, OccurrenceReport
from hooks.ledger.database import Database
from hooks.ledger.tables import records
from hooks.policies.retag import Retagger
from hooks.retention.clock import Period
from hooks.retention.events import EventType, RecordEvent
from hooks.retention.facts import CustomerFacts, OrderFacts, RecordKind, Snapshot, Subject
from hooks.retention.policy import Policy
from hooks.rights.lookup import answer_to
from hooks.rights.values import Inquiry, PersonAnswer
from hooks.runtime import Runtime
from hooks.settings import Settings, StoreSettings
from tests.integration.harness import ON_SQLITE
from tests.unit.builders import at, customer, order

NOW = at("2026-11-24")
HERS = Subject("customer", "7")

Take = Callable[..., None]


@pytest.fixture
def runtime(database: Database, policy: Policy) -> Runtime:
    """A runtime that takes inputs into the ledger, at one moment."""
    return Runtime(database, policy, timedelta(seconds=10), lambda: NOW)


@pytest.fixture
def take(runtime: Runtime) -> Take:
    """Take in contents, each as a delivery of its own."""
    numbers = count()

    def receive(*contents: Content) -> None:
        for content in contents:
            Ingest(runtime).ingest_one(
                "shop", Delivery(f"delivery-{next(numbers)}", "made.here", content)
            )

    return receive


def _shown(facts: OrderFacts | CustomerFacts, number: int, version: str = "2026-11-22") -> Snapshot:
    return Snapshot(facts, number, at(version), {})


def _noted(kind: RecordKind, number: int, event: EventType, day: str = "2026-11-23") -> EventNote:
    return EventNote(kind, number, RecordEvent(f"{event}-{day}", event, at(day), "other", "legal"))


def _request(name: int, subject: Subject, day: str = "2026-05-05") -> OccurrenceReport:
    return OccurrenceReport("support-request", name, "closed", at(day), f"ZD-{name}", subject)


def _answer(
    runtime: Runtime, subject: Subject = HERS, policy: Policy | None = None
) -> PersonAnswer | None:
    with runtime.database.read() as connection:
        return answer_to(connection, policy or runtime.policy, Inquiry("shop", subject), now=NOW)


def _told(runtime: Runtime, subject: Subject = HERS, policy: Policy | None = None) -> PersonAnswer:
    answer = _answer(runtime, subject, policy)
    assert answer is not None
    return answer


def _listed(answer: PersonAnswer) -> list[tuple[str, int]]:
    return [(record.kind, record.id) for record in answer.records]


def _days(answer: PersonAnswer) -> dict[tuple[int, str], date | None]:
    return {
        (record.id, held.entry.data): held.entry.delete_after
        for record in answer.records
        for held in record.categories
    }


ACCOUNT = _shown(customer("2026-01-10", last_active_at="2026-11-22"), 7)
BOUGHT = order(customer_id=7, paid_at="2026-06-01", kinds="shipping note")
PAID = _shown(BOUGHT, 119)


def test_the_answer_lists_all_her_records_and_no_others(runtime: Runtime, take: Take) -> None:
    take(ACCOUNT, PAID, _shown(order("pending", customer_id=7), 120))
    take(_shown(order(paid_at="2026-06-01"), 121))  # a guest's
    take(_shown(customer(), 8), _shown(order(customer_id=8), 122))  # somebody else's
    take(
        _request(1, HERS),
        _request(2, Subject("order", "119")),
        _request(3, Subject("order", "122")),
    )
    take(_request(4, Subject("email", "0" * 64)))
    take(OccurrenceReport("cookie-consent", 5, "consent-given", at("2026-02-03"), "C-5", HERS))
    take(Hint("order", 123, "missed"))  # of which nothing is known
    answer = _told(runtime)
    assert _listed(answer) == [
        ("customer", 7),
        ("order", 119),
        ("order", 120),
        ("support-request", 1),
        ("support-request", 2),
        ("cookie-consent", 5),
    ]
    assert (answer.subject_state, answer.is_complete, answer.closed) == ("active", True, ())


def test_a_guest_is_answered_by_order_number(runtime: Runtime, take: Take) -> None:
    take(_shown(order(paid_at="2026-06-01"), 121), _request(3, Subject("order", "121")))
    take(ACCOUNT, PAID, _request(1, HERS), _request(2, Subject("order", "119")))
    assert _listed(_told(runtime, Subject("order", "121"))) == [
        ("order", 121),
        ("support-request", 3),
    ]
    assert _listed(_told(runtime, Subject("order", "119"))) == [
        ("order", 119),
        ("support-request", 2),
    ]


NOBODY = [
    (),
    (Hint("customer", 7, "missed"),),
    (_shown(customer(staff=True), 7),),
    (_shown(order(customer_id=8), 7),),  # an order of that number is no customer
]


@ON_SQLITE
@pytest.mark.parametrize("contents", NOBODY)
def test_an_unknown_person_gets_an_empty_answer(
    contents: tuple[Content, ...], runtime: Runtime, take: Take
) -> None:
    take(*contents)
    assert _answer(runtime) is None


@ON_SQLITE
@pytest.mark.parametrize("kind", ["customer", "order"])
def test_an_impossible_id_is_unknown(kind: str, runtime: Runtime) -> None:
    assert (
        _answer(runtime, Subject("customer" if kind == "customer" else "order", str(2**70))) is None
    )


# What is known of the account itself; the orders are told in any case.
MAIN = [
    ((), "unknown"),  # only the order names it
    ((_shown(customer(staff=True), 7),), "ignored"),
    ((ACCOUNT,), "active"),
]


@pytest.mark.parametrize(("contents", "state"), MAIN)
def test_orders_of_an_account_without_a_delivery_are_listed(
    contents: tuple[Content, ...], state: str, runtime: Runtime, take: Take
) -> None:
    take(PAID, *contents)
    answer = _told(runtime)
    assert answer.subject_state == state
    assert ("order", 119) in _listed(answer)


def test_a_request_of_an_unknown_person_is_listed(runtime: Runtime, take: Take) -> None:
    take(_noted("customer", 7, "erasure-requested"))
    answer = _told(runtime)
    assert (answer.subject_state, answer.records) == ("unknown", ())
    assert answer.deadline.answer_by == date(2026, 12, 23)


def test_erased_and_gone_records_are_counted(runtime: Runtime, take: Take) -> None:
    erased = order(customer_id=7, paid_at="2026-06-01", kinds="note", erased_at="2026-10-02")
    take(ACCOUNT, _shown(erased, 117), _shown(order(customer_id=7), 118))
    with runtime.database.write() as connection:
        chosen = update(records).where(records.c.external_id == 118)
        connection.execute(chosen.values(state="gone", closed_on=date(2026, 10, 3)))
    answer = _told(runtime)
    assert [(one.id, one.state, one.on) for one in answer.closed] == [
        (117, "erased", date(2026, 10, 2)),
        (118, "gone", date(2026, 10, 3)),
    ]
    assert [held.entry.data for held in answer.records[1].categories] == ["support"]


# What was noted of the person, and what the order's entries are at once, before any of them is tagged anew.
SOON = date(2026, 12, 23)
STANDS = [
    (
        "erasure-requested",
        {"order-payment": date(2031, 12, 31), "shipping": date(2031, 12, 31), "support": SOON},
    ),
    (
        "objection",
        {"order-payment": date(2031, 12, 31), "shipping": date(2031, 12, 31), "support": SOON},
    ),
    ("restriction", {"order-payment": None, "shipping": None, "support": None}),
    ("hold", {"order-payment": None, "shipping": None, "support": None}),
]


@pytest.mark.parametrize(("event", "expected"), STANDS)
def test_the_answer_is_right_before_the_re_tag(
    event: EventType, expected: dict[str, date | None], runtime: Runtime, take: Take
) -> None:
    take(ACCOUNT, PAID, _request(2, Subject("order", "119")), _noted("customer", 7, event))
    before = _told(runtime)
    assert {data: day for (number, data), day in _days(before).items() if number == 119} == expected
    while Retagger(runtime).step():
        pass
    assert _told(runtime) == before


@ON_SQLITE
def test_the_answer_follows_the_policy_in_force(
    runtime: Runtime, take: Take, policy: Policy
) -> None:
    take(ACCOUNT, PAID)
    longer = replace(policy.classes["orders-accounting"], keep=Period(years=10))
    other = replace(
        policy, digest="f" * 16, classes={**policy.classes, "orders-accounting": longer}
    )
    assert _days(_told(runtime, policy=other))[119, "order-payment"] == date(2036, 12, 31)
    assert _days(_told(runtime))[119, "order-payment"] == date(2031, 12, 31)


def test_an_order_and_its_request_are_listed_for_their_new_owner(
    runtime: Runtime, take: Take
) -> None:
    take(ACCOUNT, _shown(customer(), 8), PAID, _request(2, Subject("order", "119")))
    take(_shown(replace(BOUGHT, customer_id=8), 119, "2026-11-23"))
    assert _listed(_told(runtime)) == [("customer", 7)]
    assert _listed(_told(runtime, Subject("customer", "8"))) == [
        ("customer", 8),
        ("order", 119),
        ("support-request", 2),
    ]


def test_after_an_upgrade_the_answer_says_that_it_may_be_partial(
    runtime: Runtime, take: Take
) -> None:
    take(ACCOUNT, PAID)
    with (
        runtime.database.write() as connection
    ):  # as the migration leaves what the version before had tagged
        connection.execute(update(records).values(tagged_by="", customer_id=None))
    answer = _told(runtime)
    assert (answer.is_complete, _listed(answer)) == (False, [("customer", 7)])
    while Retagger(runtime).step():
        pass
    answer = _told(runtime)
    assert (answer.is_complete, _listed(answer)) == (True, [("customer", 7), ("order", 119)])


@ON_SQLITE
def test_the_same_number_in_two_stores_may_be_two_persons(
    runtime: Runtime, take: Take, tmp_path: Path
) -> None:
    take(ACCOUNT)
    Ingest(runtime).ingest_one("other", Delivery("elsewhere", "made.here", ACCOUNT))
    reach = StoreSettings("shop", "https://shop.example.test", "ck_test", "cs_test", ("secret",))
    both = {"shop": reach, "other": replace(reach, slug="other")}
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path}/ledger.db", stores=both))
    runner = app.test_cli_runner()
    told = runner.invoke(args=("rights", "7"))
    assert (told.exit_code, told.stdout) == (2, "")
    assert "may be different people: use --store" in told.stderr
    assert runner.invoke(args=("rights", "7", "--store", "other")).exit_code == 0
    app.extensions["retention"].database.close()
