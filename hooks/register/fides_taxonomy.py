"""The keys of Fides' default taxonomy for the ids of the policy: one table for each kind of thing.

Section 2 of the page describes each category of data; its keys follow the words of that description.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from hooks.errors import HooksError

T = TypeVar("T")

DATA_USES: Final[dict[str, str]] = {
    "run-and-secure": "essential.service.security",
    "orders": "essential.service",
    "customer-support": "essential.service.operations.support",
    "accounting": "essential.legal_obligation",
    "improve": "functional.service.improve",
    "marketing": "marketing.communications",
}

DATA_CATEGORIES: Final[dict[str, tuple[str, ...]]] = {
    "identity-contact": (
        "user.name",
        "user.contact.email",
        "user.contact.phone_number",
        "user.contact.address",
    ),
    "account": ("user.account", "user.authorization.credentials", "user.behavior.purchase_history"),
    "order-payment": ("user.behavior.purchase_history", "user.payment"),
    "shipping": ("user.contact.address",),  # no key for a tracking number exists
    "support": ("user.content.private",),
    "marketing": ("user.privacy_preferences",),
    "technical": (
        "user.device",
        "user.device.ip_address",
        "user.device.cookie",
        "user.behavior.browsing_history",
    ),
}

DATA_SUBJECTS: Final[dict[str, tuple[str, ...]]] = {
    "order": ("customer",),
    "customer": ("customer",),
    "support-request": ("customer", "prospect"),
    "marketing-consent": ("customer", "prospect"),
    "cookie-consent": ("visitor",),
}

LEGAL_BASES: Final[dict[str, str]] = {
    "contract": "Contract",
    "legal-obligation": "Legal obligations",
    "legitimate-interests": "Legitimate interests",
    "consent": "Consent",
}

TRANSFER_BASES: Final[dict[str, str]] = {
    "eu-scc": "SCCs",
    "uk-idta": "Other",  # no word for the addendum of the UK exists
}

RESPONSIBILITIES: Final[dict[str, str]] = {"controller": "Controller", "processor": "Processor"}


class NoFidesKeyError(HooksError):
    """The policy names something for which these tables have no Fides key."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(
            f"The {kind} {name!r} of the policy has no counterpart in Fides' taxonomy, so that no manifest can be made."
        )


def fides_key(table: Mapping[str, T], kind: str, name: str) -> T:
    """Return the Fides key or keys that `table` has for the id `name`.

    Raises NoFidesKeyError where it has none; the message then says which `kind` of thing the id names.
    """
    if name not in table:
        raise NoFidesKeyError(kind, name)
    return table[name]
