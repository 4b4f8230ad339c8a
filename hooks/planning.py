"""What must change in the ledger when something is learnt of a record: current and desired, and the difference.

Pure: a record's columns as they are, go in; those that should be different come out. No IO; the time of day is
an argument.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from hooks.ledger.codec import entries_text, facts_text
from hooks.ledger.records import AGAIN, Values
from hooks.retention.classify import Schedule, schedule
from hooks.retention.effects import chosen
from hooks.retention.events import RecordEvent, Standing, standing
from hooks.retention.facts import (
    STORED_KINDS,
    ConsentFacts,
    CustomerFacts,
    Facts,
    OrderFacts,
    Snapshot,
    SupportRequestFacts,
)
from hooks.retention.policy import Policy
from hooks.retention.recipients import recipients_of
from hooks.retention.store_meta import NOTHING, digest, store_meta

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

HINTS = frozenset(
    {"deleted", "quarantined", "revived", "missed", "changed", "missing", "young", "approaching", "read-otherwise"}
)
"""Reasons to ask the store that only its answer settles; others end when a newer state is seen."""

REVISION = 1
"""To be raised when this service makes other tags of the same facts and policy: all are then made anew."""

TAG_COLUMNS = (
    "state",
    "held",
    "legal_basis",
    "retention_class",
    "runs_from",
    "review_after",
    "delete_after",
)

IDLE: Values = {"push_at": None, "push_since": None, "push_attempts": 0, "push_error": None}
ANSWERED: Values = {"reread_at": None, "reread_since": None, "reread_reason": None, "reread_attempts": 0}


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was learnt, and how long a record must then be quiet before it is acted upon.

    `asked_at` is when the store was asked, where this is its answer; None for a delivery.
    """

    now: datetime
    settle: timedelta
    asked_at: datetime | None = None


def tagged_by(policy: Policy) -> str:
    """What tags bear that this policy made, read by this version of the service."""
    return f"{policy.digest[:12]}.{policy.vocabulary}.{REVISION:02}"


def read_otherwise(made_by: str, policy: Policy) -> bool:
    """Whether the record was read before this version of the service, or with other words in mind than the policy's:
    the store must be asked again, since what it said was not kept."""
    return made_by.removeprefix(AGAIN).split(".")[1:] != tagged_by(policy).split(".")[1:]


@dataclass(frozen=True, slots=True)
class Bearing:
    """What bears on a record besides its own facts: what was asked for and decided about it (`own`) and about the
    `person` whose record it is; and the entries of requests and consents of which it is the `subject`."""

    own: tuple[RecordEvent, ...] = ()
    person: tuple[RecordEvent, ...] = ()
    customer_id: int | None = None
    linked: tuple[Mapping[str, Any], ...] = ()


def tags(facts: Facts, policy: Policy, bearing: Bearing = Bearing()) -> tuple[Schedule, Values]:
    """The schedule that the policy gives, and the columns that say so."""
    stands = standing(bearing.own, bearing.person, since=_since(facts))
    plan = schedule(facts, policy, stands)
    then = _when_closed(facts, stands)
    governing = plan.governing if then == stands else schedule(facts, policy, then).governing
    linked = bearing.linked if plan.phase == "active" else ()  # nothing of ours stands on the account of staff
    wanted = store_meta(plan, policy.id, linked)
    return plan, {
        "state": plan.phase,
        "held": bool(then.holds),
        "facts": facts_text(facts),
        "unknown_status": isinstance(facts, OrderFacts) and facts.status == "unknown",
        "legal_basis": governing and governing.basis,
        "retention_class": governing and governing.retention_class,
        "runs_from": governing and governing.runs_from,
        "review_after": governing and governing.review_after,
        "delete_after": governing and governing.delete_after,
        "part_delete_after": _part(plan),
        "entries": entries_text(plan.entries),
        "policy_id": policy.id if plan.entries or governing else None,
        "tagged_by": tagged_by(policy),
        "customer_id": bearing.customer_id,
        "recipients": ",".join(_recipients(facts, plan, policy, stands)),
        "closed_on": _closed_on(facts, policy) if plan.phase == "erased" else None,
        "wanted": json.dumps(wanted, ensure_ascii=False),
        "wanted_digest": digest(wanted),
    }


def _when_closed(facts: Facts, stands: Standing) -> Standing:
    """What stood when the record was erased: a hold that is placed later keeps what is left, and blames nobody."""
    closed = None if isinstance(facts, CustomerFacts) else facts.erased_at
    if closed is None:
        return stands
    restriction = stands.restriction if stands.restriction and stands.restriction.at <= closed else None
    return replace(stands, holds=tuple(hold for hold in stands.holds if hold.at <= closed), restriction=restriction)


def _recipients(facts: Facts, plan: Schedule, policy: Policy, stands: Standing) -> tuple[str, ...]:
    """Who has got data of it; also of what was erased since, which they are to be told (GDPR Art. 19)."""
    entries = plan.entries
    if plan.phase == "erased" and not isinstance(facts, CustomerFacts):
        entries = schedule(replace(facts, erased_at=None), policy, stands).entries
    return recipients_of(chosen(facts, stands), entries, policy)


def _since(facts: Facts) -> datetime | None:
    """Since when there is something that a person could have asked to have erased."""
    match facts:
        case OrderFacts():
            return facts.created_at
        case SupportRequestFacts():
            return facts.made_at or facts.closed_at
        case ConsentFacts():
            return facts.choices[0].at if facts.choices else None
    return None


def _part(plan: Schedule) -> date | None:
    """The first day by which a part of the record has to go, where that is before the whole of it goes."""
    if plan.phase not in ("active", "trashed", "erased"):
        return None
    days = [entry.delete_after for entry in plan.entries if entry.delete_after and not entry.governs]
    whole = plan.governing.delete_after if plan.governing and plan.phase != "erased" else None
    first = min(days, default=None)
    return first if first and (whole is None or first < whole) else None


def _closed_on(facts: Facts, policy: Policy) -> date | None:
    if isinstance(facts, CustomerFacts) or facts.erased_at is None:
        return None
    return facts.erased_at.astimezone(policy.time_zone).date()


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


def is_young(snapshot: Snapshot, moment: Moment) -> bool:
    """Whether the state was shown so soon that another one of the same second may follow, under the same version."""
    return (moment.asked_at or moment.now) - snapshot.version < SECOND_OVER


def contests(known: Values, now: datetime) -> Values:
    """The count after one more edit of our fields by somebody else."""
    recent = known["contested_at"] and now - known["contested_at"] < CONTEST_WINDOW
    return {"contests": known["contests"] + 1 if recent else 1, "contested_at": now}


def pushing(known: Values, changed: Values, moment: Moment) -> Values:
    """When the record is to be written back, if the store holds something else than it should."""
    row = known | changed
    wanted, there = row["wanted_digest"], row["known_digest"]
    nothing_there = there is None and wanted == digest(NOTHING)
    stored = row["kind"] in STORED_KINDS and row["state"] not in ("unknown", "gone")
    if not stored or wanted == there or nothing_there:
        return IDLE
    fresh = wanted != known["wanted_digest"]
    if fresh:
        row["contests"] = 0
    if row["contests"] > MAX_CONTESTS:
        return IDLE | {"push_error": "contested", "contests": row["contests"]}
    if not fresh and (row["push_attempts"] or (known["push_at"] and there == known["known_digest"])):
        return {}  # it is waiting for its next attempt, or for its first, and nothing about it is new
    since = known["push_since"] or moment.now
    at = max(moment.now, min(moment.now + moment.settle, since + LONGEST_WAIT))
    return IDLE | {"push_at": at, "push_since": since, "contests": row["contests"]}


def questions(known: Values, facts: Facts, moment: Moment, *, doubtful: bool) -> Values:
    """Whether the store must be asked about this record, and when."""
    answered = moment.asked_at is not None and (known["reread_since"] or moment.asked_at) <= moment.asked_at
    if known["reread_reason"] in HINTS and not answered:
        return {}
    reason = "tie" if doubtful else _missing(facts)
    if reason is None:
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
        case CustomerFacts(created_at=None):
            return "unseen"
    return None


def question(known: Mapping[str, Any], reason: str, moment: Moment) -> Values:
    """Mark the record as one that the store must be asked about."""
    soon = moment.now + moment.settle
    at = min(known["reread_at"] or soon, soon)
    return {"reread_at": at, "reread_since": moment.now, "reread_reason": reason, "reread_attempts": 0}


def reason_for(known: Values, changed: Values, plan: Schedule) -> str:
    """Why the schedule changed, for the history: every entry that is new or different, and each that went."""
    before = {entry["rule"]: entry for entry in json.loads(known["entries"])}
    told: dict[str, list[str]] = {}
    for entry in plan.entries:
        if before.get(entry.rule, {}).get("reason") != entry.reason:
            told.setdefault(entry.reason, []).append(entry.data)
    gone = sorted({entry["data"] for entry in before.values()} - {entry.data for entry in plan.entries})
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
            left = ", ".join(entry.data for entry in plan.entries) or "nothing"
            yield f"Erased by the store on {changed['closed_on']}; the eraser left {left}"
        case "active" if known["state"] in ("trashed", "gone"):
            yield "In use again in the store"
        case "ignored":
            yield "A member of staff, not a customer"


def shown(changed: Values, known: Values) -> bool:
    """Whether anything about the record's schedule is different: a tag, a date, an entry; not only its wording."""
    if any(changed[name] != known[name] for name in TAG_COLUMNS):
        return True
    return changed["entries"] != known["entries"] and _bare(changed["entries"]) != _bare(known["entries"])


def _bare(entries: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in entry.items() if name != "reason"} for entry in json.loads(entries)]


def gone(known: Values, moment: Moment, day: date) -> Values:
    """The columns of a record of which the store itself says that it is no more. What stood, stays to be seen."""
    closed = {"state": "gone", "closed_on": known["closed_on"] or day, "doubtful": False}
    return IDLE | ANSWERED | closed | {"updated_at": moment.now}
