"""Where on the published page something of the register comes from, or which gap of the page it fills."""

from __future__ import annotations

from hooks.register.values import Named, Source
from hooks.retention.policy import DataSource, LegalBasis, Policy, Published, Term

CONTROLLER_SECTION = 1
"""Where the page says who answers for the data; the policy keeps no section of that."""

NOWHERE = Source(None)


def source(published: Published, policy: Policy) -> Source:
    """The section that a choice comes from, with its title; or the gap that it fills, with what was chosen."""
    if published.section is None:
        gap = policy.gaps.get(published.gap)
        return Source(None, gap=published.gap, choice=gap.choice if gap else "")
    return _section(published.section, policy)


def named(term: Term | LegalBasis | DataSource, policy: Policy) -> Named:
    """Something that the page names, with its section."""
    return Named(term.id, term.label, _section(term.section, policy))


def controller_source(policy: Policy) -> Source:
    """Where the page says who answers for the data."""
    return _section(CONTROLLER_SECTION, policy)


def security_source(policy: Policy) -> Source:
    """Where the page says how data is protected."""
    return _section(policy.security_section, policy) if policy.security_section else NOWHERE


def _section(number: int, policy: Policy) -> Source:
    title = policy.sections.get(number)
    return Source(number, title) if title else NOWHERE
