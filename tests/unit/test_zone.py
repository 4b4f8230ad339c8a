"""Time zones of stores: read from any index, and compared by their meaning."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.store.store_zone import UNKNOWN, describe_difference, difference, zone_of, zone_text

OSLO = ZoneInfo("Europe/Oslo")
HOUR = timedelta(hours=1)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2),
)


@given(name=ANYTHING, offset=ANYTHING)
def test_any_index_is_read_and_only_its_zone_is_repeated(name: Any, offset: Any) -> None:
    text = zone_text({"timezone_string": name, "gmt_offset": offset})
    assert text in (None, UNKNOWN) or zone_of(text) is not None
    if text:
        describe_difference(text, OSLO)


@given(minutes=st.integers(-14 * 60, 14 * 60))
def test_an_offset_is_read_back_as_it_was_written(minutes: int) -> None:
    text = zone_text({"timezone_string": "", "gmt_offset": minutes / 60})
    assert text is not None
    zone = zone_of(text)
    assert zone is not None
    assert zone.utcoffset(None) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("name", "offset", "text"),
    [
        ("Europe/Oslo", 1, "Europe/Oslo"),
        ("UTC", 0, "UTC"),
        # The name counts, and not its offset of today.
        ("Europe/Oslo", 2, "Europe/Oslo"),
        ("", 2, "UTC+02:00"),
        ("", "-3.5", "UTC-03:30"),
        ("", 5.75, "UTC+05:45"),
        (None, 0, "UTC+00:00"),
        # Unknown names, among them a folder and a file outside the zone database.
        ("Mars/Olympus", 2, UNKNOWN),
        ("Europe", 2, UNKNOWN),
        ("../../etc/passwd", 2, UNKNOWN),
        ("/etc/localtime", 2, UNKNOWN),
        ("A" * 500, 2, UNKNOWN),
        # Invalid offsets.
        ("", "", None),
        ("", 15, None),
        ("", float("nan"), None),
        ("", True, None),
        ("", None, None),
    ],
)
def test_the_zone_of_an_index(name: object, offset: object, text: str | None) -> None:
    assert zone_text({"timezone_string": name, "gmt_offset": offset}) == text


@pytest.mark.parametrize(
    ("text", "most", "always"),
    [
        # Other names for the same days.
        ("Europe/Oslo", None, None),
        ("Europe/Berlin", None, None),
        ("Arctic/Longyearbyen", None, None),
        # An offset has no summer time: right in winter, or right in summer.
        ("UTC+01:00", HOUR, False),
        ("UTC+02:00", HOUR, False),
        ("UTC+00:00", 2 * HOUR, True),
        ("UTC", 2 * HOUR, True),
        # Summer time begins at the same moment, an hour apart.
        ("Europe/London", HOUR, True),
        # Summer time on other days.
        ("America/New_York", 6 * HOUR, True),
        # Unknown on this machine: nothing can be compared.
        (UNKNOWN, None, None),
    ],
)
def test_zones_are_compared_by_their_meaning(
    text: str, most: timedelta | None, always: bool | None
) -> None:
    found = difference(text, OSLO)
    assert (found and found.largest, found and found.is_constant) == (most, always)


def test_zones_that_differ_for_a_few_weeks_differ() -> None:
    """Cairo had no summer time from 2015 to 2022."""
    found = difference("Africa/Cairo", ZoneInfo("Africa/Tripoli"))
    assert found is not None
    assert not found.is_constant


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "UTC+01:00",
            "an offset without summer time, and the policy's is Europe/Oslo: they differ by up to 1 h in",
        ),
        (
            "America/New_York",
            "America/New_York, and the policy's is Europe/Oslo: they differ by up to 6 h all",
        ),
        (UNKNOWN, "this machine does not know"),
    ],
)
def test_message_about_a_difference_of_zones(text: str, said: str) -> None:
    told = describe_difference(text, OSLO)
    assert told is not None
    assert said in told
    assert "Settings → General" in told
    assert "`time_zone`" in told


@pytest.mark.parametrize("text", ["UTC", "UTC+00:00", "Africa/Abidjan"])
def test_no_message_about_equivalent_zones(text: str) -> None:
    assert describe_difference(text, UTC) is None
