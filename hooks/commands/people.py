"""`flask --app wsgi people …`: the hashes by which the ledger knows persons."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from hooks.commands.console import required_stores, stop, stop_without_ledger
from hooks.intake.rehash import rehash
from hooks.service import current_service

people_group = AppGroup("people", help="The hashes by which the ledger knows persons.")


@people_group.command("rehash")
@click.argument("slug", required=False)
def people_rehash(slug: str | None) -> None:
    """Hash all addresses with the SUBJECT_KEY that is set now.

    The ledger keeps no addresses, so the worker fetches the records from the store again.
    """
    service = current_service()
    if service.settings.subject_key is None:
        stop("There is no SUBJECT_KEY to hash addresses with.")
    with stop_without_ledger():
        for store in required_stores(service, slug):
            number = rehash(service.runtime, store)
            click.echo(
                f"{store}: the worker fetches {number} records again, and hashes their addresses."
            )
