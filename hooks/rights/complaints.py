"""Whom a person can complain to: section 13 of the page, GDPR Art. 77, with the authorities' public addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hooks.retention.policy import Policy, SupervisoryAuthority

Condition = Literal["always", "if-in-uk", "in-uk"]


@dataclass(frozen=True, slots=True)
class Authority:
    """A supervisory authority, by its public address; `where`: when it is the right one. `section` of the page names
    it, or the page does not (None)."""

    id: str
    name: str
    address: tuple[str, ...]
    url: str
    where: Condition = "always"
    country: str | None = None
    section: int | None = None

    @property
    def is_british(self) -> bool:
        """Whether it watches over UK GDPR."""
        return self.where != "always"


UNSAID = (
    SupervisoryAuthority(
        "datatilsynet",
        "Norwegian Data Protection Authority (Datatilsynet)",
        "https://www.datatilsynet.no/",
        0,
        ("Postboks 458 Sentrum", "0105 Oslo"),
        "NO",
    ),
    SupervisoryAuthority(
        "ico",
        "UK Information Commissioner’s Office (ICO)",
        "https://ico.org.uk/make-a-complaint/",
        0,
        country="GB",
        uk=True,
    ),
)
"""Those of a policy file that names none; no section of the page is cited for them."""


def authorities(policy: Policy, *, uk: bool) -> tuple[Authority, ...]:
    """The authorities that the policy names. Those of the UK are named only where UK GDPR can apply by the policy: for
    certain where the person is known to be in the UK (`uk`), and else if they are, which the ledger does not know."""
    named = policy.authorities or UNSAID
    return tuple(_authority(one, uk) for one in named if policy.controller.uk or not one.uk)


def _authority(one: SupervisoryAuthority, uk: bool) -> Authority:
    where: Condition = "always"
    if one.uk:
        where = "in-uk" if uk else "if-in-uk"
    return Authority(
        one.id, one.name, one.address, one.url, where, one.country, one.section or None
    )
