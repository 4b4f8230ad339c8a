"""The keys of Fides' default taxonomy for what the policy knows by its own ids: one table a kind of thing.

A category's keys are those of the words with which section 2 of the page describes it.
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
    "shipping": ("user.contact.address",),  # there is no key for a tracking number
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
    "uk-idta": "Other",  # there is no word for the addendum of the UK
}

RESPONSIBILITIES: Final[dict[str, str]] = {"controller": "Controller", "processor": "Processor"}


class NoFidesKeyError(HooksError):
    """The policy names something that has no counterpart in Fides' taxonomy here; `name` is its id in the policy."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(
            f"The {what} {name!r} of the policy has no counterpart in Fides' taxonomy, so that no manifest can be made."
        )
        self.name = name


def key(table: Mapping[str, T], what: str, name: str) -> T:
    """What `table` has for the id `name`; `what` it is is said in the error. Raises NoFidesKeyError."""
    if name not in table:
        raise NoFidesKeyError(what, name)
    return table[name]
