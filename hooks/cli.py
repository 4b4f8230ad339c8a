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
from hooks.backfill_command import store_backfill
from hooks.errors import LedgerNotReadyError, LedgerUnavailableError
from hooks.ledger import upgrade, views
from hooks.policy_commands import policy_group
from hooks.retention.facts import KINDS
from hooks.service import service
from hooks.store_commands import FINDING, stop, store_group


def register(app: Flask) -> None:
    """Add all commands to the app."""
    store_group.add_command(store_backfill)
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
        worker.run(here.settings, here.ingest, stopping, wanted=here.wanted)
    except (LedgerUnavailableError, LedgerNotReadyError) as error:
        stop(str(error))


db_group = AppGroup("db", help="The ledger's database.")
record_group = AppGroup("record", help="Single records.")


@db_group.command("upgrade")
def db_upgrade() -> None:
    """Create the database, or bring it to this version; safe to repeat."""
    try:
        revision = upgrade.upgrade(service().database)
    except LedgerUnavailableError as error:
        stop(str(error))
    click.echo(f"The ledger is at revision {revision}.")


@record_group.command("show")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("external_id", metavar="ID", type=click.IntRange(min=1))
@click.option("--store", "slug", help="Which store, where there are several.")
def record_show(kind: str, external_id: int, slug: str | None) -> None:
    """Show one record: its tag, every entry with its reason, what the store holds, and its history."""
    here = service()
    names = [slug] if slug else list(here.settings.stores)
    if slug is not None and slug not in here.settings.stores:
        stop(f"There is no store {slug!r}.")
    found = []
    try:
        with here.database.read() as connection:
            found = [views.record(connection, name, kind, external_id) for name in names]
    except LedgerUnavailableError as error:
        stop(str(error))
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
