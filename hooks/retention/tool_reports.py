"""Reports of other tools about a support request or a consent, joined into its facts.

The order in which the reports arrive does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from hooks.retention.consent import choices_of
from hooks.retention.events import EventType, RecordEvent
from hooks.retention.facts import (
    Choice,
    ConsentFacts,
    Occurrence,
    RecordKind,
    ReportedFacts,
    Subject,
    SupportRequestFacts,
)


@dataclass(frozen=True, slots=True)
class ToolReport:
    """A report of a help desk, a consent tool or a newsletter tool about one of its records.

    `occurrence` happened at `at`. `name` is the tool's own id of the request or the consent. `subject` is the customer,
    order or address that it is about.
    """

    kind: RecordKind
    occurrence: Occurrence
    at: datetime
    name: str = ""
    subject: Subject | None = None


_FIRST_HASHED = 2**52
"""The first number that is made of a hash. All are below 2^53, so every JSON reader keeps them exact."""


def number_of(name: str) -> int:
    """Return the number by which the ledger knows a request or a consent.

    It is the tool's own id if that is a whole number from 1 to 10^12 - 1, and otherwise made of its hash.
    """
    is_number = name.isascii() and name.isdigit()
    if is_number and len(name) <= 12 and int(name):
        return int(name)
    digest = sha256(name.encode()).digest()
    return _FIRST_HASHED + int.from_bytes(digest[:8]) % _FIRST_HASHED


def add_report(stored: ReportedFacts | None, report: ToolReport) -> ReportedFacts:
    """Return the facts after a report.

    The first time at which a request was made counts, and the last closing. The first deletion counts too, but for a
    newsletter contact it is the last, since a contact that was deleted may subscribe again. A deleted contact also
    counts as a consent that was withdrawn.
    """
    facts = stored or _empty_facts(report)
    subjects = facts.subjects
    if report.subject:
        subjects |= {report.subject}
    facts = replace(facts, name=facts.name or report.name, subjects=subjects)
    match facts, report.occurrence:
        case ConsentFacts(kind="marketing-consent"), "deleted":
            facts = _with_choice(facts, Choice(report.at, given=False))
            return replace(facts, erased_at=_last(facts.erased_at, report.at))
        case _, "deleted":
            return replace(facts, erased_at=_first(facts.erased_at, report.at))
        case SupportRequestFacts(), "made":
            return replace(facts, made_at=_first(facts.made_at, report.at))
        case SupportRequestFacts(), "closed":
            return replace(facts, closed_at=_last(facts.closed_at, report.at))
        case ConsentFacts(), "consent-given" | "consent-withdrawn":
            is_given = report.occurrence == "consent-given"
            return _with_choice(facts, Choice(report.at, given=is_given))
        case _:
            raise ValueError(f"{report.occurrence!r} does not happen to {report.kind!r}")


def _empty_facts(report: ToolReport) -> ReportedFacts:
    if report.kind == "support-request":
        return SupportRequestFacts()
    return ConsentFacts(report.kind)


def _with_choice(facts: ConsentFacts, choice: Choice) -> ConsentFacts:
    return replace(facts, choices=choices_of((*facts.choices, choice)))


def _first(stored: datetime | None, at: datetime) -> datetime:
    if stored is None:
        return at
    return min(stored, at)


def _last(stored: datetime | None, at: datetime) -> datetime:
    if stored is None:
        return at
    return max(stored, at)


def without_future_instants(facts: ReportedFacts, now: datetime) -> ReportedFacts:
    """Return the facts with `now` in place of each later instant.

    A report is about the past. If its time lies in the future, the clock of the tool was ahead.
    """
    erased_at = _no_later(facts.erased_at, now)
    if isinstance(facts, ConsentFacts):
        choices = [replace(choice, at=min(choice.at, now)) for choice in facts.choices]
        return replace(facts, choices=choices_of(choices), erased_at=erased_at)
    made_at = _no_later(facts.made_at, now)
    closed_at = _no_later(facts.closed_at, now)
    return replace(facts, made_at=made_at, closed_at=closed_at, erased_at=erased_at)


def _no_later(instant: datetime | None, now: datetime) -> datetime | None:
    if instant is None:
        return None
    return min(instant, now)


def choices_as_events(facts: ConsentFacts) -> tuple[RecordEvent, ...]:
    """Return the choices of a newsletter contact as record events of the person who has its address."""
    return tuple(map(_choice_event, facts.choices))


def _choice_event(choice: Choice) -> RecordEvent:
    type_: EventType = "consent-withdrawn"
    if choice.given:
        type_ = "consent-given"
    time = choice.at.isoformat()
    return RecordEvent(f"contact:{type_}:{time}", type_, choice.at)
