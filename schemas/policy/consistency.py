"""Checks that the parts of the policy file refer to each other correctly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from hooks.retention.policy import Policy


def duplicate_ids(loaded: dict[str, Any]) -> Iterator[str]:
    """Find ids that are used more than once in the lists of the file. In a table TOML itself refuses them."""
    yield from _duplicates("rule id", [rule.id for rule in loaded["rules"]])
    yield from _duplicates("action", [action.name for action in loaded["actions"]])
    yield from _duplicates("recipient", [recipient.id for recipient in loaded["recipients"]])
    yield from _duplicates("authority", [authority.id for authority in loaded["authorities"]])


def _duplicates(label: str, ids: list[str]) -> Iterator[str]:
    for name, count in sorted(Counter(ids).items()):
        if count > 1:
            yield f"{label} {name!r} is used more than once"


def unknown_sections(policy: Policy) -> Iterator[str]:
    """Find parts of the policy that name a section that the page does not have."""
    for owner, section in _sections(policy):
        if section is not None and section not in policy.sections:
            yield f"{owner} names section {section}, which the page does not have"


def _sections(policy: Policy) -> Iterator[tuple[str, int | None]]:
    """Yield each part of the policy with the section that it names."""
    yield from _sections_of_choices(policy)
    for gap in policy.gaps.values():
        yield f"gap {gap.id!r}", gap.section
    for source in policy.sources.values():
        yield f"source {source.id!r}", source.section
    for authority in policy.authorities:
        yield f"authority {authority.id!r}", authority.section
    if policy.children:
        yield "children", policy.children.section
    for terms in (policy.categories, policy.purposes, policy.safeguards, policy.recipient_groups):
        for term in terms.values():
            yield f"{term.id!r}", term.section
    for basis in policy.bases.values():
        yield f"{basis.id!r}", basis.section


def _sections_of_choices(policy: Policy) -> Iterator[tuple[str, int | None]]:
    for retention_class in policy.classes.values():
        yield f"class {retention_class.id!r}", retention_class.published.section
    for rule in policy.rules:
        yield f"rule {rule.id!r}", rule.published.section
    for recipient in policy.recipients.values():
        yield f"recipient {recipient.id!r}", recipient.published.section
    yield "deletion", policy.deletion.published.section
