"""The commands of `flask --app wsgi …`. Exit status: 0 fine, 1 a finding, 2 wrong usage or configuration."""

from __future__ import annotations

import signal
import sys
from threading import Event
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext

from hooks import worker
from hooks.delivery import all_topics
from hooks.errors import LedgerNotReadyError, LedgerUnavailableError
from hooks.ledger import upgrade, views
from hooks.retention.facts import KINDS
from hooks.service import service
from hooks.store.check import check_store
from hooks.store.client import StoreClient

FINDING = 1
WRONG = 2


def register(app: Flask) -> None:
    """Add all commands to the app."""
    for command in (run_worker, store_group, policy_group, record_group, db_group):
        app.cli.add_command(command)


@click.command("worker")
@with_appcontext
def run_worker() -> None:
    """Ask stores what is in question and write schedules back, until SIGTERM or SIGINT."""
    here = service()
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        with here.database.read() as connection:
            upgrade.check(connection)
        worker.run(here.settings, here.ingest, stopping)
    except (LedgerUnavailableError, LedgerNotReadyError) as error:
        _stop(str(error))


db_group = AppGroup("db", help="The ledger's database.")
store_group = AppGroup("store", help="The stores.")
policy_group = AppGroup("policy", help="The retention policy in force.")
record_group = AppGroup("record", help="Single records.")


@db_group.command("upgrade")
def db_upgrade() -> None:
    """Create the database, or bring it to this version; safe to repeat."""
    try:
        revision = upgrade.upgrade(service().database)
    except LedgerUnavailableError as error:
        _stop(str(error))
    click.echo(f"The ledger is at revision {revision}.")


@store_group.command("check")
@click.argument("slug", required=False)
def store_check(slug: str | None) -> None:
    """Reach the store, check rights, clock and webhooks, and say how to mend what is wrong. Changes nothing."""
    here = service()
    stores = here.settings.stores
    if slug is not None and slug not in stores:
        _stop(f"There is no store {slug!r}; the settings name {', '.join(stores) or 'none'}.")
    if not stores:
        _stop("No store is set: STORE_URL, or STORES and STORE_…_URL.")
    wrong = 0
    for name in [slug] if slug else stores:
        client = StoreClient(stores[name])
        topics = all_topics(here.policy)
        findings = check_store(client, here.settings, topics, name, now=here.ingest.clock())
        click.echo(f"{name}  {stores[name].url}")
        for finding in findings:
            click.echo(f"  {'ok   ' if finding.fine else 'WRONG'} {finding.words}")
            wrong += not finding.fine
    sys.exit(FINDING if wrong else 0)


@policy_group.command("show")
def policy_show() -> None:
    """Show the policy in force: classes, rules and what the published page leaves open."""
    policy = service().policy
    click.echo(f"{policy.id}  in force from {policy.effective_from}  digest {policy.digest}")
    click.echo(f"{policy.controller.name}, {policy.page}, days in {policy.time_zone}\n")
    click.echo("Retention classes")
    for item in policy.classes.values():
        end = f"{item.review} to {item.keep}" if item.review else str(item.keep or f"until {item.until}")
        click.echo(f"  {item.id:<20} {end:<28} from {item.clock:<20} {item.source or ''} {item.published}")
    click.echo("\nRules")
    for rule in policy.rules:
        governs = " (governs)" if rule.governs else ""
        click.echo(f"  {rule.id:<22} {rule.data:<17} {rule.basis:<21} {rule.retention_class}{governs}")
    click.echo("\nWhere the published page is silent")
    for gap in policy.gaps:
        click.echo(f"  {gap['id']}: {gap['choice']}")


@record_group.command("show")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("external_id", metavar="ID", type=click.IntRange(min=1))
@click.option("--store", "slug", help="Which store, where there are several.")
def record_show(kind: str, external_id: int, slug: str | None) -> None:
    """Show one record: its tag, every entry with its reason, what the store holds, and its history."""
    here = service()
    names = [slug] if slug else list(here.settings.stores)
    if slug is not None and slug not in here.settings.stores:
        _stop(f"There is no store {slug!r}.")
    found = []
    try:
        with here.database.read() as connection:
            found = [views.record(connection, name, kind, external_id) for name in names]
    except LedgerUnavailableError as error:
        _stop(str(error))
    shown = [record for record in found if record]
    if not shown:
        click.echo(f"The ledger has no {kind} {external_id}.", err=True)
        sys.exit(FINDING)
    for record in shown:
        click.echo(_record_text(record))


def _record_text(record: dict[str, Any]) -> str:
    lines = [f"{record['kind']} {record['id']} of {record['store']}: {record['state']}"]
    tag = record["tag"]
    if tag:
        until = tag["delete_after"] or "an event that has not come"
        lines.append(f"  {tag['class']}, {tag['legal_basis']}, kept until {until}  (policy {record['policy']})")
    for entry in record["entries"]:
        mark = "*" if entry["governs"] else " "
        lines.append(f" {mark} {entry['data']:<17} {entry['basis']:<21} {entry['delete_after'] or entry['until']}")
        lines.append(f"      {entry['reason']}.")
    copy = record["store_copy"]
    lines.append(f"  the store holds {'the same' if copy['in_step'] else 'something else; it is to be written'}")
    lines.append("  history")
    lines += [
        f"    {change['at']}  {change['cause']}: {change['delete_after'] or '-'}. {change['reason']}"
        for change in record["history"]
    ]
    return "\n".join(lines)


def _stop(message: str) -> None:
    click.echo(message, err=True)
    sys.exit(WRONG)
