"""The register as CSV, for a spreadsheet: a line for each activity, category of data and retention class."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from hooks.register.values import Citation, Disclosure, Holding, ProcessingActivity, Register

Line = dict[str, str]

COLUMNS = (
    "purpose",
    "purpose_source",
    "data",
    "collected",
    "data_subjects",
    "legal_basis",
    "article",
    "class",
    "period",
    "runs_from",
    "at_end",
    "law",
    "class_source",
    "rule_source",
    "recipients",
    "transfers",
    "note",
    "security",
    "ledger",
    "controller",
    "organisation_number",
    "privacy_contact",
    "policy",
    "policy_version",
    "made_on",
)

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""The first characters of a cell that a spreadsheet would compute and not show."""


def as_csv(register: Register) -> str:
    """Return the register as RFC 4180 text with a header line.

    An activity without records has one line, whose `note` says so. A cell that a spreadsheet would take for a formula
    gets an apostrophe before it.
    """
    sink = io.StringIO()
    writer = csv.DictWriter(sink, COLUMNS, restval="")
    writer.writeheader()
    for line in _lines(register):
        writer.writerow({column: _without_formula(value) for column, value in line.items()})
    return sink.getvalue()


def _without_formula(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value


def _lines(register: Register) -> Iterator[Line]:
    register_cells = _register_cells(register)
    for activity in register.activities:
        shared_cells = {**register_cells, **_activity_cells(activity)}
        if activity.note:
            yield shared_cells
        for holding in activity.holdings:
            yield {
                **shared_cells,
                **_holding_cells(holding),
                "collected": _joined(_sources_of(holding, register)),
            }


def _register_cells(register: Register) -> Line:
    return {
        "security": _joined(register.security.measures),
        "ledger": register.ledger.description,
        "controller": register.controller.name,
        "organisation_number": register.controller.organisation_number,
        "privacy_contact": register.controller.privacy_contact,
        "policy": register.policy_id,
        "policy_version": register.policy_version,
        "made_on": register.made_on.isoformat(),
    }


def _activity_cells(activity: ProcessingActivity) -> Line:
    return {
        "purpose": activity.purpose.label,
        "purpose_source": str(activity.purpose.source),
        "note": activity.note,
    }


def _holding_cells(holding: Holding) -> Line:
    limit = holding.time_limit
    transfers = (recipient for recipient in holding.recipients if recipient.outside)
    return {
        "data": holding.category.label,
        "data_subjects": _joined(subjects.label for subjects in holding.subjects),
        "legal_basis": _joined(basis.label for basis in holding.bases),
        "article": _joined(basis.article for basis in holding.bases),
        "class": limit.label,
        "period": limit.period,
        "runs_from": _joined(limit.runs_from),
        "at_end": limit.at_end,
        "law": limit.law or "",
        "class_source": _citation(limit.source),
        "rule_source": _joined(_citation(source) for source in holding.sources),
        "recipients": _joined(_recipient(recipient) for recipient in holding.recipients),
        "transfers": _joined(_transfer(recipient) for recipient in transfers),
    }


def _sources_of(holding: Holding, register: Register) -> Iterator[str]:
    for source in register.collected:
        if holding.category in source.categories:
            yield source.term.label


def _citation(citation: Citation) -> str:
    return f"{citation}: {citation.choice}" if citation.choice else str(citation)


def _recipient(recipient: Disclosure) -> str:
    country = f", {recipient.country}" if recipient.country else ""
    return f"{recipient.name} ({recipient.role}{country})"


def _transfer(recipient: Disclosure) -> str:
    safeguards = ", ".join(safeguard.label for safeguard in recipient.safeguards)
    return f"{recipient.name}: {safeguards}"


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(parts)
