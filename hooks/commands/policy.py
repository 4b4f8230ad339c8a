"""`flask --app wsgi policy show|diff|apply`: the policy in force, what another one would change, and changing it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from hooks.commands.store import FINDING, stop
from hooks.errors import LedgerNotReadyError, LedgerUnavailableError, PolicyError
from hooks.ledger import policies, records, upgrade
from hooks.policies.activate import adopt, reasons, told_words, waiting_words
from hooks.policies.preview import KEPT_LONGER, Impact, impact_of
from hooks.retention.policy import Policy
from hooks.service import Service, service
from hooks.tagging.tags import tagged_by
from schemas.policy import load_policy

policy_group = AppGroup("policy", help="The retention policy.")


@policy_group.command("show")
def policy_show() -> None:
    """Show the policy in force: classes, rules and what the published page leaves open."""
    here = service()
    for line in [*_shown(here.policy), *_waiting(here)]:
        click.echo(line)


def _shown(policy: Policy) -> Iterator[str]:
    yield f"{policy.id}  version {policy.version}  in force from {policy.effective_from}  digest {policy.digest}"
    yield f"{policy.controller.name}, {policy.page}, days in {policy.time_zone}"
    yield f"Customers are accounts with the role {' or '.join(sorted(policy.meta.customer_roles))}"
    yield "\nRetention classes"
    for item in policy.classes.values():
        end = (
            f"{item.review} to {item.keep}"
            if item.review
            else str(item.keep or f"until {item.until}")
        )
        yield f"  {item.id:<20} {end:<28} from {item.clock:<20} {item.source or ''} {item.published}"
    yield "\nRules"
    for rule in policy.rules:
        governs = " (governs)" if rule.governs else ""
        yield f"  {rule.id:<22} {rule.data:<17} {rule.basis:<21} {rule.retention_class}{governs}"
    yield "\nWhere the published page is silent"
    for gap in policy.gaps.values():
        yield f"  {gap.id}: {gap.choice}"
        yield f"      Section {gap.section} could say: {gap.publish}"


def _waiting(here: Service) -> Iterator[str]:
    try:
        with here.database.read() as connection:
            waiting = policies.waiting(connection)
            left = records.to_be_tagged(connection, tagged_by(here.policy))
    except LedgerUnavailableError:
        return
    if left:
        yield f"\n{left} record(s) are still to be tagged by it; a worker is at it."
    for row in waiting:
        yield f"\n{row.id} waits: {waiting_words(row)}."


@policy_group.command("diff")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def policy_diff(file: Path | None, *, as_json: bool) -> None:
    """Say what the policy in FILE would change in the real ledger; changes nothing. Without FILE: POLICY_FILE."""
    here = _here()
    wanted = _loaded(file) if file else here.wanted
    today = wanted.day_of(here.runtime.clock())
    try:
        found = impact_of(here.database, wanted, today)
    except LedgerUnavailableError as error:
        stop(str(error))
    if as_json:
        click.echo(
            json.dumps({"from": here.policy.id, "to": wanted.id} | found.as_dict(), indent=2)
        )
    else:
        click.echo("\n".join(_told(here.policy, wanted, found)))
    sys.exit(FINDING if found.alarms else 0)


@policy_group.command("apply")
@click.option(
    "--yes",
    is_flag=True,
    help="Also where more than 1 % of the records are due at once or kept longer.",
)
def policy_apply(*, yes: bool) -> None:
    """Put the policy that POLICY_FILE names in force; records are then tagged anew by the workers."""
    here = _here()
    before = here.policy
    try:
        became = adopt(here.runtime, here.wanted, yes=yes)
    except LedgerUnavailableError as error:
        stop(str(error))
    if became.impact:
        click.echo("\n".join(_told(before, here.wanted, became.impact)))
    if became.waits_for:
        impact = became.impact.as_dict() if became.impact else {}
        why = reasons(became.waits_for, here.wanted.effective_from, impact)
        click.echo(f"\nNot put in force: {why}.", err=True)
        if became.waits_for != "effective-date":
            click.echo("With --yes it is, all the same.", err=True)
        sys.exit(FINDING)
    click.echo(
        f"\n{here.wanted.id} is in force. The workers tag all records anew; `/status` says how many are left."
    )


def _here() -> Service:
    here = service()
    try:
        with here.database.read() as connection:
            upgrade.check(connection)
    except (LedgerUnavailableError, LedgerNotReadyError) as error:
        stop(str(error))
    return here


def _loaded(file: Path) -> Policy:
    try:
        return load_policy(file)
    except PolicyError as error:
        stop(str(error))


def _told(before: Policy, wanted: Policy, found: Impact) -> Iterator[str]:
    yield f"{before.id} ({before.digest}) → {wanted.id} ({wanted.digest})"
    yield f"  {found.total} records; {found.moved} would move, and of {found.parts_moved} more only a part"
    yield f"  {found.earlier} would go earlier, {found.later} later{_share(found.later, found)}, as a whole or in part"
    yield f"  {found.due_at_once} would be due at once{_share(found.due_at_once, found)}"
    if found.later:
        yield f"  Kept longer: {told_words(found.as_dict())}"
    if KEPT_LONGER in found.alarms:
        yield "  That is more than 1 %, and longer than people were told: GDPR Art. 5(1)(b), 13(2)(a)"
    for name, counts in sorted(found.by_class.items()):
        told = ", ".join(
            f"{number} {what.replace('_', ' ')}" for what, number in counts.items() if number
        )
        yield f"    {name}: {told}"
    if found.examples:
        yield "  for example"
    yield from map(_example, found.examples)


def _share(number: int, found: Impact) -> str:
    return f" ({number / found.total:.1%})" if found.total else ""


def _example(one: dict[str, Any]) -> str:
    mark = "  due at once" if one["due_at_once"] else ""
    return f"    {one['kind']} {one['id']} of {one['store']}: {_end(one['from'])} → {_end(one['to'])}{mark}"


def _end(tag: list[str | None]) -> str:
    name, whole, part = tag
    return f"{name} {whole or 'until an event'}" + (f" (a part {part})" if part else "")
