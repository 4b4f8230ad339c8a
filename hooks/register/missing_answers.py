"""Questions of GDPR Art. 30(1) that the policy leaves open. The register states them and never guesses an answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from hooks.retention.policy import Policy


def unanswered(policy: Policy, on: date) -> Iterator[str]:
    """Yield a whole sentence for each open question on the day `on`, with the article that asks it."""
    yield from _about_the_controller(policy)
    yield from _about_recipients(policy)
    if not policy.security:
        yield "The policy names no measures of security (GDPR Art. 30(1)(g))."
    purposes_in_use = {rule.purpose for rule in policy.rules}
    for purpose in policy.purposes.values():
        if purpose.id not in purposes_in_use:
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
    recipients = policy.recipients.values()
    outside = [item.name for item in recipients if item.outside]
    if outside:
        yield (
            "The policy does not name the countries outside the EEA and the UK in which data may be processed by "
            f"{', '.join(outside)} (GDPR Art. 30(1)(e))."
        )
    without_country = [item.name for item in recipients if not (item.outside or item.country)]
    if without_country:
        yield f"The policy does not say in which country these recipients are: {'; '.join(without_country)}."
