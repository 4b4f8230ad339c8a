"""Days that real shops lose or change: an event that was seen stays known, and an implausible day is left out."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.intake.webhook import snapshot_of
from hooks.retention.facts import NOT_PLACED, PAID_STATUSES, UNPAID_STATUSES, OrderFacts
from hooks.retention.merge import MergeResult, merge
from hooks.retention.plausibility import date_by_arrival, drop_implausible_days
from hooks.retention.policy import Policy
from hooks.tagging.tagger import tag
from tests.unit.builders import at, entry, governing

NOW = at("2026-11-26")
PAID = {"status": "processing", "date_paid_gmt": "2026-01-02T12:00:00"}
CREATED = "2026-05-01T12:00:00"

State = dict[str, Any]


def see(states: list[State], policy: Policy) -> MergeResult:
    """Merge these snapshots of one order. Each is a minute later than the one before, unless it has its own version."""
    merged: MergeResult | None = None
    for minute, state in enumerate(states):
        base = {
            "id": 5,
            "status": "pending",
            "customer_id": 0,
            "date_created_gmt": CREATED,
            "meta_data": [],
        }
        version = {"date_modified_gmt": f"2026-11-25T12:{minute:02}:00"}
        snapshot = drop_implausible_days(snapshot_of("order", base | version | state, policy), NOW)
        if snapshot.undated:
            snapshot = date_by_arrival(snapshot, NOW)
        if merged is None:
            merged = merge(None, None, snapshot, doubtful=False)
        else:
            merged = merge(merged.facts, merged.version, snapshot, doubtful=merged.doubtful)
    assert merged is not None
    return merged


def end_of(states: list[State], policy: Policy) -> tuple[str, str, str]:
    """The governing entry of an order after these snapshots: class, start and last day."""
    tag = governing(see(states, policy).facts, policy)
    return tag.retention_class, str(tag.runs_from), str(tag.delete_after)


IN_2026 = ("orders-accounting", "2026-12-31", "2031-12-31")
IN_2025 = ("orders-accounting", "2025-12-31", "2030-12-31")
UNPAID = ("unpaid-orders", "2026-05-01", "2027-05-01")

SEQUENCES: list[tuple[list[State], tuple[str, str, str]]] = [
    # Paid by invoice or cash: only the status shows the payment.
    ([{"status": "processing"}, {"status": "cancelled"}], IN_2026),
    ([{"status": "processing"}, {"status": "on-hold"}], IN_2026),
    ([{"status": "completed"}, {"status": "failed"}], IN_2026),
    ([{"status": "refunded"}, {"status": "cancelled"}], IN_2026),
    ([{"status": "processing"}, {"status": "packed-by-a-plugin"}], IN_2026),
    ([{"status": "wc-processing"}, {"status": "pending"}], IN_2026),
    # Trashed, with and without the status before.
    ([{"status": "processing"}, {"status": "trash"}], IN_2026),
    ([{"status": "processing"}, {"status": "trash", "meta_data": None}], IN_2026),
    # First seen unpaid, then paid, then trashed.
    ([{"status": "pending"}, {"status": "processing"}, {"status": "pending"}, {"status": "trash"}], IN_2026),
    # Never paid.
    ([{"status": "pending"}, {"status": "cancelled"}], UNPAID),
    ([{"status": "on-hold"}, {"status": "trash"}], UNPAID),
    # A migration to another storage format removes days that were seen.
    (
        [
            PAID | {"date_created_gmt": "2025-12-30T12:00:00", "date_completed_gmt": "2026-01-05T12:00:00"},
            {"status": "completed", "date_created_gmt": "2025-12-30T12:00:00"},
        ],
        IN_2026,
    ),
    ([PAID | {"date_created_gmt": "2025-12-30T12:00:00"}, {"date_created_gmt": "2025-12-30T12:00:00"}], IN_2026),
    # The day of creation is lost, too.
    ([{"status": "cancelled"}, {"status": "cancelled", "date_created_gmt": None}], UNPAID),
    # Another plausible day replaces a day, earlier or later.
    (
        [
            PAID | {"date_created_gmt": "2025-12-30T12:00:00"},
            PAID | {"date_created_gmt": "2025-12-30T12:00:00", "date_paid_gmt": "2025-12-31T12:00:00"},
        ],
        IN_2025,
    ),
    # An implausible day does not replace it.
    (
        [
            PAID | {"date_created_gmt": "2025-12-30T12:00:00"},
            PAID | {"date_created_gmt": "2025-12-30T12:00:00", "date_paid_gmt": "1970-01-01T00:00:00"},
        ],
        IN_2026,
    ),
    # Without a day of creation it counts from its first accounting event.
    ([PAID | {"date_created_gmt": None}], IN_2026),
    ([PAID | {"date_created_gmt": None, "date_paid_gmt": "2019-03-02T12:00:00"}],
     ("orders-accounting", "2019-12-31", "2024-12-31")),
    # A plugin sets the day of creation to today at the next save: the order was seen before.
    (
        [
            PAID | {"date_created_gmt": None, "date_paid_gmt": "2019-03-02T12:00:00", "date_modified_gmt": CREATED},
            PAID | {"date_created_gmt": "2026-11-25T12:00:00", "date_paid_gmt": "2019-03-02T12:00:00"},
        ],
        ("orders-accounting", "2019-12-31", "2024-12-31"),
    ),
    # A day long before the day of creation is left out, also if another snapshot showed it.
    (
        [
            {"status": "processing", "date_created_gmt": None, "date_paid_gmt": "2025-01-02T12:00:00"},
            {"status": "processing"},
        ],
        IN_2026,
    ),
    # A later snapshot has no day of creation, and a payment before the day that was seen: that day was wrong.
    (
        [
            {"status": "processing"},
            {"status": "processing", "date_created_gmt": None, "date_paid_gmt": "2019-07-02T12:00:00"},
        ],
        ("orders-accounting", "2019-12-31", "2024-12-31"),
    ),
    # A day that another snapshot contradicts is kept, and counts again after a correction.
    (
        [
            {"status": "processing", "date_created_gmt": None, "date_paid_gmt": "2025-01-02T12:00:00"},
            {"status": "processing", "date_created_gmt": "2026-01-02T12:00:00"},
            {"status": "processing", "date_created_gmt": "2024-12-30T12:00:00"},
        ],
        IN_2025,
    ),
    # Without any day, it counts from the first version seen, which no later change moves.
    (
        [
            {"date_created_gmt": None, "date_modified_gmt": "2026-05-01T12:00:00"},
            {"date_created_gmt": None, "date_modified_gmt": "2026-09-01T12:00:00"},
        ],
        UNPAID,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("states", "expected"), SEQUENCES)
def test_an_event_that_was_seen_stays_known(
    states: list[State], expected: tuple[str, str, str], policy: Policy
) -> None:
    assert end_of(states, policy) == expected


@pytest.mark.parametrize(("states", "expected"), SEQUENCES)
def test_an_event_stays_known_in_any_order_of_arrival(
    states: list[State], expected: tuple[str, str, str], policy: Policy
) -> None:
    fixed = [
        {"date_modified_gmt": f"2026-11-25T12:{minute:02}:00"} | state
        for minute, state in enumerate(states)
    ]
    for shuffled in permutations(fixed):
        assert end_of(list(shuffled), policy) == expected


NO_SENSE = [
    # Zero dates, as PHP writes them.
    "0000-00-00T00:00:00",
    "-0001-11-30T00:00:00",
    # The Unix epoch, and other years that plugins write.
    "1970-01-01T00:00:00",
    "0782-03-01T00:00:00",
    "2647-01-01T00:00:00",
    "3268-01-01T00:00:00",
    "9999-12-31T23:59:59",
    # More than a day before the day of creation; in the future.
    "2026-04-30T11:59:59",
    "2026-11-26T12:06:00",
    # No day.
    "soon",
    20260501,
]


@pytest.mark.parametrize("day", NO_SENSE)
@pytest.mark.parametrize("name", ["date_paid", "date_completed"])
def test_an_implausible_event_day_is_left_out_and_named(
    name: str, day: object, policy: Policy
) -> None:
    """The other days count, and the order was paid, on whatever day."""
    facts = see([{"status": "completed", f"{name}_gmt": day}], policy).facts
    assert facts.oddities == {name}
    tag = governing(facts, policy)
    assert (tag.retention_class, str(tag.delete_after)) == ("orders-accounting", "2031-12-31")


@pytest.mark.parametrize("day", [day for day in NO_SENSE if day not in ("2026-04-30T11:59:59",)])
def test_an_implausible_creation_day_is_left_out(day: object, policy: Policy) -> None:
    facts = see([PAID | {"date_created_gmt": day}], policy).facts
    assert facts.oddities == {"date_created"}
    assert str(governing(facts, policy).delete_after) == "2031-12-31"


@pytest.mark.parametrize("day", ["2026-04-30T12:00:00", "2026-11-26T12:05:00"])
def test_a_day_at_the_limit_is_plausible(day: str, policy: Policy) -> None:
    """The limits are one day before creation, and the tolerance for a store's fast clock."""
    facts = see([{"status": "completed", "date_paid_gmt": day}], policy).facts
    assert facts.oddities == frozenset()
    assert cast("OrderFacts", facts).paid_at == at(day)


@pytest.mark.parametrize("day", ["1970-01-01T00:00:00", "2647-01-01T00:00:00"])
def test_an_implausible_payment_day_still_means_paid(day: str, policy: Policy) -> None:
    """The status makes no difference. A zero date is no day of payment."""
    assert end_of([{"status": "cancelled", "date_paid_gmt": day}], policy) == IN_2026
    assert (
        end_of([{"status": "cancelled", "date_paid_gmt": "0000-00-00T00:00:00"}], policy) == UNPAID
    )


@pytest.mark.parametrize("day", ["1970-01-01T00:00:00", "2647-01-01T00:00:00", None, ""])
def test_a_refund_with_an_implausible_day_is_not_refetched(day: str | None, policy: Policy) -> None:
    facts = see(
        [PAID | {"date_created_gmt": CREATED, "refunds": [{"id": 9, "date_created_gmt": day}]}],
        policy,
    ).facts
    assert isinstance(facts, OrderFacts)
    assert (facts.undated_refunds, "refund_date" in facts.oddities) == ((), True)


def test_the_newest_complete_list_of_refunds_counts(policy: Policy) -> None:
    """A partly unreadable list removes no refund, and adds those that it shows."""
    error = {"errors": {"x": ["y"]}, "error_data": []}
    refund_lists: list[tuple[Any, set[int]]] = [
        ([{"id": 8}, {"id": 9}], {8, 9}),
        ([error, {"id": 10}], {8, 9, 10}),
        ("gone", {8, 9, 10}),
        ([{"id": 9}], {9}),
        ([], set()),
    ]
    for number in range(1, len(refund_lists) + 1):
        states = [PAID | {"refunds": refunds} for refunds, _ in refund_lists[:number]]
        facts = cast("OrderFacts", see(states, policy).facts)
        assert {refund.id for refund in facts.refunds} == refund_lists[number - 1][1]


statuses = st.sampled_from(
    sorted((PAID_STATUSES | UNPAID_STATUSES | {"trash", "packed-by-a-plugin"}) - NOT_PLACED)
)
days = st.sampled_from([None, "", "2026-05-02T10:00:00", "2026-12-31T23:30:00", *NO_SENSE])
order_states = st.fixed_dictionaries(
    {"status": statuses, "date_paid_gmt": days, "date_completed_gmt": days},
    optional={"date_created_gmt": days, "customer_id": st.sampled_from([0, 5, 7, "", None])},
)


@given(
    states=st.lists(order_states, min_size=1, max_size=4), dice=st.randoms(use_true_random=False)
)
def test_any_states_in_any_order_end_in_the_same_facts(
    states: list[State], dice: random.Random, policy: Policy
) -> None:
    fixed = [
        {"date_modified_gmt": f"2026-11-25T12:{minute:02}:00"} | state
        for minute, state in enumerate(states)
    ]
    again = [*fixed, *dice.choices(fixed, k=2)]
    dice.shuffle(again)
    assert see(again, policy).facts == see(fixed, policy).facts


@given(states=st.lists(order_states, min_size=1, max_size=3), status=statuses)
def test_a_snapshot_without_days_removes_no_date(
    states: list[State], status: str, policy: Policy
) -> None:
    """A later snapshot that only lacks days changes no date, unless its status is the first paid one."""
    before = see(states, policy).facts
    after = see([*states, {"status": status, "date_created_gmt": None}], policy).facts
    if cast("OrderFacts", before).is_paid or not cast("OrderFacts", after).is_paid:
        assert governing(after, policy).delete_after == governing(before, policy).delete_after
        assert governing(after, policy).basis == governing(before, policy).basis
    else:
        assert (governing(after, policy).delete_after or at("9999-01-01").date()) > (
            governing(before, policy).delete_after or at("9999-01-01").date()
        )


def test_a_day_that_another_snapshot_contradicts_is_named(policy: Policy) -> None:
    paid = {
        "status": "processing",
        "date_created_gmt": None,
        "date_paid_gmt": "2025-01-02T12:00:00",
    }
    facts = see([paid, {"status": "processing"}], policy).facts
    assert tag(facts, policy)[1]["oddities"] == "implausible-dates"
    assert tag(see([PAID], policy).facts, policy)[1]["oddities"] == "implausible-dates"
    assert tag(see([{"status": "processing"}], policy).facts, policy)[1]["oddities"] == ""


def test_a_note_without_a_creation_day_counts_from_the_payment(
    policy: Policy,
) -> None:
    facts = see([PAID | {"date_created_gmt": None, "customer_note": "Ring twice"}], policy).facts
    assert str(entry(facts, policy, "support").runs_from) == "2026-01-02"
