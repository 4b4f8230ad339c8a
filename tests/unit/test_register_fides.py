"""The register as a Fideslang manifest: the models accept it, and all its keys are in the default taxonomy."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fideslang.default_taxonomy import DEFAULT_TAXONOMY
from fideslang.manifests import ingest_manifests
from fideslang.models import (
    LegalBasisForProcessingEnum,
    LegalBasisForTransfersEnum,
    PrivacyDeclaration,
    System,
    Taxonomy,
)
from fideslang.parse import load_manifests_into_taxonomy
from fideslang.relationships import get_referenced_missing_keys

from hooks.register.activities import register
from hooks.register.fides_format import as_fideslang
from hooks.register.fides_taxonomy import (
    DATA_CATEGORIES,
    DATA_SUBJECTS,
    DATA_USES,
    LEGAL_BASES,
    TRANSFER_BASES,
    NoFidesKeyError,
)
from hooks.retention.facts import KINDS
from hooks.retention.policy import Policy, Term

ON = date(2026, 11, 23)


@pytest.fixture(scope="module")
def manifest(policy: Policy) -> dict[str, Any]:
    """The manifest under the shipped policy."""
    return as_fideslang(register(policy, on=ON, stores={"shop": "https://shop.example"}))


@pytest.fixture(scope="module")
def taxonomy(manifest: dict[str, Any]) -> Taxonomy:
    """The manifest as Fideslang reads it."""
    return load_manifests_into_taxonomy(json.loads(json.dumps(manifest)))


@pytest.fixture(scope="module")
def shop(taxonomy: Taxonomy) -> System:
    """The shop's own system."""
    (found,) = (system for system in taxonomy.system if system.fides_key == "web-shop")
    return found


def _missing(taxonomy: Taxonomy) -> set[str]:
    return set(
        get_referenced_missing_keys(
            Taxonomy(
                data_category=DEFAULT_TAXONOMY.data_category,
                data_subject=DEFAULT_TAXONOMY.data_subject,
                data_use=DEFAULT_TAXONOMY.data_use,
                organization=taxonomy.organization,
                system=taxonomy.system,
            )
        )
    )


def test_every_key_is_in_the_taxonomy(taxonomy: Taxonomy) -> None:
    assert _missing(taxonomy) == set()


def test_a_key_outside_the_taxonomy_is_noticed(manifest: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(manifest))
    broken["system"][0]["privacy_declarations"][0]["data_use"] = "no.such.use"
    assert _missing(load_manifests_into_taxonomy(broken)) == {"no.such.use"}


def test_the_fideslang_models_keep_every_field(
    manifest: dict[str, Any], taxonomy: Taxonomy
) -> None:
    """Fideslang ignores unknown fields, so its models must hold exactly the fields of the manifest."""
    systems = {system.fides_key: system.model_dump(mode="json") for system in taxonomy.system}
    for written in json.loads(json.dumps(manifest))["system"]:
        loaded = systems[written["fides_key"]]
        declared = {one["name"]: one for one in loaded["privacy_declarations"]}
        for declaration in written.pop("privacy_declarations"):
            assert declaration.items() <= declared[declaration["name"]].items()
        for flow in written.get("egress", []):
            assert flow in loaded["egress"]
        assert {name: loaded[name] for name in written} == written
    (organisation,) = taxonomy.organization
    assert organisation.model_dump(mode="json").items() >= manifest["organization"][0].items()


def _declaration(shop: System, purpose: str, kept: str, basis: str) -> PrivacyDeclaration:
    (found,) = (
        one for one in shop.privacy_declarations if one.name == f"{purpose} – {kept} – {basis}"
    )
    return found


def test_exact_content_of_a_declaration(shop: System) -> None:
    kept = "Orders and accounting: typically 5 years as required by law"
    declaration = _declaration(
        shop, "Comply with legal and accounting obligations", kept, "Legal obligation"
    )
    assert declaration.data_use == "essential.legal_obligation"
    assert declaration.data_categories == [
        "user.behavior.purchase_history",
        "user.payment",
        "user.name",
        "user.contact.email",
        "user.contact.phone_number",
        "user.contact.address",
    ]
    assert declaration.data_subjects == ["customer"]
    assert declaration.legal_basis_for_processing == LegalBasisForProcessingEnum.LEGAL_OBLIGATION
    assert declaration.flexible_legal_basis_for_processing is False
    assert declaration.retention_period == (
        "five years, counted from the end of the accounting year in which the order was paid, completed or refunded, "
        "whichever was last (if none of these is known: was placed); then erased (policy section 11 (Retention), "
        "bokføringsloven § 13)"
    )
    assert declaration.data_shared_with_third_parties
    assert declaration.third_parties is not None
    assert "Visa; Mastercard; American Express; Klarna; PayPal" in declaration.third_parties


def test_a_declaration_names_its_recipients(shop: System) -> None:
    purpose = "Process orders, payments, deliveries, returns, and warranty"
    kept = "Customer accounts: while active, then deleted after 24 months of inactivity"
    found = _declaration(shop, purpose, kept, "Contract")
    assert found.egress == ["recipient-hosting", "recipient-advisers-and-authorities"]
    assert found.third_parties is not None
    assert "UPS" not in found.third_parties
    assert _declaration(shop, purpose, "Orders that were never paid", "Contract").data_subjects == [
        "customer"
    ]


def test_every_purpose_class_and_basis_of_a_rule_is_declared(policy: Policy, shop: System) -> None:
    expected = {
        f"{policy.purposes[rule.purpose].label} – {policy.classes[rule.retention_class].label} – "
        f"{policy.bases[rule.basis].label}"
        for rule in policy.rules
    }
    assert [one.name for one in shop.privacy_declarations] == sorted(expected)


def test_the_system_of_the_shop(shop: System) -> None:
    assert (shop.legal_name, shop.dpo) == ("SmartGroup AS", "post@smartgroup.no")
    assert shop.data_security_practices == (
        "Encrypted connections (HTTPS); Access controls and limited access; Secure hosting and backups"
    )
    assert shop.description is not None
    assert (
        "Improve our website and services: No rule keeps a record of the shop for this purpose."
        in shop.description
    )
    assert "of shop (https://shop.example)" in shop.description
    assert shop.does_international_transfers
    assert shop.legal_basis_for_transfers == ["SCCs", "Other"]
    assert shop.uses_cookies


def test_the_organisation(taxonomy: Taxonomy) -> None:
    (organisation,) = taxonomy.organization
    assert organisation.controller is not None
    assert organisation.controller.email == "post@smartgroup.no"
    assert organisation.description is not None
    assert (
        "Organisation number 999 615 147. We have not appointed a DPO." in organisation.description
    )


def test_recipients_are_systems_of_their_own(policy: Policy, taxonomy: Taxonomy) -> None:
    systems = {system.fides_key: system for system in taxonomy.system}
    for recipient in policy.recipients.values():
        system = systems[f"recipient-{recipient.id}"]
        assert system.does_international_transfers is recipient.outside
        assert system.legal_basis_for_transfers == (["SCCs", "Other"] if recipient.outside else [])
        assert system.responsibility == [recipient.role.capitalize()]
    assert len(systems) == len(policy.recipients) + 1


def test_the_manifest_is_also_yaml(manifest: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "register.yml"
    file.write_text(json.dumps(manifest, indent=2, ensure_ascii=False), encoding="utf-8")
    assert ingest_manifests(str(file)) == manifest


def test_every_shipped_id_has_a_fides_key(policy: Policy) -> None:
    assert set(DATA_USES) == set(policy.purposes)
    assert set(DATA_CATEGORIES) == set(policy.categories)
    assert set(DATA_SUBJECTS) == set(KINDS)
    assert set(LEGAL_BASES) == set(policy.bases)
    assert set(TRANSFER_BASES) == set(policy.safeguards)
    assert set(LEGAL_BASES.values()) <= {basis.value for basis in LegalBasisForProcessingEnum}
    assert set(TRANSFER_BASES.values()) <= {basis.value for basis in LegalBasisForTransfersEnum}


def test_no_key_is_deprecated_by_fides() -> None:
    known = {
        one.fides_key: one.version_deprecated
        for of_kind in (
            DEFAULT_TAXONOMY.data_category,
            DEFAULT_TAXONOMY.data_subject,
            DEFAULT_TAXONOMY.data_use,
        )
        for one in of_kind
    }
    names = [
        *DATA_USES.values(),
        *(
            name
            for table in (DATA_CATEGORIES, DATA_SUBJECTS)
            for keys in table.values()
            for name in keys
        ),
    ]
    assert {name: known[name] for name in names if known[name]} == {}


STRANGE = Term("strange", "Something else", 2)


def _strange_purpose(policy: Policy) -> Policy:
    rule = replace(policy.rules[0], purpose="strange")
    return replace(policy, purposes={**policy.purposes, "strange": STRANGE}, rules=(rule,))


def _strange_category(policy: Policy) -> Policy:
    rule = replace(policy.rules[0], data="strange")
    return replace(policy, categories={**policy.categories, "strange": STRANGE}, rules=(rule,))


def _strange_basis(policy: Policy) -> Policy:
    basis = replace(policy.bases["contract"], id="strange")
    return replace(
        policy,
        bases={**policy.bases, "strange": basis},
        rules=(replace(policy.rules[0], basis="strange"),),
    )


def _strange_safeguard(policy: Policy) -> Policy:
    ups = replace(policy.recipients["ups"], safeguards=("strange",))
    return replace(policy, safeguards={"strange": STRANGE}, recipients={"ups": ups})


UNMAPPED = [
    (_strange_purpose, "purpose"),
    (_strange_category, "data category"),
    (_strange_basis, "legal basis"),
    (_strange_safeguard, "safeguard"),
]


@pytest.mark.parametrize(("altered", "what"), UNMAPPED)
def test_an_id_without_a_key_is_reported(
    altered: Callable[[Policy], Policy], what: str, policy: Policy
) -> None:
    with pytest.raises(
        NoFidesKeyError, match=f"The {what} 'strange' of the policy has no counterpart"
    ):
        as_fideslang(register(altered(policy), on=ON))


def test_a_purpose_without_data_needs_no_key(policy: Policy) -> None:
    more = replace(policy, purposes={**policy.purposes, "strange": STRANGE})
    manifest: dict[str, Any] = as_fideslang(register(more, on=ON))
    assert (
        "Something else: No rule keeps a record of the shop" in manifest["system"][0]["description"]
    )
