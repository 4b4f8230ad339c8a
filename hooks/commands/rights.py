"""`flask --app wsgi rights`: the answer to a person, as JSON or as a letter."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime

import click
from flask.cli import with_appcontext

from hooks.commands.store import FINDING, stop
from hooks.errors import LedgerUnavailableError
from hooks.intake.email_hash import email_subject, is_address
from hooks.retention.facts import Subject
from hooks.rights.answer import Answer
from hooks.rights.json_format import shown
from hooks.rights.labels import Language
from hooks.rights.letter import letter
from hooks.rights.lookup import answer_to
from hooks.service import Service, service


@click.command("rights")
@click.argument("customer_id", required=False, type=click.IntRange(min=1))
@click.option(
    "--order",
    "order_id",
    type=click.IntRange(min=1),
    help="In place of a customer: whoever placed this order.",
)
@click.option(
    "--email",
    "by_email",
    is_flag=True,
    help="In place of a customer: whoever has an address, which is asked for.",
)
@click.option("--store", "slug", help="Which store, where there are several.")
@click.option(
    "--letter",
    "language",
    type=click.Choice(["en", "no"]),
    help="A letter in this language, not JSON.",
)
@click.option(
    "--requested-on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day on which the request was received.",
)
@click.option("--uk", is_flag=True, help="The person is known to be in the UK.")
@with_appcontext
def rights(
    customer_id: int | None,
    order_id: int | None,
    by_email: bool,
    slug: str | None,
    language: Language | None,
    requested_on: datetime | None,
    uk: bool,
) -> None:
    """Tell what is held about a customer, why, until when, and which rights they have."""
    here = service()
    subject = _subject_of_address(here) if by_email else _subject(customer_id, order_id)
    if by_email and (customer_id or order_id):
        stop("Give one of CUSTOMER_ID, --order and --email.")
    received = requested_on.date() if requested_on else None
    found = _answers(here, _stores(here, slug), subject, received, uk=uk)
    if not found:
        click.echo(f"The ledger knows nothing of {_called(subject)}.", err=True)
        sys.exit(FINDING)
    if len(found) > 1:
        stop(f"Several stores have {_called(subject)}, who may be different people: use --store.")
    click.echo(letter(found[0], language) if language else _json(found[0]), nl=not language)


def _subject(customer_id: int | None, order_id: int | None) -> Subject:
    if (customer_id is None) == (order_id is None):
        stop("Give a CUSTOMER_ID, --order or --email.")
    return Subject("order", str(order_id)) if order_id else Subject("customer", str(customer_id))


def _subject_of_address(here: Service) -> Subject:
    """Ask for an e-mail address on the terminal, or read it from standard input; the address is kept nowhere."""
    key = here.settings.subject_key
    if key is None:
        stop("An address can be looked up only where a SUBJECT_KEY is set.")
    is_terminal = sys.stdin.isatty()
    address = (
        click.prompt("E-mail address", hide_input=True, err=True)
        if is_terminal
        else sys.stdin.readline()
    )
    if not is_address(address):
        stop("That is no e-mail address.")
    return email_subject(address, key)


def _called(subject: Subject) -> str:
    return (
        "a person with this address"
        if subject.kind == "email"
        else f"{subject.kind} {subject.value}"
    )


def _stores(here: Service, slug: str | None) -> list[str]:
    if slug is not None and slug not in here.settings.stores:
        stop(f"There is no store {slug!r}.")
    return [slug] if slug else list(here.settings.stores)


def _answers(
    here: Service, stores: list[str], subject: Subject, received: date | None, *, uk: bool
) -> list[Answer]:
    now = here.runtime.clock()
    if received and received > here.policy.day_of(now):
        stop("--requested-on is a day that has not come.")
    try:
        with here.database.read() as connection:
            found = [
                answer_to(
                    connection, here.policy, slug, subject, now=now, requested_on=received, uk=uk
                )
                for slug in stores
            ]
    except LedgerUnavailableError as error:
        stop(str(error))
    return [answer for answer in found if answer]


def _json(answer: Answer) -> str:
    return json.dumps(shown(answer), ensure_ascii=False, indent=2)
