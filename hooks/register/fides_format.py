"""The register as a Fideslang manifest, for Fides and for tools that read its manifests.

The shop is one system. Each recipient is another system, to which the shop sends data. A privacy declaration has one
purpose, one legal basis and one retention class, because the model has room for one of each.
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
    fides_key,
)
from hooks.register.values import (
    Basis,
    CitedTerm,
    DataSubjects,
    Disclosure,
    Holding,
    ProcessingActivity,
    Register,
    TimeLimit,
)

Manifest = dict[str, object]

ORGANISATION = "default_organization"
"""The organisation that every Fides server has from the start; systems belong to it unless they name another one."""

SHOP = "web-shop"


def as_fideslang(register: Register) -> Manifest:
    """Return the manifest: an organisation and its systems.

    A declaration must name data. So a purpose without records has no declaration; the description of the shop names it.

    Raises NoFidesKeyError where the policy names something for which the tables have no Fides key.
    """
    shop = _shop(register)
    recipients = [_recipient(item) for item in register.recipients]
    return {"organization": [_organisation(register)], "system": [shop, *recipients]}


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
        "uses_cookies": _uses_cookies(register),
    }


def _uses_cookies(register: Register) -> bool:
    return any(
        subjects.kind == "cookie-consent"
        for activity in register.activities
        for subjects in activity.subjects
    )


def _description(register: Register) -> str:
    title = "The register of processing activities (GDPR Art. 30(1))"
    if register.stores:
        title += " of " + ", ".join(f"{name} ({url})" for name, url in register.stores)
    notes = [f"{item.purpose.label}: {item.note}" for item in register.activities if item.note]
    return " ".join([f"{title}.", *notes])


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


def _declaration(activity: ProcessingActivity, basis: Basis, holdings: list[Holding]) -> Manifest:
    limits = [holding.time_limit for holding in holdings]
    subjects = [item for holding in holdings for item in holding.subjects]
    categories = [holding.category for holding in holdings]
    recipients = list(dict.fromkeys(item for holding in holdings for item in holding.recipients))
    return {
        "name": f"{activity.purpose.label} – {limits[0].label} – {basis.label}",
        "data_use": fides_key(DATA_USES, "purpose", activity.purpose.id),
        "data_categories": _category_keys(categories),
        "data_subjects": _subject_keys(subjects),
        "legal_basis_for_processing": fides_key(LEGAL_BASES, "legal basis", basis.id),
        "flexible_legal_basis_for_processing": False,
        "retention_period": _retention_period(limits),
        "egress": [_system_key(item) for item in recipients] or None,
        "data_shared_with_third_parties": bool(recipients),
        "third_parties": "; ".join(item.name for item in recipients) or None,
        "shared_categories": _category_keys(_shared(categories, recipients)),
    }


def _shared(categories: list[CitedTerm], recipients: list[Disclosure]) -> Iterator[CitedTerm]:
    """Yield the categories that at least one of the recipients gets."""
    for category in categories:
        if any(category in recipient.categories for recipient in recipients):
            yield category


def _retention_period(limits: list[TimeLimit]) -> str:
    """Return the period of one class in words. The limits are all of that class; their anchors may differ."""
    first = limits[0]
    anchors = "; or ".join(_once(words for limit in limits for words in limit.runs_from))
    law = f", {first.law}" if first.law else ""
    return f"{first.period}, counted from {anchors}; then {first.at_end} ({first.source}{law})"


def _recipient(recipient: Disclosure) -> Manifest:
    return {
        "fides_key": _system_key(recipient),
        "organization_fides_key": ORGANISATION,
        "name": recipient.name,
        "description": _recipient_description(recipient),
        "system_type": "Third Party",
        "privacy_declarations": [],
        "does_international_transfers": recipient.outside,
        "legal_basis_for_transfers": _transfer_bases([recipient]),
        "responsibility": [fides_key(RESPONSIBILITIES, "role", recipient.role)],
    }


def _system_key(recipient: Disclosure) -> str:
    """Return a key that is neither the shop's nor `user`, Fides' word for a person."""
    return f"recipient-{recipient.id}"


def _recipient_description(recipient: Disclosure) -> str:
    sentences = [f"{recipient.group.label} ({recipient.source})."]
    if recipient.country:
        sentences.append(f"Country: {recipient.country}.")
    sentences.append(f"Gets data {recipient.when}.")
    if recipient.outside:
        safeguards = " and ".join(safeguard.label for safeguard in recipient.safeguards)
        sentences.append(f"May process outside the EEA and the UK, under {safeguards}.")
    return " ".join(sentences)


def _flow(recipient: Disclosure) -> Manifest:
    return {
        "fides_key": _system_key(recipient),
        "type": "system",
        "data_categories": _category_keys(recipient.categories),
    }


def _category_keys(categories: Iterable[CitedTerm]) -> list[str]:
    keys: list[str] = []
    for category in categories:
        keys += fides_key(DATA_CATEGORIES, "data category", category.id)
    return _once(keys)


def _subject_keys(subjects: Iterable[DataSubjects]) -> list[str]:
    keys: list[str] = []
    for item in subjects:
        keys += fides_key(DATA_SUBJECTS, "kind of record", item.kind)
    return _once(keys)


def _transfer_bases(recipients: Iterable[Disclosure]) -> list[str]:
    safeguards = [item for recipient in recipients for item in recipient.safeguards]
    return _once(fides_key(TRANSFER_BASES, "safeguard", item.id) for item in safeguards)


def _once(names: Iterable[str]) -> list[str]:
    """Return each name once, in the order in which it comes first."""
    return list(dict.fromkeys(names))
