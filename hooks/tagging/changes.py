"""What must change in the ledger when something is learnt of a record: current and desired, and the difference.

Pure: a record's columns as they are, go in; those that should be different come out. No IO; the time of day is
an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from hooks.ledger.codec import entry_name, read_entries
from hooks.ledger.moment import Moment
from hooks.ledger.records import CLOSED, Values
from hooks.retention.classify import Schedule
from hooks.retention.facts import (
    STORED_KINDS,
    CustomerFacts,
    Facts,
    OrderFacts,
    Snapshot,
)
from hooks.retention.store_meta import EMPTY_META, digest

LONGEST_WAIT = timedelta(minutes=5)
"""A record that never comes to rest is written back this long after its first change all the same."""

MAX_CONTESTS = 3
CONTEST_WINDOW = timedelta(days=1)
"""Our fields put right this often within the window are fought over: we give up, and say so."""

ASK_AGAIN = timedelta(minutes=15)
"""The store was asked, and its answer did not show what was missing."""

SECOND_OVER = timedelta(seconds=4)
"""What is shown sooner than this after the second of its version may have changed once more in that second, also
where the store's clock is a little behind ours."""

UNREADABLE = "unreadable"
"""Reason to ask the store about a record of which a delivery shows parts that cannot be read. It is asked once."""

HINTS = frozenset(
    {
        *(
            "deleted",
            "quarantined",
            "revived",
            "missed",
            "changed",
            "missing",
            "young",
            "approaching",
        ),
        *("read-otherwise", "rehash", CLOSED),
    }
)
"""Reasons to ask the store that only its answer settles; others end when a newer state is seen."""

TAG_COLUMNS = (
    "state",
    "held",
    "legal_basis",
    "retention_class",
    "runs_from",
    "review_after",
    "delete_after",
)

UNTAGGED: Values = {
    "legal_basis": None,
    "retention_class": None,
    "runs_from": None,
    "review_after": None,
    "delete_after": None,
    "part_delete_after": None,
    "entries": "[]",
    "recipients": "",
}
"""Of a record that was never there."""

IDLE: Values = {"push_at": None, "push_since": None, "push_attempts": 0, "push_error": None}
ANSWERED: Values = {
    "reread_at": None,
    "reread_since": None,
    "reread_reason": None,
    "reread_attempts": 0,
}


NOTHING_DIGEST = digest(EMPTY_META)


def sight(known: Values, snapshot: Snapshot, *, settles: bool, rewound: bool = False) -> Values:
    """What the snapshot says of our own keys in the store.

    A store that held what we wanted and now holds something else was edited by someone: that is counted.
    """
    if snapshot.store_meta is None:
        return {}
    there, before, at = digest(snapshot.store_meta), known["known_digest"], known["known_version"]
    if at and snapshot.version < at and not rewound:
        return {}
    if at == snapshot.version and there != before and not settles:
        return {"known_digest": max(before, there), "doubtful": True}
    contested = before is not None and before == known["wanted_digest"] != there
    return {"known_digest": there, "known_version": snapshot.version, "contested": contested}


def is_confirmed(known: Values) -> bool:
    """Tell whether the store itself ever showed the record when asked, or held what we wrote. Deliveries alone prove
    no record: whoever holds the secret of the webhooks can sign them."""
    return known["read_at"] is not None or known["known_digest"] not in (None, NOTHING_DIGEST)


def is_young(snapshot: Snapshot, moment: Moment) -> bool:
    """Whether the state was shown so soon that another one of the same second may follow, under the same version."""
    if snapshot.undated:
        return False
    return (moment.asked_at or moment.now) - snapshot.version < SECOND_OVER


def contests(known: Values, now: datetime) -> Values:
    """The count after one more edit of our fields by somebody else."""
    recent = known["contested_at"] and now - known["contested_at"] < CONTEST_WINDOW
    return {"contests": known["contests"] + 1 if recent else 1, "contested_at": now}


def pushing(known: Values, changed: Values, moment: Moment) -> Values:
    """When the record is to be written back, if the store holds something else than it should."""
    row = known | changed
    wanted, there = row["wanted_digest"], row["known_digest"]
    nothing_there = there is None and wanted == NOTHING_DIGEST
    stored = row["kind"] in STORED_KINDS and row["state"] not in ("unknown", "gone")
    if not stored or wanted == there or nothing_there:
        return IDLE
    fresh = wanted != known["wanted_digest"]
    if fresh:
        row["contests"] = 0
    if row["contests"] > MAX_CONTESTS:
        return IDLE | {"push_error": "contested", "contests": row["contests"]}
    if not fresh and (
        row["push_attempts"] or (known["push_at"] and there == known["known_digest"])
    ):
        return {}  # it is waiting for its next attempt, or for its first, and nothing about it is new
    since = known["push_since"] or moment.now
    at = max(moment.now, min(moment.now + moment.settle, since + LONGEST_WAIT))
    return IDLE | {"push_at": at, "push_since": since, "contests": row["contests"]}


def questions(known: Values, facts: Facts, moment: Moment, *, doubtful: bool) -> Values:
    """Whether the store must be asked about this record, and when."""
    answered = (
        moment.asked_at is not None
        and (known["reread_since"] or moment.asked_at) <= moment.asked_at
    )
    if known["reread_reason"] in HINTS and not answered:
        return {}
    reason = "tie" if doubtful else _missing(facts)
    if reason is None or (reason == UNREADABLE and answered):
        return ANSWERED
    if reason != known["reread_reason"]:
        return question(known, reason, moment)
    if not answered:
        return {}
    return {"reread_at": moment.now + ASK_AGAIN, "reread_attempts": known["reread_attempts"] + 1}


def _missing(facts: Facts) -> str | None:
    """What the store has not shown yet of this record, and the rules need."""
    match facts:
        case OrderFacts() if facts.undated_refunds:
            return "refund-date"
        case CustomerFacts(is_seen=False):
            return "unseen"
        case OrderFacts() | CustomerFacts() if facts.oddities & {"meta_data", "refunds"}:
            return UNREADABLE
    return None


def question(known: Mapping[str, Any], reason: str, moment: Moment) -> Values:
    """Mark the record as one that the store must be asked about."""
    soon = moment.now + moment.settle
    at = min(known["reread_at"] or soon, soon)
    return {
        "reread_at": at,
        "reread_since": moment.now,
        "reread_reason": reason,
        "reread_attempts": 0,
    }


def reason_for(known: Values, changed: Values, plan: Schedule) -> str:
    """Why the schedule changed, for the history: every entry that is new or different, and each that went."""
    before = {entry["rule"]: entry for entry in read_entries(known["entries"])}
    told: dict[str, list[str]] = {}
    for entry in plan.entries:
        if before.get(entry.rule, {}).get("reason") != entry.reason:
            told.setdefault(entry.reason, []).append(entry.name)
    there = {entry.rule for entry in plan.entries}
    lost = {entry_name(entry) for rule, entry in before.items() if rule not in there}
    gone = sorted(lost - {entry.name for entry in plan.entries})
    parts = [*_phase_words(known, changed, plan)]
    parts += [f"{', '.join(names)}: {reason}" for reason, names in told.items()]
    parts += [f"{', '.join(gone)}: no longer held"] if gone else []
    return ". ".join(parts) or "The policy was applied anew"


def _phase_words(known: Values, changed: Values, plan: Schedule) -> Iterable[str]:
    if changed["state"] == known["state"]:
        return
    match plan.phase:
        case "trashed":
            yield "Trashed in the store; its schedule stands"
        case "erased":
            left = ", ".join(entry.name for entry in plan.entries) or "nothing"
            yield f"Erased by the store on {changed['closed_on']}; the eraser left {left}"
        case "active" if known["state"] in ("trashed", "gone"):
            yield "In use again in the store"
        case "ignored":
            yield "A member of staff, not a customer"


def shown(changed: Values, known: Values) -> bool:
    """Whether anything about the record's schedule is different: a tag, a date, an entry; not only its wording."""
    if any(changed[name] != known[name] for name in TAG_COLUMNS):
        return True
    return changed["entries"] != known["entries"] and _bare(changed["entries"]) != _bare(
        known["entries"]
    )


def _bare(entries: str) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in entry.items() if name != "reason"}
        for entry in read_entries(entries)
    ]


def gone(known: Values, moment: Moment, day: date) -> Values:
    """The columns of a record of which the store itself says that it is no more. What stood, stays to be seen, unless
    only deliveries ever told of the record: then nothing was erased too early."""
    closed = {
        "state": "gone",
        "closed_on": known["closed_on"] or day,
        "doubtful": False,
        "oddities": "",
    }
    closed |= {"request_due": None, "hold_review": None}  # nothing is left of it
    untagged = {} if is_confirmed(known) else UNTAGGED
    return IDLE | ANSWERED | closed | untagged | {"updated_at": moment.now}
