"""Changes: the columns that must change when something is learnt of a record. Desired is compared with current.

No IO; the time of day is an argument. Each function takes the row as it is (`row`), and returns the columns to set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from hooks.ledger.codec import entry_name, read_entries
from hooks.ledger.moment import Moment
from hooks.ledger.rows import CLOSED, RecordChange, RecordRow, changed_row
from hooks.retention.facts import (
    STORED_KINDS,
    CustomerFacts,
    Facts,
    OrderFacts,
    Snapshot,
)
from hooks.retention.schedule import Schedule
from hooks.retention.store_meta import EMPTY_META, digest

LONGEST_WAIT = timedelta(minutes=5)
"""The longest settle time: a record that keeps changing is pushed this long after its first change."""

MAX_CONTESTS = 3
CONTEST_WINDOW = timedelta(days=1)
"""After more contests than this within the window the service stops writing the record, and says so."""

ASK_AGAIN = timedelta(minutes=15)
"""The wait before the next refetch, where the store's answer did not show what was missing."""

SECOND_OVER = timedelta(seconds=4)
"""A state that is shown sooner than this after the second of its version may change once more in that second. The
store's clock may be a little behind ours."""

UNREADABLE = "unreadable"
"""Reason for a refetch: a delivery shows parts that cannot be read. The store is asked once."""

HINTS = frozenset(
    {
        "deleted",
        "quarantined",
        "revived",
        "missed",
        "changed",
        "missing",
        "young",
        "approaching",
        "read-otherwise",
        "rehash",
        CLOSED,
    }
)
"""Reasons for a refetch that only the store's answer settles. Others end when a newer state is shown."""

TAG_COLUMNS = (
    "state",
    "held",
    "legal_basis",
    "retention_class",
    "runs_from",
    "review_after",
    "delete_after",
)

UNTAGGED: RecordChange = {
    "legal_basis": None,
    "retention_class": None,
    "runs_from": None,
    "review_after": None,
    "delete_after": None,
    "part_delete_after": None,
    "entries": "[]",
    "recipients": "",
}
"""The tags of a record that never existed."""

NO_PUSH: RecordChange = {
    "push_at": None,
    "push_since": None,
    "push_attempts": 0,
    "push_error": None,
}
NO_REFETCH: RecordChange = {
    "reread_at": None,
    "reread_since": None,
    "reread_reason": None,
    "reread_attempts": 0,
}

NOTHING_DIGEST = digest(EMPTY_META)


class MetaObservation(NamedTuple):
    """The observation of our own keys in a snapshot: the columns to set.

    `is_doubtful`: two states of one second differ. `is_contested`: somebody else changed what we had written.
    """

    change: RecordChange
    is_doubtful: bool = False
    is_contested: bool = False


def observe_meta(
    row: RecordRow, snapshot: Snapshot, *, settles: bool, rewound: bool = False
) -> MetaObservation:
    """Compare our own keys, as a snapshot shows them, with what the store was known to hold.

    `settles` and `rewound` as for `hooks.retention.merge.merge`.
    """
    if snapshot.store_meta is None:
        return MetaObservation({})
    after, before = digest(snapshot.store_meta), row["known_digest"]
    version = row["known_version"]
    if version and snapshot.version < version and not rewound:
        return MetaObservation({})
    is_changed = before is not None and after != before
    if is_changed and version == snapshot.version and not settles:
        return MetaObservation({"known_digest": max(before or "", after)}, is_doubtful=True)
    return MetaObservation(
        {"known_digest": after, "known_version": snapshot.version},
        is_contested=is_changed and before == row["wanted_digest"],
    )


def is_confirmed(row: RecordRow) -> bool:
    """Tell whether the store itself has shown the record when asked, or held what we wrote.

    Deliveries prove no record: whoever has the secret of the webhooks can sign them.
    """
    return row["read_at"] is not None or row["known_digest"] not in (None, NOTHING_DIGEST)


def is_young(snapshot: Snapshot, moment: Moment) -> bool:
    """Tell whether another state of the same second may follow, under the same version."""
    if snapshot.undated:
        return False
    return (moment.asked_at or moment.now) - snapshot.version < SECOND_OVER


def count_contest(row: RecordRow, now: datetime) -> RecordChange:
    """Count one more edit of our keys by somebody else."""
    last = row["contested_at"]
    is_recent = last is not None and now - last < CONTEST_WINDOW
    previous = row["contests"] if is_recent else 0
    return {"contests": previous + 1, "contested_at": now}


def plan_push(row: RecordRow, change: RecordChange, moment: Moment) -> RecordChange:
    """Plan when the record is pushed, if the store should hold something else than it is known to hold."""
    after = changed_row(row, change)
    desired, stored = after["wanted_digest"], after["known_digest"]
    holds_nothing = stored is None and desired == NOTHING_DIGEST
    is_in_store = after["kind"] in STORED_KINDS and after["state"] not in ("unknown", "gone")
    if not is_in_store or desired == stored or holds_nothing:
        return NO_PUSH
    is_new = desired != row["wanted_digest"]
    contests = 0 if is_new else after["contests"]
    if contests > MAX_CONTESTS:
        return {**NO_PUSH, "push_error": "contested", "contests": contests}
    if not is_new and _is_planned(row, after):
        return {}
    since = row["push_since"] or moment.now
    at = max(moment.now, min(moment.now + moment.settle, since + LONGEST_WAIT))
    return {**NO_PUSH, "push_at": at, "push_since": since, "contests": contests}


def _is_planned(row: RecordRow, after: RecordRow) -> bool:
    """Tell whether the record waits for its first push or for a retry, and nothing about it is new."""
    if after["push_attempts"]:
        return True
    return row["push_at"] is not None and after["known_digest"] == row["known_digest"]


def plan_refetch(row: RecordRow, facts: Facts, moment: Moment, *, doubtful: bool) -> RecordChange:
    """Plan whether and when the store is asked about the record."""
    is_answered = moment.asked_at is not None and (
        row["reread_since"] is None or row["reread_since"] <= moment.asked_at
    )
    if row["reread_reason"] in HINTS and not is_answered:
        return {}
    reason = "tie" if doubtful else _missing(facts)
    if reason is None or (reason == UNREADABLE and is_answered):
        return NO_REFETCH
    if reason != row["reread_reason"]:
        return request_refetch(row, reason, moment)
    if not is_answered:
        return {}
    return {"reread_at": moment.now + ASK_AGAIN, "reread_attempts": row["reread_attempts"] + 1}


def _missing(facts: Facts) -> str | None:
    """Name what the rules need and the store has not shown yet."""
    match facts:
        case OrderFacts() if facts.undated_refunds:
            return "refund-date"
        case CustomerFacts(is_seen=False):
            return "unseen"
        case OrderFacts() | CustomerFacts() if facts.oddities & {"meta_data", "refunds"}:
            return UNREADABLE
    return None


def request_refetch(row: RecordRow, reason: str, moment: Moment) -> RecordChange:
    """Have the store asked about the record once it is quiet, or when a refetch is planned already."""
    at = moment.now + moment.settle
    if row["reread_at"] is not None:
        at = min(row["reread_at"], at)
    return {
        "reread_at": at,
        "reread_since": moment.now,
        "reread_reason": reason,
        "reread_attempts": 0,
    }


def explain_change(row: RecordRow, change: RecordChange, schedule: Schedule) -> str:
    """Say why the schedule changed, for the history: each entry that is new or different, and each that is no more."""
    before = {entry["rule"]: entry for entry in read_entries(row["entries"])}
    names_by_reason: dict[str, list[str]] = {}
    for entry in schedule.entries:
        if before.get(entry.rule, {}).get("reason") != entry.reason:
            names_by_reason.setdefault(entry.reason, []).append(entry.name)
    sentences = [*_phase_sentences(row, change, schedule)]
    for reason, names in names_by_reason.items():
        sentences.append(f"{', '.join(names)}: {reason}")
    dropped = _dropped_names(before, schedule)
    if dropped:
        sentences.append(f"{', '.join(dropped)}: no longer held")
    return ". ".join(sentences) or "The policy was applied anew"


def _dropped_names(before: Mapping[str, Mapping[str, Any]], schedule: Schedule) -> list[str]:
    """Return the names of entries that were in a schedule and are not any more."""
    rules = {entry.rule for entry in schedule.entries}
    names = {entry_name(entry) for rule, entry in before.items() if rule not in rules}
    return sorted(names - {entry.name for entry in schedule.entries})


def _phase_sentences(row: RecordRow, change: RecordChange, schedule: Schedule) -> Iterable[str]:
    if change["state"] == row["state"]:
        return
    match schedule.phase:
        case "trashed":
            yield "Trashed in the store; its schedule stands"
        case "erased":
            names = ", ".join(entry.name for entry in schedule.entries) or "nothing"
            yield f"Erased by the store on {change['closed_on']}; the eraser left {names}"
        case "active" if row["state"] in ("trashed", "gone"):
            yield "In use again in the store"
        case "ignored":
            yield "A member of staff, not a customer"


def is_rescheduled(row: RecordRow, change: RecordChange) -> bool:
    """Tell whether a tag, a date or an entry is different; another wording alone is no difference."""
    before: Mapping[str, Any] = row
    after: Mapping[str, Any] = change
    if any(after[name] != before[name] for name in TAG_COLUMNS):
        return True
    if change["entries"] == row["entries"]:
        return False
    return _without_reasons(change["entries"]) != _without_reasons(row["entries"])


def _without_reasons(entries: str) -> list[dict[str, Any]]:
    return [_without_reason(entry) for entry in read_entries(entries)]


def _without_reason(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "reason"}


def close_missing(row: RecordRow, moment: Moment, day: date) -> RecordChange:
    """Close a record that the store says does not exist. `day`: the day on which that was first heard.

    Its tags stay to be seen. They go where only deliveries told of the record: then nothing was erased too early.
    """
    change: RecordChange = {
        **NO_PUSH,
        **NO_REFETCH,
        "state": "gone",
        "closed_on": row["closed_on"] or day,
        "doubtful": False,
        "oddities": "",
        "request_due": None,
        "hold_review": None,
        "updated_at": moment.now,
    }
    if not is_confirmed(row):
        change |= UNTAGGED
    return change
