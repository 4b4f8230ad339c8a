"""Parse events of tools from their bytes, or refuse them and name the wrong field."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from hashlib import md5, sha1, sha256
from typing import Any

import pytest

from hooks.errors import EventForbiddenError, EventRefusedError, SignatureRefusedError
from hooks.intake.email_hash import email_subject
from hooks.intake.tool_event import events_from_http, events_of_tool
from hooks.intake.webhook import Delivery, EventNote, Ignored, OccurrenceReport
from hooks.retention.events import TOOL_EVENT_TYPES, RecordEvent
from hooks.retention.facts import EVENT_TYPES, Subject
from hooks.retention.tool_reports import number_of
from hooks.settings.event_tokens import EventToken
from hooks.settings.webhook_secrets import signing_keys
from tests.support.recordings import SECRET, sign
from tests.unit.builders import at

NOW = at("2026-11-22T12:00:00")
AT = {"at": "2026-11-22T10:00:00Z"}
TEN = at("2026-11-22T10:00:00")
KEY = "a key of at least thirty-two characters"
CANARY = "CANARY-kari@example.test"
HASH = "0123456789abcdef" * 4
KEYS = signing_keys(SECRET)


def _events(raw: object, *, key: str | None = KEY) -> tuple[Delivery, ...]:
    body = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    headers = {"X-WC-Webhook-Signature": sign(body)}
    return events_from_http(headers, body, keys=KEYS, subject_key=key, now=NOW)


def _event(raw: object, *, key: str | None = KEY) -> Delivery:
    (event,) = _events(raw, key=key)
    return event


def _refused(raw: object, *, key: str | None = KEY) -> dict[str, str]:
    with pytest.raises(EventRefusedError) as raised:
        _events(raw, key=key)
    assert CANARY not in str(raised.value)
    return raised.value.faults


# --- our own format -----------------------------------------------------------------------------------------

ZD = number_of("ZD-123")
CUSTOMER = Subject("customer", "7")
OF_HASH = number_of(f"email:{HASH}")


@pytest.mark.parametrize(
    ("raw", "content"),
    [
        (
            {"type": "support-request.made", "id": "ZD-123"},
            OccurrenceReport("support-request", ZD, "made", None, "ZD-123"),
        ),
        (
            {"type": "support-request.closed", "id": "ZD-123", "subject": {"customer": 7}} | AT,
            OccurrenceReport("support-request", ZD, "closed", TEN, "ZD-123", CUSTOMER),
        ),
        # A number is its own name.
        (
            {"type": "support-request.deleted", "id": 4711},
            OccurrenceReport("support-request", 4711, "deleted"),
        ),
        (
            {"type": "support-request.deleted", "id": "04711"},
            OccurrenceReport("support-request", 4711, "deleted"),
        ),
        (
            {"type": "cookies.consent-given", "id": "a.b:c_d-1", "subject": {"order": "9"}} | AT,
            OccurrenceReport(
                "cookie-consent",
                number_of("a.b:c_d-1"),
                "consent-given",
                TEN,
                "a.b:c_d-1",
                Subject("order", "9"),
            ),
        ),
        (
            {"type": "cookies.consent-withdrawn", "id": "x", "at": None, "subject": None},
            OccurrenceReport("cookie-consent", number_of("x"), "consent-withdrawn", None, "x"),
        ),
        # About a person known only by a hash: the consent is its own record, whatever id the event has.
        (
            {"type": "marketing.consent-given", "id": "e1", "subject": {"email_hash": HASH}},
            OccurrenceReport(
                "marketing-consent",
                OF_HASH,
                "consent-given",
                None,
                f"email:{HASH[:16]}",
                Subject("email", HASH),
            ),
        ),
        (
            {"type": "marketing.deleted", "subject": {"email_hash": HASH}} | AT,
            OccurrenceReport(
                "marketing-consent",
                OF_HASH,
                "deleted",
                TEN,
                f"email:{HASH[:16]}",
                Subject("email", HASH),
            ),
        ),
        # About a customer or an order: a record event of it.
        (
            {"type": "marketing.consent-given", "id": "e1", "subject": {"customer": 7}},
            EventNote(
                "customer", 7, RecordEvent("bd7da2cd8de99ba07cfad1dddaed0e10", "consent-given", NOW)
            ),
        ),
        (
            {"type": "marketing.consent-withdrawn", "id": "e1", "subject": {"order": 9}} | AT,
            EventNote(
                "order",
                9,
                RecordEvent("5f5d9f72bbf25a7ae536a46c4306be9c", "consent-withdrawn", TEN),
            ),
        ),
        # A contact that was deleted is no longer on the list.
        (
            {"type": "marketing.deleted", "id": "e1", "subject": {"order": 9}} | AT,
            EventNote(
                "order",
                9,
                RecordEvent("5771005221a0fdce3ccb5134e8087f70", "consent-withdrawn", TEN),
            ),
        ),
    ],
)
def test_an_event_of_a_tool_is_parsed(raw: dict[str, Any], content: object) -> None:
    event = _event(raw, key=None)
    assert event.content == content
    assert event.topic == ("event" if raw.get("at") else "event.undated")


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_each_type_is_accepted(event_type: str) -> None:
    content = _event({"type": event_type, "id": "1", "subject": {"email_hash": HASH}} | AT).content
    assert isinstance(content, OccurrenceReport)
    assert (content.kind, content.occurrence) == EVENT_TYPES[event_type]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-22T11:00:00+01:00", TEN),
        ("2026-11-22T10:00:00.987Z", TEN),  # to the second
        ("2026-11-22T12:05:00Z", NOW + timedelta(minutes=5)),  # the sender's clock is ahead
        ("20261122T100000Z", TEN),
        ("2026-11-22T10:00Z", TEN),  # as Zendesk writes it
        ("2026-11-22 11:00:00 +0100", TEN),
        (int(TEN.timestamp()), TEN),
        (TEN.timestamp() + 0.9, TEN),
        (1, at("1970-01-01T00:00:01")),
    ],
)
def test_times_of_an_event(text: object, instant: object) -> None:
    content = _event({"type": "support-request.made", "id": "1", "at": text}).content
    assert isinstance(content, OccurrenceReport)
    assert content.at == instant


GOOD = {"type": "support-request.closed", "id": "ZD-123"}
CONSENT = {"type": "marketing.consent-given"} | AT
OBJECTION = {"type": "objection", "subject": {"customer": 7}} | AT
NEITHER = {"at": "is missing, and so is an id by which a repeat could be told"}
HASHLESS = {"subject.email_hash": "is not 64 hex digits in lower case"}
NOT_ONE = {"subject": "needs exactly one of customer, email, email_hash, order"}
NO_ADDRESS = {"subject.email": "is not an e-mail"}
ZONELESS = "is not a time with its zone, such as 2026-11-22T10:00:00Z, nor seconds since 1970"


@pytest.mark.parametrize(
    ("raw", "faults"),
    [
        ({}, {"type": "is missing"}),
        ({"type": None, "id": "1"}, {"type": "is missing"}),
        (GOOD | {"at": "2026-11-22T10:00:00"}, {"at": ZONELESS}),
        (GOOD | {"at": "2026-11-22"}, {"at": ZONELESS}),
        (GOOD | {"at": ""}, {"at": ZONELESS}),
        (GOOD | {"at": "1795341600"}, {"at": ZONELESS}),
        (GOOD | {"at": "22 Nov, 2026 10:00 AM"}, {"at": ZONELESS}),
        (GOOD | {"at": True}, {"at": ZONELESS}),
        (GOOD | {"at": 0}, {"at": "is out of range"}),
        (GOOD | {"at": -1795341600}, {"at": "is out of range"}),
        (GOOD | {"at": 1795341600000}, {"at": "is out of range"}),  # milliseconds
        (GOOD | {"at": 1e300}, {"at": "is out of range"}),
        (GOOD | {"at": float("nan")}, {"at": "is out of range"}),
        (GOOD | {"at": int(NOW.timestamp()) + 301}, {"at": "is in the future"}),
        (GOOD | {"at": CANARY}, {"at": ZONELESS}),
        (GOOD | {"at": "2026-11-22T12:05:01Z"}, {"at": "is in the future"}),
        (GOOD | {"at": "0001-01-01T00:00:00+14:00"}, {"at": "is not a time"}),
        (GOOD | {"at": "1969-12-31T23:59:59Z"}, {"at": "is out of range"}),
        # Requests and records of consent need an id.
        ({"type": "support-request.closed"} | AT, {"id": "is missing"}),
        ({"type": "cookies.deleted", "subject": {"customer": 7}}, {"id": "is missing"}),
        # Consent to marketing needs a subject, and a time or an id: without them a second one looks like the first.
        (CONSENT, {"subject": "is missing"}),
        (CONSENT | {"subject": None}, {"subject": "is missing"}),
        (
            {"type": "marketing.consent-withdrawn", "subject": {"customer": 7}},
            NEITHER,
        ),
        (CONSENT | {"subject": {}}, NOT_ONE),
        (CONSENT | {"subject": {"customer": 7, "order": 9}}, NOT_ONE),
        (CONSENT | {"subject": {"customer": CANARY}}, {"subject.customer": "is not a record's id"}),
        (CONSENT | {"subject": {"order": 0}}, {"subject.order": "is not a record's id"}),
        (CONSENT | {"subject": {"email_hash": HASH[1:]}}, HASHLESS),
        (CONSENT | {"subject": {"email_hash": HASH.upper()}}, HASHLESS),
        (CONSENT | {"subject": {"email_hash": HASH + "\n"}}, HASHLESS),
        (CONSENT | {"subject": {"email_hash": 5}}, HASHLESS),
        (CONSENT | {"subject": {"email": CANARY, "customer": 7}}, NOT_ONE),
        (CONSENT | {"subject": {"email": "CANARY"}}, NO_ADDRESS),
        (CONSENT | {"subject": {"email": f"{CANARY}, {CANARY}"}}, NO_ADDRESS),
        (CONSENT | {"subject": {"email": "CANARY@site.invalid"}}, NO_ADDRESS),
        (CONSENT | {"subject": {"email": None}}, NO_ADDRESS),
        (CONSENT | {"subject": {"email": 5}}, NO_ADDRESS),
        (CONSENT | {"subject": {"email": " "}}, {"subject": "is missing"}),
        # A person's request needs a subject, too.
        ({"type": "erasure-requested", "id": "1"}, {"subject": "is missing"}),
        ({"type": "objection", "subject": {"email": CANARY}}, NEITHER),
        (OBJECTION | {"scope": "some"}, {"scope": "is none of marketing, all"}),
        (OBJECTION | {"scope": CANARY}, {"scope": "is none of marketing, all"}),
        (OBJECTION | {"type": "erasure-requested", "scope": "all"}, {"scope": "belongs to an objection only"}),
        (GOOD | {"scope": "marketing"}, {"scope": "belongs to an objection only"}),
        (CONSENT | {"subject": CANARY}, {"subject": "is not an object"}),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_and_its_value_not_shown(
    raw: dict[str, Any], faults: dict[str, str]
) -> None:
    assert _refused(raw) == faults


@pytest.mark.parametrize(
    "name", ["", " ", CANARY, "a" * 65, "ZD 1", "ZD/1", "ZD-1\n", "æ", True, 0, -1, 1.5, [1], {}]
)
def test_an_invalid_id_is_refused(name: object) -> None:
    assert _refused({"type": "support-request.made", "id": name}) == {
        "id": "is not an id of 1 to 64 of A-Z, a-z, 0-9 and . _ : -"
    }


@pytest.mark.parametrize(
    "word",
    ["", "support-request", "hold", "Support-Request.made", CANARY, 5, ["support-request.made"]],
)
def test_an_event_without_a_type_is_refused(word: object) -> None:
    (name, fault), = _refused({"type": word, "id": "1"}).items()  # fmt: skip
    assert name == "type"
    assert fault == "is none of " + ", ".join(TOOL_EVENT_TYPES)


def test_free_text_is_refused() -> None:
    """Known fields are named. Unknown ones are not, since their names may hold anything."""
    faults = _refused(GOOD | {"reason": CANARY, CANARY: "x", "note": CANARY})
    assert set(faults) == {"reason", "another field"}
    assert all("free text is never taken" in fault for fault in faults.values())


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "is not JSON"),
        (CANARY.encode(), "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is JSON, but not an object"),
        (b'"unsubscribe"', "is JSON, but not an object"),
        (b'{"type": "\xff"}', "is not JSON"),
    ],
)
def test_a_body_that_is_not_an_event_is_refused(body: bytes, fault: str) -> None:
    assert _refused(body) == {"the body": fault}


# --- an e-mail as the subject ------------------------------------------------------------------------------

KARI = email_subject("kari@example.test", KEY)
BY_EMAIL = {"subject": {"email": " Kari@Example.test"}}


@pytest.mark.parametrize(
    ("raw", "content"),
    [
        (
            {"type": "support-request.closed", "id": 4711} | AT,
            OccurrenceReport("support-request", 4711, "closed", TEN, "", KARI),
        ),
        (
            {"type": "cookies.consent-given", "id": 5} | AT,
            OccurrenceReport("cookie-consent", 5, "consent-given", TEN, "", KARI),
        ),
        # A consent to marketing gives the same record as with the hash.
        (
            {"type": "marketing.consent-withdrawn"} | AT,
            OccurrenceReport(
                "marketing-consent",
                number_of(str(KARI)),
                "consent-withdrawn",
                TEN,
                f"email:{KARI.value[:16]}",
                KARI,
            ),
        ),
    ],
)
def test_an_email_is_hashed_on_arrival(raw: dict[str, Any], content: OccurrenceReport) -> None:
    event = _event(raw | BY_EMAIL)
    assert event.content == content
    assert "example" not in repr(event).lower()
    assert _event(raw | {"subject": {"email_hash": KARI.value}}).content == content


@pytest.mark.parametrize("event_type", TOOL_EVENT_TYPES)
def test_without_a_key_an_email_as_subject_is_refused(event_type: str) -> None:
    raw = {"type": event_type, "id": "1", "subject": {"email": CANARY}} | AT
    assert _refused(raw, key=None) == {
        "subject.email": "is only taken to be hashed with a key: set SUBJECT_KEY"
    }


@pytest.mark.parametrize("email", ["", " "])
def test_a_request_without_an_email_has_no_owner(email: str) -> None:
    """Help desks leave the e-mail empty if a request came by telephone."""
    content = _event(GOOD | {"subject": {"email": email}}, key=None).content
    assert isinstance(content, OccurrenceReport)
    assert content.subject is None


# --- requests of people -----------------------------------------------------------------------------------

CONTACT = number_of(str(KARI))


@pytest.mark.parametrize(
    ("raw", "content"),
    [
        # The tool's id identifies the request.
        (
            {"type": "erasure-requested", "id": 4711, "subject": {"customer": "7"}} | AT,
            EventNote(
                "customer", 7, RecordEvent("erasure-requested:4711", "erasure-requested", TEN)
            ),
        ),
        (
            {"type": "objection", "id": "ZD-1", "subject": {"order": 9}},
            EventNote("order", 9, RecordEvent("objection:ZD-1", "objection", NOW)),
        ),
        (
            {"type": "objection", "id": "ZD-1", "scope": "all", "subject": {"order": 9}},
            EventNote("order", 9, RecordEvent("objection:all:ZD-1", "objection", NOW, scope="all")),
        ),
        # Without an id, the time distinguishes requests.
        (
            OBJECTION | {"scope": "marketing"},
            EventNote(
                "customer",
                7,
                RecordEvent(
                    "249f1fa8d4296c0307edfc895c9c4aec", "objection", TEN, scope="marketing"
                ),
            ),
        ),
        # A request with an e-mail becomes an event of the newsletter contact.
        (
            {"type": "erasure-requested", "id": "1"} | BY_EMAIL | AT,
            EventNote(
                "marketing-consent",
                CONTACT,
                RecordEvent("erasure-requested:1", "erasure-requested", TEN),
                KARI,
            ),
        ),
        (
            {
                "type": "objection",
                "id": "1",
                "scope": "marketing",
                "subject": {"email_hash": KARI.value},
            },
            EventNote(
                "marketing-consent",
                CONTACT,
                RecordEvent("objection:marketing:1", "objection", NOW, scope="marketing"),
                KARI,
            ),
        ),
    ],
)
def test_a_persons_request_is_recorded(raw: dict[str, Any], content: EventNote) -> None:
    assert _event(raw).content == content


def test_requests_without_an_id_are_distinguished_by_content() -> None:
    events = [
        OBJECTION,
        OBJECTION | {"at": "2026-11-22T10:00:01Z"},
        OBJECTION | {"scope": "all"},
        OBJECTION | {"scope": "marketing"},
        OBJECTION | {"subject": {"order": 7}},
        OBJECTION | {"type": "erasure-requested"},
    ]
    contents = [_event(raw).content for raw in events]
    assert len({content.event.id for content in contents if isinstance(content, EventNote)}) == len(
        events
    )


# --- Brevo's format -----------------------------------------------------------------------------------------

UNSUBSCRIBED = {
    "id": 5,
    "camp_id": 3,
    "email": "Kari@Example.test",
    "campaign name": CANARY,
    "date_event": "2026-11-22 11:00:00",
    "event": "unsubscribe",
    "tag": "",
    "ts_event": int(TEN.timestamp()),
    "list_id": [3, 42],
    "ts": int(TEN.timestamp()) + 3600,
}
DELETED = {
    "id": 5,
    "email": ["kari@example.test", "ola@example.test"],
    "event": "contact_deleted",
    "ts": 1795341600,
}


def _of(email: str, occurrence: Any, when: Any) -> OccurrenceReport:
    subject = email_subject(email, KEY)
    shown = f"email:{subject.value[:16]}"
    return OccurrenceReport(
        "marketing-consent", number_of(str(subject)), occurrence, when, shown, subject
    )


@pytest.mark.parametrize("name", ["unsubscribe", "unsubscribed", "spam", "complaint"])
def test_brevo_reports_a_withdrawn_consent(name: str) -> None:
    event = _event(UNSUBSCRIBED | {"event": name})
    assert (event.topic, event.content) == (
        "event",
        _of("kari@example.test", "consent-withdrawn", TEN),
    )


UPDATED = {
    "id": 5,
    "email": "Kari@Example.test",
    "event": "contact_updated",
    "key": "xkeysib-xxxxxx",
    "content": [{"name": CANARY, "emailBlacklisted": True}],
    "date": "2026-11-22 11:00:00",
    "ts": 1795341600,
}


@pytest.mark.parametrize("name", ["contact_updated", "contactUpdated"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"content": {"email_blacklisted": "true"}},
        {"content": [{"name": "Kari"}, {"EMAIL_BLACKLISTED": 1}]},
        {"content": [], "emailBlacklisted": "1"},
    ],
)
def test_brevo_reports_a_blocked_contact(name: str, changes: dict[str, Any]) -> None:
    event = _event(UPDATED | {"event": name} | changes)
    assert event.content == _of("kari@example.test", "consent-withdrawn", None)


NO: tuple[object, ...] = (False, "false", 0, None, "", [], {})


@pytest.mark.parametrize(
    "content",
    [
        *([], {}, None, "emailBlacklisted", [None], ["emailBlacklisted"], [[True]]),
        [{"name": CANARY}],
        # Unblocking a contact gives no consent.
        *([{"emailBlacklisted": value}] for value in NO),
        [{"smsBlacklisted": True}],
    ],
)
@pytest.mark.parametrize("key", [KEY, None])
def test_other_changes_of_a_contact_are_ignored(content: object, key: str | None) -> None:
    assert _event(UPDATED | {"content": content}, key=key).content == Ignored()


@pytest.mark.parametrize("name", ["contact_deleted", "contactDeleted"])
def test_brevo_reports_deleted_contacts(name: str) -> None:
    """Each contact gives one event. Brevo's time has no zone, so that the event is dated by its arrival."""
    events = _events(DELETED | {"event": name})
    assert [event.content for event in events] == [
        _of("kari@example.test", "deleted", None),
        _of("ola@example.test", "deleted", None),
    ]
    assert {event.topic for event in events} == {"event.undated"}
    assert len({event.identity for event in events}) == 2


def test_an_email_that_comes_twice_counts_once() -> None:
    assert len(_events(DELETED | {"email": ["kari@example.test", " KARI@example.test"]})) == 1


def test_no_parsed_value_holds_the_email() -> None:
    shown = repr(_events(UNSUBSCRIBED) + _events(DELETED)).lower()
    assert "kari" not in shown
    assert "ola@" not in shown
    assert CANARY.lower() not in shown


@pytest.mark.parametrize(
    "name",
    ["delivered", "opened", "click", "hard_bounce", "hardBounce", "list_addition", "", CANARY],
)
@pytest.mark.parametrize("key", [KEY, None])
def test_other_events_of_brevo_are_ignored(name: str, key: str | None) -> None:
    assert _event(UNSUBSCRIBED | {"event": name}, key=key).content == Ignored()


NO_EMAIL = {"email": "is neither an e-mail nor a list of 1 to 1000"}


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"email": None}, {"email": "is missing"}),
        ({"email": ""}, NO_EMAIL),
        ({"email": "kari"}, NO_EMAIL),
        ({"email": "kari@example.test, ola@example.test"}, NO_EMAIL),
        (
            {"email": "kari\ud800@example.test"},
            NO_EMAIL,
        ),  # a lone surrogate, which cannot be encoded
        ({"email": []}, NO_EMAIL),
        ({"email": ["kari@example.test", None]}, NO_EMAIL),
        ({"email": ["kari@example.test"] * 1001}, NO_EMAIL),
        ({"email": {"0": "kari@example.test"}}, NO_EMAIL),
        ({"ts_event": CANARY}, {"ts_event": "is not a time in seconds since 1970"}),
        ({"ts_event": 0}, {"ts_event": "is not a time in seconds since 1970"}),
        ({"ts_event": 10**30}, {"ts_event": "is not a time in seconds since 1970"}),
        ({"ts_event": int(NOW.timestamp()) + 301}, {"ts_event": "is in the future"}),
    ],
)
def test_errors_in_events_of_brevo(changes: dict[str, Any], faults: dict[str, str]) -> None:
    assert _refused(UNSUBSCRIBED | changes) == faults


def test_without_a_key_an_email_of_brevo_is_refused() -> None:
    assert _refused(UNSUBSCRIBED, key=None) == {
        "email": "is only taken to be hashed with a key: set SUBJECT_KEY"
    }


# --- verification and identity -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signature", [None, "", "x", sign(b"another body"), sign(b"not JSON", "another secret")]
)
def test_an_unsigned_body_is_not_parsed(signature: str | None) -> None:
    headers = {} if signature is None else {"X-WC-Webhook-Signature": signature}
    with pytest.raises(SignatureRefusedError):
        events_from_http(headers, b"not JSON", keys=KEYS, subject_key=KEY, now=NOW)


def test_the_body_identifies_an_event() -> None:
    assert _event(GOOD) == _event(GOOD)
    assert _event(GOOD).identity != _event(GOOD | {"id": "ZD-124"}).identity


def test_a_consent_with_one_id_may_be_withdrawn_twice() -> None:
    ids = set()
    for day in ("2026-11-01", "2026-11-02"):
        raw = {
            "type": "marketing.consent-withdrawn",
            "id": "sub-42",
            "subject": {"customer": 7},
            "at": f"{day}T10:00:00Z",
        }
        content = _event(raw).content
        assert isinstance(content, EventNote)
        ids.add(content.event.id)
    assert len(ids) == 2


def test_a_choice_without_an_id_is_identified_by_its_content() -> None:
    """White space and time zones make no difference."""

    def id_of(**changes: object) -> str:
        content = _event(CONSENT | {"subject": {"customer": 7}} | changes).content
        assert isinstance(content, EventNote)
        return content.event.id

    assert id_of() == id_of(at="2026-11-22T11:00:00+01:00")
    others = {
        id_of(type="marketing.deleted"),
        id_of(subject={"customer": 8}),
        id_of(subject={"order": 7}),
        id_of(at="2026-11-22T10:00:01Z"),
    }
    assert len(others | {id_of()}) == 5


# --- with a token ------------------------------------------------------------------------------------------

BREVO = EventToken("brevo", "the-token-of-brevo", frozenset({"marketing.consent-withdrawn"}))
DESK = EventToken("desk", "the-token-of-the-desk")
MINUTE = timedelta(minutes=1)


def _of_tool(token: EventToken, raw: object, now: datetime = NOW) -> tuple[Delivery, ...]:
    return events_of_tool(token, json.dumps(raw).encode(), subject_key=KEY, now=now)


@pytest.mark.parametrize(
    "raw", [GOOD, GOOD | AT, UNSUBSCRIBED, DELETED, OBJECTION, {"event": "opened"}]
)
def test_a_token_and_a_signature_give_the_same_event(raw: dict[str, Any]) -> None:
    assert [event.content for event in _of_tool(DESK, raw)] == [
        event.content for event in _events(raw)
    ]


@pytest.mark.parametrize("raw", [GOOD | AT, UNSUBSCRIBED, OBJECTION, {"event": "opened"}])
def test_an_event_with_a_time_is_a_repeat_at_any_later_time(raw: dict[str, Any]) -> None:
    (first,), (again,), (other,) = (
        _of_tool(DESK, raw),
        _of_tool(DESK, raw, NOW + MINUTE),
        _of_tool(BOT, raw),
    )
    assert (first.identity, first.signed_identity) == (again.identity, "")
    assert first.identity != other.identity


@pytest.mark.parametrize("raw", [GOOD, DELETED, UPDATED])
def test_an_event_without_a_time_may_occur_again(raw: dict[str, Any]) -> None:
    """The ledger decides by the time between two such events. For this it needs an identity of their content."""
    first, again = _of_tool(DESK, raw), _of_tool(DESK, raw, NOW + MINUTE)
    for one, other in zip(first, again, strict=True):
        assert one.identity != other.identity
        assert one.signed_identity == other.signed_identity != ""
    assert len({one.signed_identity for one in first}) == len(first)
    assert {one.topic for one in first} == {"event"}, "none has to be remembered for ever"


def test_withdrawing_a_consent_again_is_another_event() -> None:
    raw = {"type": "marketing.consent-withdrawn", "id": "sub-42", "subject": {"customer": 7}}
    contents = [event.content for now in (NOW, NOW + MINUTE) for event in _of_tool(DESK, raw, now)]
    assert len({content.event.id for content in contents if isinstance(content, EventNote)}) == 2


@pytest.mark.parametrize("raw", [UNSUBSCRIBED, DELETED, GOOD, OBJECTION])
def test_an_event_identity_depends_on_the_token(raw: dict[str, Any]) -> None:
    body = json.dumps(raw).encode()
    plain = {
        digest(part).hexdigest()[:32]
        for digest in (md5, sha1, sha256)
        for part in (body, b"event\0" + body)
    }
    named = {
        name for event in _of_tool(DESK, raw) for name in (event.identity, event.signed_identity)
    }
    assert not named & plain
    assert not named & {
        name for event in _of_tool(BOT, raw) for name in (event.identity, event.signed_identity)
    } - {""}


BOT = EventToken("bot", "the-token-of-a-bot")


@pytest.mark.parametrize(
    ("raw", "may"),
    [
        (UNSUBSCRIBED, True),
        (UNSUBSCRIBED | {"event": "spam"}, True),
        (UPDATED, True),
        # An ignored event needs no permission.
        (UNSUBSCRIBED | {"event": "opened"}, True),
        ({"type": "marketing.consent-withdrawn", "subject": {"customer": 7}} | AT, True),
        (DELETED, False),
        ({"type": "marketing.consent-given", "subject": {"customer": 7}} | AT, False),
        (GOOD, False),
        (OBJECTION, False),
        (OBJECTION | {"type": "erasure-requested"}, False),
    ],
)
def test_a_token_may_send_only_its_types(raw: dict[str, Any], may: bool) -> None:
    if may:
        assert _of_tool(BREVO, raw)
        return
    with pytest.raises(EventForbiddenError, match=r"does not let brevo send [a-z-]+(\.[a-z-]+)?\."):
        _of_tool(BREVO, raw)


def test_a_wrong_field_is_named_with_a_token_too() -> None:
    with pytest.raises(EventRefusedError, match="the body is not JSON"):
        events_of_tool(DESK, CANARY.encode(), subject_key=KEY, now=NOW)
