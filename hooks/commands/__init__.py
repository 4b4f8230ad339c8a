"""The commands of `flask --app wsgi …`. Exit status: 0 fine, 1 a finding, 2 wrong usage or a ledger
that cannot be used, 78 wrong configuration (EX_CONFIG)."""

from __future__ import annotations

import signal
from threading import Event

import click
from flask.cli import AppGroup, with_appcontext

from hooks.commands.audit import audit_group
from hooks.commands.backfill import store_backfill
from hooks.commands.page import policy_check, policy_import
from hooks.commands.people import people_group
from hooks.commands.policy import policy_group
from hooks.commands.record import record_group
from hooks.commands.register import policy_register
from hooks.commands.rights import rights
from hooks.commands.store import stop, store_group
from hooks.errors import LedgerNotReadyError, LedgerUnavailableError
from hooks.gc_tuning import collect_less
from hooks.ledger import upgrade
from hooks.service import service
from hooks.worker import loop


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
        collect_less()
        loop.run(here.settings, here.runtime, stopping, configured_policy=here.wanted)
    except (LedgerUnavailableError, LedgerNotReadyError) as error:
        stop(str(error))


db_group = AppGroup("db", help="The ledger's database.")


@db_group.command("upgrade")
@click.option(
    "--wait",
    type=click.IntRange(0, 86_400),
    default=0,
    metavar="SECONDS",
    help="Wait that long for the database.",
)
def db_upgrade(wait: int) -> None:
    """Create the database, or bring it to this version; safe to repeat."""
    database = service().database
    try:
        revision = upgrade.upgrade_within(database, wait)
    except LedgerUnavailableError as error:
        stop(str(error))
    click.echo(f"The ledger is at revision {revision} ({database.description}).")


def commands() -> tuple[click.Command, ...]:
    """All of them."""
    store_group.add_command(store_backfill)
    for command in (policy_check, policy_import, policy_register):
        policy_group.add_command(command)
    return (
        run_worker,
        store_group,
        policy_group,
        record_group,
        people_group,
        rights,
        audit_group,
        db_group,
    )
