"""The rights of a person over one entry, and the grounds on which it stays although they ask for its erasure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, NamedTuple

from hooks.retention.effects import ERASABLE
from hooks.retention.events import RecordEvent
from hooks.retention.policy import Policy
from hooks.retention.schedule import Entry

Right = Literal[
    "access", "rectification", "erasure", "restriction", "portability", "objection", "withdrawal"
]
DecisionReason = Literal[
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
Decision = tuple[bool | None, DecisionReason]
"""An answer to "does the right apply?" with its reason. None: a person must decide."""

ANY_BASIS: frozenset[str] = frozenset()
"""The bases of a right that applies on every legal basis."""


class RightRule(NamedTuple):
    """The article of a right, and the legal bases on which it applies."""

    article: str
    bases: frozenset[str]


RIGHTS: dict[Right, RightRule] = {
    "access": RightRule("GDPR Art. 15", ANY_BASIS),
    "rectification": RightRule("GDPR Art. 16", ANY_BASIS),
    "erasure": RightRule("GDPR Art. 17", ERASABLE),
    "restriction": RightRule("GDPR Art. 18", ANY_BASIS),
    "portability": RightRule("GDPR Art. 20", frozenset({"consent", "contract"})),
    "objection": RightRule("GDPR Art. 21", frozenset({"legitimate-interests"})),
    "withdrawal": RightRule("GDPR Art. 7(3)", frozenset({"consent"})),
}
"""The rights of section 12 of the page. The bases are those of the articles."""

KNOWN_BASES = ERASABLE | {"legal-obligation"}

BY_LAW = "GDPR Art. 17(3)(b)"
FOR_CLAIMS = "GDPR Art. 17(3)(e)"

HOLD_ARTICLES = {"audit": BY_LAW, "authority-request": BY_LAW}
"""The articles of holds by their reason. The law demands these two; every other hold is for legal claims."""


@dataclass(frozen=True, slots=True)
class RetentionGround:
    """A ground on which an entry must stay.

    `until` is its last day. It is None while that day is not known; a hold stays until it is lifted. `law` is the
    source that the policy names. Only a hold has `since` and `review_on`.
    """

    kind: Literal["legal-obligation", "proof", "hold"]
    article: str
    law: str = ""
    until: date | None = None
    since: date | None = None
    review_on: date | None = None


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A right over one entry. `applies` is None where a person must decide that."""

    right: Right
    article: str
    applies: bool | None
    reason: DecisionReason


def retention_grounds(
    entry: Entry, holds: Iterable[RecordEvent], policy: Policy, today: date
) -> tuple[RetentionGround, ...]:
    """Return the grounds on which an entry must stay on `today`: GDPR Art. 17(3).

    `entry` is the entry as it would be without holds and restrictions. The law keeps it until its period has passed;
    of a range, the shorter period. Proof stays for its whole period, and a hold stays until it is lifted.

    The reason and the owner of a hold are left out: to tell them could defeat the purpose of the hold.
    """
    return (
        *_by_law(entry, policy, today),
        *_as_proof(entry, policy, today),
        *(_by_hold(hold, policy) for hold in holds),
    )


def _by_law(entry: Entry, policy: Policy, today: date) -> Iterator[RetentionGround]:
    last = _must_stay_until(entry)
    if entry.basis != "legal-obligation" or _has_passed(last, today):
        return
    law = policy.classes[entry.retention_class].source or policy.bases[entry.basis].article
    yield RetentionGround("legal-obligation", BY_LAW, law, last)


def _as_proof(entry: Entry, policy: Policy, today: date) -> Iterator[RetentionGround]:
    """Yield the ground of proof. A request does not erase proof, so of a range the longer period counts."""
    is_proof = policy.classes[entry.retention_class].proof
    if is_proof and not _has_passed(entry.delete_after, today):
        yield RetentionGround("proof", FOR_CLAIMS, until=entry.delete_after)


def _must_stay_until(entry: Entry) -> date | None:
    if entry.review_after:
        return entry.review_after - timedelta(days=1)
    return entry.delete_after


def _has_passed(last: date | None, today: date) -> bool:
    return last is not None and last < today


def _by_hold(hold: RecordEvent, policy: Policy) -> RetentionGround:
    article = HOLD_ARTICLES.get(hold.reason, FOR_CLAIMS)
    return RetentionGround("hold", article, since=policy.day_of(hold.at), review_on=hold.review_on)


def entitlements(
    entry: Entry, grounds: tuple[RetentionGround, ...], today: date, *, is_restricted: bool
) -> tuple[Entitlement, ...]:
    """Return every right, with the decision whether it applies to the entry on `today`, in the order of `RIGHTS`.

    `entry` is the entry as it would be without holds and restrictions.
    """
    decisions: dict[Right, Decision] = {
        right: _decide_by_basis(rule.bases, entry) for right, rule in RIGHTS.items()
    }
    decisions["erasure"] = _decide_erasure(entry, grounds, today)
    if is_restricted:
        decisions["restriction"] = True, "restricted"
    applies, _ = decisions["objection"]
    if applies and any(ground.article == FOR_CLAIMS for ground in grounds):
        decisions["objection"] = False, "for-claims"  # GDPR Art. 21(1), its last words
    return tuple(
        Entitlement(right, rule.article, *decisions[right]) for right, rule in RIGHTS.items()
    )


def _decide_erasure(entry: Entry, grounds: tuple[RetentionGround, ...], today: date) -> Decision:
    if grounds:
        return False, "must-stay"
    if entry.requested_on:
        return True, "requested"
    if entry.basis != "legal-obligation":
        return _decide_by_basis(ERASABLE, entry)
    if _has_passed(entry.delete_after, today):
        return True, "law-ended"
    return None, "review"


def _decide_by_basis(bases: frozenset[str], entry: Entry) -> Decision:
    if bases == ANY_BASIS:
        return True, "any-basis"
    if entry.basis not in KNOWN_BASES:
        return None, "unknown-basis"
    if entry.basis in bases:
        return True, "basis"
    return False, "other-basis"
