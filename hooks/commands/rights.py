"""`flask --app wsgi rights`: the answer to a person, as JSON or as a letter."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime

import click
from flask.cli import with_appcontext

from hooks.commands.console import FINDING, named_stores, stop, stop_without_ledger
from hooks.intake.email_hash import email_subject, is_address
from hooks.retention.facts import Subject
from hooks.rights.json_format import as_json
from hooks.rights.labels import Language
from hooks.rights.letter import letter
from hooks.rights.lookup import answer_to
from hooks.rights.values import Inquiry, PersonAnswer
from hooks.service import Service, current_service


@click.command("rights")
@click.argument("customer_id", required=False, type=click.IntRange(min=1))
@click.option(
    "--order",
    "order_id",
    type=click.IntRange(min=1),
    help="Answer the person who placed this order, not a customer account.",
)
@click.option(
    "--email",
    "by_email",
    is_flag=True,
    help="Answer the person who has an e-mail address. The command asks for the address.",
)
@click.option("--store", "slug", help="The store, where there are several.")
@click.option(
    "--letter",
    "language",
    type=click.Choice(["en", "no"]),
    help="Print a letter in this language, not JSON.",
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
    """Print the answer to a person.

    It says which data are held, why, until when, and which rights the person has.
    """
    service = current_service()
    if by_email and (customer_id or order_id):
        stop("Give one of CUSTOMER_ID, --order and --email.")
    if by_email:
        subject = _subject_of_address(service)
    else:
        subject = _subject_of_id(customer_id, order_id)
    received = _day_received(service, requested_on)
    answers = _answers(service, slug, subject, received, uk=uk)
    if not answers:
        click.echo(f"The ledger knows nothing of {_subject_text(subject)}.", err=True)
        sys.exit(FINDING)
    if len(answers) > 1:
        stop(
            f"Several stores have {_subject_text(subject)}, who may be different people: use --store."
        )
    _print_answer(answers[0], language)


def _subject_of_id(customer_id: int | None, order_id: int | None) -> Subject:
    if (customer_id is None) == (order_id is None):
        stop("Give a CUSTOMER_ID, --order or --email.")
    if order_id:
        return Subject("order", str(order_id))
    return Subject("customer", str(customer_id))


def _subject_of_address(service: Service) -> Subject:
    """Ask for an e-mail address on the terminal, or read it from standard input.

    The address is never an argument, since other users of the machine can see arguments. It is kept nowhere.
    """
    key = service.settings.subject_key
    if key is None:
        stop("An address can be looked up only where a SUBJECT_KEY is set.")
    if sys.stdin.isatty():
        address = click.prompt("E-mail address", hide_input=True, err=True)
    else:
        address = sys.stdin.readline()
    if not is_address(address):
        stop("That is no e-mail address.")
    return email_subject(address, key)


def _subject_text(subject: Subject) -> str:
    if subject.kind == "email":
        return "a person with this address"
    return f"{subject.kind} {subject.value}"


def _day_received(service: Service, requested_on: datetime | None) -> date | None:
    if requested_on is None:
        return None
    day = requested_on.date()
    if day > service.policy.day_of(service.runtime.clock()):
        stop("--requested-on is a day that has not come.")
    return day


def _answers(
    service: Service, slug: str | None, subject: Subject, received: date | None, *, uk: bool
) -> list[PersonAnswer]:
    """Return the answers of all stores that know the person."""
    now = service.runtime.clock()
    policy = service.policy
    answers: list[PersonAnswer] = []
    stores = named_stores(service, slug)
    with stop_without_ledger(), service.database.read() as connection:
        for store in stores:
            inquiry = Inquiry(store, subject, received, uk)
            answer = answer_to(connection, policy, inquiry, now=now)
            if answer:
                answers.append(answer)
    return answers


def _print_answer(answer: PersonAnswer, language: Language | None) -> None:
    if language:
        click.echo(letter(answer, language), nl=False)
    else:
        click.echo(json.dumps(as_json(answer), ensure_ascii=False, indent=2))
