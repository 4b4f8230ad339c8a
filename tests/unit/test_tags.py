"""The cache of tags gives the same as computing them; and the days that requests and holds set."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.retention import tags as tags_module
from hooks.retention.events import RecordEvent
from hooks.retention.facts import Choice, CustomerFacts, Facts, OrderFacts, Refund
from hooks.retention.policy import Policy
from hooks.retention.rule_view import rule_view
from hooks.retention.tags import Context, were_holds_mistaken
from hooks.tagging.tagger import tag, tag_without_context
from tests.support.policies import variant
from tests.unit.builders import at, customer, order

# Around two changes of the clock and a new year, where the shop's day often differs from the day in UTC.
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
CHOICES = st.lists(
    st.builds(Choice, INSTANTS, st.booleans()), max_size=4, unique_by=lambda one: one.at
).map(lambda found: tuple(sorted(found, key=lambda one: one.at)))
ORDERS = st.builds(
    OrderFacts,
    status=st.sampled_from(
        ["pending", "processing", "completed", "cancelled", "refunded", "unknown"]
    ),
    created_at=INSTANTS,
    paid_at=MAYBE,
    completed_at=MAYBE,
    customer_id=st.integers(0, 3),
    kinds=st.frozensets(
        st.sampled_from(["identity", "shipping", "note", "network", "attribution", "newsletter"])
    ),
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
def test_cached_tags_equal_the_computed_ones(
    facts: OrderFacts | CustomerFacts, policy: Policy
) -> None:
    plan, columns = tag(facts, policy)
    (fresh, expected), _ = tag_without_context(facts, policy)
    assert plan == fresh
    assert {name: value for name, value in columns.items() if name in expected} == expected


@given(one=ORDERS, seconds=st.integers(1, 3600))
def test_the_time_of_day_makes_no_difference_to_the_rules(
    one: OrderFacts, seconds: int, policy: Policy
) -> None:
    """This is about an order with no other event on that day."""
    zone, created_at = policy.time_zone, one.created_at
    assert created_at is not None
    moved = created_at + timedelta(seconds=seconds)
    alone = OrderFacts("pending", created_at)
    later = OrderFacts("pending", moved)
    same_day = moved.astimezone(zone).date() == created_at.astimezone(zone).date()
    assert (rule_view(alone, zone) == rule_view(later, zone)) is same_day


def test_the_order_of_two_events_of_one_day_is_kept() -> None:
    zone, noon = ZoneInfo("Europe/Oslo"), datetime(2026, 11, 22, 12, tzinfo=UTC)
    given_first = (Choice(noon, given=True), Choice(noon + timedelta(hours=1), given=False))
    facts = OrderFacts("pending", noon + timedelta(minutes=30), choices=given_first)
    days = rule_view(facts, zone)
    assert isinstance(days, OrderFacts)
    assert days.created_at is not None
    assert days.choices[0].at < days.created_at < days.choices[1].at
    assert {
        instant.date() for instant in (days.created_at, days.choices[0].at, days.choices[1].at)
    } == {noon.date()}


def test_the_cache_of_tags_is_bounded(policy: Policy) -> None:
    began = datetime(2010, 1, 1, 12, tzinfo=UTC)
    for day in range(tags_module.CACHE_SIZE + 10):
        tag(OrderFacts("pending", began + timedelta(days=day)), policy)
    assert len(tags_module._cache) <= tags_module.CACHE_SIZE


def test_the_caches_of_two_policies_are_separate(policy: Policy) -> None:
    facts = OrderFacts("completed", datetime(2026, 11, 22, 12, tzinfo=UTC))
    other = variant(policy, keep={"orders-accounting": "P7Y"})
    earlier, later = (tag(facts, chosen).columns["delete_after"] for chosen in (policy, other))
    assert earlier
    assert later
    assert earlier < later


# --- days that requests and holds set ------------------------------------------------------------------------

NOTED = order("completed", "2026-03-01", paid_at="2026-03-01", kinds="identity note")
UNPAID = order("pending", "2026-03-01", kinds="identity")
ASKED = RecordEvent("asked", "erasure-requested", at("2026-11-23"))
OBJECTED = RecordEvent("objected", "objection", at("2026-11-23"))
ASKED_LATER = replace(ASKED, id="asked-later", at=at("2026-12-01"))
OBJECTED_LATER = replace(OBJECTED, id="objected-later", at=at("2026-12-01"))
TRASHED, ERASED = replace(NOTED, trashed=True), replace(NOTED, erased_at=at("2026-12-01"))


def _hold(name: str, review_on: date | None) -> RecordEvent:
    return RecordEvent(name, "hold", at("2026-11-01"), "litigation", "legal", review_on)


SPRING, AUTUMN = _hold("spring", date(2027, 5, 1)), _hold("autumn", date(2027, 9, 1))
LIFTED = RecordEvent("lifted", "hold-lifted", at("2026-11-24"), about="spring")


@pytest.mark.parametrize(
    ("facts", "events", "request_due", "hold_review"),
    [
        (NOTED, (), None, None),
        # The month is over at the end of 23 December.
        (NOTED, (ASKED,), "2026-12-23", None),
        (customer("2026-01-10"), (ASKED,), "2026-12-23", None),
        (TRASHED, (ASKED,), "2026-12-23", None),
        # The eraser left only the note.
        (ERASED, (ASKED,), "2026-12-23", None),
        (replace(ERASED, kinds=frozenset({"identity"})), (ASKED,), None, None),
        # An entry that ends before that day does not change the day.
        (customer("2024-11-25"), (ASKED,), "2026-12-23", None),
        (NOTED, (OBJECTED,), "2026-12-23", None),
        # All remaining entries have a legal obligation, or none has legitimate interests.
        (replace(NOTED, kinds=frozenset({"identity"})), (ASKED,), None, None),
        (UNPAID, (OBJECTED,), None, None),
        # For two requests for the same data, the month of the first one counts.
        (NOTED, (OBJECTED, ASKED_LATER), "2026-12-23", None),
        (NOTED, (ASKED, OBJECTED_LATER), "2026-12-23", None),
        # An objection to marketing is late after its month, too.
        (replace(NOTED, kinds=frozenset({"attribution"})), (OBJECTED,), "2026-12-23", None),
        # The first review of several holds counts; under a hold, nothing is due.
        (NOTED, (AUTUMN, SPRING), None, "2027-05-01"),
        (NOTED, (ASKED, SPRING), None, "2027-05-01"),
        (NOTED, (_hold("open", None),), None, None),
        # A new hold with a later review, and the old one is lifted.
        (NOTED, (SPRING, AUTUMN, LIFTED), None, "2027-09-01"),
        (NOTED, (SPRING, LIFTED), None, None),
        (ERASED, (SPRING,), None, "2027-05-01"),
        (customer("2026-01-10", staff=True), (ASKED, SPRING), None, None),
    ],
)
def test_days_that_requests_and_holds_set(
    facts: Facts,
    events: tuple[RecordEvent, ...],
    request_due: str | None,
    hold_review: str | None,
    policy: Policy,
) -> None:
    columns = tag(facts, policy, Context(own=events))[1]
    shown = {name: columns[name] and str(columns[name]) for name in ("request_due", "hold_review")}
    assert shown == {"request_due": request_due, "hold_review": hold_review}


# --- holds that were reported by mistake ---------------------------------------------------------------------

ON = date(2026, 11, 20)
MISTAKE = RecordEvent("mistake", "retracted", at("2026-12-01"), about="first")


def _placed(name: str, day: str) -> RecordEvent:
    return RecordEvent(name, "hold", at(day), "litigation", "legal")


def _lifted(day: str, about: str) -> RecordEvent:
    return RecordEvent(f"lifted {about}", "hold-lifted", at(day), about=about)


# (events of the record, events of its customer, were all holds of that day a mistake).
MISTAKES: list[tuple[list[RecordEvent], list[RecordEvent], bool]] = [
    ([], [], False),
    ([_placed("first", "2026-11-01")], [], False),
    ([_placed("first", "2026-11-01"), MISTAKE], [], True),
    ([], [_placed("first", "2026-11-01"), MISTAKE], True),
    # Also a hold that was placed on the same day.
    ([_placed("first", "2026-11-20"), MISTAKE], [], True),
    # The hold was lifted later, or on the day: it was in effect.
    ([_placed("first", "2026-11-01"), _lifted("2026-11-21", "first")], [], False),
    ([_placed("first", "2026-11-01"), _lifted("2026-11-20", "first")], [], False),
    # Another hold was in effect, was lifted before the day, or came after it.
    ([_placed("first", "2026-11-01"), MISTAKE], [_placed("second", "2026-11-02")], False),
    ([_placed("first", "2026-11-01"), MISTAKE, _placed("second", "2026-11-02")], [], False),
    (
        [_placed("first", "2026-11-01"), MISTAKE],
        [_placed("second", "2026-11-02"), _lifted("2026-11-03", "second")],
        True,
    ),
    (
        [_placed("first", "2026-11-01"), MISTAKE],
        [_placed("second", "2026-11-02"), _lifted("2026-12-03", "second")],
        False,
    ),
    ([_placed("first", "2026-11-01"), MISTAKE, _placed("second", "2026-11-21")], [], True),
    # The mistaken hold was placed after the day: it never counted.
    ([_placed("first", "2026-11-21"), MISTAKE], [], False),
]


@pytest.mark.parametrize(("own", "person", "expected"), MISTAKES)
def test_holds_reported_by_mistake(
    own: list[RecordEvent], person: list[RecordEvent], expected: bool, policy: Policy
) -> None:
    assert were_holds_mistaken((own, person), ON, policy) == expected


RESTRICTED = RecordEvent("restricted", "restriction", at("2026-11-10"))
HELD = _placed("hold", "2026-11-10")


@pytest.mark.parametrize(
    ("facts", "event", "held", "delete_after"),
    [
        # A restriction does not hold an existing order, nor a trashed one without a legal obligation.
        (NOTED, RESTRICTED, False, None),
        (replace(UNPAID, trashed=True), RESTRICTED, False, None),
        (TRASHED, RESTRICTED, True, None),
        # For an erased order, it does not hide the last day of a legal obligation.
        (ERASED, RESTRICTED, False, "2031-12-31"),
        (ERASED, HELD, True, None),
    ],
)
def test_restrictions_of_closed_records(
    facts: OrderFacts, event: RecordEvent, held: bool, delete_after: str | None, policy: Policy
) -> None:
    columns = tag(facts, policy, Context(own=(event,)))[1]
    assert (columns["held"], columns["delete_after"] and str(columns["delete_after"])) == (
        held,
        delete_after,
    )
