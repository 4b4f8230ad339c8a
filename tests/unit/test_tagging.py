"""What is remembered of tags says the same as working them out anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from hooks import tagging
from hooks.retention.days import in_days
from hooks.retention.facts import Choice, CustomerFacts, OrderFacts, Refund
from hooks.retention.policy import Policy
from hooks.tagging import tags
from tests.support.policies import variant

# Around two changes of the clock and a new year, where the day in the shop is often another than in UTC.
INSTANTS = st.builds(
    lambda hour, seconds: hour + timedelta(seconds=seconds),
    st.sampled_from(
        [
            datetime(2026, 10, 24, 20, tzinfo=UTC),
            datetime(2026, 3, 28, 20, tzinfo=UTC),
            datetime(2025, 12, 31, 20, tzinfo=UTC),
        ]
    ),
    st.integers(0, 30 * 3600),
)
MAYBE = st.none() | INSTANTS
CHOICES = st.lists(st.builds(Choice, INSTANTS, st.booleans()), max_size=4, unique_by=lambda one: one.at).map(
    lambda found: tuple(sorted(found, key=lambda one: one.at))
)
ORDERS = st.builds(
    OrderFacts,
    status=st.sampled_from(["pending", "processing", "completed", "cancelled", "refunded", "unknown"]),
    created_at=INSTANTS,
    paid_at=MAYBE,
    completed_at=MAYBE,
    customer_id=st.integers(0, 3),
    kinds=st.frozensets(st.sampled_from(["identity", "shipping", "note", "network", "attribution", "newsletter"])),
    trashed=st.booleans(),
    refunds=st.lists(st.builds(Refund, st.integers(1, 9), MAYBE), max_size=3).map(tuple),
    choices=CHOICES,
    erased_at=MAYBE,
    meta_at=MAYBE,
    payment=st.sampled_from(["", "klarna", "other"]),
    carriers=st.frozensets(st.sampled_from(["flat_rate", "bring"])),
)
CUSTOMERS = st.builds(
    CustomerFacts,
    created_at=MAYBE,
    staff=st.booleans(),
    last_active_at=MAYBE,
    last_order_at=MAYBE,
    kinds=st.frozensets(st.sampled_from(["newsletter"])),
    choices=CHOICES,
    meta_at=MAYBE,
)


@given(facts=ORDERS | CUSTOMERS)
def test_what_is_remembered_is_what_the_rules_give(facts: OrderFacts | CustomerFacts, policy: Policy) -> None:
    plan, columns = tags(facts, policy)
    fresh, expected = tagging._tags(facts, policy)
    assert plan == fresh
    assert {name: columns[name] for name in expected} == expected


@given(one=ORDERS, seconds=st.integers(1, 3600))
def test_a_later_time_of_the_same_day_is_the_same_to_the_rules(one: OrderFacts, seconds: int, policy: Policy) -> None:
    """Of an order on which nothing else happened that day."""
    zone, created_at = policy.time_zone, one.created_at
    assert created_at is not None
    moved = created_at + timedelta(seconds=seconds)
    alone = OrderFacts("pending", created_at)
    later = OrderFacts("pending", moved)
    same_day = moved.astimezone(zone).date() == created_at.astimezone(zone).date()
    assert (in_days(alone, zone) == in_days(later, zone)) is same_day


def test_which_of_two_came_first_on_a_day_is_kept() -> None:
    zone, noon = ZoneInfo("Europe/Oslo"), datetime(2026, 11, 22, 12, tzinfo=UTC)
    given_first = (Choice(noon, given=True), Choice(noon + timedelta(hours=1), given=False))
    facts = OrderFacts("pending", noon + timedelta(minutes=30), choices=given_first)
    days = in_days(facts, zone)
    assert isinstance(days, OrderFacts)
    assert days.created_at is not None
    assert days.choices[0].at < days.created_at < days.choices[1].at
    assert {instant.date() for instant in (days.created_at, days.choices[0].at, days.choices[1].at)} == {noon.date()}


def test_no_more_is_remembered_than_fits(policy: Policy) -> None:
    began = datetime(2010, 1, 1, 12, tzinfo=UTC)
    for day in range(tagging.REMEMBERED + 10):
        tags(OrderFacts("pending", began + timedelta(days=day)), policy)
    assert len(tagging._remembered) <= tagging.REMEMBERED


def test_two_policies_are_not_mixed_up(policy: Policy) -> None:
    facts = OrderFacts("completed", datetime(2026, 11, 22, 12, tzinfo=UTC))
    other = variant(policy, keep={"orders-accounting": "P7Y"})
    assert tags(facts, policy)[1]["delete_after"] < tags(facts, other)[1]["delete_after"]
