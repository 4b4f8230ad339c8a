"""Find the ids that no list has shown, so that the store is asked about them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.sync.id_gaps import PER_CALL, Covered, gaps, gaps_downwards

ids = st.integers(1, 2**63 - 1)
near = st.sets(st.integers(1, 400), max_size=400)


@given(known=near, first=st.integers(1, 300), length=st.integers(0, 300))
def test_pages_of_gaps_hold_exactly_the_unknown_ids(
    known: set[int], first: int, length: int
) -> None:
    last = first + length
    within = sorted(number for number in known if first <= number <= last)
    found: list[int] = []
    start = first
    while start <= last:
        page, reached = gaps([number for number in within if number >= start], start, last)
        assert len(page) <= PER_CALL
        assert start <= reached <= last
        found += page
        start = reached + 1
    assert found == sorted(set(range(first, last + 1)) - known)


@given(known=near, first=st.integers(1, 300), length=st.integers(0, 300))
def test_going_down_mirrors_going_up(known: set[int], first: int, length: int) -> None:
    last = first + length
    within = sorted(number for number in known if first <= number <= last)
    turn = first + last
    page, reached = gaps_downwards(within[::-1], last, first)
    mirrored, end = gaps([turn - number for number in within[::-1]], first, last)
    assert [turn - number for number in page] == mirrored
    assert turn - reached == end


@given(first=ids, last=ids)
def test_a_gap_of_any_size_gives_one_page(first: int, last: int) -> None:
    first, last = sorted((first, last))
    page, reached = gaps([], first, last)
    assert page == list(range(first, min(last, first + PER_CALL - 1) + 1))
    assert reached == page[-1]


@pytest.mark.parametrize(
    ("known", "page", "reached"),
    [
        # Nothing is missing.
        ([5, 6, 7, 8], [], 8),
        # At either end, and in the middle.
        ([6, 7, 8], [5], 8),
        ([5, 6, 7], [8], 8),
        ([5, 8], [6, 7], 8),
    ],
)
def test_gaps_between_known_ids(known: list[int], page: list[int], reached: int) -> None:
    assert gaps(known, 5, 8) == (page, reached)


@given(low=ids, high=ids, day=st.none() | st.dates(date(2000, 1, 1)))
def test_the_covered_range_is_read_back_as_written(low: int, high: int, day: date | None) -> None:
    assert Covered.read(str(Covered(low, high, day))) == Covered(low, high, day)
    assert len(str(Covered(low, high, day))) < 100
