"""`flask --app wsgi policy show|diff|apply`: the policy in force, a preview of another one, and its activation."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from hooks.commands.console import (
    FINDING,
    check_ledger,
    end_command,
    stop,
    stop_without_ledger,
)
from hooks.errors import LedgerUnavailableError, PolicyError
from hooks.ledger import policies, records
from hooks.policies.activate import activate, reasons, told_words, waiting_words
from hooks.policies.preview import KEPT_LONGER, Impact, preview
from hooks.retention.policy import Policy, RetentionClass
from hooks.retention.tags import tagged_by
from hooks.service import Service, current_service
from schemas.policy import load_policy

policy_group = AppGroup("policy", help="The retention policy.")

# --- show ---


@policy_group.command("show")
def policy_show() -> None:
    """Show the policy in force.

    Shows its classes and rules, and the questions that the published page leaves open.
    """
    service = current_service()
    for line in _policy_lines(service.policy):
        click.echo(line)
    for line in _waiting_lines(service):
        click.echo(line)


def _policy_lines(policy: Policy) -> Iterator[str]:
    yield f"{policy.id}  version {policy.version}  in force from {policy.effective_from}  digest {policy.digest}"
    yield f"{policy.controller.name}, {policy.page}, days in {policy.time_zone}"
    yield f"Customers are accounts with the role {' or '.join(sorted(policy.meta.customer_roles))}"
    yield "\nRetention classes"
    for retention_class in policy.classes.values():
        yield _class_line(retention_class)
    yield "\nRules"
    for rule in policy.rules:
        line = f"  {rule.id:<22} {rule.data:<17} {rule.basis:<21} {rule.retention_class}"
        if rule.governs:
            line += " (governs)"
        yield line
    yield from gap_lines(policy)


def _class_line(item: RetentionClass) -> str:
    if item.review:
        period = f"{item.review} to {item.keep}"
    else:
        period = str(item.keep or f"until {item.until}")
    return (
        f"  {item.id:<20} {period:<28} from {item.clock:<20} {item.source or ''} {item.published}"
    )


def gap_lines(policy: Policy) -> Iterator[str]:
    """Yield the gaps: what the published page leaves open, what the policy chose, and what the page could say."""
    yield "\nWhere the published page is silent"
    for gap in policy.gaps.values():
        yield f"  {gap.id}: {gap.choice}"
        yield f"      Section {gap.section} could say: {gap.publish}"


def _waiting_lines(service: Service) -> Iterator[str]:
    """Yield the records to be tagged and the policies that wait; nothing where the ledger cannot be read."""
    try:
        with service.database.read() as connection:
            waiting = policies.proposed(connection)
            untagged = records.count_to_retag(connection, tagged_by(service.policy))
    except LedgerUnavailableError:
        return
    if untagged:
        yield f"\n{untagged} record(s) are still to be tagged by it; a worker is at it."
    for row in waiting:
        yield f"\n{row.id} waits: {waiting_words(row)}."


# --- diff and apply ---


@policy_group.command("diff")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def policy_diff(file: Path | None, *, as_json: bool) -> None:
    """Preview another policy.

    Counts what the policy in FILE would change for the records in the ledger, and shows examples. Without FILE it
    previews the policy that POLICY_FILE names. Changes nothing.
    """
    service = current_service()
    check_ledger(service)
    candidate = service.configured_policy
    if file:
        candidate = _load(file)
    today = candidate.day_of(service.runtime.clock())
    with stop_without_ledger():
        impact = preview(service.database, candidate, today)
    if as_json:
        heading = {"from": service.policy.id, "to": candidate.id}
        click.echo(json.dumps(heading | impact.as_dict(), indent=2))
    else:
        click.echo("\n".join(_impact_lines(service.policy, candidate, impact)))
    end_command(has_finding=bool(impact.alarms))


@policy_group.command("apply")
@click.option(
    "--yes",
    is_flag=True,
    help="Activate it even if more than 1 % of the records are then due at once, or kept longer.",
)
def policy_apply(*, yes: bool) -> None:
    """Activate the policy that POLICY_FILE names. The workers then re-tag all records."""
    service = current_service()
    check_ledger(service)
    candidate = service.configured_policy
    with stop_without_ledger():
        outcome = activate(service.runtime, candidate, yes=yes)
    if outcome.impact:
        click.echo("\n".join(_impact_lines(service.policy, candidate, outcome.impact)))
    if outcome.waits_for:
        _stop_waiting(candidate, outcome.waits_for, outcome.impact)
    click.echo(
        f"\n{candidate.id} is in force. The workers re-tag all records; `/status` says how many are left."
    )


def _stop_waiting(candidate: Policy, waits_for: str, impact: Impact | None) -> None:
    counts: dict[str, Any] = {}
    if impact:
        counts = impact.as_dict()
    why = reasons(waits_for, candidate.effective_from, counts)
    click.echo(f"\nNot put in force: {why}.", err=True)
    if waits_for != "effective-date":
        click.echo("Use --yes to put it in force anyway.", err=True)
    sys.exit(FINDING)


def _load(file: Path) -> Policy:
    try:
        return load_policy(file)
    except PolicyError as error:
        stop(str(error))


def _impact_lines(before: Policy, candidate: Policy, impact: Impact) -> Iterator[str]:
    later, due = impact.later, impact.due_at_once
    yield f"{before.id} ({before.digest}) → {candidate.id} ({candidate.digest})"
    yield f"  {impact.total} records; {impact.moved} would move, and of {impact.parts_moved} more only a part"
    yield f"  {impact.earlier} would go earlier, {later} later{_share(later, impact)}, as a whole or in part"
    yield f"  {due} would be due at once{_share(due, impact)}"
    if later:
        yield f"  Kept longer: {told_words(impact.as_dict())}"
    if KEPT_LONGER in impact.alarms:
        yield "  That is more than 1 %, and longer than people were told: GDPR Art. 5(1)(b), 13(2)(a)"
    for name, counts in sorted(impact.by_class.items()):
        yield f"    {name}: {_counts_text(counts)}"
    if impact.examples:
        yield "  for example"
    yield from map(_example_line, impact.examples)


def _share(number: int, impact: Impact) -> str:
    if not impact.total:
        return ""
    return f" ({number / impact.total:.1%})"


def _counts_text(counts: dict[str, int]) -> str:
    return ", ".join(
        f"{number} {name.replace('_', ' ')}" for name, number in counts.items() if number
    )


def _example_line(example: dict[str, Any]) -> str:
    record = f"{example['kind']} {example['id']} of {example['store']}"
    line = f"    {record}: {_end_text(example['from'])} → {_end_text(example['to'])}"
    if example["due_at_once"]:
        line += "  due at once"
    return line


def _end_text(tag: list[str | None]) -> str:
    """Return the class and the day of deletion of a record, and the day of a part that has a day of its own."""
    name, record_end, part_end = tag
    text = f"{name} {record_end or 'until an event'}"
    if part_end:
        text += f" (a part {part_end})"
    return text
