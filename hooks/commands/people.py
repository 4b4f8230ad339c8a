"""`flask --app wsgi people`: what the service knows persons by."""

from __future__ import annotations

import click
from flask.cli import AppGroup, with_appcontext

from hooks.commands.store import chosen, stop
from hooks.errors import LedgerUnavailableError
from hooks.intake.rehash import rehash
from hooks.service import service

people_group = AppGroup("people", help="What persons are known by.")


@people_group.command("rehash")
@click.argument("slug", required=False)
@with_appcontext
def people_rehash(slug: str | None) -> None:
    """Hash all addresses with the SUBJECT_KEY that is set now: the store is read again by the worker."""
    here = service()
    if here.settings.subject_key is None:
        stop("There is no SUBJECT_KEY to hash addresses with.")
    try:
        for store in chosen(here, slug):
            number = rehash(here.runtime, store)
            click.echo(
                f"{store}: {number} records are read again by the worker, and their addresses hashed."
            )
    except LedgerUnavailableError as error:
        stop(str(error))
