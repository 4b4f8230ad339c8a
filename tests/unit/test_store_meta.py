"""The meta data of a schedule on the record in the store."""

from __future__ import annotations

import json

import pytest

from hooks.retention.facts import Facts, SupportRequestFacts
from hooks.retention.policy import Policy
from hooks.retention.store_meta import EMPTY_META, KEYS, digest, store_meta
from tests.unit.builders import at, customer, order, planned

POLICY_ID = "smartgroup-2026-11-22"
EVERYTHING = order(
    "processing",
    "2026-11-22",
    paid_at="2026-11-22",
    kinds="identity contact shipping note network attribution newsletter",
    choices={"2026-11-22": True},
)


def test_keys_of_the_meta_data() -> None:
    assert KEYS == (
        "retention_class",
        "retention_legal_basis",
        "retention_delete_after",
        "retention_policy",
        "retention_schedule",
    )
    assert dict.fromkeys(KEYS) == EMPTY_META


@pytest.mark.parametrize(
    ("facts", "meta"),
    [
        (
            order("processing", "2026-11-22", paid_at="2026-11-22", kinds="note"),
            {
                "retention_class": "orders-accounting",
                "retention_legal_basis": "legal-obligation",
                "retention_delete_after": "2031-12-31",
                "retention_policy": POLICY_ID,
                "retention_schedule": '[{"data":"order-payment","basis":"legal-obligation",'
                '"class":"orders-accounting","from":"2026-12-31","review_after":null,'
                '"delete_after":"2031-12-31","until":null,"action":"erase"},'
                '{"data":"support","basis":"legitimate-interests","class":"support-requests",'
                '"from":"2026-11-22","review_after":"2027-11-22","delete_after":"2029-11-22",'
                '"until":null,"action":"erase"}]',
            },
        ),
        # An end in the future.
        (
            order("pending", "2026-05-01", kinds="attribution"),
            {
                "retention_class": "unpaid-orders",
                "retention_legal_basis": "contract",
                "retention_delete_after": "2027-05-01",
                "retention_policy": POLICY_ID,
                "retention_schedule": '[{"data":"order-payment","basis":"contract","class":"unpaid-orders",'
                '"from":"2026-05-01","review_after":null,"delete_after":"2027-05-01","until":null,'
                '"action":"erase"},{"data":"marketing","basis":"consent","class":"marketing",'
                '"from":"2026-05-01","review_after":null,"delete_after":null,"until":"consent-withdrawn",'
                '"action":"erase"}]',
            },
        ),
        # Erased: no tag for the record, but dates for the data that the eraser left.
        (
            order(
                "processing", "2026-11-22", kinds="identity contact note", erased_at="2026-12-24"
            ),
            {
                "retention_class": "",
                "retention_legal_basis": "",
                "retention_delete_after": "",
                "retention_policy": POLICY_ID,
                "retention_schedule": '[{"data":"support","basis":"legitimate-interests",'
                '"class":"support-requests","from":"2026-11-22","review_after":"2027-11-22",'
                '"delete_after":"2029-11-22","until":null,"action":"erase"}]',
            },
        ),
        # Without a schedule, none of our keys may be there.
        (order("processing", kinds="identity", erased_at="2026-12-24"), EMPTY_META),
        (customer(staff=True), EMPTY_META),
        (customer(None, last_order_at="2026-11-22"), EMPTY_META),
    ],
)
def test_meta_data_of_a_schedule(facts: Facts, meta: dict[str, str | None], policy: Policy) -> None:
    assert store_meta(planned(facts, policy), policy.id) == meta


def test_a_trashed_record_keeps_its_tag(policy: Policy) -> None:
    whole = {"paid_at": "2026-11-22", "kinds": "identity note"}
    kept, trashed = (planned(order(**whole, trashed=gone), policy) for gone in (False, True))
    assert store_meta(trashed, policy.id) == store_meta(kept, policy.id)


@pytest.mark.parametrize(
    "facts",
    [EVERYTHING, customer(kinds="newsletter"), SupportRequestFacts(closed_at=at("2026-11-22"))],
)
def test_values_are_ids_and_dates_only(facts: Facts, policy: Policy) -> None:
    """There is no backslash, which WordPress would remove, and no sentence, which belongs into the ledger."""
    meta = store_meta(planned(facts, policy), policy.id)
    assert tuple(meta) == KEYS
    for value in meta.values():
        assert value is not None
        assert value.isascii()
        assert "\\" not in value
    shown = json.loads(meta["retention_schedule"] or "")
    names = ["data", "basis", "class", "from", "review_after", "delete_after", "until", "action"]
    split = ["data", "part", *names[1:]]
    assert [list(entry) for entry in shown] == [
        split if "part" in entry else names for entry in shown
    ]


def test_a_split_category_names_its_parts(policy: Policy) -> None:
    meta = store_meta(
        planned(order("processing", paid_at="2026-11-22", kinds="identity contact"), policy),
        policy.id,
    )
    shown = json.loads(meta["retention_schedule"] or "")
    assert [(entry["data"], entry.get("part"), entry["basis"]) for entry in shown] == [
        ("order-payment", None, "legal-obligation"),
        ("identity-contact", "identity", "legal-obligation"),
        ("identity-contact", "contact", "contract"),
    ]
    # Also for records linked to an account; two parts differ.
    linked = [entry | {"rule": "x"} for entry in shown]
    again = store_meta(planned(customer(), policy), policy.id, linked)
    assert again["retention_schedule"] is not None
    assert all(
        json.dumps(entry, separators=(",", ":")) in again["retention_schedule"] for entry in shown
    )


def test_the_same_schedule_gives_the_same_text_and_digest(policy: Policy) -> None:
    one, other = (store_meta(planned(EVERYTHING, policy), policy.id) for _ in range(2))
    assert one == other
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # A key that is missing and one that was deleted.
        ({}, EMPTY_META),
        ({"retention_class": "x"}, {**EMPTY_META, "retention_class": "x"}),
        # Keys of others, and another order of our keys.
        (
            {"retention_class": "x"},
            {"retention_class": "x", "_edit_lock": "1", "retention_notes": "y"},
        ),
        (
            {"retention_class": "x", "retention_policy": "y"},
            {"retention_policy": "y", "retention_class": "x"},
        ),
    ],
)
def test_meta_data_with_the_same_digest(
    one: dict[str, str | None], other: dict[str, str | None]
) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"retention_class": "x"}, {"retention_class": "y"}),
        # An empty value is not missing: the store holds the key.
        ({"retention_class": ""}, {}),
        ({"retention_class": "x"}, {"retention_policy": "x"}),
        ({"retention_class": "a,b"}, {"retention_class": "a", "retention_policy": "b"}),
        ({"retention_schedule": "[]"}, {"retention_schedule": "[ ]"}),
    ],
)
def test_meta_data_with_another_digest(
    one: dict[str, str | None], other: dict[str, str | None]
) -> None:
    assert digest(one) != digest(other)


def test_the_digest_hides_the_text_of_a_person() -> None:
    text = digest({"retention_class": "Kari Nordmann"})
    assert len(text) == 32
    assert set(text) <= set("0123456789abcdef")
