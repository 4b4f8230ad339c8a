"""The effect of events on dates in a real ledger: on the record itself and on all records of a customer, in any order
of arrival."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hooks.errors import EventRefusedError
from hooks.intake.email_hash import email_subject
from hooks.intake.ingest import REPEAT_WINDOW, Ingest, Result
from hooks.intake.record_event import NoteOutcome, note
from hooks.intake.tool_event import events_from_http, events_of_tool, record_event
from hooks.intake.webhook import Delivery
from hooks.ledger import log, stores
from hooks.ledger.database import Database
from hooks.ledger.record_view import record_view
from hooks.ledger.records import RecordKey
from hooks.ledger.rows import RETAG_PREFIX
from hooks.ledger.tables import records as records_table
from hooks.policies.retag import Retagger
from hooks.retention.facts import RecordKind, Subject
from hooks.retention.policy import Policy
from hooks.retention.tool_reports import number_of
from hooks.runtime import Runtime
from hooks.settings.event_tokens import EventToken
from hooks.settings.webhook_secrets import signing_keys
from tests.integration.harness import ON_SQLITE
from tests.support import recordings
from tests.support.recordings import SECRET, made, sign

NOW = datetime(2027, 6, 1, 11, 0, tzinfo=UTC)
KEYS = signing_keys(SECRET)
KEY = "a key of at least thirty-two characters"
ORDER, CUSTOMER = 9001, 8001
CAME = "2026-12-01T12:00:00Z"
HOLD = {
    "type": "hold",
    "id": "h",
    "reason": "litigation",
    "owner": "legal",
    "review_on": "2027-12-01",
    "at": CAME,
}
TOOL = EventToken("harness", "the-token-of-a-harness")
AFTER = NOW + REPEAT_WINDOW
numbers = count()


def paid_order(number: int = ORDER, **changes: Any) -> dict[str, Any]:
    """Build a customer's paid order of 2026-11-22 with data of every category."""
    filled: dict[str, Any] = {
        "customer_id": CUSTOMER,
        "customer_note": "Ring twice",
        "customer_ip_address": "192.0.2.1",
        "shipping": {"city": "Oslo"},
        "meta_data": [{"id": 1, "key": "_wc_order_attribution_source_type", "value": "organic"}],
    }
    return recordings.order(number, **filled | changes)


@dataclass
class Inbox:
    """The ledger of one store, and all that it receives."""

    runtime: Runtime
    store: str = field(default_factory=lambda: f"s{next(numbers)}")

    def deliver(self, topic: str, payload: dict[str, Any]) -> Result:
        """Receive a delivery of the store."""
        sent = made(topic, payload)
        delivery = Delivery.from_http(
            sent.headers, sent.body, keys=KEYS, policy=self.runtime.policy
        )
        return Ingest(self.runtime).ingest_one(self.store, delivery)

    def report(self, **raw: Any) -> list[Result]:
        """Receive a tool's report."""
        body = json.dumps(raw).encode()
        headers = {"X-WC-Webhook-Signature": sign(body)}
        found = events_from_http(
            headers, body, keys=KEYS, subject_key=KEY, now=self.runtime.clock()
        )
        return [Ingest(self.runtime).ingest_one(self.store, event) for event in found]

    def send(self, now: datetime, **raw: Any) -> list[Result]:
        """Receive a report of a tool with a token, at this time of day."""
        runtime = replace(self.runtime, clock=lambda: now)
        found = events_of_tool(TOOL, json.dumps(raw).encode(), subject_key=KEY, now=now)
        return [Ingest(runtime).ingest_one(self.store, event) for event in found]

    def forget_deliveries(self) -> int:
        """Prune the log of deliveries, as a worker does after a while. Returns how many went."""
        with self.runtime.database.write() as connection:
            stores.register(connection, [self.store])
            return log.prune(connection, NOW + timedelta(days=2), ["event.undated"])

    def note(self, kind: RecordKind, number: int, **raw: Any) -> NoteOutcome:
        """Record an operator's event."""
        now, zone = self.runtime.clock(), self.runtime.policy.time_zone
        event = record_event(
            raw, kind, number, now=now, zone=zone, fresh_id=f"fresh{next(numbers)}"
        )
        return note(self.runtime, RecordKey(self.store, kind, number), event)

    def retag(self) -> None:
        """Re-tag every record that is due, as a worker does."""
        while Retagger(self.runtime).step():
            pass

    def record(self, kind: str, number: int) -> dict[str, Any]:
        """Return the record as `/records` shows it."""
        with self.runtime.database.read() as connection:
            found = record_view(connection, self.store, kind, number)
        assert found is not None
        return found

    def ends(self, kind: str, number: int) -> dict[str, str]:
        """Return, by rule, the last day of each entry, or the event that ends it."""
        return {
            entry["rule"]: entry["delete_after"] or entry["until"]
            for entry in self.record(kind, number)["entries"]
        }

    def row(self, kind: str, number: int) -> dict[str, Any]:
        """Return the record's row."""
        (found,) = (
            row for row in self.rows() if (row["kind"], row["external_id"]) == (kind, number)
        )
        return found

    def rows(self) -> list[dict[str, Any]]:
        """Return all rows of the store, by kind and id."""
        chosen = select(records_table).where(records_table.c.store == self.store)
        with self.runtime.database.read() as connection:
            found = connection.execute(
                chosen.order_by(records_table.c.kind, records_table.c.external_id)
            )
            return [dict(row) for row in found.mappings()]

    def linked(self) -> list[dict[str, Any]]:
        """Return the entries of the customer that come from other records."""
        entries: list[dict[str, Any]] = json.loads(
            json.loads(self.row("customer", CUSTOMER)["wanted"])["retention_schedule"]
        )
        return [entry for entry in entries if entry["class"] != "customer-accounts"]


MakeOffice = Callable[[], Inbox]


@pytest.fixture
def make_inbox(database: Database, policy: Policy) -> MakeOffice:
    """Make inboxes, each with a store of its own."""
    return lambda: Inbox(Runtime(database, policy, timedelta(seconds=10), lambda: NOW))


@pytest.fixture
def inbox(make_inbox: MakeOffice) -> Inbox:
    """An inbox that knows a customer and an order of that customer."""
    made_one = make_inbox()
    made_one.deliver("customer.created", recordings.customer(CUSTOMER))
    made_one.deliver("order.created", paid_order())
    return made_one


# --- of the record itself ----------------------------------------------------------------------------------

BEFORE = {
    "order-paid": "2031-12-31",
    "order-paid-identity": "2031-12-31",
    "order-paid-contact": "2031-12-31",
    "order-paid-shipping": "2031-12-31",
    "order-note": "2029-11-22",
    "order-technical": "2027-11-22",
    "order-marketing": "consent-withdrawn",
}
WITHIN_A_MONTH = "2027-01-01"
PERSONAL = ["order-note", "order-technical"]


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        ({"type": "consent-given"}, {}),
        (
            {"type": "consent-withdrawn"},
            {"order-marketing": "2026-12-01", "order-consent-proof": "2029-12-01"},
        ),
        # What the law wants kept, stays.
        (
            {"type": "erasure-requested"},
            dict.fromkeys([*PERSONAL, "order-marketing"], WITHIN_A_MONTH)
            | {"order-paid-contact": "order-closed"},
        ),
        (
            {"type": "objection"},
            dict.fromkeys(PERSONAL, WITHIN_A_MONTH)
            | {"order-marketing": "2026-12-01", "order-consent-proof": "2029-12-01"},
        ),
        (
            {"type": "objection", "scope": "marketing"},
            {"order-marketing": "2026-12-01", "order-consent-proof": "2029-12-01"},
        ),
        # A month from the last of January, and what goes earlier anyhow.
        (
            {"type": "objection", "at": "2027-01-31T12:00:00Z"},
            dict.fromkeys(PERSONAL, "2027-02-28")
            | {"order-marketing": "2027-01-31", "order-consent-proof": "2030-01-31"},
        ),
        ({"type": "restriction"}, dict.fromkeys(BEFORE, "restriction-lifted")),
        (HOLD, dict.fromkeys(BEFORE, "hold-lifted")),
        # Of themselves these change nothing.
        ({"type": "hold-lifted"}, {}),
        ({"type": "restriction-lifted"}, {}),
        ({"type": "retracted", "about": "x"}, {}),
    ],
    ids=lambda value: value.get("type", ""),
)
def test_the_effect_of_each_event_on_an_orders_dates(
    event: dict[str, Any], changes: dict[str, str], inbox: Inbox
) -> None:
    assert inbox.ends("order", ORDER) == BEFORE
    outcome = inbox.note("order", ORDER, **{"at": CAME} | event)
    assert outcome.new
    assert inbox.ends("order", ORDER) == BEFORE | changes
    assert outcome.after == inbox.record("order", ORDER)
    cause = outcome.after["history"][-1]
    assert (
        cause["cause"],
        outcome.event.id in cause["reason"] or event["type"] == "retracted",
    ) == (
        event["type"],
        True,
    )


@pytest.mark.parametrize(
    ("placed", "lifted", "ends"),
    [
        (HOLD, {"type": "hold-lifted"}, None),
        (HOLD, {"type": "hold-lifted", "about": "h"}, None),
        (HOLD, {"type": "hold-lifted", "about": "another"}, "hold-lifted"),
        (HOLD, {"type": "retracted", "about": "h"}, None),
        # What was lifted before it was placed.
        (HOLD, {"type": "hold-lifted", "at": "2026-11-30T12:00:00Z"}, "hold-lifted"),
        ({"type": "restriction", "at": CAME}, {"type": "restriction-lifted"}, None),
        ({"type": "restriction", "at": CAME}, {"type": "hold-lifted"}, "restriction-lifted"),
        (
            {"type": "erasure-requested", "at": CAME, "id": "e"},
            {"type": "retracted", "about": "e"},
            None,
        ),
        (
            {"type": "consent-withdrawn", "at": CAME, "id": "e"},
            {"type": "retracted", "about": "e"},
            None,
        ),
    ],
)
def test_a_lifted_and_a_retracted_event_have_no_effect(
    placed: dict[str, Any], lifted: dict[str, Any], ends: str | None, inbox: Inbox
) -> None:
    inbox.note("order", ORDER, **placed)
    inbox.note("order", ORDER, **{"at": "2027-01-10T12:00:00Z"} | lifted)
    assert inbox.ends("order", ORDER) == (dict.fromkeys(BEFORE, ends) if ends else BEFORE)


def test_lifting_a_hold_recomputes_the_dates(inbox: Inbox) -> None:
    """Changes and requests that came during the hold count."""
    inbox.note("order", ORDER, **HOLD)
    later: dict[str, Any] = {
        "date_completed_gmt": "2027-02-01T12:00:00",
        "date_modified_gmt": "2027-02-01T12:00:00",
    }
    inbox.deliver("order.updated", paid_order(status="completed", **later))
    inbox.note("order", ORDER, type="objection", at="2027-02-10T12:00:00Z")
    held = inbox.record("order", ORDER)
    assert set(inbox.ends("order", ORDER).values()) == {"hold-lifted"}
    assert (held["tag"]["held"], held["tag"]["delete_after"]) == (True, None)
    inbox.note("order", ORDER, type="hold-lifted", at="2027-03-01T12:00:00Z")
    by_law = ["order-paid", "order-paid-identity", "order-paid-shipping"]
    kept = dict.fromkeys([*by_law, "order-paid-contact"], "2032-12-31")
    hastened = dict.fromkeys(PERSONAL, "2027-03-10")
    ended = {"order-marketing": "2027-02-10", "order-consent-proof": "2030-02-10"}
    assert inbox.ends("order", ORDER) == BEFORE | kept | hastened | ended


def test_a_hold_shows_in_the_tags_for_the_store(inbox: Inbox) -> None:
    inbox.note("order", ORDER, **HOLD)
    row = inbox.row("order", ORDER)
    wanted = json.loads(row["wanted"])
    assert wanted["retention_delete_after"] == ""
    assert {entry["until"] for entry in json.loads(wanted["retention_schedule"])} == {"hold-lifted"}
    assert row["push_at"] is not None


@pytest.mark.parametrize("kind", ["support-request", "marketing-consent", "cookie-consent"])
def test_events_apply_to_reported_records_too(kind: RecordKind, inbox: Inbox) -> None:
    report = {
        "support-request": "support-request.closed",
        "cookie-consent": "cookies.consent-given",
    }
    if kind == "marketing-consent":
        inbox.report(event="unsubscribe", email="kari@example.test", ts_event=1795000000)
        number = number_of(str(email_subject("kari@example.test", KEY)))
    else:
        inbox.report(type=report[kind], id="7", at=CAME)
        number = 7
    inbox.note(kind, number, **HOLD)
    assert set(inbox.ends(kind, number).values()) == {"hold-lifted"}


def test_a_hold_on_a_request_is_seen_on_its_customer(inbox: Inbox) -> None:
    inbox.report(type="support-request.closed", id="7", at=CAME, subject={"customer": CUSTOMER})
    inbox.note("support-request", 7, **HOLD)
    assert [entry["until"] for entry in inbox.linked()] == ["hold-lifted"]


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("order", "unseen"),
        ("customer", "unseen"),
        ("support-request", None),
        ("cookie-consent", None),
    ],
)
def test_the_store_is_asked_about_records_it_may_have(
    kind: RecordKind, asked: str | None, make_inbox: MakeOffice
) -> None:
    inbox = make_inbox()
    inbox.note(kind, 77, **HOLD)
    assert inbox.row(kind, 77)["reread_reason"] == asked


def test_an_event_is_recorded_once(inbox: Inbox) -> None:
    first = inbox.note("order", ORDER, type="erasure-requested", at=CAME)
    history = len(inbox.record("order", ORDER)["history"])
    again = inbox.note("order", ORDER, type="erasure-requested", at="2026-12-01T13:00:00+01:00")
    assert (first.new, again.new) == (True, False)
    assert first.event == again.event
    assert inbox.forget_deliveries() > 0, "the event's own too"
    assert not inbox.note("order", ORDER, type="erasure-requested", at=CAME).new
    assert len(inbox.record("order", ORDER)["history"]) == history


def test_two_events_cannot_have_one_id(inbox: Inbox) -> None:
    """If a hold were lifted under the id that placed it, the first event would look lifted by itself."""
    inbox.note("order", ORDER, **HOLD)
    assert not inbox.note("order", ORDER, **HOLD).new
    with pytest.raises(EventRefusedError, match="id is that of another event"):
        inbox.note("order", ORDER, type="hold-lifted", id="h")
    assert set(inbox.ends("order", ORDER).values()) == {"hold-lifted"}


@pytest.mark.parametrize("kind", ["order", "customer"])
def test_an_event_may_come_before_its_record(kind: RecordKind, make_inbox: MakeOffice) -> None:
    inbox = make_inbox()
    outcome = inbox.note(kind, {"order": ORDER, "customer": CUSTOMER}[kind], **HOLD)
    assert (outcome.new, outcome.before, outcome.after) == (True, None, None)
    inbox.deliver("customer.created", recordings.customer(CUSTOMER))
    inbox.deliver("order.created", paid_order())
    assert set(inbox.ends("order", ORDER).values()) == {"hold-lifted"}


# --- of all that is a customer's ---------------------------------------------------------------------------


def test_a_customers_request_reaches_the_customers_orders(inbox: Inbox) -> None:
    inbox.deliver("order.created", paid_order(9002, customer_id=8002))
    inbox.deliver("order.created", paid_order(9003, date_created_gmt="2026-12-02T12:00:00"))
    inbox.note("customer", CUSTOMER, type="erasure-requested", at=CAME)
    assert inbox.ends("order", ORDER) == BEFORE
    marked = [
        inbox.row("order", number)["tagged_by"].startswith(RETAG_PREFIX)
        for number in (ORDER, 9002, 9003)
    ]
    assert marked == [True, False, True]
    inbox.retag()
    erased = dict.fromkeys([*PERSONAL, "order-marketing"], WITHIN_A_MONTH)
    assert inbox.ends("order", ORDER) == BEFORE | erased | {"order-paid-contact": "order-closed"}
    assert inbox.ends("order", 9002) == BEFORE, "another customer's"
    assert WITHIN_A_MONTH not in inbox.ends("order", 9003).values(), "placed after the request"
    assert set(inbox.ends("customer", CUSTOMER).values()) == {WITHIN_A_MONTH}
    assert inbox.record("order", ORDER)["history"][-1]["cause"] == "tagged anew"


def test_a_hold_on_a_customer_holds_all_their_records(inbox: Inbox) -> None:
    inbox.report(type="support-request.closed", id="ZD-1", at=CAME, subject={"order": ORDER})
    inbox.note("customer", CUSTOMER, **HOLD)
    inbox.retag()
    for kind, number in (
        ("customer", CUSTOMER),
        ("order", ORDER),
        ("support-request", number_of("ZD-1")),
    ):
        assert set(inbox.ends(kind, number).values()) == {"hold-lifted"}, kind
    inbox.note("customer", CUSTOMER, type="hold-lifted", at="2027-01-01T12:00:00Z")
    inbox.retag()
    assert inbox.ends("order", ORDER) == BEFORE


@pytest.mark.parametrize("last", ["marketing.consent-withdrawn", "marketing.deleted"])
def test_a_customers_newsletter_ends_everywhere(last: str, inbox: Inbox) -> None:
    inbox.report(
        type="marketing.consent-given", subject={"customer": CUSTOMER}, at="2026-11-30T12:00:00Z"
    )
    inbox.retag()
    assert inbox.ends("customer", CUSTOMER)["account-marketing"] == "consent-withdrawn"
    assert inbox.report(type=last, subject={"customer": CUSTOMER}, at=CAME) == [Result.RECORDED]
    inbox.retag()
    assert inbox.ends("customer", CUSTOMER)["account-marketing"] == "2026-12-01"
    ended = {"order-marketing": "2026-12-01", "order-consent-proof": "2029-12-01"}
    assert inbox.ends("order", ORDER) == BEFORE | ended


# --- what tools report -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reports", "end"),
    [
        ([("made", "2026-01-10")], ("2027-01-10", "2029-01-10")),
        ([("made", "2026-01-10"), ("closed", "2026-02-28")], ("2027-02-28", "2029-02-28")),
        ([("closed", "2026-02-28"), ("closed", "2026-05-01")], ("2027-05-01", "2029-05-01")),
    ],
)
def test_support_requests_are_kept_and_ended_by_reports(
    reports: list[tuple[str, str]], end: tuple[str, str], inbox: Inbox
) -> None:
    for what, day in reports:
        inbox.report(
            type=f"support-request.{what}",
            id="ZD-1",
            at=f"{day}T12:00:00Z",
            subject={"customer": CUSTOMER},
        )
    found = inbox.record("support-request", number_of("ZD-1"))
    assert (found["tag"]["review_after"], found["tag"]["delete_after"]) == end
    assert (found["facts"]["name"], found["subject"], found["customer_id"]) == (
        "ZD-1",
        "customer:8001",
        CUSTOMER,
    )


def test_a_request_without_a_time_is_dated_by_its_arrival(inbox: Inbox) -> None:
    event = {"type": "support-request.closed", "id": "7"}
    assert inbox.report(**event) == [Result.RECORDED]
    assert inbox.record("support-request", 7)["tag"]["from"] == "2027-06-01"
    assert inbox.forget_deliveries() > 0, "those of the store"
    assert inbox.report(**event) == [Result.DUPLICATE]


def test_a_record_that_a_tool_deleted_is_closed(inbox: Inbox) -> None:
    inbox.report(type="support-request.closed", id="7", at=CAME, subject={"customer": CUSTOMER})
    assert inbox.linked()
    inbox.report(type="support-request.deleted", id="7", at="2027-01-10T12:00:00Z")
    found = inbox.record("support-request", 7)
    assert (found["state"], found["closed_on"]) == ("erased", "2027-01-10")
    assert inbox.linked() == []


@pytest.mark.parametrize("subject", [{"customer": CUSTOMER}, {"order": ORDER}], ids=str)
@pytest.mark.parametrize("first", [True, False], ids=["tool first", "store first"])
def test_requests_and_consents_of_a_customer_are_written_to_the_store(
    subject: dict[str, int], first: bool, make_inbox: MakeOffice
) -> None:
    inbox = make_inbox()

    def reports() -> None:
        inbox.report(type="support-request.closed", id="ZD-1", at=CAME, subject=subject)
        inbox.report(type="cookies.consent-given", id="c-1", at=CAME, subject=subject)

    def deliveries() -> None:
        inbox.deliver("customer.created", recordings.customer(CUSTOMER))
        inbox.deliver("order.created", paid_order())

    for step in (reports, deliveries) if first else (deliveries, reports):
        step()
    inbox.retag()
    shown = {
        (entry["class"], entry["review_after"], entry["delete_after"]) for entry in inbox.linked()
    }
    assert shown == {
        ("support-requests", "2027-12-01", "2029-12-01"),
        ("cookie-consent-logs", "2027-12-01", "2028-12-01"),
    }


def test_an_email_is_a_record_of_its_own(inbox: Inbox) -> None:
    """The same key finds it again."""
    inbox.report(event="unsubscribed", email="Kari@example.test", ts_event=1796126400)
    subject = email_subject("kari@example.test", KEY)
    found = inbox.record("marketing-consent", number_of(str(subject)))
    assert (found["subject"], found["customer_id"]) == (str(subject), None)
    assert found["tag"]["delete_after"] == "2026-12-01"
    given = {
        "type": "marketing.consent-given",
        "subject": {"email_hash": subject.value},
        "at": "2026-11-01T12:00:00Z",
    }
    assert inbox.report(**given) == [Result.RECORDED]
    found = inbox.record("marketing-consent", number_of(str(subject)))
    assert (found["tag"]["from"], found["tag"]["delete_after"]) == ("2026-11-01", "2026-12-01")
    assert inbox.report(
        event="contact_deleted", email=["kari@example.test", "ola@example.test"]
    ) == [
        Result.RECORDED,
        Result.RECORDED,
    ]
    assert inbox.record("marketing-consent", number_of(str(subject)))["state"] == "erased"


# --- what tools report with a token ------------------------------------------------------------------------

BY_EMAIL = {"subject": {"email": "Kari@example.test"}}
CLOSED = {"type": "support-request.closed", "id": "4711"}


def test_a_request_closed_again_later_is_dated_anew(inbox: Inbox) -> None:
    """The body is the same. A report that comes soon after the first is a repeat of it."""
    soon = AFTER - timedelta(seconds=1)
    assert inbox.send(NOW, **CLOSED) == [Result.RECORDED]
    assert inbox.send(soon, **CLOSED) == [Result.DUPLICATE]
    assert (
        inbox.record("support-request", 4711)["facts"]["closed_at"] == "2027-06-01T11:00:00+00:00"
    )
    assert inbox.send(AFTER + timedelta(days=1), **CLOSED) == [Result.RECORDED]
    assert inbox.record("support-request", 4711)["tag"]["from"] == "2027-06-02"


def test_a_report_with_a_time_counts_once(inbox: Inbox) -> None:
    assert inbox.send(NOW, **CLOSED, at=CAME) == [Result.RECORDED]
    assert inbox.send(AFTER, **CLOSED, at=CAME) == [Result.DUPLICATE]
    assert inbox.forget_deliveries() > 0
    assert inbox.send(AFTER, **CLOSED, at=CAME) == [Result.UNCHANGED]


def test_no_report_without_a_time_is_remembered_for_ever(inbox: Inbox) -> None:
    inbox.send(NOW, **CLOSED)
    assert inbox.forget_deliveries() > 0
    assert inbox.send(NOW + timedelta(days=1), **CLOSED) == [Result.RECORDED]


def test_a_consent_withdrawn_again_under_one_id_ends_again(inbox: Inbox) -> None:
    withdrawn = {
        "type": "marketing.consent-withdrawn",
        "id": "sub-42",
        "subject": {"customer": CUSTOMER},
    }
    assert inbox.send(NOW, **withdrawn) == [Result.RECORDED]
    given = withdrawn | {"type": "marketing.consent-given", "at": "2027-06-02T12:00:00Z"}
    assert inbox.send(NOW + timedelta(days=2), **given) == [Result.RECORDED]
    inbox.retag()
    assert inbox.ends("customer", CUSTOMER)["account-marketing"] == "consent-withdrawn"
    assert inbox.send(NOW + timedelta(days=3), **withdrawn) == [Result.RECORDED]
    inbox.retag()
    assert inbox.ends("customer", CUSTOMER)["account-marketing"] == "2027-06-04"


@pytest.mark.parametrize("event", ["spam", "unsubscribe", "contact_deleted"])
def test_brevo_ends_the_consent_of_a_contact(event: str, inbox: Inbox) -> None:
    inbox.send(NOW, type="marketing.consent-given", at=CAME, **BY_EMAIL)
    number = number_of(str(email_subject("kari@example.test", KEY)))
    assert set(inbox.ends("marketing-consent", number).values()) == {"consent-withdrawn"}
    assert inbox.send(NOW, event=event, email="kari@example.test") == [Result.RECORDED]
    ends = set(inbox.ends("marketing-consent", number).values())
    assert "consent-withdrawn" not in ends
    assert "2027-06-01" in ends or inbox.row("marketing-consent", number)["state"] == "erased"


@pytest.mark.parametrize(
    ("subject", "kind", "number"),
    [
        ({"customer": CUSTOMER}, "customer", CUSTOMER),
        ({"order": ORDER}, "order", ORDER),
        (
            BY_EMAIL["subject"],
            "marketing-consent",
            number_of(str(email_subject("kari@example.test", KEY))),
        ),
    ],
    ids=["customer", "order", "e-mail"],
)
def test_a_request_through_a_help_desk_is_recorded_once(
    subject: dict[str, object], kind: RecordKind, number: int, inbox: Inbox
) -> None:
    objection = {"type": "objection", "id": 35437, "scope": "marketing", "subject": subject}
    assert inbox.send(NOW, **objection) == [Result.RECORDED]
    assert inbox.send(AFTER, **objection) == [Result.UNCHANGED]
    assert inbox.send(AFTER, **objection, at="2027-05-30T12:00:00Z") == [Result.UNCHANGED]
    assert inbox.send(AFTER, type="erasure-requested", id=35437, subject=subject) == [
        Result.RECORDED
    ]
    events = json.loads(inbox.row(kind, number)["events"])
    assert [(event["id"], event.get("scope")) for event in events] == [
        ("objection:marketing:35437", "marketing"),
        ("erasure-requested:35437", None),
    ]


# --- in any order ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One input; its words identify it where a test fails."""

    words: str
    come: Callable[[Inbox], object]

    def __repr__(self) -> str:
        return self.words


def _noted(number: int, kind: RecordKind = "order", /, **raw: Any) -> Step:
    return Step(f"{raw['type']} of {kind} {number}", lambda inbox: inbox.note(kind, number, **raw))


def _told(event_type: str, day: str, **raw: Any) -> Step:
    return Step(
        event_type, lambda inbox: inbox.report(type=event_type, at=f"{day}T12:00:00Z", **raw)
    )


def _came(topic: str, payload: dict[str, Any]) -> Step:
    return Step(f"{topic} {payload.get('id', '')}", lambda inbox: inbox.deliver(topic, payload))


LATER: dict[str, Any] = {
    "date_completed_gmt": "2027-02-01T12:00:00",
    "date_modified_gmt": "2027-02-01T12:00:00",
}
HAPPENED = (
    _came("customer.created", recordings.customer(CUSTOMER)),
    _came("order.created", paid_order()),
    _came("order.updated", paid_order(status="completed", **LATER)),
    _came("order.created", paid_order(9002, date_created_gmt="2027-01-05T12:00:00")),
    _came(
        "action.wc_support_request_closed", {"arg": {"id": "ZD-1", "at": "2027-01-20T12:00:00Z"}}
    ),
    _told("support-request.made", "2027-01-10", id="ZD-1", subject={"order": ORDER}),
    _told("support-request.closed", "2027-01-15", id="ZD-1", subject={"customer": CUSTOMER}),
    _told("cookies.consent-given", "2027-01-01", id="c", subject={"customer": CUSTOMER}),
    _told("cookies.consent-withdrawn", "2027-03-01", id="c"),
    _told("marketing.consent-given", "2026-11-25", subject={"customer": CUSTOMER}),
    _told("marketing.deleted", "2027-02-05", subject={"customer": CUSTOMER}),
    _told("marketing.consent-withdrawn", "2027-02-06", subject={"order": 9002}),
    _noted(ORDER, **HOLD),
    _noted(ORDER, type="hold-lifted", about="h", at="2027-01-20T12:00:00Z"),
    _noted(CUSTOMER, "customer", type="erasure-requested", at="2026-12-20T12:00:00Z"),
    _noted(CUSTOMER, "customer", type="objection", at="2027-01-25T12:00:00Z"),
    _noted(9002, type="restriction", id="r", at="2027-02-10T12:00:00Z"),
    _noted(
        number_of("ZD-1"), "support-request", type="restriction", id="r", at="2027-02-10T12:00:00Z"
    ),
    _noted(
        number_of("ZD-1"), "support-request", type="retracted", about="r", at="2027-02-11T12:00:00Z"
    ),
)
PASSING = {"id", "store", "created_at", "updated_at", "read_at", "young"}
"""Columns that say when something was heard, and not what is."""


def _end(inbox: Inbox) -> list[dict[str, Any]]:
    inbox.retag()
    return [
        {
            name: value
            for name, value in row.items()
            if name not in PASSING and not name.startswith(("push", "reread", "contest", "claim"))
        }
        for row in inbox.rows()
    ]


@ON_SQLITE
@settings(
    max_examples=20,
    phases=[
        Phase.explicit,
        Phase.generate,
    ],  # to shrink it takes minutes, and what was shuffled is seen as it is
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.permutations(HAPPENED),
    st.lists(st.sampled_from(HAPPENED), max_size=6),
    st.sets(st.integers(0, 18)),
)
def test_the_order_of_arrival_does_not_change_the_result(
    make_inbox: MakeOffice,
    order: list[Step],
    again: list[Step],
    pauses: set[int],
) -> None:
    """Inputs may repeat, and a worker may re-tag at any time."""
    plain, mixed = make_inbox(), make_inbox()
    for step in HAPPENED:
        step.come(plain)
    for place, step in enumerate([*order, *again]):
        step.come(mixed)
        if place in pauses:
            mixed.retag()
    expected = _end(plain)
    assert _end(mixed) == expected
    assert {row["kind"] for row in expected} == {
        "order",
        "customer",
        "support-request",
        "cookie-consent",
    }


def test_subjects_of_a_record_are_collected(inbox: Inbox) -> None:
    """Of several subjects the most specific is shown."""
    inbox.report(type="cookies.consent-given", id="c", at=CAME, subject={"email_hash": "0f" * 32})
    inbox.report(type="cookies.consent-given", id="c", at=CAME, subject={"order": ORDER})
    assert inbox.record("cookie-consent", number_of("c"))["subject"] == str(
        Subject("order", str(ORDER))
    )
