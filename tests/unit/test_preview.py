"""Compare the entries of one record under two policies, part by part."""

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


# (the known row, the row under the policy, does anything go earlier, does anything go later).
DIRECTIONS: list[tuple[dict[str, Any], dict[str, Any], tuple[bool, bool]]] = [
    # A category that is not split is compared with each of its parts.
    (_row(LAST, d=LAST), _row(LAST, d_one=LAST, d_other=SOON), (True, False)),
    (_row(LAST, d_one=LAST, d_other=SOON), _row(LAST, d=LAST), (False, True)),
    (_row(LAST, d=SOON, d_one=LAST), _row(LAST, d=SOON, d_one=LAST), (False, False)),
    # A proof is not marketing data: the later end of the proof does not hide the end of the data.
    (_row(LAST, m=SOON, m_proof=LAST), _row(LAST, m=LATER, m_proof=LAST), (False, True)),
    (_row(LAST, m=LATER, m_proof=LAST), _row(LAST, m=SOON, m_proof=LAST), (True, False)),
    # A new proof went with the data before; a proof that is lost goes with the data.
    (_row(LAST, m=SOON), _row(LAST, m=SOON, m_proof=LATER), (False, True)),
    (_row(LAST, m=SOON, m_proof=LATER), _row(LAST, m=SOON), (True, False)),
    # Data that lose their entry stay as long as the record, also if another part keeps its entry.
    (_row(LAST, d=LAST, t=SOON), _row(LAST, d=LAST), (False, True)),
    (_row(LAST, d=LAST, t=LAST), _row(LAST, d=LAST), (False, False)),
    (_row(LAST, d_one=LAST, d_other=SOON), _row(LAST, d_one=LAST), (False, True)),
    # Without a day for the record, data without an entry have no day; so have those that an eraser left.
    (_row(None, d="consent-withdrawn", t=SOON), _row(None, d="consent-withdrawn"), (False, True)),
    (_row(LAST, "erased", n=SOON), _row(LAST, "erased"), (False, True)),
    # Erased data had no entry and have none.
    (_row(LAST, "erased"), _row(LAST, "erased"), (False, False)),
    # A hold suspends all entries, whatever day they had before.
    (_row(LAST, d=LAST, t=SOON), _row(None, d="hold-lifted"), (False, False)),
    # Data without an entry had no date.
    (_row(LAST, d=LAST), _row(LAST, d=LAST, t=SOON), (False, False)),
]


@pytest.mark.parametrize(("known", "wanted", "expected"), DIRECTIONS)
def test_direction_in_which_the_parts_of_a_record_move(
    known: Any, wanted: Any, expected: tuple[bool, bool]
) -> None:
    assert directions(known, wanted) == expected


# (the known row, the row under the policy, does anything become due today).
DUE: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    (_row(SOON, d=SOON), _row(PAST, d=PAST), True),
    (_row(SOON, d=SOON), _row(LATER, d=LATER), False),
    # A part that is due already hides neither the record nor another part.
    (_row(LAST, d=LAST, t=PAST), _row(PAST, d=PAST, t=PAST), True),
    (_row(LAST, d=LAST, t=PAST, n=SOON), _row(LAST, d=LAST, t=PAST, n=PAST), True),
    (_row(LAST, d=LAST, t=PAST), _row(LAST, d=LAST, t="2026-10-01"), False),
    # A proof that stays does not hide the data.
    (_row(LAST, d=LAST, m=SOON, m_proof=LATER), _row(LAST, d=LAST, m=PAST, m_proof=LATER), True),
    # Data that go with a record that is due already are due, too.
    (_row(PAST, d=PAST, t=SOON), _row(PAST, d=PAST, t=PAST), False),
    # Its last day has not passed.
    (_row(LAST, d=LAST), _row("2026-11-22", d="2026-11-22"), False),
    (_row("2026-11-22", d="2026-11-22"), _row(PAST, d=PAST), True),
    # Data without an entry, or without a day.
    (_row(LAST, d=LAST), _row(LAST, d=LAST, t=PAST), True),
    (_row(LAST, d=LAST, m="consent-withdrawn"), _row(LAST, d=LAST, m=PAST), True),
    (_row(None, d="hold-lifted"), _row(None, d="hold-lifted"), False),
    # A split category: one of its parts was due, the other one was not.
    (_row(LAST, o=LAST, d_one=SOON, d_other=PAST), _row(LAST, o=LAST, d=PAST), True),
    # The whole of an erased record is gone; a part of the remaining data may be due.
    (_row(LAST, "erased"), _row(PAST, "erased"), False),
    (_row(LAST, "erased", n=SOON), _row(LAST, "erased", n=PAST), True),
]


@pytest.mark.parametrize(("known", "wanted", "expected"), DUE)
def test_records_that_a_policy_would_make_due_at_once(
    known: Any, wanted: Any, expected: bool
) -> None:
    assert due_at_once(known, wanted, TODAY) == expected
