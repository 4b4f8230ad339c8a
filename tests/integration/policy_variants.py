"""A few policies that say something else than the one that the project ships, by edits of its text."""

from __future__ import annotations

from functools import cache

from hooks.retention.policy import Policy
from schemas.policy import read_policy
from tests.conftest import POLICY_FILE

Edits = tuple[tuple[str, str], ...]

PERIODS: Edits = (
    ('id = "smartgroup-2026-11-22"', 'id = "other-periods"'),
    ('clock = "last-activity"\nkeep = "P24M"', 'clock = "last-activity"\nkeep = "P36M"'),
    ('review = "P12M"\nkeep = "P36M"', 'review = "P6M"\nkeep = "P18M"'),
)
RECIPIENTS: Edits = (
    ('id = "smartgroup-2026-11-22"', 'id = "other-recipients"'),
    ('payment = ["*klarna*", "kco"]', 'payment = ["kco"]'),
    ('shipping = ["local_pickup", "pickup_location"]', 'shipping = ["flat_rate"]'),
)
OTHER_ID: Edits = (('id = "smartgroup-2026-11-22"', 'id = "a-rule-less"'),)


@cache
def policies() -> tuple[Policy, ...]:
    """The one that the project ships; one with other periods, one with other recipients, and one with a rule less."""
    text = POLICY_FILE.read_text()
    variants = (
        text,
        _edited(text, PERIODS),
        _edited(text, RECIPIENTS),
        _edited(_without(text), OTHER_ID),
    )
    return tuple(read_policy(variant, "a variant") for variant in variants)


def _without(text: str, rule: str = "order-note") -> str:
    """The policy without one of its rules."""
    before, name, after = text.partition(f'[[rules]]\nid = "{rule}"')
    assert name, rule
    return before + "[[rules]]" + after.partition("[[rules]]")[2]


def _edited(text: str, edits: Edits) -> str:
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text
