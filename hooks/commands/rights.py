"""`flask --app wsgi rights`: the answer to a person, as JSON or as a letter."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime

import click
from flask.cli import with_appcontext

from hooks.commands.store import FINDING, stop
from hooks.errors import LedgerUnavailableError
from hooks.people import answer_to
from hooks.retention.facts import Subject
from hooks.rights.answer import Answer
from hooks.rights.letter import letter
from hooks.rights.shown import shown
from hooks.rights.words import Language
from hooks.service import Service, service


@click.command("rights")
@click.argument("customer_id", required=False, type=click.IntRange(min=1))
@click.option(
    "--order", "order_id", type=click.IntRange(min=1), help="In place of a customer: whoever placed this order."
)
@click.option("--store", "slug", help="Which store, where there are several.")
@click.option("--letter", "language", type=click.Choice(["en", "no"]), help="A letter in this language, not JSON.")
@click.option("--requested-on", type=click.DateTime(["%Y-%m-%d"]), help="The day on which the request was received.")
@click.option("--uk", is_flag=True, help="The person is known to be in the UK.")
@with_appcontext
def rights(
    customer_id: int | None,
    order_id: int | None,
    slug: str | None,
    language: Language | None,
    requested_on: datetime | None,
    uk: bool,
) -> None:
    """Tell what is held about a customer, why, until when, and which rights they have."""
    here = service()
    subject = _subject(customer_id, order_id)
    received = requested_on.date() if requested_on else None
    found = _answers(here, _stores(here, slug), subject, received, uk=uk)
    if not found:
        click.echo(f"The ledger knows nothing of {subject.kind} {subject.value}.", err=True)
        sys.exit(FINDING)
    if len(found) > 1:
        stop(f"Several stores have a {subject.kind} {subject.value}, who may be different people: use --store.")
    click.echo(letter(found[0], language) if language else _json(found[0]), nl=not language)


def _subject(customer_id: int | None, order_id: int | None) -> Subject:
    if (customer_id is None) == (order_id is None):
        stop("Give either a CUSTOMER_ID or --order.")
    return Subject("order", str(order_id)) if order_id else Subject("customer", str(customer_id))


def _stores(here: Service, slug: str | None) -> list[str]:
    if slug is not None and slug not in here.settings.stores:
        stop(f"There is no store {slug!r}.")
    return [slug] if slug else list(here.settings.stores)


def _answers(here: Service, stores: list[str], subject: Subject, received: date | None, *, uk: bool) -> list[Answer]:
    now = here.ingest.clock()
    if received and received > now.astimezone(here.policy.time_zone).date():
        stop("--requested-on is a day that has not come.")
    try:
        with here.database.read() as connection:
            found = [
                answer_to(connection, here.policy, slug, subject, now=now, requested_on=received, uk=uk)
                for slug in stores
            ]
    except LedgerUnavailableError as error:
        stop(str(error))
    return [answer for answer in found if answer]


def _json(answer: Answer) -> str:
    return json.dumps(shown(answer), ensure_ascii=False, indent=2)
