"""Whom a person can complain to: section 13 of the page, GDPR Art. 77, with the authorities' public addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hooks.retention.policy import Policy

Condition = Literal["always", "if-in-uk", "in-uk"]


@dataclass(frozen=True, slots=True)
class Authority:
    """A supervisory authority, by its public address; `where`: when it is the right one."""

    id: Literal["datatilsynet", "ico"]
    name: str
    address: tuple[str, ...]
    url: str
    where: Condition = "always"


DATATILSYNET = Authority(
    "datatilsynet", "Datatilsynet", ("Postboks 458 Sentrum", "0105 Oslo"), "https://www.datatilsynet.no/"
)
ICO_URL = "https://ico.org.uk/make-a-complaint/"
"""Its office moves in 2026: the page says where to write to."""


def authorities(policy: Policy, *, uk: bool) -> tuple[Authority, ...]:
    """Datatilsynet, and the ICO where UK GDPR can apply by the policy: for certain where the person is known to be in
    the UK (`uk`), and else if they are, which the ledger does not know."""
    if not policy.controller.uk:
        return (DATATILSYNET,)
    where: Condition = "in-uk" if uk else "if-in-uk"
    return DATATILSYNET, Authority("ico", "Information Commissioner's Office (ICO)", (), ICO_URL, where)
