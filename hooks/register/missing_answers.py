"""What GDPR Art. 30(1) asks for and the policy does not say: told, never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from hooks.retention.policy import Policy


def unanswered(policy: Policy, on: date) -> Iterator[str]:
    """A whole sentence for each, with the article that asks for it."""
    yield from _about_the_controller(policy)
    yield from _about_recipients(policy)
    if not policy.security:
        yield "The policy names no measures of security (GDPR Art. 30(1)(g))."
    idle = policy.purposes.keys() - {rule.purpose for rule in policy.rules}
    for purpose in policy.purposes.values():
        if purpose.id in idle:
            yield f"For the purpose “{purpose.label}” no rule says which data is used, on which basis and for how long."
    if on < policy.effective_from:
        yield f"The policy takes effect on {policy.effective_from} only, after this register was drawn up."


def _about_the_controller(policy: Policy) -> Iterator[str]:
    yield (
        "The policy does not say whether there are joint controllers or a representative of the controller "
        "(GDPR Art. 30(1)(a))."
    )
    if policy.controller.uk:
        yield (
            "The policy does not say whether a representative in the UK is appointed, where UK GDPR applies "
            "(UK GDPR Art. 27)."
        )


def _about_recipients(policy: Policy) -> Iterator[str]:
    outside = [item.name for item in policy.recipients.values() if item.outside]
    if outside:
        yield (
            "The policy does not name the countries outside the EEA and the UK in which data may be processed by "
            f"{', '.join(outside)} (GDPR Art. 30(1)(e))."
        )
    nowhere = [
        item.name for item in policy.recipients.values() if not item.outside and not item.country
    ]
    if nowhere:
        yield f"The policy does not say in which country these recipients are: {'; '.join(nowhere)}."
