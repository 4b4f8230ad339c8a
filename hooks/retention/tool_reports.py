"""What other tools report of a request or a consent, taken together so that the order of arrival is all one."""

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
    """Something that a help desk, a consent tool or a newsletter tool says has happened at `at`.

    `name` is the tool's own id of the request or consent.
    """

    kind: RecordKind
    occurrence: Occurrence
    at: datetime
    name: str = ""
    subject: Subject | None = None


_NUMBERED = 2**52


def number_of(name: str) -> int:
    """The number that the ledger knows a request or a consent by: its name, where that is a whole number below 10^12,
    or else one made of its hash, from 2^52 on. Below 2^53, so that every reader of JSON has it whole."""
    if name.isascii() and name.isdigit() and len(name) <= 12 and int(name):
        return int(name)
    return _NUMBERED + int.from_bytes(sha256(name.encode()).digest()[:8]) % _NUMBERED


def add_report(known: ReportedFacts | None, report: ToolReport) -> ReportedFacts:
    """The facts after a report. Of several closings the last counts, of several deletions the first; but a newsletter's
    contact that was deleted may subscribe again."""
    facts = known or _nothing(report)
    facts = replace(
        facts,
        name=facts.name or report.name,
        subjects=facts.subjects | ({report.subject} if report.subject else frozenset()),
    )
    match facts, report.occurrence:
        case ConsentFacts(kind="marketing-consent"), "deleted":
            choices = choices_of((*facts.choices, Choice(report.at, given=False)))
            return replace(
                facts, choices=choices, erased_at=max(filter(None, (facts.erased_at, report.at)))
            )
        case _, "deleted":
            return replace(facts, erased_at=min(filter(None, (facts.erased_at, report.at))))
        case SupportRequestFacts(), "made":
            return replace(facts, made_at=min(filter(None, (facts.made_at, report.at))))
        case SupportRequestFacts(), "closed":
            return replace(facts, closed_at=max(filter(None, (facts.closed_at, report.at))))
        case ConsentFacts(), "consent-given" | "consent-withdrawn":
            choice = Choice(report.at, given=report.occurrence == "consent-given")
            return replace(facts, choices=choices_of((*facts.choices, choice)))
        case _:
            raise ValueError(f"{report.occurrence!r} does not happen to {report.kind!r}")


def without_future_instants(facts: ReportedFacts, now: datetime) -> ReportedFacts:
    """The facts without instants after now: what was reported has happened, whatever a clock that was ahead said."""
    erased_at = min(facts.erased_at, now) if facts.erased_at else None
    if isinstance(facts, ConsentFacts):
        choices = choices_of(replace(choice, at=min(choice.at, now)) for choice in facts.choices)
        return replace(facts, choices=choices, erased_at=erased_at)
    made_at, closed_at = (min(at, now) if at else None for at in (facts.made_at, facts.closed_at))
    return replace(facts, made_at=made_at, closed_at=closed_at, erased_at=erased_at)


def choices_as_events(facts: ConsentFacts) -> tuple[RecordEvent, ...]:
    """The choices of a newsletter contact, as what was asked for by the person who has its address."""
    return tuple(_choice(choice) for choice in facts.choices)


def _choice(choice: Choice) -> RecordEvent:
    type_: EventType = "consent-given" if choice.given else "consent-withdrawn"
    return RecordEvent(f"contact:{type_}:{choice.at.isoformat()}", type_, choice.at)


def _nothing(report: ToolReport) -> ReportedFacts:
    return SupportRequestFacts() if report.kind == "support-request" else ConsentFacts(report.kind)
