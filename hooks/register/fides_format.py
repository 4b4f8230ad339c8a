"""The register as a Fideslang manifest, for Fides and tools that read its manifests.

The shop is one system, each recipient another one that it sends data to. A privacy declaration is one purpose with one
legal basis and one retention class: the model has place for one of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hooks.register.fides_taxonomy import (
    DATA_CATEGORIES,
    DATA_SUBJECTS,
    DATA_USES,
    LEGAL_BASES,
    RESPONSIBILITIES,
    TRANSFER_BASES,
    key,
)
from hooks.register.values import Activity, Basis, Disclosure, Holding, Named, Register, TimeLimit

Manifest = dict[str, object]

ORGANISATION = "default_organization"
"""The one that a Fides server begins with, and to which all else belongs unless it says otherwise."""

SHOP = "web-shop"


def as_fideslang(register: Register) -> Manifest:
    """The manifest: an organisation and its systems. A purpose without records has no declaration, which must name
    data: the shop's description names it.

    Raises NoFidesKeyError where the policy names what Fides' taxonomy has no key for here.
    """
    shop = _shop(register)
    return {
        "organization": [_organisation(register)],
        "system": [shop, *map(_recipient, register.recipients)],
    }


def _organisation(register: Register) -> Manifest:
    controller = register.controller
    sentences = (
        f"Organisation number {controller.organisation_number}.",
        controller.dpo,
        controller.uk,
    )
    return {
        "fides_key": ORGANISATION,
        "name": controller.name,
        "description": " ".join(filter(None, sentences)),
        "controller": {
            "name": controller.name,
            "address": controller.address,
            "email": controller.privacy_contact,
            "phone": controller.phone,
        },
    }


def _shop(register: Register) -> Manifest:
    abroad = [item for item in register.recipients if item.outside]
    return {
        "fides_key": SHOP,
        "organization_fides_key": ORGANISATION,
        "name": f"Online store of {register.controller.name}",
        "description": _description(register),
        "meta": _meta(register),
        "system_type": "Application",
        "egress": [_flow(item) for item in register.recipients],
        "privacy_declarations": list(_declarations(register)),
        "does_international_transfers": bool(abroad),
        "legal_basis_for_transfers": _transfer_bases(abroad),
        "privacy_policy": register.page,
        "legal_name": register.controller.name,
        "legal_address": register.controller.address,
        "responsibility": ["Controller"],
        "dpo": register.controller.privacy_contact,
        "data_security_practices": "; ".join(register.security.measures) or None,
        "uses_cookies": any(
            one.kind == "cookie-consent" for item in register.activities for one in item.subjects
        ),
    }


def _description(register: Register) -> str:
    stores = ", ".join(f"{name} ({url})" for name, url in register.stores)
    idle = [f"{item.purpose.label}: {item.note}" for item in register.activities if item.note]
    return " ".join(
        [
            f"The register of processing activities (GDPR Art. 30(1)){' of ' + stores if stores else ''}.",
            *idle,
        ]
    )


def _meta(register: Register) -> Manifest:
    return {
        "policy": register.policy_id,
        "policy_version": register.policy_version,
        "effective_from": register.effective_from.isoformat(),
        "made_on": register.made_on.isoformat(),
    }


def _declarations(register: Register) -> Iterator[Manifest]:
    for activity in register.activities:
        groups: dict[tuple[Basis, str], list[Holding]] = {}
        for holding in activity.holdings:
            for basis in holding.bases:
                groups.setdefault((basis, holding.time_limit.id), []).append(holding)
        for (basis, _), holdings in groups.items():
            yield _declaration(activity, basis, holdings)


def _declaration(activity: Activity, basis: Basis, holdings: list[Holding]) -> Manifest:
    kinds = dict.fromkeys(one.kind for holding in holdings for one in holding.subjects)
    held = list(dict.fromkeys(holding.category for holding in holdings))
    shared = list(dict.fromkeys(item for holding in holdings for item in holding.recipients))
    return {
        "name": f"{activity.purpose.label} – {holdings[0].time_limit.label} – {basis.label}",
        "data_use": key(DATA_USES, "purpose", activity.purpose.id),
        "data_categories": _categories(held),
        "data_subjects": _once(
            name for kind in kinds for name in key(DATA_SUBJECTS, "kind of record", kind)
        ),
        "legal_basis_for_processing": key(LEGAL_BASES, "legal basis", basis.id),
        "flexible_legal_basis_for_processing": False,
        "retention_period": _retention([holding.time_limit for holding in holdings]),
        "egress": [_key(item) for item in shared] or None,
        "data_shared_with_third_parties": bool(shared),
        "third_parties": "; ".join(item.name for item in shared) or None,
        "shared_categories": _categories(
            [one for one in held if any(one in item.gets for item in shared)]
        ),
    }


def _retention(limits: list[TimeLimit]) -> str:
    """The limits are all of one class; what they run from may differ."""
    first, starts = limits[0], _once(words for limit in limits for words in limit.runs_from)
    law = f", {first.law}" if first.law else ""
    return f"{first.period}, counted from {'; or '.join(starts)}; then {first.at_end} ({first.source}{law})"


def _recipient(item: Disclosure) -> Manifest:
    return {
        "fides_key": _key(item),
        "organization_fides_key": ORGANISATION,
        "name": item.name,
        "description": _about(item),
        "system_type": "Third Party",
        "privacy_declarations": [],
        "does_international_transfers": item.outside,
        "legal_basis_for_transfers": _transfer_bases([item]),
        "responsibility": [key(RESPONSIBILITIES, "role", item.role)],
    }


def _key(item: Disclosure) -> str:
    """None that the shop or a person could have, whom Fides calls `user`."""
    return f"recipient-{item.id}"


def _about(item: Disclosure) -> str:
    safeguards = " and ".join(safeguard.label for safeguard in item.safeguards)
    sentences = [
        f"{item.group.label} ({item.source}).",
        f"Country: {item.country}." if item.country else "",
        f"Gets data {item.when}.",
        f"May process outside the EEA and the UK, under {safeguards}." if item.outside else "",
    ]
    return " ".join(filter(None, sentences))


def _flow(item: Disclosure) -> Manifest:
    return {"fides_key": _key(item), "type": "system", "data_categories": _categories(item.gets)}


def _categories(named: Iterable[Named]) -> list[str]:
    return _once(name for item in named for name in key(DATA_CATEGORIES, "data category", item.id))


def _transfer_bases(recipients: Iterable[Disclosure]) -> list[str]:
    return _once(
        key(TRANSFER_BASES, "safeguard", one.id) for item in recipients for one in item.safeguards
    )


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
