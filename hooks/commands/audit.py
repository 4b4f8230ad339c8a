"""`flask --app wsgi audit verify`: whether the history is what was sealed. Exit status as for all commands."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import click
from flask.cli import AppGroup

from hooks.commands.store import FINDING, stop
from hooks.errors import LedgerNotReadyError, LedgerUnavailableError
from hooks.ledger import upgrade
from hooks.ledger.audit import seals, verify
from hooks.ledger.audit.findings import AuditFinding
from hooks.ledger.audit.seals import Head
from hooks.service import Service, service

LISTED = 20
"""Findings that are shown; the others are counted."""

audit_group = AppGroup("audit", help="The seal on the history.")


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit gave. `counts`: of all findings by their code, also of those that are not among the `findings`."""

    sealed: int
    head: Head
    findings: list[AuditFinding]
    counts: dict[str, int]


@audit_group.command("verify")
@click.option(
    "--expect",
    metavar="NUMBER:HASH",
    help="A head that was noted before: the chain must still contain it.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def audit_verify(expect: str | None, *, as_json: bool) -> None:
    """Go along the chain of seals, and tell what was changed, removed, put in or reordered; changes nothing.

    Note the head that it prints in a place that nobody who can write to the database can write to, and give it to
    --expect later on: only so is it seen when all of the chain was made anew, or its end cut off.
    """
    found = _audited(service(), _head(expect))
    click.echo(_as_json(found) if as_json else "\n".join(_told(found, expect)))
    sys.exit(FINDING if found.counts else 0)


def _head(text: str | None) -> Head | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", text):
        stop("--expect takes a head as `audit verify` prints it: NUMBER:HASH.")
    number, _, digits = text.partition(":")
    return Head(int(number), digits)


def _audited(here: Service, expect: Head | None) -> Audited:
    try:
        with here.database.read() as connection:
            upgrade.check(connection)
            listed, counts = _counted(
                verify.verify(connection, expect=expect, now=here.runtime.clock())
            )
            return Audited(
                verify.count_sealed_rows(connection),
                seals.head(connection) or Head(),
                listed,
                counts,
            )
    except (LedgerUnavailableError, LedgerNotReadyError) as error:
        stop(str(error))


def _counted(findings: Iterable[AuditFinding]) -> tuple[list[AuditFinding], dict[str, int]]:
    """The first few, and how many there are of each code; the rest is not kept in memory."""
    listed: list[AuditFinding] = []
    counts: Counter[str] = Counter()
    for finding in findings:
        counts[finding.code] += 1
        if len(listed) < LISTED:
            listed.append(finding)
    return listed, dict(counts)


def _as_json(found: Audited) -> str:
    shown = {"sealed": found.sealed, "head": str(found.head), "counts": found.counts}
    return json.dumps(shown | {"findings": [asdict(each) for each in found.findings]}, indent=2)


def _told(found: Audited, expect: str | None) -> Iterator[str]:
    yield f"{found.sealed} rows of the history are sealed."
    yield f"Head: {found.head}"
    yield from (f"  WRONG {each.words}" for each in found.findings)
    left = sum(found.counts.values()) - len(found.findings)
    if left:
        counted = ", ".join(f"{number} {code}" for code, number in sorted(found.counts.items()))
        yield f"  … and {left} more. In all: {counted}."
    if not found.counts:
        yield (
            "The chain is whole."
            if expect is None
            else "The chain is whole, and contains the head that was noted."
        )
