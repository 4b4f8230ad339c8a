"""Citations: the section of the published page that a part of the register comes from, or the gap that it fills."""

from __future__ import annotations

from hooks.register.values import Citation, CitedTerm
from hooks.retention.policy import DataSource, LegalBasis, Policy, Published, Term

CONTROLLER_SECTION = 1
"""The section that names the controller. The policy file does not give its number."""

NO_CITATION = Citation(None)


def cite(published: Published, policy: Policy) -> Citation:
    """Return the section that a choice comes from, with its title; or the gap that it fills, with the choice made."""
    if published.section is not None:
        return _cite_section(published.section, policy)
    gap = policy.gaps.get(published.gap)
    return Citation(None, gap=published.gap, choice=gap.choice if gap else "")


def cite_term(term: Term | LegalBasis | DataSource, policy: Policy) -> CitedTerm:
    """Return a term of the policy with the section that names it."""
    return CitedTerm(term.id, term.label, _cite_section(term.section, policy))


def cite_controller(policy: Policy) -> Citation:
    """Return the section that names the controller."""
    return _cite_section(CONTROLLER_SECTION, policy)


def cite_security(policy: Policy) -> Citation:
    """Return the section on how data are protected."""
    if not policy.security_section:
        return NO_CITATION
    return _cite_section(policy.security_section, policy)


def _cite_section(number: int, policy: Policy) -> Citation:
    title = policy.sections.get(number)
    return Citation(number, title) if title else NO_CITATION
