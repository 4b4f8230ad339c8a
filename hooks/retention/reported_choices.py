"""The choices on marketing of a record, with those that were reported for it or for its person."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hooks.retention.consent import changes, choices_of
from hooks.retention.events import RecordEvent, Standing
from hooks.retention.facts import (
    META_KINDS,
    Choice,
    ConsentFacts,
    CustomerFacts,
    Facts,
    OrderFacts,
    SupportRequestFacts,
)


def with_reported_choices(facts: Facts, standing: Standing) -> Facts:
    """Return the facts with the choices on marketing that were reported besides those that the record shows.

    An objection counts as a withdrawal. The choices and the objections of a person apply to each record of the person
    that holds marketing data; they do not add marketing data to a record that holds none. A consent that was reported
    as withdrawn had been given.
    """
    if isinstance(facts, SupportRequestFacts):
        return facts
    if isinstance(facts, ConsentFacts):
        return _consent_with_reported(facts, standing)
    holds_marketing = bool(facts.kinds & META_KINDS)
    if not standing.choices and not holds_marketing:
        return facts
    reported = standing.choices + standing.persons_choices
    ends = _refusals(standing.objections)
    if not reported and not ends:
        return facts
    refusals = tuple(choice for choice in reported if not choice.given) + ends
    own = _own_choices(facts, refusals)
    began = facts.known_since
    had_consent = holds_marketing or _begins_with_refusal(reported)
    if began and had_consent and ("attribution" in facts.kinds or not own):
        consent = Choice(_just_before(began, refusals), given=True)
        own = (consent, *own)
    elif own and isinstance(facts, OrderFacts) and not own[0].given:
        reported = standing.choices + _made_after(own[0].at, standing.persons_choices)
    choices = choices_of(own + reported + ends)
    kinds = facts.kinds
    if reported:
        kinds |= {"newsletter"}
    return replace(facts, choices=choices, kinds=kinds)


def _begins_with_refusal(choices: tuple[Choice, ...]) -> bool:
    first = choices[0]
    for choice in choices:
        if choice.at < first.at:
            first = choice
    return not first.given


def _consent_with_reported(facts: ConsentFacts, standing: Standing) -> ConsentFacts:
    if facts.kind != "marketing-consent" or not facts.choices:
        return facts
    ends = _refusals(standing.objections)
    reported = standing.choices + standing.persons_choices + ends
    if not reported:
        return facts
    return replace(facts, choices=choices_of(facts.choices + reported))


def _refusals(objections: tuple[RecordEvent, ...]) -> tuple[Choice, ...]:
    return tuple(Choice(event.at, given=False) for event in objections)


def _made_after(declined: datetime, choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """Return a person's choices without those from before the checkout at which the newsletter was `declined`.

    The order never held data under those earlier consents.
    """
    return tuple(choice for choice in choices if choice.at > declined)


def _just_before(instant: datetime, refusals: tuple[Choice, ...]) -> datetime:
    """Return the time of a consent that came with a record: `instant`.

    If a refusal has the same time, the consent is a microsecond earlier, since the refusal ends it.
    """
    if any(choice.at == instant for choice in refusals):
        return instant - timedelta(microseconds=1)
    return instant


def _own_choices(
    facts: OrderFacts | CustomerFacts, refusals: tuple[Choice, ...]
) -> tuple[Choice, ...]:
    """Return the choices that the store shows, without those that repeat the choice before.

    Each save of a record shows its choice again. A repeated consent must not count as a new one, since it may have been
    withdrawn elsewhere (`refusals`).

    The first choice of an order was made at the checkout. If it declines the newsletter, the consent to order
    attribution is still there; it is a consent of its own. On an account, a consent that was first seen after a refusal
    counts in the person's favour: as given when the account was made, if the refusal came after that.
    """
    own = changes(facts.choices)
    if not own:
        return own
    first, *later = own
    began = facts.known_since or first.at
    if isinstance(facts, OrderFacts):
        if "attribution" in facts.kinds and not first.given:
            return tuple(later)
        first = replace(first, at=min(first.at, began))
        return (first, *later)
    if first.given and any(began <= choice.at < first.at for choice in refusals):
        given_at = _just_before(min(first.at, began), refusals)
        first = replace(first, at=given_at)
        return (first, *later)
    return own
