"""Input as it really arrives: nulls, gaps, extra fields, numbers as text, times without a zone."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError

from hooks.retention.facts import (
    KNOWN_STATUSES,
    MAX_ID,
    Choice,
    CustomerFacts,
    OrderFacts,
    Refund,
    Snapshot,
)
from hooks.retention.plausibility import UNDATED
from hooks.retention.policy import MetaVocabulary
from hooks.retention.store_meta import KEYS
from schemas.customer import FIELDS as CUSTOMER_FIELDS
from schemas.customer import CustomerSchema
from schemas.meta import UNKNOWN, Meta, read_meta
from schemas.notice import DeletedSchema, RecordActionSchema, RestErrorSchema
from schemas.order import FIELDS as ORDER_FIELDS
from schemas.order import OrderSchema
from schemas.wire import GmtTime, any_present, method_id, present, record_id
from tests.support import recordings
from tests.support.recordings import DELIVERIES, Recorded
from tests.unit.builders import at

VOCABULARY = MetaVocabulary(
    newsletter_keys=frozenset({"ws_opt_in", "second_opt_in"}),
    given_values=frozenset({"yes", "1", "true", "on"}),
    withdrawn_values=frozenset({"no", "0", "false", "off"}),
    attribution_prefixes=("_wc_order_attribution_",),
    method_patterns=frozenset({"klarna*", "*bring*", "bacs"}),
)
CANARY = "CANARY-Kari-Nordmann"
NOON = "2026-11-22T12:00:00"
MINIMAL = {"id": 5, "status": "pending", "date_created_gmt": NOON}
MINIMAL_CUSTOMER = {"id": 5, "role": "customer", "date_created_gmt": NOON}


def _order(**changes: Any) -> Snapshot:
    loaded: Snapshot = OrderSchema(VOCABULARY).load(MINIMAL | changes)
    return loaded


def _order_facts(**changes: Any) -> OrderFacts:
    facts = _order(**changes).facts
    assert isinstance(facts, OrderFacts)
    return facts


def _customer(**changes: Any) -> Snapshot:
    loaded: Snapshot = CustomerSchema(VOCABULARY).load(MINIMAL_CUSTOMER | changes)
    return loaded


def _customer_facts(**changes: Any) -> CustomerFacts:
    facts = _customer(**changes).facts
    assert isinstance(facts, CustomerFacts)
    return facts


def _wrong(schema: Schema, raw: dict[str, Any]) -> set[str]:
    """The names of the fields that the schema refuses."""
    with pytest.raises(ValidationError) as raised:
        schema.load(raw)
    assert isinstance(raised.value.messages, dict)
    return set(raised.value.messages)


def _rows(**meta: Any) -> list[dict[str, Any]]:
    return [
        {"id": number, "key": key, "value": value}
        for number, (key, value) in enumerate(meta.items())
    ]


# --- ids ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1),
        (MAX_ID, MAX_ID),
        # As text, as in some plugins and in the meta data of actions.
        ("117", 117),
        ("007", 7),
        (str(MAX_ID), MAX_ID),
    ],
)
def test_a_valid_id(value: object, number: int) -> None:
    assert record_id(value) == number
    assert _order(id=value).external_id == number


@pytest.mark.parametrize(
    "value",
    [
        # Booleans and fractions are numbers in Python, but no ids.
        True,
        False,
        1.0,
        1.5,
        float("inf"),
        float("nan"),
        # Empty, below one, or too large for a database.
        0,
        -1,
        "0",
        "-1",
        10**30,
        MAX_ID + 1,
        str(MAX_ID + 1),
        "9" * 5000,
        # Text that is no whole number, or not in the store's digits.
        "",
        " ",
        "x",
        " 5",
        "5\n",
        "+5",
        "1.0",
        "1e3",
        "0x10",
        "٥",
        "²",
        CANARY,
        None,
        [],
        [5],
        {},
        {"id": 5},
    ],
)
def test_an_invalid_id_is_refused(value: object) -> None:
    assert record_id(value) is None
    assert _wrong(OrderSchema(VOCABULARY), MINIMAL | {"id": value}) == {"id"}
    assert _wrong(CustomerSchema(VOCABULARY), MINIMAL_CUSTOMER | {"id": value}) == {"id"}
    assert _wrong(DeletedSchema(), {"id": value}) == {"id"}
    assert _wrong(RecordActionSchema(), {"action": "x", "arg": value}) == {"arg"}


# --- times -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        # In UTC without an offset.
        ("2026-11-22T07:57:28", "2026-11-22T07:57:28"),
        # With an offset, converted to UTC.
        ("2026-11-22T07:57:28Z", "2026-11-22T07:57:28"),
        ("2026-11-22T07:57:28+00:00", "2026-11-22T07:57:28"),
        ("2026-11-22T08:57:28+01:00", "2026-11-22T07:57:28"),
        ("2026-11-21T23:57:28-08:00", "2026-11-22T07:57:28"),
        # Whole seconds, as the store keeps them.
        ("2026-11-22T07:57:28.999", "2026-11-22T07:57:28"),
        ("2026-11-22 07:57:28", "2026-11-22T07:57:28"),
        ("2026-11-22", "2026-11-22T00:00:00"),
        ("1970-01-01T00:00:00", "1970-01-01T00:00:00"),
        ("2998-12-31T23:59:59", "2998-12-31T23:59:59"),
    ],
)
def test_a_valid_time(value: str, instant: str) -> None:
    assert GmtTime().deserialize(value) == at(instant)


@pytest.mark.parametrize(
    "value", [None, "", "0000-00-00T00:00:00", "0000-00-00 00:00:00", "0000-00-00"]
)
def test_an_invalid_time_is_refused(value: str | None) -> None:
    assert GmtTime().deserialize(value) is None
    assert _order_facts(date_paid_gmt=value, date_completed_gmt=value).is_paid is False


@pytest.mark.parametrize(
    "value",
    [
        # Out of range: no shop has records from then.
        "1969-12-31T23:59:59",
        "2999-01-01T00:00:00",
        "9999-12-31T23:59:59",
        "0001-01-01T00:00:00",
        # At the edge of the calendar, where another zone has no such year.
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-10:00",
        # Not a time.
        "2026-02-30T00:00:00",
        "2026-11-22T25:00:00",
        "2026-11-22T07:57:28+99:00",
        "yesterday",
        CANARY,
        " ",
        "\x00",
        0,
        1795305600,
        1795305600.5,
        True,
        [],
        {},
        ["2026-11-22T07:57:28"],
    ],
)
def test_bad_time_of_an_event_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        GmtTime().deserialize(value)


TIMES = ("date_created", "date_modified", "date_paid", "date_completed")

NO_TIMES = [
    # A missing day as PHP writes it.
    "0000-00-00T00:00:00",
    "0000-00-00 00:00:00",
    "0000-00-00",
    "-0001-11-30T00:00:00",
    "-0001-11-30T00:00:00+00:00",
    # An impossible day or zone.
    "2026-02-30T00:00:00",
    "2026-11-22T25:00:00",
    "2026-11-22T07:57:28+99:00",
    "10000-01-01T00:00:00",
    "0001-01-01T00:00:00+14:00",
    # Not a time.
    "yesterday",
    CANARY,
    " ",
    "\x00",
    1795305600,
    True,
    {"date": "2026-11-22"},
    ["2026-11-22T07:57:28"],
]


@pytest.mark.parametrize("value", NO_TIMES)
@pytest.mark.parametrize("name", TIMES)
def test_an_invalid_time_is_left_out_and_named(value: object, name: str) -> None:
    """The order is accepted, and its other days count."""
    snapshot = {f"{other}_gmt": NOON for other in TIMES} | {f"{name}_gmt": value}
    facts = _order_facts(**snapshot)
    assert facts.oddities == {name}
    days = {
        "date_created": facts.created_at,
        "date_paid": facts.paid_at,
        "date_completed": facts.completed_at,
    }
    assert days == {other: None if other == name else at(NOON) for other in days}
    if name in ("date_created", "date_modified"):
        assert _customer_facts(**snapshot).oddities == {name}


@pytest.mark.parametrize(
    "value", ["0782-03-01T00:00:00", "1970-01-01T00:00:00", "2647-01-01T00:00:00", "3268-05-05"]
)
@pytest.mark.parametrize("name", TIMES)
def test_a_day_of_a_distant_year_is_kept_as_shown(value: str, name: str) -> None:
    """Only the current time can show that it is implausible."""
    shown = _order(**{f"{other}_gmt": NOON for other in TIMES} | {f"{name}_gmt": value})
    assert shown.facts.oddities == frozenset()
    assert at(value[:10] + "T00:00:00") in (
        shown.version,
        *(getattr(shown.facts, day) for day in ("created_at", "paid_at", "completed_at")),
    )


@pytest.mark.parametrize(
    ("created", "modified", "version"),
    [
        (NOON, "2026-11-23T00:00:00", "2026-11-23T00:00:00"),
        # Without a date of change the version is the day of creation. For an order this is uncertain.
        (NOON, None, NOON),
        (NOON, "", NOON),
        (NOON, "0000-00-00T00:00:00", NOON),
        # Imported without a day of creation, which the date of change does not replace.
        (None, "2026-11-23T00:00:00", "2026-11-23T00:00:00"),
        # Without any date.
        (None, None, None),
        ("", "0000-00-00T00:00:00", None),
    ],
)
def test_version_of_a_record(
    created: str | None, modified: str | None, version: str | None
) -> None:
    times = {"date_created_gmt": created, "date_modified_gmt": modified}
    for shown in (_order(**times), _customer(**times)):
        assert shown.version == (at(version) if version else UNDATED)
        assert shown.facts.created_at == (at(created) if created else None)
    assert _order(**times).undated is (version != "2026-11-23T00:00:00")


def test_a_record_must_name_its_day_of_creation() -> None:
    """Another version of the API has other field names. Its bodies must not be read as v3."""
    for schema, raw in (
        (OrderSchema(VOCABULARY), MINIMAL),
        (CustomerSchema(VOCABULARY), MINIMAL_CUSTOMER),
    ):
        nameless = {name: value for name, value in raw.items() if name != "date_created_gmt"}
        assert _wrong(schema, nameless) == {"date_created_gmt"}


# --- orders ------------------------------------------------------------------------------------------------


def test_an_order_with_only_its_required_fields() -> None:
    assert _order() == Snapshot(OrderFacts("pending", at(NOON)), 5, at(NOON), None, undated=True)


@pytest.mark.parametrize(
    ("raw", "known"),
    [
        ("klarna_payments", "klarna_payments"),
        (" BACS ", "bacs"),
        # Missing.
        ("", ""),
        (None, ""),
        (7, ""),
        # The id of an unknown payment method may hold anything.
        ("vipps", "other"),
        ("klarna Kari Nordmann", "other"),
        ("klarna_kari@example.test", "other"),
        ("klarna" + "x" * 40, "other"),
    ],
)
def test_the_id_of_a_payment_method(raw: object, known: str) -> None:
    assert method_id(raw, VOCABULARY.method_patterns) == known


def test_the_recorded_order() -> None:
    snapshot: Snapshot = OrderSchema(VOCABULARY).load(recordings.delivery(7).payload)
    version = at("2026-11-22T07:57:32")
    facts = OrderFacts(
        status="processing",
        created_at=at("2026-11-22T07:57:28"),
        paid_at=at("2026-11-22T07:57:30"),
        customer_id=5,
        kinds=frozenset({"identity", "contact", "shipping", "note", "attribution", "newsletter"}),
        choices=(Choice(version, given=True),),
        meta_at=version,
        payment="klarna_payments",
        carriers=frozenset({"bring_fraktguiden"}),
    )
    assert snapshot == Snapshot(facts, 117, version, {})


OPTIONAL_OF_AN_ORDER = sorted(set(ORDER_FIELDS.split(",")) - {"id", "status", "date_created_gmt"})


@pytest.mark.parametrize("name", OPTIONAL_OF_AN_ORDER)
def test_an_order_without_an_optional_field(name: str) -> None:
    """Missing and null both mean unknown."""
    payload = recordings.order()
    missing = {key: value for key, value in payload.items() if key != name}
    schema = OrderSchema(VOCABULARY)
    assert schema.load(missing) == schema.load(payload | {name: None})


@pytest.mark.parametrize("name", ["id", "status"])
def test_an_order_without_a_required_field(name: str) -> None:
    assert _wrong(
        OrderSchema(VOCABULARY), {key: value for key, value in MINIMAL.items() if key != name}
    ) == {name}
    assert _wrong(OrderSchema(VOCABULARY), MINIMAL | {name: None}) == {name}


def test_every_fault_is_named() -> None:
    raw = {"id": "x", "status": 5, "date_created_gmt": NOON, "refunds": "x", "customer_id": -1}
    assert _wrong(OrderSchema(VOCABULARY), raw) == {"id", "status", "customer_id"}


@pytest.mark.parametrize("unknown", ["line_items", "total", "_links", "", "ID", "kinds", "paid_at"])
def test_fields_that_no_rule_needs_are_dropped(unknown: str) -> None:
    assert _order(**{unknown: {"deep": [CANARY]}}) == _order()
    assert _customer(**{unknown: {"deep": [CANARY]}}) == _customer()


@pytest.mark.parametrize(
    ("status", "meta", "expected"),
    [
        *((status, None, (status, False)) for status in sorted(KNOWN_STATUSES)),
        # With the prefix that the database uses.
        ("wc-completed", None, ("completed", False)),
        # The status of a plugin.
        ("awaiting-pickup", None, ("unknown", False)),
        ("Completed", None, ("unknown", False)),
        ("", None, ("unknown", False)),
        (CANARY, None, ("unknown", False)),
        # Trashed: the status before, if it is shown.
        ("trash", _rows(_wp_trash_meta_status="wc-completed"), ("completed", True)),
        ("trash", _rows(_wp_trash_meta_status="on-hold"), ("on-hold", True)),
        ("trash", _rows(_wp_trash_meta_status=CANARY), ("unknown", True)),
        ("trash", _rows(_wp_trash_meta_status=5), ("unknown", True)),
        ("trash", [], ("unknown", True)),
        ("trash", None, ("unknown", True)),
        # A restored order may still hold the status from before the trash, which no longer counts.
        ("completed", _rows(_wp_trash_meta_status="wc-pending"), ("completed", False)),
    ],
)
def test_status_of_an_order(status: str, meta: object, expected: tuple[str, bool]) -> None:
    facts = _order_facts(status=status, meta_data=meta)
    assert (facts.status, facts.trashed) == expected


@pytest.mark.parametrize("status", [None, 5, True, [], {}, ["completed"]])
def test_a_status_that_is_not_text_is_refused(status: object) -> None:
    assert _wrong(OrderSchema(VOCABULARY), MINIMAL | {"status": status}) == {"status"}


@pytest.mark.parametrize(
    ("value", "number"), [(0, 0), (5, 5), ("5", 5), ("0", 0), (None, 0), ("", 0), (False, 0)]
)
def test_customer_of_an_order(value: object, number: int) -> None:
    assert _order_facts(customer_id=value).customer_id == number


@pytest.mark.parametrize("value", [-1, "x", 1.5, True, 10**30, [], {}])
def test_an_invalid_customer_id_is_refused(value: object) -> None:
    assert _wrong(OrderSchema(VOCABULARY), MINIMAL | {"customer_id": value}) == {"customer_id"}


@pytest.mark.parametrize(
    ("refunds", "expected"),
    [
        (None, ()),
        ([], ()),
        # Without a day, as an order lists them.
        ([{"id": 9, "reason": CANARY, "total": "-100.00"}], (Refund(9),)),
        # As text, in any order.
        ([{"id": "9"}, {"id": 8}], (Refund(8), Refund(9))),
        # With the day from a refetch.
        ([{"id": 9, "date_created_gmt": NOON}], (Refund(9, at(NOON)),)),
        # With gaps, as PHP writes it.
        ({"0": {"id": 9}, "2": {"id": 8}}, (Refund(8), Refund(9))),
        # Empty in other ways.
        ({}, ()),
        ("", ()),
        (False, ()),
    ],
)
def test_refunds_of_an_order(refunds: object, expected: tuple[Refund, ...]) -> None:
    facts = _order_facts(refunds=refunds)
    assert (facts.refunds, facts.oddities) == (expected, frozenset())


ERROR = {"errors": {"woocommerce_rest_invalid_order_refund_id": [CANARY]}, "error_data": []}


@pytest.mark.parametrize(
    ("refunds", "expected", "oddities"),
    [
        # Not a list.
        ("x", (), {"refunds"}),
        (5, (), {"refunds"}),
        ({"errors": CANARY}, (), {"refunds"}),
        # One malformed item; the others are read.
        ([ERROR], (), {"refunds"}),
        ([{"id": 8}, ERROR], (Refund(8),), {"refunds"}),
        ({"0": ERROR, "2": {"id": 9}}, (Refund(9),), {"refunds"}),
        ([None, {"id": 8}], (Refund(8),), {"refunds"}),
        ([[]], (), {"refunds"}),
        ([{}], (), {"refunds"}),
        ([{"id": "x"}], (), {"refunds"}),
        # The refetch shows no day.
        ([{"id": 9, "date_created_gmt": None}], (Refund(9, is_dateless=True),), {"refund_date"}),
        ([{"id": 9, "date_created_gmt": "x"}], (Refund(9, is_dateless=True),), {"refund_date"}),
    ],
)
def test_readable_refunds_are_read_beside_unreadable_ones(
    refunds: object, expected: tuple[Refund, ...], oddities: frozenset[str] | set[str]
) -> None:
    facts = _order_facts(refunds=refunds)
    assert (facts.refunds, facts.oddities) == (expected, oddities)


EMPTY_ADDRESS = dict.fromkeys(
    ("first_name", "last_name", "company", "address_1", "city", "postcode", "email"), ""
)


@pytest.mark.parametrize(
    ("field", "value", "kinds"),
    [
        # Each field that may be on a bill.
        *(
            ("billing", EMPTY_ADDRESS | {name: CANARY}, "identity")
            for name in (
                "first_name",
                "last_name",
                "company",
                "address_1",
                "address_2",
                "city",
                "postcode",
            )
        ),
        # Contact data, which a sales document does not need.
        ("billing", EMPTY_ADDRESS | {"email": "kari@example.test"}, "contact"),
        ("billing", EMPTY_ADDRESS | {"phone": CANARY}, "contact"),
        ("billing", {"phone": 4740000001}, "contact"),
        ("shipping", {"phone": 4740000001}, "shipping"),
        # Empty addresses as PHP and others write them. The shop's own country is no personal data.
        ("billing", [], ""),
        ("billing", {}, ""),
        ("billing", None, ""),
        ("billing", EMPTY_ADDRESS, ""),
        ("billing", EMPTY_ADDRESS | {"first_name": " \t "}, ""),
        ("billing", EMPTY_ADDRESS | {"first_name": None}, ""),
        ("billing", EMPTY_ADDRESS | {"country": "NO", "state": ""}, ""),
        ("billing", CANARY, ""),
        ("billing", [CANARY], ""),
        # The shipping address.
        ("shipping", EMPTY_ADDRESS | {"address_1": "Storgata 1"}, "shipping"),
        ("shipping", EMPTY_ADDRESS, ""),
        ("shipping", [], ""),
        ("shipping_lines", [{"id": 105, "method_title": CANARY}], "shipping"),
        ("shipping_lines", {"3": {"id": 105, "method_title": CANARY}}, "shipping"),
        ("shipping_lines", [], ""),
        ("shipping_lines", None, ""),
        # A shortened IP address counts.
        ("customer_ip_address", "192.0.2.0", "network"),
        ("customer_ip_address", "0.0.0.0", "network"),  # noqa: S104 - what an eraser leaves
        ("customer_ip_address", "::", "network"),
        # The placeholder for an erased browser.
        ("customer_user_agent", "[deleted]", ""),
        ("customer_user_agent", "[slettet]", ""),
        ("customer_user_agent", "Browser [en] 1.0", "network"),
        # Texts on items, and reasons of refunds.
        (
            "line_items",
            [{"id": 1, "meta_data": [{"key": "Engraving", "value": CANARY}]}],
            "item-meta",
        ),
        ("line_items", {"3": {"meta_data": {"2": {"key": "Message", "value": 7}}}}, "item-meta"),
        ("line_items", [{"id": 1, "meta_data": [{"key": "_reduced_stock", "value": "1"}]}], ""),
        (
            "line_items",
            [
                {
                    "id": 1,
                    "meta_data": [
                        {"key": "Engraving", "value": ""},
                        {"key": 7, "value": 7},
                        CANARY,
                    ],
                }
            ],
            "",
        ),
        (
            "line_items",
            [{"id": 1, "meta_data": []}, {"id": 2}, {"id": 3, "meta_data": CANARY}, CANARY],
            "",
        ),
        ("line_items", CANARY, ""),
        ("refunds", [{"id": 1, "reason": CANARY}], "refund-reason"),
        ("refunds", [{"id": 1, "reason": ""}, {"id": 2, "reason": None}, {"id": 3}], ""),
        # The customer's note.
        ("customer_note", "Ring på døra 🐕", "note"),
        ("customer_note", "", ""),
        ("customer_note", " \n ", ""),
        ("customer_note", None, ""),
        # Order attribution.
        ("customer_ip_address", "127.0.0.1", "network"),
        ("customer_user_agent", "Mozilla/5.0", "network"),
        ("customer_ip_address", "", ""),
        ("customer_user_agent", None, ""),
    ],
)
def test_kinds_of_data_of_an_order(field: str, value: object, kinds: str) -> None:
    assert _order_facts(**{field: value}).kinds == frozenset(kinds.split())


@pytest.mark.parametrize(
    ("value", "there"),
    [
        ("x", True),
        (0, False),
        (5, True),
        ("", False),
        ("  ", False),
        (None, False),
        ([], False),
        ([None], True),
    ],
)
def test_fields_that_count_as_present(value: object, there: bool) -> None:
    assert present(value) is there
    assert any_present({"key": value}, ["other", "key"]) is there
    assert not any_present({"key": value}, ["other"])
    assert not any_present([value], ["key"])


# --- meta data ---------------------------------------------------------------------------------------------


def _meta(raw: object) -> Meta:
    return read_meta(raw, VOCABULARY, at=at(NOON))


@pytest.mark.parametrize("raw", [None, "", "x", 5, {}, {"ws_opt_in": "yes"}, True])
def test_meta_data_that_is_not_shown_is_unknown(raw: object) -> None:
    assert _meta(raw) == UNKNOWN
    for shown in (_order(meta_data=raw), _customer(meta_data=raw)):
        assert (shown.store_meta, shown.facts.meta_at) == (None, None)
        assert shown.facts.oddities == (frozenset() if raw is None else {"meta_data"})
    assert (_order().store_meta, _customer().store_meta) == (None, None)


def test_meta_data_with_gaps_is_read() -> None:
    """PHP writes a list with gaps as an object with numeric keys."""
    rows = _rows(ws_opt_in="yes", retention_class="x")
    gaps = {"0": rows[0], "7": rows[1]}
    assert _meta(gaps) == _meta(rows)
    for shown in (_order(meta_data=gaps), _customer(meta_data=gaps)):
        assert (shown.store_meta, shown.facts.oddities) == ({"retention_class": "x"}, frozenset())


def test_empty_meta_data_is_known_to_be_empty() -> None:
    assert _meta([]) == Meta(at(NOON), store_meta={})
    for shown in (_order(meta_data=[]), _customer(meta_data=[])):
        assert (shown.store_meta, shown.facts.meta_at) == ({}, at(NOON))


@pytest.mark.parametrize(
    "odd",
    [
        None,
        5,
        "ws_opt_in",
        [],
        ["ws_opt_in", "yes"],
        {},
        {"value": "yes"},
        {"key": None, "value": "yes"},
        {"key": 5, "value": "yes"},
        {"key": ["ws_opt_in"], "value": "yes"},
        {"id": 1, "key": "", "value": CANARY},
        {"id": 1, "key": "billing_nickname", "value": {"deep": [CANARY]}},
    ],
)
def test_malformed_items_of_meta_data_are_skipped(odd: object) -> None:
    good = _rows(ws_opt_in="yes", retention_class="x")
    assert _meta([odd, *good]) == _meta([*good, odd]) == _meta(good)


@pytest.mark.parametrize(
    ("value", "given"),
    [
        ("yes", True),
        ("1", True),
        (1, True),
        (True, True),
        ("on", True),
        (" Yes ", True),
        ("TRUE", True),
        ("no", False),
        ("0", False),
        (0, False),
        (False, False),
        ("off", False),
        # Present, but without a value.
        ("maybe", None),
        ("yes please", None),
        ("2026-11-22", None),
        (2, None),
        (["yes"], None),
        ({"yes": 1}, None),
        (CANARY, None),
    ],
)
def test_newsletter_choice(value: object, given: bool | None) -> None:
    meta = _meta(_rows(ws_opt_in=value))
    assert meta.kinds == {"newsletter"}
    assert meta.choices == (() if given is None else (Choice(at(NOON), given),))


@pytest.mark.parametrize("value", ["", None, [], {}])
def test_a_newsletter_key_without_a_value(value: object) -> None:
    meta = _meta(_rows(ws_opt_in=value))
    assert (meta.kinds, meta.choices) == (frozenset(), ())


@pytest.mark.parametrize(
    ("meta", "given"),
    [
        # A refusal in one of several keys counts, in any order.
        (_rows(ws_opt_in="yes", second_opt_in="no"), False),
        (_rows(second_opt_in="no", ws_opt_in="yes"), False),
        (_rows(ws_opt_in="maybe", second_opt_in="yes"), True),
        (_rows(ws_opt_in="", second_opt_in="yes"), True),
        # The last value of a repeated key counts, as in the store.
        ([*_rows(ws_opt_in="no"), *_rows(ws_opt_in="yes")], True),
    ],
)
def test_several_values_give_one_choice(meta: list[dict[str, Any]], given: bool) -> None:
    found = _meta(meta)
    assert found.choices == (Choice(at(NOON), given),)


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        ("_wc_order_attribution_utm_source", "attribution"),
        ("_wc_order_attribution_", "attribution"),
        ("_wc_order_attribution", ""),
        ("x_wc_order_attribution_utm", ""),
    ],
)
def test_order_attribution(key: str, kinds: str) -> None:
    assert _order_facts(meta_data=_rows(**{key: CANARY})).kinds == frozenset(kinds.split())
    # An account has no order attribution.
    assert _customer_facts(meta_data=_rows(**{key: CANARY})).kinds == frozenset()


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("1795305600", "2026-11-22T00:00:00"),
        (1795305600, "2026-11-22T00:00:00"),
        ("0", "1970-01-01T00:00:00"),
        # No Unix seconds.
        ("", None),
        (None, None),
        ("never", None),
        ("-5", None),
        ("1795305600.5", None),
        (1795305600.0, None),
        (" 1795305600", None),
        ("1795305600000", None),
        ("2026-11-22", None),
        (True, None),
        ([1795305600], None),
        ("١٧٩٥٣٠٥٦٠٠", None),
        (CANARY, None),
    ],
)
def test_last_active(value: object, instant: str | None) -> None:
    facts = _customer_facts(meta_data=_rows(wc_last_active=value))
    assert facts.last_active_at == (at(instant) if instant else None)


@pytest.mark.parametrize(
    ("value", "erased"),
    [("yes", True), ("no", False), ("", False), (None, False), (True, False), (["yes"], False)],
)
def test_erased_by_the_store(value: object, erased: bool) -> None:
    facts = _order_facts(
        meta_data=_rows(_anonymized=value), date_modified_gmt="2026-12-24T10:00:00"
    )
    assert facts.erased_at == (at("2026-12-24T10:00:00") if erased else None)


@pytest.mark.parametrize(
    ("value", "held"),
    [
        ("orders-accounting", "orders-accounting"),
        ("", ""),
        # Any other value of a person or a plugin differs from the wanted one.
        (None, "null"),
        (5, "5"),
        ({"b": 1, "a": [True]}, '{"a": [true], "b": 1}'),
    ],
)
def test_our_own_keys_are_read_as_the_store_holds_them(value: object, held: str) -> None:
    for key in KEYS:
        rows = _rows(**{key: value, "retention_notes": "x"})
        assert (
            _order(meta_data=rows).store_meta == _customer(meta_data=rows).store_meta == {key: held}
        )


# --- customers ---------------------------------------------------------------------------------------------


def test_a_customer_with_only_its_required_fields() -> None:
    assert _customer() == Snapshot(CustomerFacts(at(NOON)), 5, at(NOON), None)


def test_the_recorded_customer() -> None:
    snapshot: Snapshot = CustomerSchema(VOCABULARY).load(recordings.delivery(10).payload)
    version = at("2026-11-22T07:57:36")
    facts = CustomerFacts(
        created_at=at("2026-11-22T07:57:27"),
        last_active_at=at("2026-11-22T00:00:00"),
        meta_at=version,
    )
    assert (snapshot.facts, snapshot.version, snapshot.store_meta) == (facts, version, {})


@pytest.mark.parametrize(
    "name", sorted(set(CUSTOMER_FIELDS.split(",")) - {"id", "role", "date_created_gmt"})
)
def test_a_customer_without_an_optional_field(name: str) -> None:
    payload = recordings.customer()
    missing = {key: value for key, value in payload.items() if key != name}
    schema = CustomerSchema(VOCABULARY)
    assert schema.load(missing) == schema.load(payload | {name: None})


@pytest.mark.parametrize("name", ["id", "role"])
def test_a_customer_without_a_required_field(name: str) -> None:
    raw = {key: value for key, value in MINIMAL_CUSTOMER.items() if key != name}
    assert _wrong(CustomerSchema(VOCABULARY), raw) == {name}
    assert _wrong(CustomerSchema(VOCABULARY), MINIMAL_CUSTOMER | {name: None}) == {name}


@pytest.mark.parametrize(
    ("role", "staff"),
    [
        ("customer", False),
        ("subscriber", False),
        ("administrator", True),
        ("shop_manager", True),
        (CANARY, True),
    ],
)
def test_role_of_a_customer(role: str, staff: bool) -> None:
    assert _customer_facts(role=role).staff is staff


ROLE_NAMES = re.compile("[a-z0-9_-]{1,64}")


@given(
    st.text(max_size=70) | st.from_regex(ROLE_NAMES, fullmatch=True),
    st.sets(st.sampled_from(["customer", "vip"])),
)
def test_an_account_is_ignored_unless_its_role_is_a_customers(role: str, roles: set[str]) -> None:
    schema = CustomerSchema(replace(VOCABULARY, customer_roles=frozenset(roles)))
    facts = schema.load(MINIMAL_CUSTOMER | {"role": role}).facts
    assert facts.staff is (role not in roles)
    assert facts.role == "" if role in roles else ROLE_NAMES.fullmatch(facts.role)


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("customer", ""),
        ("wholesale_customer", "wholesale_customer"),
        ("b2b-customer2", "b2b-customer2"),
        # No role on this site of a network.
        ("", "none"),
        ("b2b2c", "b2b2c"),
        # A long number might identify a person.
        ("guest-4711", "other"),
        ("123", "other"),
        # Not a slug: it might hold anything.
        ("Wholesale", "other"),
        ("vip member", "other"),
        ("a" * 65, "other"),
        ("a\n", "other"),
        (CANARY, "other"),
    ],
)
def test_the_name_of_the_role_of_an_ignored_account(role: str, name: str) -> None:
    assert _customer_facts(role=role).role == name


def test_no_personal_data_of_a_customer_is_requested() -> None:
    assert CUSTOMER_FIELDS == "id,role,date_created_gmt,date_modified_gmt,meta_data"


# --- notices -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "code", "status"),
    [
        ({"code": "x", "message": CANARY, "data": {"status": 403}}, "x", 403),
        ({"code": "x", "data": {"status": "404", "params": {}}}, "x", 404),
        ({"code": "x", "data": {}}, "x", 0),
        ({"code": "x"}, "x", 0),
    ],
)
def test_a_rest_error_is_recognised(raw: dict[str, Any], code: str, status: int) -> None:
    assert RestErrorSchema().load(raw) == {"code": code, "error": {"status": status}}


@pytest.mark.parametrize(
    ("raw", "wrong"),
    [
        ({}, {"code"}),
        ({"code": 5}, {"code"}),
        ({"code": "x", "data": "x"}, {"error", "data"}),
        ({"code": "x", "data": {"status": "x"}}, {"error", "data"}),
    ],
)
def test_other_bodies_are_no_rest_error(raw: dict[str, Any], wrong: set[str]) -> None:
    assert len(_wrong(RestErrorSchema(), raw)) == 1
    assert _wrong(RestErrorSchema(), raw) <= wrong


# --- nothing personal survives -----------------------------------------------------------------------------


def _poisoned(value: Any, spare: frozenset[str], name: str = "") -> Any:
    """The same value with a canary in every text, except in those that the schemas check."""
    if isinstance(value, dict):
        return {
            key: below if key in spare else _poisoned(below, spare, key)
            for key, below in value.items()
        }
    if isinstance(value, list):
        return [_poisoned(below, spare, name) for below in value]
    return f"{CANARY}-{name}" if isinstance(value, str) else value


NEEDED = frozenset(
    {"key", "role", *(name for name in ORDER_FIELDS.split(",") if name.startswith("date_"))}
)
RECORDS = [
    one
    for one in DELIVERIES
    if one.topic.split(".")[0] in ("order", "customer") and "code" not in one.payload
]
SHOWN = [one for one in RECORDS if "date_created_gmt" in one.payload]


@pytest.mark.parametrize("recorded", SHOWN, ids=lambda recorded: recorded.name)
def test_nothing_personal_survives_loading(recorded: Recorded) -> None:
    """Values under our own keys are used only for comparison. The ledger stores their digest."""
    schema = (OrderSchema if recorded.topic.startswith("order") else CustomerSchema)(VOCABULARY)
    raw = _poisoned(recorded.payload, NEEDED)
    assert CANARY in json.dumps(raw)
    loaded: Snapshot = schema.load(raw)
    assert CANARY not in repr(loaded.facts)
    assert set(loaded.store_meta or ()) <= set(KEYS)
    assert all(CANARY not in key for key in loaded.store_meta or ())


@pytest.mark.parametrize("name", ["id", "status", "customer_id"])
def test_no_error_repeats_the_refused_value(name: str) -> None:
    with pytest.raises(ValidationError) as raised:
        OrderSchema(VOCABULARY).load(MINIMAL | {name: [CANARY]})
    assert CANARY not in repr(raised.value.messages)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.datetimes().map(str),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from(sorted(ORDER_FIELDS.split(","))), json_values)
def test_any_field_value_is_loaded_or_refused_by_name(name: str, value: object) -> None:
    for schema, raw in (
        (OrderSchema(VOCABULARY), recordings.order()),
        (CustomerSchema(VOCABULARY), recordings.customer()),
    ):
        refused: Any = {}
        try:
            loaded: Snapshot = schema.load(raw | {name: value})
        except ValidationError as error:
            refused = error.messages
        else:
            assert loaded.version.tzinfo is UTC
        assert set(refused) <= {name}
