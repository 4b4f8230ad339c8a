"""The register as CSV, for a spreadsheet: a line for each activity, category of data and retention class."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from hooks.register.values import Activity, Disclosure, Holding, Register, Source

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

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With what a cell begins that a spreadsheet would work out rather than show."""


def as_csv(register: Register) -> str:
    """RFC 4180 with a header line. An activity without records has one line, whose `note` says so. A cell that a
    spreadsheet would take for a formula begins with an apostrophe."""
    sink = io.StringIO()
    writer = csv.DictWriter(sink, COLUMNS, restval="")
    writer.writeheader()
    for line in _lines(register):
        writer.writerow({name: _safe(value) for name, value in line.items()})
    return sink.getvalue()


def _safe(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value


def _lines(register: Register) -> Iterator[Line]:
    same = _of_every_line(register)
    for activity in register.activities:
        of_activity = _of_activity(activity) | same
        if activity.note:
            yield of_activity
        for holding in activity.holdings:
            yield of_activity | _of_holding(holding) | {"collected": _collected(holding, register)}


def _of_every_line(register: Register) -> Line:
    return {
        "security": _joined(register.security.measures),
        "ledger": register.ledger.words,
        "controller": register.controller.name,
        "organisation_number": register.controller.organisation_number,
        "privacy_contact": register.controller.privacy_contact,
        "policy": register.policy_id,
        "policy_version": register.policy_version,
        "made_on": register.made_on.isoformat(),
    }


def _of_activity(activity: Activity) -> Line:
    return {
        "purpose": activity.purpose.label,
        "purpose_source": str(activity.purpose.source),
        "note": activity.note,
    }


def _of_holding(holding: Holding) -> Line:
    limit = holding.time_limit
    return {
        "data": holding.category.label,
        "data_subjects": _joined(item.label for item in holding.subjects),
        "legal_basis": _joined(item.label for item in holding.bases),
        "article": _joined(item.article for item in holding.bases),
        "class": limit.label,
        "period": limit.period,
        "runs_from": _joined(limit.runs_from),
        "at_end": limit.at_end,
        "law": limit.law or "",
        "class_source": _origin(limit.source),
        "rule_source": _joined(_origin(item) for item in holding.sources),
        "recipients": _joined(_recipient(item) for item in holding.recipients),
        "transfers": _joined(_transfer(item) for item in holding.recipients if item.outside),
    }


def _collected(holding: Holding, register: Register) -> str:
    return _joined(item.way.label for item in register.collected if holding.category in item.gets)


def _origin(source: Source) -> str:
    return f"{source}: {source.choice}" if source.choice else str(source)


def _recipient(item: Disclosure) -> str:
    where = f", {item.country}" if item.country else ""
    return f"{item.name} ({item.role}{where})"


def _transfer(item: Disclosure) -> str:
    return f"{item.name}: {', '.join(safeguard.label for safeguard in item.safeguards)}"


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(parts)
