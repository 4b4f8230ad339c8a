"""`flask --app wsgi db …`: the ledger's database."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from hooks.commands.console import stop_without_ledger
from hooks.ledger import upgrade
from hooks.service import current_service

MAX_WAIT_SECONDS = 86_400

db_group = AppGroup("db", help="The database of the ledger.")


@db_group.command("upgrade")
@click.option(
    "--wait",
    type=click.IntRange(0, MAX_WAIT_SECONDS),
    default=0,
    metavar="SECONDS",
    help="Wait so long for a database that does not answer yet.",
)
def db_upgrade(wait: int) -> None:
    """Create the database, or bring it to this version. Safe to repeat."""
    database = current_service().database
    with stop_without_ledger():
        revision = upgrade.upgrade_within(database, wait)
    click.echo(f"The ledger is at revision {revision} ({database.description}).")
