"""A consent to marketing by the choices that tell of it: when the last one began, and whether it has ended.

Pure. Choices are in order of time. Runs of the same choice count as one, dated by the first of them.
"""

from __future__ import annotations

from hooks.retention.facts import META_KINDS, Choice, ConsentFacts, CustomerFacts, Facts, OrderFacts


def changes(choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """The first choice of each run. A state of a record that repeats a choice makes no new one."""
    before = (None, *(choice.given for choice in choices))
    return tuple(
        choice for choice, last in zip(choices, before, strict=False) if choice.given != last
    )


def last_run(choices: tuple[Choice, ...]) -> tuple[Choice | None, Choice | None]:
    """The choice that began the last consent, and the choice that began what stands now."""
    runs = changes(choices)
    given = next((choice for choice in reversed(runs) if choice.given), None)
    return given, runs[-1] if runs else None


def has_ended(facts: Facts) -> bool:
    """Tell whether a record holds a consent to marketing that was given and has ended.

    A newsletter that was declined from the start was never given. What another tool reports as withdrawn, was.
    """
    if isinstance(facts, ConsentFacts):
        return (
            facts.kind == "marketing-consent"
            and bool(facts.choices)
            and not facts.choices[-1].given
        )
    if not isinstance(facts, OrderFacts | CustomerFacts) or not facts.kinds & META_KINDS:
        return False
    given, latest = last_run(facts.choices)
    return given is not None and latest is not None and not latest.given
