"""Record events as they are sent or typed in: the fields of each type, none of them free text."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from hooks.errors import EventRefusedError
from hooks.intake.tool_event import event_delivery, record_event
from hooks.intake.webhook import EventNote
from hooks.retention.events import TYPES, RecordEvent
from hooks.retention.facts import RecordKind
from hooks.retention.policy import Policy
from schemas.record_event import REASONS
from tests.unit.builders import at

NOW = at("2026-11-22T23:30:00")  # in Oslo it is the 23rd
AT = {"at": "2026-11-20T10:00:00Z"}
TEN = at("2026-11-20T10:00:00")
HOLD = {"type": "hold", "reason": "litigation", "owner": "legal", "review_on": "2027-05-01"}
CANARY = "CANARY-kari@example.test"
FRESH = "0" * 32


def _read(
    raw: dict[str, Any], policy: Policy, kind: RecordKind = "order", number: int = 9
) -> RecordEvent:
    return record_event(raw, kind, number, now=NOW, zone=policy.time_zone, fresh_id=FRESH)


def _refused(raw: dict[str, Any], policy: Policy) -> dict[str, str]:
    with pytest.raises(EventRefusedError) as raised:
        _read(raw, policy)
    assert CANARY not in str(raised.value)
    return raised.value.faults


@pytest.mark.parametrize(
    ("raw", "event"),
    [
        ({"type": "erasure-requested"}, RecordEvent(FRESH, "erasure-requested", NOW)),
        ({"type": "objection", "id": "case.7"}, RecordEvent("case.7", "objection", NOW)),
        ({"type": "restriction", "id": "7"} | AT, RecordEvent("7", "restriction", TEN)),
        (
            HOLD | {"id": "h"},
            RecordEvent("h", "hold", NOW, "litigation", "legal", date(2027, 5, 1)),
        ),
        # All events, or one of them.
        ({"type": "hold-lifted", "id": "l"}, RecordEvent("l", "hold-lifted", NOW)),
        (
            {"type": "hold-lifted", "id": "l", "about": "h"},
            RecordEvent("l", "hold-lifted", NOW, about="h"),
        ),
        (
            {"type": "retracted", "id": "r", "about": "l"},
            RecordEvent("r", "retracted", NOW, about="l"),
        ),
        # An objection to marketing only, and one to all processing, which is the default scope.
        (
            {"type": "objection", "id": "o", "scope": "marketing"},
            RecordEvent("o", "objection", NOW, scope="marketing"),
        ),
        (
            {"type": "objection", "id": "o", "scope": "all"},
            RecordEvent("o", "objection", NOW, scope="all"),
        ),
        # Null counts as missing.
        (
            {"type": "objection", "at": None, "review_on": None},
            RecordEvent(FRESH, "objection", NOW),
        ),
    ],
)
def test_an_event_is_parsed(raw: dict[str, Any], event: RecordEvent, policy: Policy) -> None:
    assert _read(raw, policy) == event


@pytest.mark.parametrize("event_type", TYPES)
def test_each_type_is_accepted(event_type: str, policy: Policy) -> None:
    raw: dict[str, Any] = {"hold": HOLD, "retracted": {"about": "x"}}.get(event_type, {}) | {
        "type": event_type
    }
    assert _read(raw, policy).type == event_type


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("owner", ["legal", "a", "accounting.no", "team-7", "o" * 64])
def test_reasons_and_owners(reason: str, owner: str, policy: Policy) -> None:
    event = _read(HOLD | {"reason": reason, "owner": owner}, policy)
    assert (event.reason, event.owner) == (reason, owner)


NO_ROLE = "is not a role or a team, in a-z, 0-9, . and - (a person's name has no place here)"
NO_DAY = "is not a date, such as 2027-11-22"
NO_TIME = "is not a time with its zone, such as 2026-11-22T10:00:00Z, nor seconds since 1970"
TOO_LONG = {"review_on": "is more than 100 years after the day on which the hold is placed"}
NOT_AFTER = {"review_on": "is not after the day on which the hold is placed"}
MISPLACED = "does not belong to restriction"
NO_EVENT = "is not the id of an event"


@pytest.mark.parametrize(
    ("raw", "faults"),
    [
        ({}, {"type": "is missing"}),
        ({"type": "explode"}, {"type": "is none of " + ", ".join(TYPES)}),
        # Required fields of a hold.
        ({"type": "hold"}, dict.fromkeys(("reason", "owner", "review_on"), "is missing")),
        (HOLD | {"review_on": None}, {"review_on": "is missing"}),
        # Fields that do not belong to the type.
        (HOLD | {"about": "x"}, {"about": "does not belong to hold"}),
        (HOLD | {"type": "restriction"}, dict.fromkeys(("reason", "owner", "review_on"), MISPLACED)),
        ({"type": "hold-lifted", "reason": "audit"}, {"reason": "does not belong to hold-lifted"}),
        ({"type": "erasure-requested", "about": "x"}, {"about": "does not belong to erasure-requested"}),
        ({"type": "retracted"}, {"about": "is missing"}),
        ({"type": "restriction", "scope": "all"}, {"scope": "does not belong to restriction"}),
        ({"type": "objection", "scope": CANARY}, {"scope": "is none of marketing, all"}),
        # Free text is refused.
        (HOLD | {"reason": CANARY}, {"reason": "is none of " + ", ".join(REASONS)}),
        (HOLD | {"owner": CANARY}, {"owner": NO_ROLE}),
        (HOLD | {"owner": "Kari Nordmann"}, {"owner": NO_ROLE}),
        (HOLD | {"owner": "legal\n"}, {"owner": NO_ROLE}),
        (HOLD | {"owner": "o" * 65}, {"owner": NO_ROLE}),
        (HOLD | {"owner": 5}, {"owner": NO_ROLE}),
        ({"type": "retracted", "about": CANARY}, {"about": NO_EVENT}),
        ({"type": "objection", "id": CANARY}, {"id": "is not an id of 1 to 64 of A-Z, a-z, 0-9 and . _ : -"}),
        # Days, in the policy's time zone: here it is the 23rd.
        (HOLD | {"review_on": CANARY}, {"review_on": NO_DAY}),
        (HOLD | {"review_on": 5}, {"review_on": NO_DAY}),
        (HOLD | {"review_on": "2026-11-23"}, NOT_AFTER),
        (HOLD | {"review_on": "9999-12-31"}, TOO_LONG),
        (HOLD | {"review_on": "2126-11-25"}, TOO_LONG),
        (HOLD | AT | {"review_on": "2026-11-20"}, NOT_AFTER),
        ({"type": "objection", "at": "2026-11-23T00:00:00"}, {"at": NO_TIME}),
        ({"type": "objection", "at": "2026-11-23T00:00:00Z"}, {"at": "is in the future"}),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_and_its_value_not_shown(
    raw: dict[str, Any], faults: dict[str, str], policy: Policy
) -> None:
    assert _refused(raw, policy) == faults


def test_free_text_is_refused(policy: Policy) -> None:
    faults = _refused({"type": "objection", "note": CANARY, CANARY: "x", "subject": CANARY}, policy)
    assert set(faults) == {"subject", "another field"}
    assert all("free text is never taken" in fault for fault in faults.values())


def test_a_hold_may_be_reviewed_on_the_next_day(policy: Policy) -> None:
    assert _read(HOLD | {"review_on": "2026-11-24"}, policy).review_on == date(2026, 11, 24)


def test_a_dated_event_is_identified_by_its_content(policy: Policy) -> None:
    """The same event sent twice is one event. For another record, or with other content, it is another event."""
    one = _read(HOLD | AT, policy)
    assert one == _read(HOLD | {"at": "2026-11-20T11:00:00+01:00"}, policy)
    others = [
        _read(HOLD | AT, policy, "customer"),
        _read(HOLD | AT, policy, number=10),
        _read(HOLD | AT | {"reason": "audit"}, policy),
        _read(HOLD | AT | {"owner": "sales"}, policy),
        _read(HOLD | AT | {"review_on": "2027-05-02"}, policy),
        _read(HOLD | {"at": "2026-11-20T10:00:01Z"}, policy),
        _read(AT | {"type": "objection"}, policy),
        _read(AT | {"type": "objection", "scope": "marketing"}, policy),
    ]
    assert len({one.id, *(other.id for other in others)}) == 9


def test_events_that_the_ledger_accepts(policy: Policy) -> None:
    event = _read(HOLD | {"id": "h"}, policy)
    taken = event_delivery("order", 9, event)
    assert (taken.topic, taken.content) == ("record-event", EventNote("order", 9, event))
    others = [
        event_delivery("customer", 9, event),
        event_delivery("order", 10, event),
        event_delivery("order", 9, replace(event, id="i")),
    ]
    assert len({taken.identity, *(other.identity for other in others)}) == 4
