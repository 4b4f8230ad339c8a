"""A consent to marketing, worked out from the choices on it: when the last consent began, and whether it has ended.

Pure. Choices are in order of time. A run of equal choices counts as one choice, with the date of its first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from hooks.retention.facts import META_KINDS, Choice, ConsentFacts, CustomerFacts, Facts, OrderFacts

MAX_CHOICES = 256
"""The number of newsletter choices above which only those are kept at which the choice changed."""


def choices_of(choices: Iterable[Choice]) -> tuple[Choice, ...]:
    """Return all choices in order of time, one for each instant.

    Of a consent and a refusal of the same instant, the refusal counts.
    """
    by_time: dict[datetime, bool] = {}
    for choice in choices:
        is_given_so_far = by_time.get(choice.at, True)
        by_time[choice.at] = is_given_so_far and choice.given
    ordered = tuple(Choice(at, by_time[at]) for at in sorted(by_time))
    if len(ordered) > MAX_CHOICES:
        return _thinned(ordered)
    return ordered


def _thinned(choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
    runs = changes(choices)
    last = choices[-1]
    if runs[-1] != last:
        runs += (last,)
    return runs[-MAX_CHOICES:]


def changes(choices: Iterable[Choice]) -> tuple[Choice, ...]:
    """Return the first choice of each run. A state of a record that repeats a choice makes no new choice."""
    runs: list[Choice] = []
    for choice in choices:
        if not runs or choice.given != runs[-1].given:
            runs.append(choice)
    return tuple(runs)


def consent_and_current(choices: Iterable[Choice]) -> tuple[Choice | None, Choice | None]:
    """Return the choice that began the last consent, and the choice that is in effect now.

    The first is None if consent was never given, the second if there are no choices.
    """
    consent = None
    current = None
    for choice in changes(choices):
        current = choice
        if choice.given:
            consent = choice
    return consent, current


def has_ended(facts: Facts) -> bool:
    """Tell whether a record holds a consent to marketing that was given and has ended.

    A newsletter that was declined from the start was never consented to. A consent that another tool reports as
    withdrawn had been given.
    """
    if isinstance(facts, ConsentFacts):
        if facts.kind != "marketing-consent" or not facts.choices:
            return False
        return not facts.choices[-1].given
    if not isinstance(facts, OrderFacts | CustomerFacts):
        return False
    if facts.kinds.isdisjoint(META_KINDS):
        return False
    consent, current = consent_and_current(facts.choices)
    return consent is not None and current is not None and not current.given
