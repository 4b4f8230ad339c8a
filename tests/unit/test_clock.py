"""The calendar: leap days, months that are too short, broken accounting years, days at the edges of a zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.retention.classify import classify
from hooks.retention.clock import AccountingYear, Period
from hooks.retention.facts import (
    KNOWN_STATUSES,
    Choice,
    CustomerFacts,
    Facts,
    OrderFacts,
    Refund,
    SupportRequestFacts,
)
from hooks.retention.policy import Clock, Policy
from schemas.policy import load_policy
from tests.conftest import POLICY_FILE
from tests.unit.builders import governing, order

SHIPPED = load_policy(POLICY_FILE)

days = st.dates(date(1971, 1, 1), date(2999, 1, 1))
instants = st.datetimes(datetime(1971, 1, 1), datetime(2998, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - hypothesis wants them so
    lambda instant: instant.replace(microsecond=0)
)
periods = st.builds(Period, st.integers(0, 30), st.integers(0, 60), st.integers(0, 400))
year_starts = days.filter(lambda day: (day.month, day.day) != (2, 29)).map(
    lambda day: AccountingYear(day.month, day.day)
)
zones = st.sampled_from(
    [
        ZoneInfo(name)
        for name in ("Europe/Oslo", "Pacific/Auckland", "America/New_York", "Pacific/Apia", "UTC")
    ]
)


# --- periods -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("P5Y", Period(years=5)),
        ("P24M", Period(months=24)),
        ("P30D", Period(days=30)),
        ("P1Y6M", Period(1, 6)),
        ("P1Y2M3D", Period(1, 2, 3)),
        ("P1Y3D", Period(1, 0, 3)),
        # Parts with zero are allowed, as long as one part is not zero.
        ("P0Y6M", Period(0, 6)),
        ("P05Y", Period(5)),
        ("P999Y9999M9999D", Period(999, 9999, 9999)),
    ],
)
def test_period_is_read(text: str, period: Period) -> None:
    assert Period.from_iso(text) == period


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "5Y",
        "p5y",
        # Periods of no length.
        "P0Y",
        "P0Y0M0D",
        # Weeks, hours, signs, fractions and the wrong order are not in the language.
        "P2W",
        "PT5H",
        "P1YT1H",
        "P-5Y",
        "-P5Y",
        "+P5Y",
        "P1.5Y",
        "P6M1Y",
        "P1D1M",
        "P5Y5Y",
        # Unreasonably long periods.
        "P1000Y",
        "P10000M",
        # Stray characters.
        " P5Y",
        "P5Y ",
        "P5Y\n",
        "P 5Y",
        "P5",
        # Digits other than those of ISO 8601.
        "P٥Y",
        "P５Y",
        "five years",
    ],
)
def test_a_wrong_period_is_refused_and_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a period such as P5Y, P24M or P30D"):
        Period.from_iso(text)


@pytest.mark.parametrize(
    ("day", "period", "after"),
    [
        # From a leap day: to the last day of the month, or to the next leap day.
        ("2024-02-29", "P24M", "2026-02-28"),
        ("2024-02-29", "P1Y", "2025-02-28"),
        ("2024-02-29", "P4Y", "2028-02-29"),
        ("2096-02-29", "P4Y", "2100-02-28"),
        # To a leap year, from the day before the leap day and from the day after.
        ("2023-02-28", "P1Y", "2024-02-28"),
        ("2023-03-01", "P12M", "2024-03-01"),
        # Months that are too short.
        ("2026-01-31", "P1M", "2026-02-28"),
        ("2024-01-31", "P1M", "2024-02-29"),
        ("2026-03-31", "P1M", "2026-04-30"),
        ("2026-12-31", "P2M", "2027-02-28"),
        ("2026-08-31", "P18M", "2028-02-29"),
        # Over the year's end.
        ("2026-12-31", "P5Y", "2031-12-31"),
        ("2026-11-22", "P2M", "2027-01-22"),
        ("2026-12-01", "P12M", "2027-12-01"),
        # Days come after months: not the 31st of the month after, but a month and a day.
        ("2026-01-31", "P1M1D", "2026-03-01"),
        ("2024-02-28", "P1D", "2024-02-29"),
        ("2026-01-01", "P365D", "2027-01-01"),
    ],
)
def test_day_after_a_period(day: str, period: str, after: str) -> None:
    assert str(Period.from_iso(period).after(date.fromisoformat(day))) == after


@given(days, days, periods)
def test_a_later_day_never_ends_a_period_earlier(one: date, other: date, period: Period) -> None:
    first, second = sorted((one, other))
    assert period.after(first) <= period.after(second)


@pytest.mark.parametrize(
    ("end", "period", "first"),
    [
        ("2026-11-22", "P1M", "2026-10-22"),
        # The day after each of 28 to 31 January plus a month; and that day itself.
        ("2026-03-01", "P1M", "2026-02-01"),
        ("2026-02-28", "P1M", "2026-01-28"),
        # No day plus a month gives the 31st of March. The 1st of March is the nearest later start.
        ("2026-03-31", "P1M", "2026-03-01"),
        ("2028-02-29", "P1Y", "2027-03-01"),
        ("2026-03-01", "P1M1D", "2026-01-28"),
        ("2026-11-22", "P14D", "2026-11-08"),
        # Before the calendar begins.
        ("2026-11-22", "P3000Y", "0001-01-01"),
    ],
)
def test_first_day_whose_period_ends_no_earlier_than_a_given_day(
    end: str, period: str, first: str
) -> None:
    years = Period(years=3000) if period == "P3000Y" else Period.from_iso(period)
    assert str(years.first_start(date.fromisoformat(end))) == first


@given(days, periods, st.integers(-100, 100))
def test_exactly_the_periods_that_began_before_that_day_have_ended(
    end: date, period: Period, apart: int
) -> None:
    first = period.first_start(end)
    day = first + timedelta(days=apart)
    assert (period.after(day) < end) == (day < first)


@given(days, periods, periods)
def test_a_longer_period_never_ends_earlier(day: date, one: Period, other: Period) -> None:
    longer = Period(
        max(one.years, other.years), max(one.months, other.months), max(one.days, other.days)
    )
    assert max(one.after(day), other.after(day)) <= longer.after(day)


@given(days, st.integers(0, 40))
def test_twelve_months_are_a_year(day: date, years: int) -> None:
    assert Period(months=12 * years).after(day) == Period(years=years).after(day)


@given(days, st.integers(0, 600))
def test_months_keep_the_day_of_the_month_or_take_the_last_day(day: date, months: int) -> None:
    after = Period(months=months).after(day)
    assert (after.year * 12 + after.month) - (day.year * 12 + day.month) == months
    assert after.day == day.day or (after.day < day.day and (after + timedelta(days=1)).day == 1)


@given(st.integers(0, 999), st.integers(0, 9999), st.integers(0, 9999))
def test_a_period_is_read_back_as_it_was_written(years: int, months: int, number: int) -> None:
    if years or months or number:
        assert Period.from_iso(f"P{years}Y{months}M{number}D") == Period(years, months, number)


# --- accounting years --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "day", "end"),
    [
        # The calendar year.
        ((1, 1), "2026-01-01", "2026-12-31"),
        ((1, 1), "2026-12-31", "2026-12-31"),
        # From 1 July.
        ((7, 1), "2026-06-30", "2026-06-30"),
        ((7, 1), "2026-07-01", "2027-06-30"),
        ((7, 1), "2026-12-31", "2027-06-30"),
        ((7, 1), "2027-01-01", "2027-06-30"),
        # From 1 March: the year ends on a leap day where there is one.
        ((3, 1), "2024-02-28", "2024-02-29"),
        ((3, 1), "2024-02-29", "2024-02-29"),
        ((3, 1), "2024-03-01", "2025-02-28"),
        ((3, 1), "2023-03-01", "2024-02-29"),
        ((3, 1), "2100-02-28", "2100-02-28"),
        # On a day within a month, as the British tax year.
        ((4, 6), "2026-04-05", "2026-04-05"),
        ((4, 6), "2026-04-06", "2027-04-05"),
        # On the last day of the calendar year.
        ((12, 31), "2026-12-30", "2026-12-30"),
        ((12, 31), "2026-12-31", "2027-12-30"),
    ],
)
def test_end_of_the_accounting_year(start: tuple[int, int], day: str, end: str) -> None:
    assert str(AccountingYear(*start).end(date.fromisoformat(day))) == end


@given(days, year_starts)
def test_an_accounting_year_ends_the_day_before_the_next_begins(
    day: date, year: AccountingYear
) -> None:
    end = year.end(day)
    following = end + timedelta(days=1)
    assert (following.month, following.day) == (year.month, year.day)
    assert day <= end < day + timedelta(days=366)
    assert year.end(end) == end < year.end(following)


@given(days, days, year_starts)
def test_a_later_day_is_never_in_an_earlier_accounting_year(
    one: date, other: date, year: AccountingYear
) -> None:
    first, second = sorted((one, other))
    assert year.end(first) <= year.end(second)


@pytest.mark.parametrize(
    ("start", "paid", "delete_after"),
    [
        # Five years after the end of a year that ended on a leap day.
        ((3, 1), "2023-06-01", "2029-02-28"),
        # In Oslo it is the first day of the next accounting year already (summer time: two hours ahead).
        ((7, 1), "2026-06-30T22:00:00", "2032-06-30"),
        ((7, 1), "2026-06-30T21:59:59", "2031-06-30"),
    ],
)
def test_broken_accounting_year_of_an_order(
    start: tuple[int, int], paid: str, delete_after: str
) -> None:
    broken = replace(SHIPPED, accounting_year=AccountingYear(*start))
    assert str(governing(order(paid_at=paid), broken).delete_after) == delete_after


# --- days in the store's time zone -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        # Winter time: an hour ahead of UTC.
        ("2026-01-31T22:59:59", "Europe/Oslo", "2026-01-31"),
        ("2026-01-31T23:00:00", "Europe/Oslo", "2026-02-01"),
        # Summer time: two hours.
        ("2026-07-31T21:59:59", "Europe/Oslo", "2026-07-31"),
        ("2026-07-31T22:00:00", "Europe/Oslo", "2026-08-01"),
        # The day on which summer time begins, from its midnight to its end, an hour early.
        ("2026-03-28T22:59:59", "Europe/Oslo", "2026-03-28"),
        ("2026-03-28T23:00:00", "Europe/Oslo", "2026-03-29"),
        ("2026-03-29T21:59:59", "Europe/Oslo", "2026-03-29"),
        ("2026-03-29T22:00:00", "Europe/Oslo", "2026-03-30"),
        # The day on which it ends: 25 hours.
        ("2026-10-24T21:59:59", "Europe/Oslo", "2026-10-24"),
        ("2026-10-24T22:00:00", "Europe/Oslo", "2026-10-25"),
        ("2026-10-25T22:59:59", "Europe/Oslo", "2026-10-25"),
        ("2026-10-25T23:00:00", "Europe/Oslo", "2026-10-26"),
        # The leap day and the year's end.
        ("2024-02-28T23:30:00", "Europe/Oslo", "2024-02-29"),
        ("2025-12-31T23:30:00", "Europe/Oslo", "2026-01-01"),
        # West of UTC, and far east of it.
        ("2026-01-01T04:59:59", "America/New_York", "2025-12-31"),
        ("2025-12-31T11:00:00", "Pacific/Auckland", "2026-01-01"),
        ("2026-01-01T00:00:00", "UTC", "2026-01-01"),
    ],
)
def test_day_of_an_instant(instant: str, zone: str, day: str) -> None:
    there = replace(SHIPPED, time_zone=ZoneInfo(zone))
    assert str(governing(order("pending", instant), there).runs_from) == day


# --- monotonic: a later event never gives an earlier date --------------------------------------------------

refunds = st.lists(st.builds(Refund, st.integers(1, 9), instants), max_size=3).map(tuple)
orders = st.builds(
    OrderFacts,
    status=st.sampled_from(sorted(KNOWN_STATUSES)),
    created_at=instants,
    paid_at=st.none() | instants,
    completed_at=st.none() | instants,
    refunds=refunds,
    kinds=st.frozensets(
        st.sampled_from(["identity", "shipping", "note", "network", "attribution", "newsletter"])
    ),
)
customers = st.builds(
    CustomerFacts,
    created_at=instants,
    last_active_at=st.none() | instants,
    last_order_at=st.none() | instants,
    kinds=st.frozensets(st.just("newsletter")),
)
requests = st.builds(SupportRequestFacts, closed_at=instants)
delays = st.timedeltas(timedelta(0), timedelta(days=4000)).map(
    lambda delay: timedelta(seconds=delay.total_seconds())
)
EVENTS = ("created_at", "paid_at", "completed_at", "last_active_at", "last_order_at", "closed_at")


def _ends(facts: Facts, policy: Policy) -> dict[str, tuple[date, date, date]]:
    """For each rule: its start, the first day on which it may go, and its last day. A missing day sorts last."""
    return {
        item.rule: (item.runs_from, item.review_after or date.max, item.delete_after or date.max)
        for item in classify(facts, policy).entries
    }


def _assert_none_earlier(before: Facts, after: Facts, policy: Policy) -> None:
    earlier, later = _ends(before, policy), _ends(after, policy)
    assert earlier.keys() == later.keys()
    for rule, ends in earlier.items():
        assert all(one <= other for one, other in zip(ends, later[rule], strict=True)), rule


@given(orders | customers | requests, st.sampled_from(EVENTS), delays, zones, year_starts)
def test_a_later_event_never_gives_an_earlier_date(
    facts: Facts, event: str, delay: timedelta, zone: ZoneInfo, year: AccountingYear
) -> None:
    instant: datetime | None = getattr(facts, event, None)
    if instant is None:
        return
    changed: dict[str, Any] = {event: instant + delay}
    _assert_none_earlier(
        facts, replace(facts, **changed), replace(SHIPPED, time_zone=zone, accounting_year=year)
    )


@given(orders, st.integers(10, 19), instants, zones, year_starts)
def test_one_more_refund_never_gives_an_earlier_date(
    facts: OrderFacts, number: int, instant: datetime, zone: ZoneInfo, year: AccountingYear
) -> None:
    if facts.paid_at or facts.completed_at or facts.refunds:
        refunded = replace(facts, refunds=(*facts.refunds, Refund(number, instant)))
        _assert_none_earlier(
            facts, refunded, replace(SHIPPED, time_zone=zone, accounting_year=year)
        )


@given(
    orders | customers,
    st.lists(st.tuples(instants, st.booleans()), min_size=1, max_size=4),
    delays,
    zones,
)
def test_a_later_last_choice_never_gives_an_earlier_date(
    facts: OrderFacts | CustomerFacts,
    choices: list[tuple[datetime, bool]],
    delay: timedelta,
    zone: ZoneInfo,
) -> None:
    ordered = tuple(Choice(*choice) for choice in sorted(dict(choices).items()))
    facts = replace(facts, choices=ordered)
    later = replace(facts, choices=(*ordered[:-1], replace(ordered[-1], at=ordered[-1].at + delay)))
    _assert_none_earlier(facts, later, replace(SHIPPED, time_zone=zone))


def test_the_shipped_policy_uses_every_clock() -> None:
    """This ensures that the properties above cover all clocks."""
    used = {SHIPPED.classes[rule.retention_class].clock for rule in SHIPPED.rules}
    assert used == set(get_args(Clock))
