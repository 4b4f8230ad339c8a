"""The rate limit of a store: growth, halving, ceiling and floor, and the usual time of a call."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.store.rate import GROWTH, MIN_RATE, START_RATE, CallOutcome, Load, Observation, adapt

CEILING = 10.0
USUAL = 0.4
KNOWN = {"read-orders": USUAL}

ceilings = st.floats(0.1, 1000)
observations = st.lists(
    st.builds(
        Observation,
        st.sampled_from(["read-orders", "list-orders-100"]),
        st.floats(0, 300),
        st.sampled_from(CallOutcome),
    ),
    max_size=60,
)
loads = st.builds(
    Load, st.floats(0.01, 2000), st.dictionaries(st.just("read-orders"), st.floats(0, 300))
)


def _took(
    seconds: float, outcome: CallOutcome = CallOutcome.ANSWERED, call: str = "read-orders"
) -> Observation:
    return Observation(call, seconds, outcome)


def test_an_unknown_store_gets_two_calls_a_second() -> None:
    assert adapt(Load(), [], CEILING) == Load(START_RATE, {})
    assert START_RATE == 2


RATES = [
    # usual, faster, and a little slower answers: the rate grows
    (_took(USUAL), 4 + GROWTH),
    (_took(0.01), 4 + GROWTH),
    (_took(1.4 * USUAL), 4 + GROWTH),
    # slower, but not slow: the rate stays
    (_took(1.8 * USUAL), 4),
    # slow
    (_took(2.1 * USUAL), 2),
    (_took(30), 2),
    # no answer in time, however short the call
    (_took(60, CallOutcome.TIMED_OUT), 2),
    (_took(0.01, CallOutcome.TIMED_OUT), 2),
    # the store asks for a pause
    (_took(0.01, CallOutcome.BUSY), 2),
    # answers that say nothing about the load
    (_took(0.01, CallOutcome.OTHER), 4),
    (_took(30, CallOutcome.OTHER), 4),
    # a kind of call without a usual time yet
    (_took(30, call="write-orders-100"), 4),
    (_took(60, CallOutcome.TIMED_OUT, "write-orders-100"), 2),
]


@pytest.mark.parametrize(("one", "rate"), RATES)
def test_the_rate_after_each_call(one: Observation, rate: float) -> None:
    assert adapt(Load(4, KNOWN), [one], CEILING).rate == rate


SHORT = [
    # more than twice as long, but within the variation of a network
    (0.01, 0.05, 4 + GROWTH),
    (0.01, 0.1, 4),
    # ten times as long, and noticeable
    (0.01, 0.2, 2),
]


@pytest.mark.parametrize(("usual", "seconds", "rate"), SHORT)
def test_a_few_hundredths_of_a_second_are_not_slow(
    usual: float, seconds: float, rate: float
) -> None:
    assert adapt(Load(4, {"read-orders": usual}), [_took(seconds)], CEILING).rate == rate


def test_each_kind_of_call_has_its_own_usual_time() -> None:
    known = {"read-orders": 0.1, "write-orders-100": 3.0}
    both = [_took(0.1), _took(3.0, call="write-orders-100")]
    assert adapt(Load(4, known), both, CEILING).rate == 4 + 2 * GROWTH


def _calls(load: Load, seconds: float, times: int) -> Load:
    return adapt(load, [_took(seconds)] * times, CEILING)


def test_a_fast_store_reaches_the_ceiling_and_no_more() -> None:
    assert _calls(Load(), USUAL, 100) == Load(CEILING, KNOWN)


def test_the_rate_falls_with_a_slow_store_and_rises_again() -> None:
    slowed = _calls(Load(CEILING, KNOWN), 5.0, 8)
    assert slowed.rate == MIN_RATE
    assert _calls(slowed, USUAL, 25).rate == CEILING


def test_an_overload_does_not_become_the_usual_time() -> None:
    """A dozen calls that took twenty times as long, and one that took a minute, all count as slow."""
    slowed = _calls(Load(CEILING, KNOWN), 20 * USUAL, 12)
    assert slowed.usual["read-orders"] < 2 * USUAL
    assert _calls(Load(CEILING, KNOWN), 60, 1).usual["read-orders"] < 1.1 * USUAL


@pytest.mark.parametrize("usual", [0.001, 0.1, 1.0])
def test_a_permanently_slower_store_becomes_usual_after_a_while(
    usual: float,
) -> None:
    load = Load(CEILING, {"read-orders": usual})
    slower = max(10 * usual, 0.5)
    assert _calls(load, slower, 5).rate < 1
    assert _calls(load, slower, 90).rate == CEILING


def test_a_permanently_faster_store_becomes_usual_after_a_while() -> None:
    load = _calls(Load(CEILING, {"read-orders": 5.0}), 0.5, 100)
    assert adapt(load, [_took(2.0)], CEILING).rate == CEILING / 2


@pytest.mark.parametrize(("ceiling", "rate"), [(0.1, 0.1), (MIN_RATE, MIN_RATE), (1.0, MIN_RATE)])
def test_a_ceiling_below_the_minimum_rate_wins(ceiling: float, rate: float) -> None:
    assert adapt(Load(4, KNOWN), [_took(60)] * 20, ceiling).rate == rate


@given(loads, observations, ceilings)
def test_the_rate_stays_within_its_bounds(
    load: Load, observed: Sequence[Observation], ceiling: float
) -> None:
    assert min(MIN_RATE, ceiling) <= adapt(load, observed, ceiling).rate <= ceiling


@given(loads, observations, ceilings)
def test_a_call_raises_keeps_or_halves_the_rate(
    load: Load, observed: Sequence[Observation], ceiling: float
) -> None:
    before = adapt(load, observed[:-1], ceiling).rate
    after = adapt(load, observed, ceiling).rate
    steps = (before, before + GROWTH, before / 2)
    assert any(after == pytest.approx(min(max(step, MIN_RATE), ceiling)) for step in steps)


@given(loads, observations, ceilings)
def test_calls_may_be_reported_singly_or_together(
    load: Load, observed: Sequence[Observation], ceiling: float
) -> None:
    """Both ways give the same rate. The ceiling applies in each report."""
    one_by_one = adapt(load, [], ceiling)
    for one in observed:
        one_by_one = adapt(one_by_one, [one], ceiling)
    assert one_by_one == adapt(load, observed, ceiling)


@given(loads, observations)
def test_the_usual_time_stays_between_old_and_observed_times(
    load: Load, observed: Sequence[Observation]
) -> None:
    usual = adapt(load, observed, CEILING).usual
    for call, seconds in usual.items():
        answered = [
            one.seconds
            for one in observed
            if (one.call, one.outcome) == (call, CallOutcome.ANSWERED)
        ]
        known = [*answered, *([load.usual[call]] if call in load.usual else [])]
        assert min(known) - 1e-9 <= seconds <= max(known) + 1e-9


@given(loads, observations)
def test_only_answers_change_the_usual_time(load: Load, observed: Sequence[Observation]) -> None:
    answers = [one for one in observed if one.outcome is CallOutcome.ANSWERED]
    assert adapt(load, observed, CEILING).usual == adapt(load, answers, CEILING).usual
