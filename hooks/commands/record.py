"""`flask --app wsgi record …`: single records, and what is asked for or decided about them. Exit status as for all
commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from uuid import uuid4

import click
from flask.cli import AppGroup

from hooks.commands.store import FINDING, chosen, stop
from hooks.errors import EventRefusedError, LedgerUnavailableError
from hooks.intake.record_event import Outcome, note
from hooks.intake.tool_event import record_event
from hooks.ledger import views
from hooks.ledger.codec import entry_name
from hooks.ledger.records import RecordKey
from hooks.retention.events import SCOPES, TYPES
from hooks.retention.facts import KINDS, MAX_ID, RecordKind
from hooks.service import Service, service
from schemas.record_event import REASONS

_T = TypeVar("_T")

record_group = AppGroup("record", help="Single records.")


def _about_one(command: Callable[..., _T]) -> Callable[..., _T]:
    """The arguments of every command about one record."""
    command = click.option("--store", "slug", help="Which store, where there are several.")(command)
    command = click.argument("external_id", metavar="ID", type=click.IntRange(min=1, max=MAX_ID))(
        command
    )
    return click.argument("kind", type=click.Choice(KINDS))(command)


@record_group.command("show")
@_about_one
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


@record_group.command("event")
@_about_one
@click.argument("event_type", metavar="TYPE", type=click.Choice(TYPES))
@click.option(
    "--at",
    help="When it happened, with its zone, such as 2026-11-22T10:00:00+01:00; now, if not given.",
)
@click.option("--reason", type=click.Choice(REASONS), help="What a hold is placed for.")
@click.option("--owner", help="The role or team that a hold is owned by; never a person's name.")
@click.option("--review-on", help="The day on which a hold is to be looked at again.")
@click.option(
    "--about", help="The id of the hold to be lifted, or of the event that was reported by mistake."
)
@click.option(
    "--scope", type=click.Choice(SCOPES), help="What an objection is about; all, if not given."
)
@click.option(
    "--id", "event_id", help="An id of your own, by which it is known if it is noted again."
)
def record_event_command(
    kind: RecordKind,
    external_id: int,
    slug: str | None,
    event_type: str,
    event_id: str | None,
    **given: str | None,
) -> None:
    """Note what a person asked for, or an operator decided, about a record: TYPE is the kind of event.

    Prints what it led to.
    """
    here = service()
    key = RecordKey(_one_store(here, slug), kind, external_id)
    raw = {"type": event_type, "id": event_id} | given
    try:
        outcome = _note(
            here, key, {name: value for name, value in raw.items() if value is not None}
        )
    except (EventRefusedError, LedgerUnavailableError) as error:
        stop(str(error))
    click.echo("\n".join(_outcome_lines(key, outcome)))


def _note(here: Service, key: RecordKey, raw: dict[str, Any]) -> Outcome:
    now, zone = here.runtime.clock(), here.policy.time_zone
    event = record_event(raw, key.kind, key.external_id, now=now, zone=zone, fresh_id=uuid4().hex)
    return note(here.runtime, key, event)


def _one_store(here: Service, slug: str | None) -> str:
    names = chosen(here, slug)
    if len(names) > 1:
        stop(f"Which store? Use --store with one of {', '.join(names)}.")
    return names[0]


def _outcome_lines(key: RecordKey, outcome: Outcome) -> Iterator[str]:
    what = "noted" if outcome.new else "was noted before"
    yield f"{key.kind} {key.external_id} of {key.store}: {outcome.event.type} {what}, event {outcome.event.id}"
    if outcome.after is None:
        yield "  The record is not known yet: the event counts as soon as it is."
        return
    yield from _changes(outcome.before, outcome.after)
    if key.kind == "customer":
        yield "  Orders, requests and consents of this customer follow, once a worker has tagged them anew."


def _changes(before: dict[str, Any] | None, after: dict[str, Any]) -> Iterator[str]:
    """Each entry's end, before and after."""
    was = {entry["rule"]: _end(entry) for entry in before["entries"]} if before else {}
    for entry in after["entries"]:
        old, new = was.pop(entry["rule"], "-"), _end(entry)
        name = entry_name(entry)
        yield f"  {name:<17} {old} → {new}" if old != new else f"  {name:<17} {new}, as before"
        yield f"      {entry['reason']}."
    yield from (f"  {rule:<17} {old} → no longer held" for rule, old in was.items())


def _end(entry: dict[str, Any]) -> str:
    return str(entry["delete_after"] or f"until {str(entry['until']).replace('-', ' ')}")


def _record_text(record: dict[str, Any]) -> str:
    lines = [f"{record['kind']} {record['id']} of {record['store']}: {record['state']}"]
    tag = record["tag"]
    if tag:
        until = tag["delete_after"] or "an event that has not come"
        lines.append(
            f"  {tag['class']}, {tag['legal_basis']}, kept until {until}  (policy {record['policy']})"
        )
    for entry in record["entries"]:
        mark = "*" if entry["governs"] else " "
        lines.append(
            f" {mark} {entry_name(entry):<17} {entry['basis']:<21} {entry['delete_after'] or entry['until']}"
        )
        lines.append(f"      {entry['reason']}.")
    copy = record["store_copy"]
    lines.append(
        f"  the store holds {'the same' if copy['in_step'] else 'something else; it is to be written'}"
    )
    lines.append("  history")
    lines += [
        f"    {change['at']}  {change['cause']}: {change['delete_after'] or '-'}. {change['reason']}"
        for change in record["history"]
    ]
    return "\n".join(lines)
