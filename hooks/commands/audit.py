"""`flask --app wsgi audit verify`: proof that the history is as it was sealed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import click
from flask.cli import AppGroup

from hooks.commands.console import check_ledger, end_command, stop, stop_without_ledger
from hooks.ledger.audit import seals, verify
from hooks.ledger.audit.findings import AuditFinding
from hooks.ledger.audit.seals import Head
from hooks.service import Service, current_service

MAX_SHOWN = 20
"""More findings than these are counted, and not shown."""

audit_group = AppGroup("audit", help="The seals on the history.")


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of an audit: the first findings, and in `counts` the number of all findings by their code."""

    sealed: int
    head: Head
    findings: list[AuditFinding]
    counts: dict[str, int]


@audit_group.command("verify")
@click.option(
    "--expect",
    metavar="NUMBER:HASH",
    help="A head that an earlier run printed. The chain must still contain it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def audit_verify(expect: str | None, *, as_json: bool) -> None:
    """Verify the chain of seals.

    Finds lines of the history that were changed, removed, inserted or reordered. Changes nothing.

    Keep the head that it prints in a place that nobody who can write to the database can write to, and pass it to
    --expect later. Nothing else shows that the chain was cut off at its end, or rebuilt as a whole.
    """
    report = _audit(current_service(), _read_head(expect))
    if as_json:
        click.echo(_as_json(report))
    else:
        click.echo("\n".join(_as_text(report, expect)))
    end_command(has_finding=bool(report.counts))


def _read_head(text: str | None) -> Head | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", text):
        stop("--expect takes a head as `audit verify` prints it: NUMBER:HASH.")
    number, _, digits = text.partition(":")
    return Head(int(number), digits)


def _audit(service: Service, expect: Head | None) -> AuditReport:
    check_ledger(service)
    now = service.runtime.clock()
    with stop_without_ledger(), service.database.read() as connection:
        findings, counts = _first_and_counts(verify.verify(connection, expect=expect, now=now))
        sealed = verify.count_sealed_rows(connection)
        head = seals.head(connection) or Head()
    return AuditReport(sealed, head, findings, counts)


def _first_and_counts(
    findings: Iterable[AuditFinding],
) -> tuple[list[AuditFinding], dict[str, int]]:
    """Return the first findings, and the number of each code. The other findings are not kept in memory."""
    first: list[AuditFinding] = []
    counts: Counter[str] = Counter()
    for finding in findings:
        counts[finding.code] += 1
        if len(first) < MAX_SHOWN:
            first.append(finding)
    return first, dict(counts)


def _as_json(report: AuditReport) -> str:
    fields = {
        "sealed": report.sealed,
        "head": str(report.head),
        "counts": report.counts,
        "findings": [asdict(finding) for finding in report.findings],
    }
    return json.dumps(fields, indent=2)


def _as_text(report: AuditReport, expect: str | None) -> Iterator[str]:
    yield f"{report.sealed} rows of the history are sealed."
    yield f"Head: {report.head}"
    for finding in report.findings:
        yield f"  WRONG {finding.words}"
    hidden = sum(report.counts.values()) - len(report.findings)
    if hidden:
        counts = ", ".join(f"{number} {code}" for code, number in sorted(report.counts.items()))
        yield f"  … and {hidden} more. In all: {counts}."
    if report.counts:
        return
    if expect is None:
        yield "The chain is whole."
    else:
        yield "The chain is whole, and contains the head that was noted."
