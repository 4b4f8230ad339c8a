"""Parse one delivery from its bytes: recognise each topic and each broken body."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from hooks.errors import SignatureRefusedError
from hooks.intake.webhook import (
    TOPICS,
    Content,
    Delivery,
    Hint,
    Ignored,
    OccurrenceReport,
    Quarantine,
    all_topics,
    is_ping,
)
from hooks.retention.facts import CustomerFacts, OrderFacts, Snapshot, Subject
from hooks.retention.policy import Policy
from hooks.retention.tool_reports import number_of
from hooks.settings.webhook_secrets import signing_keys
from tests.support import recordings
from tests.support.recordings import DELIVERIES, SECRET, Recorded, delivery, made, sign
from tests.unit.builders import at

KEYS = signing_keys(SECRET)
CANARY = "CANARY-Kari-Nordmann"


def _read(sent: Recorded, policy: Policy) -> Delivery:
    return Delivery.from_http(sent.headers, sent.body, keys=KEYS, policy=policy)


def _content(topic: str, payload: object, policy: Policy) -> Content:
    return _read(made(topic, payload), policy).content


# --- the recordings ----------------------------------------------------------------------------------------


def _expected(number: int, topic: str) -> tuple[str, str | None]:
    """The kind of the content, and the cause if it is quarantined."""
    special = {
        30: ("Hint", "deleted"),
        32: ("Hint", "deleted"),
        36: ("Quarantine", "rest-error"),
        37: ("Quarantine", "rest-error"),
        38: ("Hint", "deleted"),
        40: ("Quarantine", "owner-lost-rights"),
        41: ("OccurrenceReport", None),
        43: ("Hint", "deleted"),
    }
    return special.get(
        number, ("OrderFacts" if topic.startswith("order") else "CustomerFacts", None)
    )


@pytest.mark.parametrize(
    "number", range(2, len(DELIVERIES) + 1), ids=lambda number: delivery(number).name
)
def test_each_recorded_delivery_is_parsed(number: int, policy: Policy) -> None:
    sent = delivery(number)
    read = _read(sent, policy)
    told = read.content.facts if isinstance(read.content, Snapshot) else read.content
    assert (type(told).__name__, getattr(told, "reason", None)) == _expected(number, sent.topic)
    assert read.topic == sent.topic


def test_the_recorded_ping_is_parsed() -> None:
    ping = delivery(1)
    assert is_ping(ping.body, ping.headers)


@pytest.mark.parametrize(
    ("body", "signature", "ping"),
    [
        (b"webhook_id=10", None, True),
        (b"webhook_id=12345678901234567890", None, True),
        # A signed form, or a form with other fields.
        (b"webhook_id=10", "x", False),
        (b"webhook_id=10", "", False),
        (b"webhook_id=10&x=1", None, False),
        (b"webhook_id=10\n", None, False),
        (b"webhook_id=", None, False),
        (b"webhook_id=x", None, False),
        (b"webhook_id=-1", None, False),
        (b"webhook_id=" + b"1" * 21, None, False),
        (b" webhook_id=10", None, False),
        (b"", None, False),
        (b'{"webhook_id": 10}', None, False),
    ],
)
def test_forms_of_a_ping(body: bytes, signature: str | None, ping: bool) -> None:
    assert is_ping(body, {} if signature is None else {"X-WC-Webhook-Signature": signature}) is ping


# --- topics ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["order.created", "order.updated", "order.restored"])
def test_topics_of_orders(topic: str, policy: Policy) -> None:
    content = _content(topic, recordings.order(), policy)
    assert isinstance(content, Snapshot)
    assert isinstance(content.facts, OrderFacts)
    assert content.external_id == 9001


@pytest.mark.parametrize("topic", ["customer.created", "customer.updated"])
def test_topics_of_customers(topic: str, policy: Policy) -> None:
    content = _content(topic, recordings.customer(), policy)
    assert isinstance(content, Snapshot)
    assert isinstance(content.facts, CustomerFacts)
    assert content.external_id == 8001


@pytest.mark.parametrize(
    ("topic", "payload", "content"),
    [
        ("order.deleted", {"id": 134}, Hint("order", 134, "deleted")),
        ("customer.deleted", {"id": "6", "name": CANARY}, Hint("customer", 6, "deleted")),
        (
            "action.woocommerce_delete_order",
            {"action": "woocommerce_delete_order", "arg": 120},
            Hint("order", 120, "deleted"),
        ),
        ("action.woocommerce_delete_order", {"arg": "120"}, Hint("order", 120, "deleted")),
        (
            "action.wc_support_request_closed",
            {"action": "wc_support_request_closed", "arg": 4711},
            OccurrenceReport("support-request", 4711, "closed"),
        ),
        (
            "action.wc_support_request_closed",
            {"arg": "0004711"},
            OccurrenceReport("support-request", 4711, "closed"),
        ),
        # A small object in place of the id; its other fields are ignored.
        (
            "action.wc_support_request_closed",
            {
                "arg": {
                    "id": 12,
                    "at": "2026-11-22T11:00:00.5+01:00",
                    "customer_id": 7,
                    "name": CANARY,
                }
            },
            OccurrenceReport(
                "support-request",
                12,
                "closed",
                at("2026-11-22T10:00:00"),
                "",
                Subject("customer", "7"),
            ),
        ),
        (
            "action.wc_support_request_closed",
            {"arg": {"id": "ZD-12", "order_id": "9", "email": CANARY}},
            OccurrenceReport(
                "support-request",
                number_of("ZD-12"),
                "closed",
                None,
                "ZD-12",
                Subject("order", "9"),
            ),
        ),
        (
            "action.wc_support_request_closed",
            {"arg": {"id": "ZD-12", "subject": {"email_hash": "0f" * 32}}},
            OccurrenceReport(
                "support-request",
                number_of("ZD-12"),
                "closed",
                None,
                "ZD-12",
                Subject("email", "0f" * 32),
            ),
        ),
        # An unknown topic, whatever the body is.
        ("product.updated", {"id": 5}, Ignored()),
        ("coupon.created", b"not json", Ignored()),
        ("action.woocommerce_add_to_cart", {"arg": 5}, Ignored()),
        ("action.wc_support_request_opened", {"arg": 5}, Ignored()),
        ("order", {"id": 5}, Ignored()),
        ("order.", {"id": 5}, Ignored()),
        ("ORDER.UPDATED", {"id": 5}, Ignored()),
        ("order.updated.", {"id": 5}, Ignored()),
        ("", {"id": 5}, Ignored()),
    ],
)
def test_topics_by_their_header(
    topic: str, payload: object, content: Content, policy: Policy
) -> None:
    assert _content(topic, payload, policy) == content


def test_an_unknown_topic_is_not_repeated(policy: Policy) -> None:
    assert _read(made(f"order.{CANARY}", {"id": 5}), policy).topic == "other"


def test_a_delivery_without_a_topic_is_ignored(policy: Policy) -> None:
    sent = made("order.updated", recordings.order())
    del sent.headers["X-WC-Webhook-Topic"]
    assert _read(sent, policy).content == Ignored()


def test_topics_are_the_eight_and_those_named_by_the_policy(policy: Policy) -> None:
    assert all_topics(policy) == (*TOPICS, "action.wc_support_request_closed")
    assert len(TOPICS) == len(set(TOPICS)) == 8


def test_a_custom_action_not_named_by_the_policy_is_ignored(policy: Policy) -> None:
    bare = replace(policy, actions={})
    assert _content("action.wc_support_request_closed", {"arg": 5}, bare) == Ignored()


# --- broken bodies -----------------------------------------------------------------------------------------

DEEP = 100_000


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not-json"),
        (b"not json", "not-json"),
        # Cut, in a string and between two fields.
        (b'{"id": 5, "status": "comp', "not-json"),
        (b'{"id": 5,', "not-json"),
        (b'{"id": 5}}', "not-json"),
        # Invalid UTF-8, and other bytes.
        (b'{"id": 5, "status": "\xff\xfe"}', "not-json"),
        (b"\xff\xfe\x00", "not-json"),
        (b"\x00" * 10, "not-json"),
        # A number with more digits than Python accepts.
        (b'{"id": ' + b"9" * 5000 + b"}", "not-json"),
        # Nested deeper than any real body.
        (b"[" * DEEP, "not-json"),
        (b"[" * DEEP + b"]" * DEEP, "not-json"),
        (b'{"a":' * DEEP + b"1" + b"}" * DEEP, "not-json"),
        # JSON, but not an object.
        (b"[]", "not-an-object"),
        (b'[{"id": 5}]', "not-an-object"),
        (b"null", "not-an-object"),
        (b"5", "not-an-object"),
        (b'"id"', "not-an-object"),
        (b"true", "not-an-object"),
        # An object, but not a record.
        (b"{}", "not-of-the-shape"),
        (b'{"message": "x"}', "not-of-the-shape"),
    ],
)
@pytest.mark.parametrize("topic", TOPICS)
def test_a_body_that_is_not_a_record_is_set_aside(
    body: bytes, reason: str, topic: str, policy: Policy
) -> None:
    content = _content(topic, body, policy)
    assert isinstance(content, Quarantine)
    assert (content.reason, content.external_id) == (reason, None)


@pytest.mark.parametrize("key", ["retention_schedule", "ws_opt_in", "wc_last_active", "unknown"])
def test_deep_nesting_does_not_crash_the_parser(key: str, policy: Policy) -> None:
    """Python can read some depths that it can no longer write. Such a body must be quarantined or accepted."""
    for depth in range(700, 1000):
        value = "[" * depth + "]" * depth
        fields = '"id":5,"status":"pending","date_created_gmt":"2026-11-22T12:00:00"'
        body = f'{{{fields},"meta_data":[{{"key":"{key}","value":{value}}}]}}'
        assert isinstance(_content("order.updated", body.encode(), policy), Snapshot | Quarantine)


@pytest.mark.parametrize(
    ("topic", "payload", "detail", "external_id"),
    [
        # The record's id is known: it is refetched.
        ("order.updated", recordings.order(status=None), "wrong or missing: status", 9001),
        (
            "order.updated",
            {"id": "9001", "status": 5},
            "wrong or missing: date_created_gmt, status",
            9001,
        ),
        ("customer.updated", recordings.customer(role=[CANARY]), "wrong or missing: role", 8001),
        # The record's id is unknown.
        ("order.updated", recordings.order(10**30), "wrong or missing: id", None),
        ("order.updated", recordings.order(-1), "wrong or missing: id", None),
        ("customer.updated", recordings.customer(True), "wrong or missing: id", None),
        ("order.deleted", {"id": 10**30}, "wrong or missing: id", None),
        ("customer.deleted", {"id": CANARY}, "wrong or missing: id", None),
    ],
)  # fmt: skip
def test_a_body_of_the_wrong_shape_is_set_aside(
    topic: str, payload: dict[str, Any], detail: str, external_id: int | None, policy: Policy
) -> None:
    kind = topic.partition(".")[0]
    content = _content(topic, payload, policy)
    assert content == Quarantine("not-of-the-shape", detail, kind, external_id)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "topic", ["action.woocommerce_delete_order", "action.wc_support_request_closed"]
)
@pytest.mark.parametrize(
    "payload", [{}, {"arg": CANARY}, {"arg": None}, {"arg": [120]}, {"arg": 10**30}, {"arg": {}}]
)
def test_an_action_without_an_id_is_set_aside(
    topic: str, payload: dict[str, Any], policy: Policy
) -> None:
    assert _content(topic, payload, policy) == Quarantine(
        "not-of-the-shape", "wrong or missing: arg"
    )


@pytest.mark.parametrize(
    "argument",
    [
        {"at": "2026-11-22T10:00:00Z"},
        {"id": CANARY + "@example.test"},
        {"id": True},
        # An hour of an unknown zone.
        {"id": 12, "at": "2026-11-22T10:00:00"},
        {"id": 12, "at": CANARY},
        {"id": 12, "customer_id": CANARY},
        {"id": 12, "customer_id": 7, "order_id": 9},
        {"id": 12, "customer_id": 7, "subject": {"order": 9}},
        {"id": 12, "subject": {"email": "kari@example.test"}},
        {"id": 12, "subject": {}},
        {"id": 12, "subject": 7},
    ],
)
def test_an_action_with_a_wrong_object_is_set_aside(
    argument: dict[str, Any], policy: Policy
) -> None:
    content = _content("action.wc_support_request_closed", {"arg": argument}, policy)
    assert content == Quarantine("not-of-the-shape", "wrong or missing: arg")


def test_a_deletion_of_an_order_accepts_no_object(policy: Policy) -> None:
    content = _content("action.woocommerce_delete_order", {"arg": {"id": 120}}, policy)
    assert content == Quarantine("not-of-the-shape", "wrong or missing: arg")


SENT = "the store sent an error in place of the record"


@pytest.mark.parametrize(
    ("payload", "reason", "detail"),
    [
        (
            {"code": "woocommerce_rest_cannot_view", "message": CANARY, "data": {"status": 403}},
            "owner-lost-rights",
            f"{SENT}: woocommerce_rest_cannot_view, status 403",
        ),
        ({"code": "woocommerce_rest_cannot_view", "data": {"status": "401"}}, "owner-lost-rights",
         f"{SENT}: woocommerce_rest_cannot_view, status 401"),
        (
            {"code": "woocommerce_rest_shop_order_invalid_id", "data": {"status": 404}},
            "rest-error",
            f"{SENT}: woocommerce_rest_shop_order_invalid_id, status 404",
        ),
        # An unknown code may hold anything, so it is not stored.
        ({"code": CANARY, "data": {"status": 500}}, "rest-error", f"{SENT}: another code, status 500"),
        ({"code": "rest_no_route"}, "rest-error", f"{SENT}: rest_no_route, status 0"),
        # Not even an error of the right shape.
        ({"code": 5}, "not-of-the-shape", "wrong or missing: code"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("topic", ["order.updated", "customer.created"])
def test_an_error_in_place_of_the_record_is_set_aside(
    payload: dict[str, Any], reason: str, detail: str, topic: str, policy: Policy
) -> None:
    content = _content(topic, payload, policy)
    assert isinstance(content, Quarantine)
    assert (content.reason, content.detail, content.external_id) == (reason, detail, None)


@pytest.mark.parametrize(
    "data", [None, "x", [], {"status": None}, {"status": CANARY}, {"status": [403]}]
)
def test_an_error_with_odd_data_is_set_aside_too(data: object, policy: Policy) -> None:
    content = _content("order.updated", {"code": "rest_no_route", "data": data}, policy)
    assert isinstance(content, Quarantine)
    assert CANARY not in repr(content)


def test_a_record_may_have_a_field_named_code(policy: Policy) -> None:
    assert isinstance(_content("order.updated", recordings.order(code="x"), policy), Snapshot)


# --- verification and identity -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signature", [None, "", "x", sign(b"another body"), sign(b"{}", "another secret")]
)
@pytest.mark.parametrize("topic", ["order.updated", "product.updated", ""])
def test_an_unsigned_body_is_not_parsed(signature: str | None, topic: str, policy: Policy) -> None:
    headers = {"X-WC-Webhook-Topic": topic} | (
        {} if signature is None else {"X-WC-Webhook-Signature": signature}
    )
    with pytest.raises(SignatureRefusedError):
        Delivery.from_http(headers, b"{}", keys=KEYS, policy=policy)


def test_the_same_delivery_has_the_same_identity(policy: Policy) -> None:
    one, again = (_read(delivery(6), policy).identity for _ in range(2))
    assert one == again


def test_deliveries_with_one_id_are_distinguished(policy: Policy) -> None:
    first, second = delivery(16), delivery(18)
    assert first.headers["X-WC-Webhook-Delivery-ID"] == second.headers["X-WC-Webhook-Delivery-ID"]
    assert _read(first, policy).identity != _read(second, policy).identity


def test_every_recorded_delivery_has_a_unique_identity(policy: Policy) -> None:
    identities = {_read(sent, policy).identity for sent in DELIVERIES[1:]}
    assert len(identities) == len(DELIVERIES) - 1


@pytest.mark.parametrize(
    "other",
    [
        made("order.updated", recordings.order(9002)),
        made("order.created", recordings.order()),
        made("order.updated", recordings.order(), delivery_id="1" * 32),
        made("order.updated", recordings.order(), webhook_id=2),
        made("order.updated", json.dumps(recordings.order(), indent=1).encode()),
    ],
    ids=[
        "another order",
        "another topic",
        "another delivery id",
        "another webhook",
        "another body of the same order",
    ],
)
def test_identity_covers_the_whole_delivery(other: Recorded, policy: Policy) -> None:
    one = made("order.updated", recordings.order())
    assert _read(one, policy).identity != _read(other, policy).identity


def test_two_unknown_topics_are_two_deliveries(policy: Policy) -> None:
    one, other = (
        _read(made(topic, {"id": 5}), policy) for topic in ("product.created", "product.updated")
    )
    assert one.topic == other.topic == "other"
    assert one.identity != other.identity


def test_a_genuine_delivery_with_only_a_signature_header(policy: Policy) -> None:
    body = json.dumps(recordings.order()).encode()
    read = Delivery.from_http(
        {"X-WC-Webhook-Signature": sign(body)}, body, keys=KEYS, policy=policy
    )
    assert (read.topic, read.content) == ("other", Ignored())


# --- other API versions ------------------------------------------------------------------------------------

V1_ORDER = {
    "id": 71,
    "status": "processing",
    "date_created": "2026-11-22T12:00:00",
    "date_modified": "2026-11-22T12:00:05",
    "date_paid": "2026-11-22T12:00:05",
    "customer_id": 5,
    "refunds": [],
}
V1_CUSTOMER = {"id": 72, "role": "customer", "date_created": "2026-11-22T12:00:00", "email": CANARY}
LEGACY_ORDER = {
    "id": 73,
    "order_number": "73",
    "created_at": "2026-11-22T11:00:00Z",
    "note": CANARY,
}
LEGACY_CUSTOMER = {"id": 74, "created_at": "2026-11-22T11:00:00Z", "email": CANARY}


@pytest.mark.parametrize(
    ("topic", "payload", "external_id"),
    [
        ("order.created", V1_ORDER, 71),
        ("order.restored", V1_ORDER | {"date_modified": None}, 71),
        ("order.updated", V1_ORDER | {"id": "71"}, 71),
        ("customer.updated", V1_CUSTOMER, 72),
        ("order.created", {"order": LEGACY_ORDER}, 73),
        ("order.updated", {"order": LEGACY_ORDER | {"id": "73"}}, 73),
        ("customer.created", {"customer": LEGACY_CUSTOMER}, 74),
        # Without an id that can be refetched.
        ("order.updated", {"order": {"status": "completed"}}, None),
        ("order.updated", {"order": {"id": CANARY}}, None),
        ("order.updated", V1_ORDER | {"id": CANARY}, None),
        # The legacy API's errors, in both of their forms.
        ("order.updated", {"errors": {"woocommerce_api_invalid_order": [CANARY]}}, None),
        (
            "customer.updated",
            {"errors": [{"code": "woocommerce_api_user_cannot_read", "message": CANARY}]},
            None,
        ),
    ],
)
def test_a_body_of_another_api_version_is_recognised(
    topic: str, payload: object, external_id: int | None, policy: Policy
) -> None:
    content = _content(topic, payload, policy)
    assert isinstance(content, Quarantine)
    kind = topic.partition(".")[0]
    assert (content.reason, content.kind, content.external_id) == (
        "wrong-version",
        kind,
        external_id,
    )
    assert CANARY not in repr(content)


@pytest.mark.parametrize(
    ("topic", "payload", "content"),
    [
        # v2 has the fields of v3; one of the times is enough to recognise it.
        ("order.updated", V1_ORDER | {"date_created_gmt": "2026-11-22T11:00:00"}, Snapshot),
        ("customer.updated", V1_CUSTOMER | {"date_created_gmt": "2026-11-22T11:00:00"}, Snapshot),
        # Bare ids look alike in all versions.
        ("order.deleted", {"id": 71}, Hint),
        ("customer.deleted", {"id": 72}, Hint),
    ],
)
def test_a_body_that_is_equal_in_all_versions_is_accepted(
    topic: str, payload: object, content: type, policy: Policy
) -> None:
    assert isinstance(_content(topic, payload, policy), content)


@pytest.mark.parametrize(
    "payload", [{}, {"id": 71}, {"order": 5}, {"order": None}, {"customer": LEGACY_CUSTOMER}]
)
def test_a_body_of_no_known_version_has_the_wrong_shape(payload: object, policy: Policy) -> None:
    content = _content("order.updated", payload, policy)
    assert isinstance(content, Quarantine)
    assert content.reason == "not-of-the-shape"
