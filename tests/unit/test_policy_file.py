"""The policy file: the shipped file is valid, and each error names the element that it is about."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hooks.errors import ConfigurationError, PolicyError
from hooks.retention.classify import classify
from hooks.retention.clock import AccountingYear, Period
from hooks.retention.facts import KINDS
from hooks.retention.policy import CLOCKS, Deletion, MetaVocabulary, Policy, Published
from hooks.retention.policy_check import faults
from schemas.policy import _digest, load_policy
from tests.conftest import POLICY_FILE
from tests.support.processes import ROOT
from tests.unit.builders import order

SHIPPED = POLICY_FILE.read_text()
BEFORE = ROOT / "tests" / "recordings" / "policy-2026-01-15.toml"

Edit = tuple[str, str]


def _edited(*edits: Edit) -> str:
    """The shipped file with these pieces of text replaced, each at its first occurrence."""
    text = SHIPPED
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def _load(text: str, tmp_path: Path) -> Policy:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    return load_policy(path)


def _faults(text: str, tmp_path: Path) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as raised:
        _load(text, tmp_path)
    assert str(raised.value) == f"{tmp_path}/policy.toml: " + "; ".join(raised.value.faults)
    return raised.value.faults


def _rule(number: str) -> str:
    """The text of one rule, from its id to the next rule's heading."""
    start = SHIPPED.index(f'id = "{number}"')
    return SHIPPED[start : SHIPPED.index("\n\n", start)]


def _class(name: str) -> str:
    start = SHIPPED.index(f"[classes.{name}]")
    return SHIPPED[start : SHIPPED.index("\n\n", start)]


def _in(whole: str, old: str, new: str) -> Edit:
    """Replace within one rule or class."""
    assert old in whole, old
    return whole, whole.replace(old, new, 1)


# --- the shipped file --------------------------------------------------------------------------------------


def test_the_shipped_policy_is_valid(policy: Policy) -> None:
    assert (policy.id, policy.effective_from) == ("smartgroup-2026-11-22", date(2026, 11, 22))
    assert policy.version == "2"
    assert (policy.time_zone, policy.accounting_year) == (
        ZoneInfo("Europe/Oslo"),
        AccountingYear(1, 1),
    )
    assert policy.controller.name == "SmartGroup AS"
    assert sorted(policy.sections) == list(range(1, 16))
    assert policy.actions.keys() == {"wc_support_request_closed"}
    assert faults(policy) == []


def test_the_shipped_policy_uses_the_wording_of_the_page(policy: Policy) -> None:
    assert policy.categories.keys() == {
        "identity-contact",
        "account",
        "order-payment",
        "shipping",
        "support",
        "marketing",
        "technical",
    }
    assert {name: basis.article for name, basis in policy.bases.items()} == {
        "contract": "GDPR Art. 6(1)(b)",
        "legal-obligation": "GDPR Art. 6(1)(c)",
        "legitimate-interests": "GDPR Art. 6(1)(f)",
        "consent": "GDPR Art. 6(1)(a)",
    }


@pytest.mark.parametrize(
    ("name", "clock", "review", "keep", "until", "section"),
    [
        ("orders-accounting", "accounting-year-end", None, "P5Y", None, 11),
        ("customer-accounts", "last-activity", None, "P24M", None, 11),
        ("support-requests", "request-closed", "P12M", "P36M", None, 11),
        ("marketing", "consent", None, None, "consent-withdrawn", 11),
        ("cookie-consent-logs", "consent-recorded", "P12M", "P24M", None, 11),
        # The operator's own classes, where the page is silent.
        ("unpaid-orders", "created", None, "P12M", None, None),
        ("technical", "created", None, "P12M", None, None),
        ("consent-evidence", "consent-ended", None, "P3Y", None, None),
    ],
)
def test_classes_of_the_shipped_policy(
    name: str,
    clock: str,
    review: str | None,
    keep: str | None,
    until: str | None,
    section: int | None,
    policy: Policy,
) -> None:
    retention_class = policy.classes[name]
    assert (
        retention_class.clock,
        retention_class.until,
        retention_class.at_end,
        retention_class.published.section,
    ) == (
        clock,
        until,
        "erase",
        section,
    )
    assert retention_class.review == (Period.from_iso(review) if review else None)
    assert retention_class.keep == (Period.from_iso(keep) if keep else None)
    assert len(policy.classes) == 8
    assert retention_class.proof is (name in ("cookie-consent-logs", "consent-evidence"))


def test_every_gap_has_a_choice_and_a_sentence_to_publish(policy: Policy) -> None:
    origins = [item.published for item in policy.classes.values()] + [
        rule.published for rule in policy.rules
    ]
    origins += [item.published for item in policy.recipients.values()]
    silent = {origin.gap for origin in origins if origin.gap}
    assert silent == {
        "unpaid-orders",
        "technical-data",
        "cookie-consent-basis",
        "payment-providers",
        "consent-evidence",
        "erasure-leftovers",
    }
    # Gaps of no class, rule or recipient: the start of the five years, activity, backups, the time until deletion.
    assert policy.deletion.published.gap == "act-within"
    assert policy.gaps.keys() - silent == {
        "start-of-five-years",
        "what-activity-is",
        "backups",
        "act-within",
    }
    assert all(
        gap.choice and gap.publish and gap.section in policy.sections
        for gap in policy.gaps.values()
    )


def test_the_digest_depends_only_on_the_content(policy: Policy, tmp_path: Path) -> None:
    again = _load(SHIPPED, tmp_path)
    assert again == policy
    assert again.digest == policy.digest
    assert len(policy.digest) == 16
    assert _load(SHIPPED + "\n# A comment.\n", tmp_path).digest == policy.digest
    assert _load(_edited(('keep = "P5Y"', 'keep = "P6Y"')), tmp_path).digest != policy.digest


DELETION = '[deletion]\nact_within = "P1M"\npublished = false\ngap = "act-within"\n'


def test_a_file_without_a_deletion_time_means_a_month(
    tmp_path: Path,
) -> None:
    """Older files do not have the deletion time."""
    text = _edited((DELETION, ""))
    silent = _load(text, tmp_path)
    assert silent.deletion == Deletion(Period(months=1), Published(None))
    assert silent.digest == _digest(tomllib.loads(text))


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (
            ('act_within = "P1M"', 'act_within = "P0M"'),
            "deletion act_within: 'P0M' is not a period",
        ),
        (('act_within = "P1M"\n', ""), "deletion act_within: Missing data"),
        (
            (DELETION, DELETION.replace("act-within", "soon")),
            "deletion names an unknown gap 'soon'",
        ),
        (
            (DELETION, '[deletion]\nact_within = "P1M"\nsection = 77\n'),
            "deletion names section 77, which the page does not have",
        ),
        (
            (DELETION, '[deletion]\nact_within = "P1M"\n'),
            "deletion: needs either its `section` of the page",
        ),
    ],
)
def test_the_deletion_time_is_checked(edit: Edit, fault: str, tmp_path: Path) -> None:
    (found,) = _faults(_edited(edit), tmp_path)
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("start", "year"),
    [
        ("07-01", AccountingYear(7, 1)),
        ("03-01", AccountingYear(3, 1)),
        ("12-31", AccountingYear(12, 31)),
    ],
)
def test_broken_accounting_year(start: str, year: AccountingYear, tmp_path: Path) -> None:
    assert _load(_edited(('"01-01"', f'"{start}"')), tmp_path).accounting_year == year


def _with_roles(text: str) -> str:
    return f"customer_roles = {text}\n{SHIPPED}"


@pytest.mark.parametrize(
    "roles",
    [
        ["customer"],
        ["subscriber", "customer"],
        ["customer", "subscriber", "wholesale_customer"],
        ["b2b-customer", "member2"],
        ["a" * 64],
    ],
)
def test_customer_roles(roles: list[str], policy: Policy, tmp_path: Path) -> None:
    found = _load(_with_roles(str(roles)), tmp_path)
    assert found.meta.customer_roles == set(roles)
    assert found.digest != policy.digest
    # Records that were read with the default roles need not be read again.
    assert (found.vocabulary == policy.vocabulary) is (set(roles) == {"customer", "subscriber"})


def test_a_policy_without_roles_keeps_its_old_meaning(policy: Policy) -> None:
    """An upgrade of the service must not cause a new backfill."""
    assert policy.meta.customer_roles == {"customer", "subscriber"}
    before = MetaVocabulary(frozenset({"ws_opt_in"}), frozenset({"yes"}))
    assert before.digest == "ee1835"
    assert replace(before, customer_roles=frozenset({"customer"})).digest != before.digest


SLUG = "must be the slug of a role, such as wholesale_customer"


@pytest.mark.parametrize(
    ("roles", "faults"),
    [
        ("[]", ["customer_roles: must name a role at least"]),
        ('"customer"', ["customer_roles: Not a valid list."]),
        ("[5]", ["customer_roles 'number 1': Not a valid string."]),
        ('["customer", "Wholesale"]', [f"customer_roles 'number 2': {SLUG}"]),
        ('["vip member"]', [f"customer_roles 'number 1': {SLUG}"]),
        ('[""]', [f"customer_roles 'number 1': {SLUG}"]),
        (f'["{"a" * 65}"]', [f"customer_roles 'number 1': {SLUG}"]),
        # The roles of staff.
        *(
            (
                f'["customer", "{role}"]',
                [
                    f"customer_roles names '{role}', which is a role of staff; the accounts of staff are not customers"
                ],
            )
            for role in (
                "administrator",
                "shop_manager",
                "editor",
                "author",
                "contributor",
                "super_admin",
            )
        ),
    ],
)
def test_invalid_customer_roles_are_refused(roles: str, faults: list[str], tmp_path: Path) -> None:
    assert list(_faults(_with_roles(roles), tmp_path)) == faults


def test_actions_may_be_left_out(tmp_path: Path) -> None:
    assert _load(SHIPPED[: SHIPPED.index("[[actions]]")], tmp_path).actions == {}


# --- an unreadable file -----------------------------------------------------------------------------------


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        PolicyError, match=r"missing\.toml: cannot be read \(No such file or directory\)"
    ):
        load_policy(tmp_path / "missing.toml")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"cannot be read \(Is a directory\)"):
        load_policy(tmp_path)


def test_an_invalid_policy_is_a_configuration_error() -> None:
    assert issubclass(PolicyError, ConfigurationError)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('id = "x"\nbroken\n', 2),
        ('id = "x"\nid = "y"\n', 2),
        ('id = "x"\n\n\npage = "no end\n', 4),
        ("[classes\n", 1),
        # The error names the line of the shipped file.
        (
            _edited(('keep = "P5Y"', "keep = P5Y")),
            SHIPPED[: SHIPPED.index('keep = "P5Y"')].count("\n") + 1,
        ),
    ],
)
def test_a_toml_error_names_the_line(text: str, line: int, tmp_path: Path) -> None:
    (fault,) = _faults(text, tmp_path)
    assert fault.startswith("is not TOML: ")
    assert f"(at line {line}, column " in fault


def test_bytes_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b'id = "\xff"')
    with pytest.raises(PolicyError, match="is not TOML: 'utf-8' codec can't decode"):
        load_policy(path)


def test_an_empty_file_is_refused_with_all_missing_fields(tmp_path: Path) -> None:
    found = _faults("", tmp_path)
    assert "rules: Missing data for required field." in found
    assert len(found) == 13


# --- a file of the wrong shape -----------------------------------------------------------------------

MISSING = "Missing data for required field."
UNKNOWN = "Unknown field."
ORIGIN = "needs either its `section` of the page or `published = false`"
GAP = "needs the `gap` that it fills, exactly where `published = false`"
YEAR_START = "accounting_year_start: must be the first day of the accounting year, as MM-DD"


def _period(text: str) -> str:
    return f"{text!r} is not a period such as P5Y, P24M or P30D"


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        # Unknown keys: a misspelt key is not ignored.
        (("time_zone", "timezone"), f"timezone: {UNKNOWN}"),
        (_in(_rule("order-note"), "section", "sektion"),
         f"rules 'order-note' sektion: {UNKNOWN}"),
        (_in(_rule("order-paid"), "governs", "govern"), f"rules 'order-paid' govern: {UNKNOWN}"),
        (_in(_class("orders-accounting"), "source", "law"), f"classes orders-accounting law: {UNKNOWN}"),
        (("[consent.newsletter]\n", "[consent.newsletter]\nx = 1\n"), f"consent newsletter x: {UNKNOWN}"),
        (("privacy_contact", "contact"), f"controller contact: {UNKNOWN}"),
        (('name = "wc_support_request_closed"\n', 'name = "wc_support_request_closed"\nclass = "x"\n'),
         f"actions 'wc_support_request_closed' class: {UNKNOWN}"),
        # Missing required keys.
        (_in(_class("marketing"), 'clock = "consent"\n', ""), f"classes marketing clock: {MISSING}"),
        (_in(_rule("order-paid"), 'purpose = "accounting"\n', ""), f"rules 'order-paid' purpose: {MISSING}"),
        (_in(_rule("order-paid"), 'id = "order-paid"\n', ""), f"rules 'number 1' id: {MISSING}"),
        (('given = ["yes", "1", "true", "on"]\n', ""), f"consent newsletter given: {MISSING}"),
        # Neither a section nor a gap, or both.
        (_in(_rule("order-paid"), "section = 11", ""), f"rules 'order-paid': {ORIGIN}"),
        (_in(_rule("order-paid"), "section = 11", 'section = 11\npublished = false\ngap = "x"'),
         f"rules 'order-paid': {ORIGIN}"),
        (_in(_class("marketing"), "section = 11", ""), f"classes marketing: {ORIGIN}"),
        (_in(_class("technical"), "published = false", "section = 11"), f"classes technical: {GAP}"),
        (_in(_class("marketing"), "section = 11", "published = false"), f"classes marketing: {GAP}"),
        # Periods, ids, words of a closed list.
        (_in(_class("orders-accounting"), "P5Y", "5Y"), f"classes orders-accounting keep: {_period('5Y')}"),
        (_in(_class("support-requests"), "P12M", "P1W"), f"classes support-requests review: {_period('P1W')}"),
        (_in(_class("orders-accounting"), "P5Y", "P0Y"), f"classes orders-accounting keep: {_period('P0Y')}"),
        (_in(_class("orders-accounting"), '"P5Y"', "5"), "classes orders-accounting keep: Not a valid string."),
        (_in(_rule("order-paid"), '"order-paid"', '"Order paid"'),
         "rules 'Order paid' id: must be a short lower-case id, like-this"),
        (("[classes.marketing]", "[classes.Marketing]"),
         "classes Marketing: must be a short lower-case id, like-this"),
        (_in(_class("marketing"), 'at_end = "erase"', 'at_end = "archive"'),
         "classes marketing at_end: Must be one of: erase."),
        (_in(_class("marketing"), 'clock = "consent"', 'clock = "full-moon"'),
         "classes marketing clock: Must be one of: accounting-year-end, consent, consent-ended, consent-recorded, "
         "created, last-activity, request-closed."),
        (_in(_rule("order-paid"), 'record = "order"', 'record = "coupon"'),
         "rules 'order-paid' record: Must be one of: order, customer, support-request, "
         "marketing-consent, cookie-consent."),
        # The shop's time zone and accounting year.
        (("Europe/Oslo", "Europe/Trondheim"), "time_zone: is not a time zone such as Europe/Oslo"),
        (("Europe/Oslo", "../../etc/passwd"), "time_zone: is not a time zone such as Europe/Oslo"),
        (("Europe/Oslo", ""), "time_zone: is not a time zone such as Europe/Oslo"),
        (('"01-01"', '"02-29"'), YEAR_START),
        (('"01-01"', '"13-01"'), YEAR_START),
        (('"01-01"', '"1 July"'), YEAR_START),
        (('"01-01"', '"7-1"'), YEAR_START),
        (('"01-01"', '"2026-07-01"'), YEAR_START),
        # A week is a valid ISO 8601 date, but not as MM-DD.
        (('"01-01"', '"W27"'), YEAR_START),
        (('"01-01"', '"W27-1"'), YEAR_START),
        (('name = "wc_support_request_closed"', 'name = "init"'),
         "actions 'init' name: String does not match expected pattern."),
        (('name = "wc_support_request_closed"', f'name = "wc_{55 * "a"}"'),
         f"actions 'wc_{55 * 'a'}' name: Longer than maximum length 57."),
    ],
)  # fmt: skip
def test_an_error_of_shape_names_its_place(edit: Edit, fault: str, tmp_path: Path) -> None:
    assert fault in _faults(_edited(edit), tmp_path)


@pytest.mark.parametrize(
    "value", ['"2026-01-15"', '"soon"', "5", "true", "10:00:00", "2026-01-15T10:00:00", "[]"]
)
def test_the_day_of_a_policy_is_a_date(value: str, tmp_path: Path) -> None:
    """Neither a text nor a time of day is accepted."""
    found = _faults(_edited(("effective_from = 2026-11-22", f"effective_from = {value}")), tmp_path)
    assert [fault.partition(":")[0] for fault in found] == ["effective_from"]


def _without(table: str) -> str:
    """The shipped file without one of its tables, so that a test can use its name otherwise."""
    kept = [
        part
        for part in SHIPPED.split("\n[")
        if not part.startswith((f"{table}]", f"{table}.", f"[{table}]"))
    ]
    return "\n[".join(kept)


def test_sources_children_and_authorities_are_optional(tmp_path: Path) -> None:
    optional = ("sources]", "children]", "[authorities]]")
    text = "\n[".join(part for part in SHIPPED.split("\n[") if not part.startswith(optional))
    loaded = _load(text, tmp_path)
    assert (loaded.sources, loaded.children, loaded.authorities) == ({}, None, ())


@pytest.mark.parametrize(
    "other", ["5", '"x"', "[5]", "true", "2026-01-15", "{ x = 5 }", "{ x = { y = 5 } }", "[[5]]"]
)
@pytest.mark.parametrize(
    "table", ["controller", "sections", "categories", "bases", "classes", "rules", "consent"]
)
def test_a_table_of_the_wrong_type_is_named(table: str, other: str, tmp_path: Path) -> None:
    found = _faults(f"{table} = {other}\n{_without(table)}", tmp_path)
    assert any(fault.startswith(table) for fault in found)


# --- a file whose parts do not fit together ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        # Ids of each sort that nobody defined.
        (_in(_rule("order-paid"), 'data = "order-payment"', 'data = "orders"'),
         "rule 'order-paid' names an unknown data category 'orders'"),
        (_in(_rule("order-paid"), 'purpose = "accounting"', 'purpose = "profit"'),
         "rule 'order-paid' names an unknown purpose 'profit'"),
        (_in(_rule("order-paid"), 'basis = "legal-obligation"', 'basis = "habit"'),
         "rule 'order-paid' names an unknown legal basis 'habit'"),
        (_in(_rule("order-paid"), 'class = "orders-accounting"', 'class = "for-ever"'),
         "rule 'order-paid' names an unknown retention class 'for-ever'"),
        # Classes without an end, with two ends, or with the ends of the range reversed.
        (_in(_class("orders-accounting"), 'keep = "P5Y"\n', ""),
         "class 'orders-accounting' needs a period (`keep`) or an event (`until`), and not both"),
        (_in(_class("marketing"), "until =", 'keep = "P1Y"\nuntil ='),
         "class 'marketing' needs a period (`keep`) or an event (`until`), and not both"),
        (_in(_class("marketing"), "until =", 'review = "P1Y"\nuntil ='),
         "class 'marketing' has `review` but no `keep`"),
        (_in(_class("support-requests"), 'review = "P12M"', 'review = "P37M"'),
         "class 'support-requests' may go (`review`) only after it must go (`keep`)"),
        # Rules that can never match.
        (_in(_rule("order-note"), '"note"', '"notes"'),
         "rule 'order-note' can never match: no condition of 'order' is called notes"),
        (_in(_rule("order-marketing"), '"newsletter"', '"zeal", "glee"'),
         "rule 'order-marketing' can never match: no condition of 'order' is called glee, zeal"),
        (_in(_rule("account-technical"), '"last-active"', '"paid"'),
         "rule 'account-technical' can never match: no condition of 'customer' is called paid"),
        (_in(_rule("order-note"), '["note"]', '["note", "paid", "unpaid"]'),
         "rule 'order-note' can never match: its conditions exclude each other"),
        (_in(_rule("order-note"), 'all_of = ["note"]', 'all_of = ["paid"]\nany_of = ["unpaid"]'),
         "rule 'order-note' can never match: its conditions exclude each other"),
        # A clock whose event this kind of record does not have.
        (_in(_rule("account"), "customer-accounts", "orders-accounting"),
         "rule 'account': the clock 'accounting-year-end' cannot run for 'customer'"),
        (_in(_rule("support-request"), '"support-requests"', '"technical"'),
         "rule 'support-request': the clock 'created' cannot run for 'support-request'"),
        # A record that no rule governs, always or in one case.
        (_in(_rule("account"), "governs = true\n", ""),
         "no rule governs a record of kind 'customer' (nothing else known)"),
        (_in(_rule("order-unpaid"), "governs = true\n", ""), "no rule governs a record of kind 'order' (unpaid)"),
        (_in(_rule("support-request"), "governs = true\n", ""),
         "no rule governs a record of kind 'support-request' (nothing else known)"),
        (_in(_rule("account"), "data", 'all_of = ["newsletter"]\ndata'),
         "no rule governs a record of kind 'customer' (nothing else known)"),
        # Two rules for the same data of one record.
        (_in(_rule("order-paid-identity"), '["paid", "identity"]', '["identity"]'),
         "rules 'order-paid-identity' and 'order-unpaid-identity' overlap: both can apply to the same data of one "
         "order"),
        (_in(_rule("account-identity"), '"identity-contact"', '"account"'),
         "rules 'account' and 'account-identity' overlap: both can apply to the same data of one customer"),
        # The same part of the same data, or the whole of it by two rules.
        (_in(_rule("order-paid-contact"), 'part = "contact"', 'part = "identity"'),
         "rules 'order-paid-identity' and 'order-paid-contact' overlap: both can apply to the same data of one order"),
        (_in(_rule("order-refund-reason"), 'part = "refund-reason"\n', ""),
         "rules 'order-note' and 'order-refund-reason' overlap: both can apply to the same data of one order"),
        # Two proofs of the same data.
        (_in(_rule("order-marketing"), 'class = "marketing"', 'class = "consent-evidence"'),
         "rule 'order-marketing': the clock 'consent-ended' runs only where the rule asks for 'consent-ended'"),
        (_in(_rule("order-consent-proof"), '"legitimate-interests"', '"consent"'),
         "rule 'order-consent-proof': the class 'consent-evidence' is proof, which rests on legitimate interests"),
        (_in(_class("marketing"), 'at_end = "erase"', 'at_end = "erase"\nproof = true'),
         "class 'marketing' is proof and needs a period (`keep`): proof is not kept without an end"),
        # Sections that are not on the page.
        (_in(_rule("order-paid"), "section = 11", "section = 16"),
         "rule 'order-paid' names section 16, which the page does not have"),
        (_in(_class("marketing"), "section = 11", "section = 0"),
         "class 'marketing' names section 0, which the page does not have"),
        (('label = "Shipping", section = 2', 'label = "Shipping", section = 99'),
         "'shipping' names section 99, which the page does not have"),
        (('Art. 6(1)(b)", section = 5', 'Art. 6(1)(b)", section = 50'),
         "'contract' names section 50, which the page does not have"),
        (('person = { label = "Directly from you (checkout, forms, email, phone)", data = ["identity-contact"',
          'person = { label = "Directly from you (checkout, forms, email, phone)", data = ["identity"'),
         "source 'person' names an unknown data category identity"),
        (("orders_only = true\nsection = 14", "section = 16"),
         "children names section 16, which the page does not have"),
        (("uk = true\nsection = 13", "section = 16"),
         "authority 'ico' names section 16, which the page does not have"),
        (('id = "ico"', 'id = "datatilsynet"'), "authority 'datatilsynet' is used more than once"),
        # A recipient that is not on the page names the gap that it fills.
        (('country = "IE"\noutside = true\nsafeguards = ["eu-scc", "uk-idta"]\npublished = false\n'
          'gap = "payment-providers"', 'country = "IE"\npublished = false\ngap = "payments"'),
         "recipient 'stripe' names an unknown gap 'payments'"),
        # Duplicate ids.
        (('id = "account-identity"', 'id = "account"'), "rule id 'account' is used more than once"),
    ],
)  # fmt: skip
def test_an_error_of_meaning_names_the_rule_or_the_class(
    edit: Edit, fault: str, tmp_path: Path
) -> None:
    assert fault in _faults(_edited(edit), tmp_path)


@pytest.mark.parametrize(
    "edit",
    [
        # An event that no record can have: the data would be kept for ever, though nobody decided so.
        _in(_class("marketing"), '"consent-withdrawn"', '"consent-withdrwan"'),
        # An event of consent on a clock without consents.
        _in(_class("technical"), 'keep = "P12M"', 'until = "consent-withdrawn"'),
    ],
)
def test_an_event_that_can_never_occur_is_an_error(edit: Edit, tmp_path: Path) -> None:
    name = edit[0].partition("]")[0].removeprefix("[classes.")
    assert any(f"class '{name}'" in fault for fault in _faults(_edited(edit), tmp_path))


def test_parts_and_proof_of_one_category_do_not_overlap(policy: Policy) -> None:
    subjects = [(rule.kind, rule.data, rule.part) for rule in policy.rules if "paid" in rule.all_of]
    assert ("order", "identity-contact", "identity") in subjects
    assert ("order", "identity-contact", "contact") in subjects
    proof = {
        (rule.kind, rule.data)
        for rule in policy.rules
        if policy.classes[rule.retention_class].proof
    }
    assert proof == {(kind, "marketing") for kind in ("order", "customer", "marketing-consent")} | {
        ("cookie-consent", "technical")
    }


def test_erased_and_remaining_data_do_not_overlap(tmp_path: Path) -> None:
    """The one rule applies before the eraser, the other one after it."""
    edit = _in(_rule("order-paid-item-meta"), 'part = "item-meta"\n', "")
    assert _load(_edited(edit), tmp_path).rules


@pytest.mark.parametrize("part", ["Contact", "two words", "", "a" * 33])
def test_a_part_is_one_short_word(part: str, tmp_path: Path) -> None:
    found = _faults(
        _edited(_in(_rule("order-paid-contact"), '"contact"\npurpose', f'"{part}"\npurpose')),
        tmp_path,
    )
    assert found == ("rules 'order-paid-contact' part: must be a short lower-case word, like-this",)


def test_the_previous_policy_is_still_read() -> None:
    """A ledger stores it, and `policy diff` compares with it."""
    before = load_policy(BEFORE)
    assert (before.id, before.version, before.effective_from) == (
        "smartgroup-2026-01-15",
        "1",
        date(2026, 1, 15),
    )
    assert not any(rule.part for rule in before.rules)
    assert not any(item.proof for item in before.classes.values())


@pytest.mark.parametrize("kinds", ["identity", "contact", "identity contact"])
@pytest.mark.parametrize("status", ["completed", "pending"])
def test_the_previous_policy_means_both_parts_of_identity(kinds: str, status: str) -> None:
    plan = classify(order(status, kinds=kinds), load_policy(BEFORE))
    assert [entry.data for entry in plan.entries].count("identity-contact") == 1


def test_all_errors_are_reported_together(tmp_path: Path) -> None:
    text = _edited(
        _in(_rule("order-paid"), 'basis = "legal-obligation"', 'basis = "habit"'),
        _in(_rule("order-note"), '"note"', '"notes"'),
        _in(_rule("order-technical"), 'purpose = "run-and-secure"', 'purpose = "run"'),
        _in(_class("marketing"), "section = 11", "section = 77"),
        ('id = "account-identity"', 'id = "account"'),
    )
    assert set(_faults(text, tmp_path)) == {
        "rule id 'account' is used more than once",
        "class 'marketing' names section 77, which the page does not have",
        "rule 'order-paid' names an unknown legal basis 'habit'",
        "rule 'order-note' can never match: no condition of 'order' is called notes",
        "rule 'order-technical' names an unknown purpose 'run'",
    }


def test_every_kind_of_record_has_clocks() -> None:
    assert CLOCKS.keys() == set(KINDS)
    assert all(CLOCKS.values())
