"""The changes of a row after new facts: a table for each decision."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from hooks.retention.classify import classify
from hooks.retention.facts import Facts, SupportRequestFacts
from hooks.retention.policy import Policy
from hooks.retention.store_meta import EMPTY_META, digest, store_meta
from hooks.retention.tags import tagged_by
from hooks.tagging.changes import (
    CONTEST_WINDOW,
    LONGEST_WAIT,
    MAX_CONTESTS,
    NO_PUSH,
    NO_REFETCH,
    NOTHING_DIGEST,
    close_missing,
    count_contest,
    explain_change,
    is_rescheduled,
    observe_meta,
    plan_push,
    plan_refetch,
    request_refetch,
)
from hooks.tagging.tagger import tag
from tests.unit.builders import NOW, at, customer, moment, order, row, snapshot

SETTLE = timedelta(seconds=10)
EMPTY = digest(EMPTY_META)


def _ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def _changed(before: Any, **columns: Any) -> Any:
    """The input of `pushing`: the changed columns, and those that it reads."""
    return {"wanted_digest": before["wanted_digest"], "state": before["state"]} | columns


# --- pushing: when to write back ---------------------------------------------------------------------------

KNOWN = {"state": "active", "wanted_digest": "w1", "known_digest": "w1"}


def _push(known: Any, changed: Any, now: datetime = NOW) -> Any:
    before = row(**{**KNOWN, **known})
    return plan_push(before, _changed(before, **changed), moment(now))


@pytest.mark.parametrize(
    ("known", "changed"),
    [
        # The store holds what it should.
        ({}, {}),
        ({}, {"wanted_digest": "w2", "known_digest": "w2"}),
        # The store holds the wanted digest by now.
        (
            {"wanted_digest": "w2", "push_at": NOW, "push_since": NOW, "push_attempts": 3},
            {"known_digest": "w2"},
        ),
        # Nothing is wanted, and the store's meta data were never seen.
        ({"wanted_digest": EMPTY, "known_digest": None}, {}),
        ({"wanted_digest": EMPTY, "known_digest": EMPTY}, {}),
        # Not a record of the store, or a record without facts.
        ({"kind": "support-request", "known_digest": None}, {"wanted_digest": "w2"}),
        ({"state": "unknown"}, {"wanted_digest": "w2"}),
        ({"state": "gone"}, {"wanted_digest": "w2"}),
    ],
)
def test_no_push_is_due_where_nothing_differs(known: Any, changed: Any) -> None:
    kind = known.pop("kind", "order")
    before = row(kind, **{**KNOWN, **known})
    assert plan_push(before, _changed(before, **changed), moment()) == NO_PUSH


@pytest.mark.parametrize(
    ("known", "changed", "at", "since"),
    [
        # The first change: due when the record has been quiet for the settle time.
        ({}, {"wanted_digest": "w2"}, NOW + SETTLE, NOW),
        # The store's meta data were never seen, as with a shop manager's key.
        ({"known_digest": None}, {}, NOW + SETTLE, NOW),
        # The store holds a tag that it should not hold.
        ({"wanted_digest": EMPTY, "known_digest": "w1"}, {}, NOW + SETTLE, NOW),
        ({}, {"wanted_digest": EMPTY, "state": "ignored"}, NOW + SETTLE, NOW),
        # Trashed and erased records are pushed, too.
        ({}, {"wanted_digest": "w2", "state": "trashed"}, NOW + SETTLE, NOW),
        ({}, {"wanted_digest": "w2", "state": "erased"}, NOW + SETTLE, NOW),
        # Another change while it waits: later, but limited from the first change on.
        (
            {"known_digest": "w0", "push_at": _ago(seconds=-1), "push_since": _ago(seconds=9)},
            {"wanted_digest": "w2"},
            NOW + SETTLE,
            _ago(seconds=9),
        ),
        # A record that is never quiet: five minutes after its first change.
        (
            {"known_digest": "w0", "push_at": NOW, "push_since": _ago(minutes=4, seconds=55)},
            {"wanted_digest": "w2"},
            _ago(minutes=4, seconds=55) + LONGEST_WAIT,
            _ago(minutes=4, seconds=55),
        ),
        # A push that is long overdue: due now, not in the past.
        (
            {"known_digest": "w0", "push_at": _ago(hours=1), "push_since": _ago(hours=2)},
            {"wanted_digest": "w2"},
            NOW,
            _ago(hours=2),
        ),
        # A new schedule ends the backoff after a failure.
        (
            {
                "known_digest": "w0",
                "push_attempts": 4,
                "push_error": "refused",
                "push_at": _ago(hours=-6),
            },
            {"wanted_digest": "w2"},
            NOW + SETTLE,
            NOW,
        ),
    ],
)
def test_due_time_of_a_push(known: Any, changed: Any, at: datetime, since: datetime) -> None:
    found = _push(known, changed)
    assert (found["push_at"], found["push_since"]) == (at, since)
    assert (found["push_attempts"], found["push_error"]) == (0, None)


def test_a_failed_push_waits_for_its_next_attempt() -> None:
    waiting = {
        "known_digest": "w0",
        "push_attempts": 2,
        "push_error": "server-error",
        "push_at": _ago(minutes=-3),
    }
    assert _push(waiting, {}) == {}


def test_without_a_settle_time_a_push_is_due_at_once() -> None:
    before = row(**KNOWN)
    found = plan_push(before, _changed(before, wanted_digest="w2"), moment(settle=0))
    assert found["push_at"] == NOW


@pytest.mark.parametrize("count", range(MAX_CONTESTS + 3))
def test_a_contested_record_is_given_up(count: int) -> None:
    found = _push({}, {"known_digest": "theirs", "contests": count})
    if count <= MAX_CONTESTS:
        assert found["push_at"] == NOW + SETTLE
    else:
        assert (found["push_at"], found["push_error"]) == (None, "contested")


def test_a_new_schedule_is_pushed_after_the_old_one_was_given_up() -> None:
    given_up = {"known_digest": "theirs", "contests": MAX_CONTESTS + 1, "push_error": "contested"}
    found = _push(given_up, {"wanted_digest": "w2"})
    assert (found["push_at"], found["push_error"], found["contests"]) == (NOW + SETTLE, None, 0)


# --- sight: our own keys in a delivery -----------------------------------------------------------

OURS = {"retention_class": "ours"}
THEIRS = {"retention_class": "theirs"}
EARLIER, LATER = "2026-11-22T09:00:00", "2026-11-22T09:00:01"


@pytest.mark.parametrize(
    ("known_digest", "known_version", "ours", "version", "settles", "expected"),
    [
        # `meta_data` is not shown: unknown, not empty.
        (digest(OURS), EARLIER, None, LATER, False, {}),
        (None, None, None, LATER, True, {}),
        # Our keys are seen for the first time.
        (
            None,
            None,
            {},
            LATER,
            False,
            {"known_digest": EMPTY, "known_version": LATER, "contested": False},
        ),
        (
            None,
            None,
            OURS,
            LATER,
            False,
            {"known_digest": digest(OURS), "known_version": LATER, "contested": False},
        ),
        # An echo of our own write: the store holds what is wanted.
        (
            digest(OURS),
            EARLIER,
            OURS,
            LATER,
            False,
            {"known_digest": digest(OURS), "known_version": LATER, "contested": False},
        ),
        (
            digest({}),
            EARLIER,
            OURS,
            LATER,
            False,
            {"known_digest": digest(OURS), "known_version": LATER, "contested": False},
        ),
        # Somebody changed or removed our keys after they were as wanted.
        (
            digest(OURS),
            EARLIER,
            THEIRS,
            LATER,
            False,
            {"known_digest": digest(THEIRS), "known_version": LATER, "contested": True},
        ),
        (
            digest(OURS),
            EARLIER,
            {},
            LATER,
            False,
            {"known_digest": EMPTY, "known_version": LATER, "contested": True},
        ),
        # The store did not hold what was wanted before either: nobody undid our write.
        (
            digest(THEIRS),
            EARLIER,
            {},
            LATER,
            False,
            {"known_digest": EMPTY, "known_version": LATER, "contested": False},
        ),
        # An older snapshot tells nothing, whatever its source.
        (digest(OURS), LATER, THEIRS, EARLIER, False, {}),
        (digest(OURS), LATER, THEIRS, EARLIER, True, {}),
        # The same second, the same content.
        (
            digest(OURS),
            LATER,
            OURS,
            LATER,
            False,
            {"known_digest": digest(OURS), "known_version": LATER, "contested": False},
        ),
        # The same second, other content: a tie that only a refetch can resolve.
        (
            digest(OURS),
            LATER,
            THEIRS,
            LATER,
            False,
            {"known_digest": max(digest(OURS), digest(THEIRS)), "doubtful": True},
        ),
        # The refetch resolves it.
        (
            digest(OURS),
            LATER,
            THEIRS,
            LATER,
            True,
            {"known_digest": digest(THEIRS), "known_version": LATER, "contested": True},
        ),
    ],
)
def test_digest_that_a_delivery_shows(
    known_digest: str | None,
    known_version: str | None,
    ours: dict[str, str] | None,
    version: str,
    settles: bool,
    expected: dict[str, Any],
) -> None:
    before = row(
        wanted_digest=digest(OURS),
        known_digest=known_digest,
        known_version=at(known_version) if known_version else None,
    )
    if "known_version" in expected:
        expected = expected | {"known_version": at(expected["known_version"])}
    observation = observe_meta(before, snapshot(order(), version, ours=ours), settles=settles)
    seen = {**observation.change}
    flags = {"doubtful": observation.is_doubtful, "contested": observation.is_contested}
    for name in flags.keys() & expected.keys():
        assert flags[name] == expected.pop(name)
    assert seen == expected


@pytest.mark.parametrize("first", [OURS, THEIRS])
def test_two_snapshots_of_one_second_end_the_same_in_any_order(first: dict[str, str]) -> None:
    second = THEIRS if first is OURS else OURS
    before = row(wanted_digest=digest(OURS))
    for ours in (first, second):
        observation = observe_meta(before, snapshot(order(), LATER, ours=ours), settles=False)
        before = {**before, **observation.change}
    assert before["known_digest"] == max(digest(OURS), digest(THEIRS))
    assert observation.is_doubtful


# --- contests: others edit our keys -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "last", "expected"),
    [
        (0, None, 1),
        (1, _ago(minutes=1), 2),
        (3, CONTEST_WINDOW - timedelta(seconds=1), 4),
        # The last contest is long ago: it does not count any more.
        (3, CONTEST_WINDOW, 1),
        (3, _ago(days=30), 1),
    ],
)
def test_contests_are_counted(count: int, last: datetime | timedelta | None, expected: int) -> None:
    contested_at = NOW - last if isinstance(last, timedelta) else last
    found = count_contest(row(contests=count, contested_at=contested_at), NOW)
    assert found == {"contests": expected, "contested_at": NOW}


# --- refetches: facts that only the store can tell ---------------------------------------------------------------

UNDATED = order(paid_at="2026-11-22", refunds={1: "2026-11-22", 2: None})
DATED = order(paid_at="2026-11-22", refunds={1: "2026-11-22"})


def _asked(reason: str | None, since: datetime | None = None) -> Any:
    return row(reread_reason=reason, reread_at=since, reread_since=since)


DELETED = _asked("deleted", _ago(seconds=5))
UNSEEN = customer(None, last_order_at="2026-11-22")


def _question(reason: str, at: datetime) -> dict[str, Any]:
    return {"reread_at": at, "reread_since": NOW, "reread_reason": reason, "reread_attempts": 0}


@pytest.mark.parametrize(
    ("known", "facts", "doubtful", "asked_at", "expected"),
    [
        # No reason for a refetch.
        (_asked(None), DATED, False, None, NO_REFETCH),
        (_asked(None), customer(), False, None, NO_REFETCH),
        (_asked(None), SupportRequestFacts(NOW), False, None, NO_REFETCH),
        # A tie, or a refund whose day no delivery shows.
        (_asked(None), DATED, True, None, _question("tie", NOW + SETTLE)),
        (_asked(None), customer(), True, None, _question("tie", NOW + SETTLE)),
        (_asked(None), UNDATED, False, None, _question("refund-date", NOW + SETTLE)),
        (_asked(None), UNDATED, True, None, _question("tie", NOW + SETTLE)),
        # A refetch for the same reason keeps its due time.
        (_asked("refund-date", _ago(seconds=5)), UNDATED, False, None, {}),
        (_asked("tie", _ago(seconds=5)), DATED, True, None, {}),
        # A refetch for another reason is due no later.
        (
            _asked("tie", _ago(seconds=5)),
            UNDATED,
            False,
            None,
            _question("refund-date", _ago(seconds=5)),
        ),
        # A newer snapshot of a delivery ends the reason, too.
        (_asked("tie", _ago(seconds=5)), DATED, False, None, NO_REFETCH),
        (_asked("refund-date", _ago(seconds=5)), DATED, False, None, NO_REFETCH),
        # But only a refetch ends a reason that came without a version.
        (DELETED, DATED, False, None, {}),
        (_asked("quarantined", _ago(seconds=5)), DATED, True, None, {}),
        (_asked("revived", _ago(seconds=5)), UNDATED, False, None, {}),
        (DELETED, DATED, False, _ago(seconds=1), NO_REFETCH),
        (_asked("quarantined", _ago(seconds=5)), DATED, False, _ago(seconds=5), NO_REFETCH),
        # A refetch that was sent before the hint came does not answer it.
        (DELETED, DATED, False, _ago(seconds=6), {}),
        # One reason is answered, and the next one follows.
        (DELETED, UNDATED, False, _ago(seconds=1), _question("refund-date", _ago(seconds=5))),
        # Not answered yet: the refetch was sent for an earlier reason.
        (_asked("refund-date", _ago(seconds=5)), UNDATED, False, _ago(seconds=6), {}),
        # An account that is known only from an order.
        (_asked(None), UNSEEN, False, None, _question("unseen", NOW + SETTLE)),
        (_asked("unseen", _ago(seconds=5)), UNSEEN, False, None, {}),
        (_asked("unseen", _ago(seconds=5)), customer(), False, None, NO_REFETCH),
    ],
)
def test_due_time_of_a_refetch(
    known: Any,
    facts: Facts,
    doubtful: bool,
    asked_at: datetime | None,
    expected: dict[str, Any],
) -> None:
    assert plan_refetch(known, facts, moment(asked_at=asked_at), doubtful=doubtful) == expected


def test_an_unanswered_refetch_is_not_repeated_at_once() -> None:
    """The refetch shows a refund, but not its day."""
    known = _asked("refund-date", _ago(seconds=5))
    found = known | plan_refetch(known, UNDATED, moment(asked_at=_ago(seconds=1)), doubtful=False)
    assert found["reread_at"] is None or found["reread_at"] > NOW


def test_a_second_hint_keeps_the_due_time_and_resets_the_attempts() -> None:
    hinted_row = row(
        reread_reason="deleted",
        reread_at=_ago(seconds=3),
        reread_since=_ago(hours=1),
        reread_attempts=5,
    )
    assert request_refetch(hinted_row, "quarantined", moment()) == _question(
        "quarantined", _ago(seconds=3)
    )


# --- tags, history, the end --------------------------------------------------------------------------------


def test_tags_of_an_order(policy: Policy) -> None:
    facts = order("processing", paid_at="2026-11-22", kinds="note")
    plan, columns = tag(facts, policy)
    expected = store_meta(plan, policy.id)
    assert plan == classify(facts, policy)
    assert json.loads(columns["wanted"] or "") == expected
    told = {
        name: value for name, value in columns.items() if name not in ("facts", "entries", "wanted")
    }
    assert told == {
        "state": "active",
        "held": False,
        "part_delete_after": date(2029, 11, 22),
        "request_due": None,
        "hold_review": None,
        "customer_id": None,
        "email_hash": None,
        "recipients": "hosting",
        "tagged_by": tagged_by(policy),
        "unknown_status": False,
        "oddities": "",
        "role": None,
        "legal_basis": "legal-obligation",
        "retention_class": "orders-accounting",
        "runs_from": date(2026, 12, 31),
        "review_after": None,
        "delete_after": date(2031, 12, 31),
        "policy_id": policy.id,
        "closed_on": None,
        "wanted_digest": digest(expected),
    }


@pytest.mark.parametrize(
    ("facts", "columns"),
    [
        (
            customer(staff=True),
            {"state": "ignored", "legal_basis": None, "policy_id": None, "wanted_digest": EMPTY},
        ),
        # The store shows the role. The ledger's facts have none, and leave the column unchanged.
        (customer(staff=True, role="editor"), {"state": "ignored", "role": "editor"}),
        (customer(), {"state": "active", "role": None}),
        (
            customer(None),
            {"state": "unknown", "retention_class": None, "delete_after": None, "entries": "[]"},
        ),
        (order("unknown"), {"unknown_status": True, "retention_class": "unpaid-orders"}),
        # Erased in the last hour of the day in UTC: the next day in Oslo. What stood before is still to be seen.
        (
            order(erased_at="2026-12-24T23:30:00"),
            {
                "state": "erased",
                "closed_on": date(2026, 12, 25),
                "legal_basis": "legal-obligation",
                "entries": "[]",
            },
        ),
        (
            SupportRequestFacts(closed_at=at("2026-11-22")),
            {"state": "active", "review_after": date(2027, 11, 22)},
        ),
    ],
)
def test_tags_of_records(facts: Facts, columns: dict[str, Any], policy: Policy) -> None:
    found = tag(facts, policy)[1]
    assert {name: value for name, value in found.items() if name in columns} == columns


def test_tags_from_the_ledgers_facts_leave_the_role_unchanged(policy: Policy) -> None:
    assert "role" not in tag(customer(staff=True), policy)[1]


def test_accounts_that_differ_only_in_role_keep_their_roles(policy: Policy) -> None:
    roles = ["editor", "wholesale_customer", "editor"]
    assert [tag(customer(staff=True, role=role), policy)[1]["role"] for role in roles] == roles


@pytest.mark.parametrize(
    ("before", "after", "different"),
    [
        (order(paid_at="2026-11-22"), order(paid_at="2026-11-22"), False),
        # Other facts with the same schedule, and a change of wording only.
        (order(paid_at="2026-11-22"), order(paid_at="2026-11-22", customer_id=5), False),
        (order(paid_at="2026-11-22"), order(paid_at="2026-11-23"), False),
        # A tag, a date, an entry, the state.
        (order("pending"), order(paid_at="2026-11-22"), True),
        (order(paid_at="2026-11-22"), order(paid_at="2027-11-22"), True),
        (order(), order(kinds="note"), True),
        (order(), order(trashed=True), True),
    ],
)
def test_what_counts_as_a_change(
    before: Facts, after: Facts, different: bool, policy: Policy
) -> None:
    current = row(**tag(before, policy).columns)
    assert is_rescheduled(current, tag(after, policy).columns) is different


PAID = (
    "order-payment: Paid on 2026-11-22; the accounting year ended 2026-12-31; five years later is 2031-12-31; "
    "bokføringsloven § 13, policy section 11"
)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (None, order("processing", paid_at="2026-11-22"), PAID),
        # Entries with the same text are joined; a removed entry is named.
        (
            order("pending", kinds="note"),
            order("processing", paid_at="2026-11-22", kinds="identity"),
            PAID.replace("order-payment:", "order-payment, identity-contact (identity):")
            + ". support: no longer held",
        ),
        (
            order("processing", paid_at="2026-11-22"),
            order("processing", paid_at="2026-11-22", trashed=True),
            "Trashed in the store; its schedule stands",
        ),
        (
            order("processing", paid_at="2026-11-22", trashed=True),
            order("processing", paid_at="2026-11-22"),
            "In use again in the store",
        ),
        (
            order(kinds="identity note"),
            order(kinds="identity note", erased_at="2026-12-24"),
            "Erased by the store on 2026-12-24; the eraser left support. identity-contact (identity), order-payment: "
            "no longer held",
        ),
        # The text distinguishes what the eraser left of a category from what it took.
        (
            order(kinds="item-meta"),
            order(kinds="item-meta", erased_at="2026-12-24"),
            "Erased by the store on 2026-12-24; the eraser left order-payment (item-meta). "
            "order-payment (item-meta): Created on 2026-11-22; the accounting year ended 2026-12-31; five years later "
            "is 2031-12-31; bokføringsloven § 13, policy section 11; that it applies here is the operator's own "
            "choice, the published policy being silent. order-payment: no longer held",
        ),
        (
            order(),
            order(erased_at="2026-12-24"),
            "Erased by the store on 2026-12-24; the eraser left nothing. order-payment: no longer held",
        ),
        (
            customer(),
            customer(staff=True),
            "A member of staff, not a customer. account, identity-contact: no longer held",
        ),
        (order(), order(), "The policy was applied anew"),
    ],
)
def test_reason_for_the_history(
    before: Facts | None, after: Facts, reason: str, policy: Policy
) -> None:
    known = row(**tag(before, policy)[1]) if before else row()
    plan, changed = tag(after, policy)
    assert explain_change(known, changed, plan) == reason


@pytest.mark.parametrize(
    ("closed_on", "expected"), [(None, date(2026, 11, 22)), (date(2026, 1, 1), date(2026, 1, 1))]
)
def test_a_gone_record_is_closed_and_has_no_push_or_refetch(
    closed_on: date | None, expected: date
) -> None:
    known_row = row(
        read_at=NOW,
        closed_on=closed_on,
        push_at=NOW,
        reread_at=NOW,
        reread_reason="deleted",
        doubtful=True,
        entries="[1]",
    )
    found = close_missing(known_row, moment(), date(2026, 11, 22))
    assert found == NO_PUSH | NO_REFETCH | {
        "state": "gone", "closed_on": expected, "doubtful": False, "oddities": "", "updated_at": NOW,
        "request_due": None, "hold_review": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "stands"),
    [
        # A refetch showed it.
        ({"read_at": NOW}, True),
        # The store held what we wrote.
        ({"known_digest": "written"}, True),
        # Only deliveries ever named it.
        ({}, False),
        ({"known_digest": NOTHING_DIGEST}, False),
    ],
)
def test_a_gone_record_keeps_its_schedule_if_it_was_in_the_store(
    columns: dict[str, Any], stands: bool, policy: Policy
) -> None:
    before = tag(order("completed"), policy)[1]
    known = row(**before | {"known_digest": None} | columns)
    closed = known | close_missing(known, moment(), date(2026, 11, 22))
    assert (closed["legal_basis"], closed["delete_after"]) == (
        (before["legal_basis"], before["delete_after"]) if stands else (None, None)
    )
    assert (closed["entries"] == before["entries"]) == stands
