"""Which rights a person has over one entry, and what makes it stay although they ask for its erasure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from hooks.retention.classify import Entry
from hooks.retention.effects import ERASABLE
from hooks.retention.events import RecordEvent
from hooks.retention.policy import Policy

Right = Literal[
    "access", "rectification", "erasure", "restriction", "portability", "objection", "withdrawal"
]
Because = Literal[
    "any-basis",
    "basis",
    "other-basis",
    "must-stay",
    "for-claims",
    "requested",
    "review",
    "law-ended",
    "restricted",
    "unknown-basis",
]

ANY: frozenset[str] = frozenset()
"""Of a right that there is on every basis."""

RIGHTS: dict[Right, tuple[str, frozenset[str]]] = {
    "access": ("GDPR Art. 15", ANY),
    "rectification": ("GDPR Art. 16", ANY),
    "erasure": ("GDPR Art. 17", ERASABLE),
    "restriction": ("GDPR Art. 18", ANY),
    "portability": ("GDPR Art. 20", frozenset({"consent", "contract"})),
    "objection": ("GDPR Art. 21", frozenset({"legitimate-interests"})),
    "withdrawal": ("GDPR Art. 7(3)", frozenset({"consent"})),
}
"""Each right with its article and the bases on which there is one: section 12 of the page, and the articles."""

KNOWN_BASES = ERASABLE | {"legal-obligation"}

BY_LAW = "GDPR Art. 17(3)(b)"
FOR_CLAIMS = "GDPR Art. 17(3)(e)"

HOLD_ARTICLES = {"audit": BY_LAW, "authority-request": BY_LAW}
"""Of a hold by its reason: an audit and an authority's request are no legal claims, but what the law demands."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Why an entry must stay. `until` is the last day of it, None while that is not known (a hold, until it is
    lifted); `law` the source that the policy names; `since` and `review_on` are those of a hold."""

    ground: Literal["legal-obligation", "proof", "hold"]
    article: str
    law: str = ""
    until: date | None = None
    since: date | None = None
    review_on: date | None = None


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A right over one entry. `applies` is None where that must be decided by a person."""

    right: Right
    article: str
    applies: bool | None
    because: Because


def stays(
    otherwise: Entry, holds: Iterable[RecordEvent], policy: Policy, today: date
) -> tuple[Stay, ...]:
    """What makes an entry stay on `today`: the law, until its period has passed (the shorter one of a range), that
    it is proof (for the whole of its period), and holds: GDPR Art. 17(3).

    `otherwise` is the entry as it would be without holds and restrictions. Why a hold was placed and by whom is not
    told: that could defeat what it was placed for.
    """
    return (
        *_by_law(otherwise, policy, today),
        *_as_proof(otherwise, policy, today),
        *(_by_hold(hold, policy) for hold in holds),
    )


def _by_law(entry: Entry, policy: Policy, today: date) -> Iterator[Stay]:
    last = _must_stay_until(entry)
    if entry.basis != "legal-obligation" or _passed(last, today):
        return
    law = policy.classes[entry.retention_class].source or policy.bases[entry.basis].article
    yield Stay("legal-obligation", BY_LAW, law, last)


def _as_proof(entry: Entry, policy: Policy, today: date) -> Iterator[Stay]:
    """Proof stays for its whole period, also where a part of a range has passed: it is not erased on request."""
    if policy.classes[entry.retention_class].proof and not _passed(entry.delete_after, today):
        yield Stay("proof", FOR_CLAIMS, until=entry.delete_after)


def _must_stay_until(entry: Entry) -> date | None:
    return entry.review_after - timedelta(days=1) if entry.review_after else entry.delete_after


def _passed(last: date | None, today: date) -> bool:
    return last is not None and last < today


def _by_hold(hold: RecordEvent, policy: Policy) -> Stay:
    since = policy.day_of(hold.at)
    return Stay(
        "hold", HOLD_ARTICLES.get(hold.reason, FOR_CLAIMS), since=since, review_on=hold.review_on
    )


def entitlements(
    otherwise: Entry, staying: tuple[Stay, ...], today: date, *, restricted: bool
) -> tuple[Entitlement, ...]:
    """Every right with whether there is one over the entry on `today`, in the order of `RIGHTS`."""
    found: dict[Right, tuple[bool | None, Because]] = {
        right: _decided(right, bases, otherwise, restricted) for right, (_, bases) in RIGHTS.items()
    }
    found["erasure"] = _erasure(otherwise, staying, today)
    if found["objection"][0] and any(stay.article == FOR_CLAIMS for stay in staying):
        found["objection"] = False, "for-claims"  # GDPR Art. 21(1), its last words
    return tuple(
        Entitlement(right, article, *found[right]) for right, (article, _) in RIGHTS.items()
    )


def _decided(
    right: Right, bases: frozenset[str], entry: Entry, restricted: bool
) -> tuple[bool | None, Because]:
    if right == "restriction" and restricted:
        return True, "restricted"
    if bases == ANY:
        return True, "any-basis"
    return _by_basis(bases, entry)


def _erasure(entry: Entry, staying: tuple[Stay, ...], today: date) -> tuple[bool | None, Because]:
    if staying:
        return False, "must-stay"
    if entry.requested_on:
        return True, "requested"
    if entry.basis == "legal-obligation":
        return (True, "law-ended") if _passed(entry.delete_after, today) else (None, "review")
    return _by_basis(ERASABLE, entry)


def _by_basis(bases: frozenset[str], entry: Entry) -> tuple[bool | None, Because]:
    if entry.basis not in KNOWN_BASES:
        return None, "unknown-basis"
    return (True, "basis") if entry.basis in bases else (False, "other-basis")
