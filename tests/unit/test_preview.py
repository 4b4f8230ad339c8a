"""What another policy changes of one record: its entries compared, part by part."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from hooks.policies.preview import directions, due_at_once

TODAY = date(2026, 11, 22)
PAST, SOON, LATER, LAST = "2026-11-01", "2027-01-01", "2029-12-31", "2031-12-31"


def _row(whole: str | None, state: str = "active", **ends: str) -> Any:
    """A record that is kept until `whole`, with an entry for each of `ends`: `a_b` is the part `b` of the category `a`,
    `a_proof` the proof of it. A day may be an event."""
    entries = [_entry(*name.partition("_")[::2], day) for name, day in ends.items()]
    text = json.dumps(entries, separators=(",", ":"))
    return {
        "state": state,
        "delete_after": date.fromisoformat(whole) if whole else None,
        "entries": text,
    }


def _entry(data: str, part: str, day: str) -> dict[str, Any]:
    proof, is_day = part == "proof", day[:1].isdigit()
    named = {"part": part} if part and not proof else {}
    event = "consent-ended" if proof else "created"
    dates = {"delete_after": day if is_day else None, "until": None if is_day else day}
    # `action` comes first, as in the ledger's text.
    return {"action": "erase", "data": data, "event": event, **named, **dates}


# (what is known, what the policy wants, whether something goes earlier, and whether something goes later).
DIRECTIONS: list[tuple[dict[str, Any], dict[str, Any], tuple[bool, bool]]] = [
    # A category that is not split is compared with each of its parts.
    (_row(LAST, d=LAST), _row(LAST, d_one=LAST, d_other=SOON), (True, False)),
    (_row(LAST, d_one=LAST, d_other=SOON), _row(LAST, d=LAST), (False, True)),
    (_row(LAST, d=SOON, d_one=LAST), _row(LAST, d=SOON, d_one=LAST), (False, False)),
    # A proof is no marketing data: the later end of the one does not hide that of the other.
    (_row(LAST, m=SOON, m_proof=LAST), _row(LAST, m=LATER, m_proof=LAST), (False, True)),
    (_row(LAST, m=LATER, m_proof=LAST), _row(LAST, m=SOON, m_proof=LAST), (True, False)),
    # A proof that was none before was to go with the data, and the other way round.
    (_row(LAST, m=SOON), _row(LAST, m=SOON, m_proof=LATER), (False, True)),
    (_row(LAST, m=SOON, m_proof=LATER), _row(LAST, m=SOON), (True, False)),
    # What loses its entry stays as long as the whole, also where another part of it keeps one.
    (_row(LAST, d=LAST, t=SOON), _row(LAST, d=LAST), (False, True)),
    (_row(LAST, d=LAST, t=LAST), _row(LAST, d=LAST), (False, False)),
    (_row(LAST, d_one=LAST, d_other=SOON), _row(LAST, d_one=LAST), (False, True)),
    # Without a day for the whole, it stays without one; so does what an eraser left behind.
    (_row(None, d="consent-withdrawn", t=SOON), _row(None, d="consent-withdrawn"), (False, True)),
    (_row(LAST, "erased", n=SOON), _row(LAST, "erased"), (False, True)),
    # What was erased had no entry, and has none.
    (_row(LAST, "erased"), _row(LAST, "erased"), (False, False)),
    # A hold suspends all, whatever had a day before it was placed.
    (_row(LAST, d=LAST, t=SOON), _row(None, d="hold-lifted"), (False, False)),
    # What had no entry was told no date.
    (_row(LAST, d=LAST), _row(LAST, d=LAST, t=SOON), (False, False)),
]


@pytest.mark.parametrize(("known", "wanted", "expected"), DIRECTIONS)
def test_direction_in_which_the_parts_of_a_record_move(
    known: Any, wanted: Any, expected: tuple[bool, bool]
) -> None:
    assert directions(known, wanted) == expected


# (what is known, what the policy wants, whether something of it would be due today and is not).
DUE: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    (_row(SOON, d=SOON), _row(PAST, d=PAST), True),
    (_row(SOON, d=SOON), _row(LATER, d=LATER), False),
    # A part that is due already hides nothing: neither the whole, nor another part.
    (_row(LAST, d=LAST, t=PAST), _row(PAST, d=PAST, t=PAST), True),
    (_row(LAST, d=LAST, t=PAST, n=SOON), _row(LAST, d=LAST, t=PAST, n=PAST), True),
    (_row(LAST, d=LAST, t=PAST), _row(LAST, d=LAST, t="2026-10-01"), False),
    # Nor does a proof that stays hide the data.
    (_row(LAST, d=LAST, m=SOON, m_proof=LATER), _row(LAST, d=LAST, m=PAST, m_proof=LATER), True),
    # What goes with a record that is due already is due, too.
    (_row(PAST, d=PAST, t=SOON), _row(PAST, d=PAST, t=PAST), False),
    # Its last day is not over.
    (_row(LAST, d=LAST), _row("2026-11-22", d="2026-11-22"), False),
    (_row("2026-11-22", d="2026-11-22"), _row(PAST, d=PAST), True),
    # What had no entry, or no day.
    (_row(LAST, d=LAST), _row(LAST, d=LAST, t=PAST), True),
    (_row(LAST, d=LAST, m="consent-withdrawn"), _row(LAST, d=LAST, m=PAST), True),
    (_row(None, d="hold-lifted"), _row(None, d="hold-lifted"), False),
    # A category that is split: one of its parts was due, the other one was not.
    (_row(LAST, o=LAST, d_one=SOON, d_other=PAST), _row(LAST, o=LAST, d=PAST), True),
    # Of what was erased the whole is gone; of what was left, a part may be due.
    (_row(LAST, "erased"), _row(PAST, "erased"), False),
    (_row(LAST, "erased", n=SOON), _row(LAST, "erased", n=PAST), True),
]


@pytest.mark.parametrize(("known", "wanted", "expected"), DUE)
def test_records_that_a_policy_would_make_due_at_once(
    known: Any, wanted: Any, expected: bool
) -> None:
    assert due_at_once(known, wanted, TODAY) == expected
