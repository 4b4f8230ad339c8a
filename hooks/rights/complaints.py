"""The authorities that a person can complain to: section 13 of the page, GDPR Art. 77, with their public addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hooks.retention.policy import Policy, SupervisoryAuthority

Condition = Literal["always", "if-in-uk", "in-uk"]


@dataclass(frozen=True, slots=True)
class Authority:
    """A supervisory authority with its public address.

    `where` says for whom it is the right one. `section` is the section of the page that names it, None if none does.
    """

    id: str
    name: str
    address: tuple[str, ...]
    url: str
    where: Condition = "always"
    country: str | None = None
    section: int | None = None

    @property
    def is_british(self) -> bool:
        """Tell whether it supervises UK GDPR."""
        return self.where != "always"


DEFAULT_AUTHORITIES = (
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
"""The authorities for a policy file that names none. No section of the page is cited for them."""


def authorities(policy: Policy, *, uk: bool) -> tuple[Authority, ...]:
    """Return the authorities that the policy names.

    Those of the UK are among them only if UK GDPR can apply by the policy. `uk` says that the person is known to be in
    the UK. Otherwise the authority is named on a condition, because the ledger does not know where the person is.
    """
    named = policy.authorities or DEFAULT_AUTHORITIES
    includes_uk = policy.controller.uk
    return tuple(_authority(item, uk) for item in named if includes_uk or not item.uk)


def _authority(authority: SupervisoryAuthority, uk: bool) -> Authority:
    return Authority(
        id=authority.id,
        name=authority.name,
        address=authority.address,
        url=authority.url,
        where=_condition(authority, uk),
        country=authority.country,
        section=authority.section or None,
    )


def _condition(authority: SupervisoryAuthority, uk: bool) -> Condition:
    if not authority.uk:
        return "always"
    return "in-uk" if uk else "if-in-uk"
