"""Events from their bytes: what tools report is told for what it is, or refused with the field that is wrong."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from hooks.delivery import Delivery, Happened, Ignored, Noted
from hooks.errors import EventRefusedError, SignatureRefusedError
from hooks.reporting import events_from_http
from hooks.retention.events import RecordEvent
from hooks.retention.facts import EVENT_TYPES, Subject
from hooks.retention.reports import number_of
from hooks.signature import signing_keys
from hooks.subject import email_subject
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


# --- our own shape -----------------------------------------------------------------------------------------

ZD = number_of("ZD-123")
CUSTOMER = Subject("customer", "7")
OF_HASH = number_of(f"email:{HASH}")


@pytest.mark.parametrize(
    ("raw", "content"),
    [
        ({"type": "support-request.made", "id": "ZD-123"}, Happened("support-request", ZD, "made", None, "ZD-123")),
        (
            {"type": "support-request.closed", "id": "ZD-123", "subject": {"customer": 7}} | AT,
            Happened("support-request", ZD, "closed", TEN, "ZD-123", CUSTOMER),
        ),
        # A number names itself.
        ({"type": "support-request.deleted", "id": 4711}, Happened("support-request", 4711, "deleted")),
        ({"type": "support-request.deleted", "id": "04711"}, Happened("support-request", 4711, "deleted")),
        (
            {"type": "cookies.consent-given", "id": "a.b:c_d-1", "subject": {"order": "9"}} | AT,
            Happened(
                "cookie-consent", number_of("a.b:c_d-1"), "consent-given", TEN, "a.b:c_d-1", Subject("order", "9")
            ),
        ),
        (
            {"type": "cookies.consent-withdrawn", "id": "x", "at": None, "subject": None},
            Happened("cookie-consent", number_of("x"), "consent-withdrawn", None, "x"),
        ),
        # Of somebody known by nothing but a hash: a record by itself, whatever the tool calls the event.
        (
            {"type": "marketing.consent-given", "id": "e1", "subject": {"email_hash": HASH}},
            Happened("marketing-consent", OF_HASH, "consent-given", None, f"email:{HASH[:16]}", Subject("email", HASH)),
        ),
        (
            {"type": "marketing.deleted", "subject": {"email_hash": HASH}} | AT,
            Happened("marketing-consent", OF_HASH, "deleted", TEN, f"email:{HASH[:16]}", Subject("email", HASH)),
        ),
        # Of a customer or an order: noted of it.
        (
            {"type": "marketing.consent-given", "id": "e1", "subject": {"customer": 7}},
            Noted("customer", 7, RecordEvent("marketing.consent-given:e1", "consent-given", NOW)),
        ),
        (
            {"type": "marketing.consent-withdrawn", "id": "e1", "subject": {"order": 9}} | AT,
            Noted("order", 9, RecordEvent("5f5d9f72bbf25a7ae536a46c4306be9c", "consent-withdrawn", TEN)),
        ),
        # Who is deleted from the list is on it no more.
        (
            {"type": "marketing.deleted", "id": "e1", "subject": {"order": 9}} | AT,
            Noted("order", 9, RecordEvent("5771005221a0fdce3ccb5134e8087f70", "consent-withdrawn", TEN)),
        ),
    ],
)
def test_a_tools_event(raw: dict[str, Any], content: object) -> None:
    event = _event(raw, key=None)
    assert event.content == content
    assert event.topic == ("event" if raw.get("at") else "event.undated")


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_each_type_is_taken(event_type: str) -> None:
    content = _event({"type": event_type, "id": "1", "subject": {"email_hash": HASH}} | AT).content
    assert isinstance(content, Happened)
    assert (content.kind, content.occurrence) == EVENT_TYPES[event_type]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-22T11:00:00+01:00", TEN),
        ("2026-11-22T10:00:00.987Z", TEN),  # to the second
        ("2026-11-22T12:05:00Z", NOW + timedelta(minutes=5)),  # the sender's clock is ahead
        ("20261122T100000Z", TEN),
    ],
)
def test_times(text: str, instant: object) -> None:
    content = _event({"type": "support-request.made", "id": "1", "at": text}).content
    assert isinstance(content, Happened)
    assert content.at == instant


GOOD = {"type": "support-request.closed", "id": "ZD-123"}
CONSENT = {"type": "marketing.consent-given"} | AT
HASHLESS = {"subject.email_hash": "is not 64 hex digits in lower case"}
NOT_ONE = {"subject": "needs exactly one of customer, order, email_hash"}
EMAIL = {"subject.email": "is never taken; send its keyed hash as email_hash"}
ZONELESS = "is not a time with its zone, such as 2026-11-22T10:00:00Z"


@pytest.mark.parametrize(
    ("raw", "faults"),
    [
        ({}, {"type": "is missing"}),
        ({"type": None, "id": "1"}, {"type": "is missing"}),
        (GOOD | {"at": "2026-11-22T10:00:00"}, {"at": ZONELESS}),
        (GOOD | {"at": "2026-11-22"}, {"at": ZONELESS}),
        (GOOD | {"at": ""}, {"at": ZONELESS}),
        (GOOD | {"at": 1795341600}, {"at": ZONELESS}),
        (GOOD | {"at": CANARY}, {"at": ZONELESS}),
        (GOOD | {"at": "2026-11-22T12:05:01Z"}, {"at": "is in the future"}),
        (GOOD | {"at": "0001-01-01T00:00:00+14:00"}, {"at": "is not a time"}),
        (GOOD | {"at": "1969-12-31T23:59:59Z"}, {"at": "is out of range"}),
        # Requests and records of consent are told by their ids.
        ({"type": "support-request.closed"} | AT, {"id": "is missing"}),
        ({"type": "cookies.deleted", "subject": {"customer": 7}}, {"id": "is missing"}),
        # Consent to marketing is told by whom it is about, and by a time or an id: a second would look like the first.
        (CONSENT, {"subject": "is missing"}),
        (CONSENT | {"subject": None}, {"subject": "is missing"}),
        (
            {"type": "marketing.consent-withdrawn", "subject": {"customer": 7}},
            {"at": "is missing, and so is an id by which a repeat could be told"},
        ),
        (CONSENT | {"subject": {}}, NOT_ONE),
        (CONSENT | {"subject": {"customer": 7, "order": 9}}, NOT_ONE),
        (CONSENT | {"subject": {"customer": CANARY}}, {"subject.customer": "is not a record's id"}),
        (CONSENT | {"subject": {"order": 0}}, {"subject.order": "is not a record's id"}),
        (CONSENT | {"subject": {"email_hash": HASH[1:]}}, HASHLESS),
        (CONSENT | {"subject": {"email_hash": HASH.upper()}}, HASHLESS),
        (CONSENT | {"subject": {"email_hash": HASH + "\n"}}, HASHLESS),
        (CONSENT | {"subject": {"email_hash": 5}}, HASHLESS),
        (CONSENT | {"subject": {"email": CANARY}}, EMAIL),
        (CONSENT | {"subject": CANARY}, {"subject": "is not an object"}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_not_shown(raw: dict[str, Any], faults: dict[str, str]) -> None:
    assert _refused(raw) == faults


@pytest.mark.parametrize("name", ["", " ", CANARY, "a" * 65, "ZD 1", "ZD/1", "ZD-1\n", "æ", True, 0, -1, 1.5, [1], {}])
def test_no_id(name: object) -> None:
    assert _refused({"type": "support-request.made", "id": name}) == {
        "id": "is not an id of 1 to 64 of A-Z, a-z, 0-9 and . _ : -"
    }


@pytest.mark.parametrize(
    "word", ["", "support-request", "hold", "Support-Request.made", CANARY, 5, ["support-request.made"]]
)
def test_no_type(word: object) -> None:
    (name, fault), = _refused({"type": word, "id": "1"}).items()  # fmt: skip
    assert name == "type"
    assert fault == "is none of " + ", ".join(EVENT_TYPES)


def test_free_text_is_never_taken() -> None:
    """Fields of ours are named; others are not, since their names may be anything."""
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
def test_a_body_that_is_no_event(body: bytes, fault: str) -> None:
    assert _refused(body) == {"the body": fault}


# --- Brevo's shape -----------------------------------------------------------------------------------------

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
DELETED = {"id": 5, "email": ["kari@example.test", "ola@example.test"], "event": "contact_deleted", "ts": 1795341600}


def _of(email: str, occurrence: Any, when: Any) -> Happened:
    subject = email_subject(email, KEY)
    shown = f"email:{subject.value[:16]}"
    return Happened("marketing-consent", number_of(str(subject)), occurrence, when, shown, subject)


@pytest.mark.parametrize("name", ["unsubscribe", "unsubscribed"])
def test_brevo_tells_of_a_consent_withdrawn(name: str) -> None:
    event = _event(UNSUBSCRIBED | {"event": name})
    assert (event.topic, event.content) == ("event", _of("kari@example.test", "consent-withdrawn", TEN))


@pytest.mark.parametrize("name", ["contact_deleted", "contactDeleted"])
def test_brevo_tells_of_contacts_deleted(name: str) -> None:
    """Of each by itself; the time that it tells is not said to be in UTC, so that it is dated by its arrival."""
    events = _events(DELETED | {"event": name})
    assert [event.content for event in events] == [
        _of("kari@example.test", "deleted", None),
        _of("ola@example.test", "deleted", None),
    ]
    assert {event.topic for event in events} == {"event.undated"}
    assert len({event.identity for event in events}) == 2


def test_an_email_that_comes_twice_counts_once() -> None:
    assert len(_events(DELETED | {"email": ["kari@example.test", " KARI@example.test"]})) == 1


def test_nothing_holds_the_email() -> None:
    shown = repr(_events(UNSUBSCRIBED) + _events(DELETED)).lower()
    assert "kari" not in shown
    assert "ola@" not in shown
    assert CANARY.lower() not in shown


@pytest.mark.parametrize("name", ["delivered", "opened", "click", "hard_bounce", "spam", "list_addition", "", CANARY])
@pytest.mark.parametrize("key", [KEY, None])
def test_other_events_of_brevo_are_none_of_ours(name: str, key: str | None) -> None:
    assert _event(UNSUBSCRIBED | {"event": name}, key=key).content == Ignored()


NO_EMAIL = {"email": "is neither an e-mail nor a list of 1 to 1000"}


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"email": None}, {"email": "is missing"}),
        ({"email": ""}, NO_EMAIL),
        ({"email": "kari"}, NO_EMAIL),
        ({"email": "kari@example.test, ola@example.test"}, NO_EMAIL),
        ({"email": "kari\ud800@example.test"}, NO_EMAIL),  # half a letter, which no bytes stand for
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
def test_what_is_wrong_with_brevos(changes: dict[str, Any], faults: dict[str, str]) -> None:
    assert _refused(UNSUBSCRIBED | changes) == faults


def test_without_a_key_no_email_is_taken() -> None:
    assert _refused(UNSUBSCRIBED, key=None) == {"email": "is only taken to be hashed with a key: set SUBJECT_KEY"}


# --- verification and identity -----------------------------------------------------------------------------


@pytest.mark.parametrize("signature", [None, "", "x", sign(b"another body"), sign(b"not JSON", "another secret")])
def test_nothing_is_parsed_that_is_not_signed(signature: str | None) -> None:
    headers = {} if signature is None else {"X-WC-Webhook-Signature": signature}
    with pytest.raises(SignatureRefusedError):
        events_from_http(headers, b"not JSON", keys=KEYS, subject_key=KEY, now=NOW)


def test_the_same_body_is_the_same_event_and_another_is_not() -> None:
    assert _event(GOOD) == _event(GOOD)
    assert _event(GOOD).identity != _event(GOOD | {"id": "ZD-124"}).identity


def test_the_id_is_that_of_the_consent_which_may_be_withdrawn_twice() -> None:
    ids = set()
    for day in ("2026-11-01", "2026-11-02"):
        raw = {
            "type": "marketing.consent-withdrawn",
            "id": "sub-42",
            "subject": {"customer": 7},
            "at": f"{day}T10:00:00Z",
        }
        content = _event(raw).content
        assert isinstance(content, Noted)
        ids.add(content.event.id)
    assert len(ids) == 2


def test_a_choice_without_an_id_is_told_by_what_it_says() -> None:
    """Whatever spaces the tool puts between, and whatever zone it writes."""

    def id_of(**changes: object) -> str:
        content = _event(CONSENT | {"subject": {"customer": 7}} | changes).content
        assert isinstance(content, Noted)
        return content.event.id

    assert id_of() == id_of(at="2026-11-22T11:00:00+01:00")
    others = {
        id_of(type="marketing.deleted"),
        id_of(subject={"customer": 8}),
        id_of(subject={"order": 7}),
        id_of(at="2026-11-22T10:00:01Z"),
    }
    assert len(others | {id_of()}) == 5
