"""`flask --app wsgi record …`: single records, and the record events that people and operators cause."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from uuid import uuid4

import click
from flask.cli import AppGroup

from hooks.commands.console import (
    FINDING,
    named_stores,
    required_stores,
    stop,
    stop_without_ledger,
)
from hooks.errors import EventRefusedError
from hooks.intake.record_event import NoteOutcome, note
from hooks.intake.tool_event import record_event
from hooks.ledger.codec import entry_name
from hooks.ledger.record_view import record_view
from hooks.ledger.records import RecordKey
from hooks.retention.events import SCOPES, TYPES
from hooks.retention.facts import KINDS, MAX_ID, RecordKind
from hooks.service import Service, current_service
from schemas.record_event import REASONS

_T = TypeVar("_T")

record_group = AppGroup("record", help="Single records: show one, and note events about it.")


def _record_arguments(command: Callable[..., _T]) -> Callable[..., _T]:
    """Add the arguments of every command about one record."""
    store = click.option("--store", "slug", help="The store, where there are several.")
    external_id = click.argument(
        "external_id", metavar="ID", type=click.IntRange(min=1, max=MAX_ID)
    )
    kind = click.argument("kind", type=click.Choice(KINDS))
    return kind(external_id(store(command)))


# --- show ---


@record_group.command("show")
@_record_arguments
def record_show(kind: str, external_id: int, slug: str | None) -> None:
    """Show a record, its dates and the reasons.

    Shows its tags, each entry with its reason, the state of the copy in the store, and the history.
    """
    service = current_service()
    stores = named_stores(service, slug)
    texts: list[str] = []
    with stop_without_ledger(), service.database.read() as connection:
        for store in stores:
            record = record_view(connection, store, kind, external_id)
            if record:
                texts.append("\n".join(_record_lines(record)))
    if not texts:
        click.echo(f"The ledger has no {kind} {external_id}.", err=True)
        sys.exit(FINDING)
    for text in texts:
        click.echo(text)


def _record_lines(record: dict[str, Any]) -> Iterator[str]:
    yield f"{record['kind']} {record['id']} of {record['store']}: {record['state']}"
    tag = record["tag"]
    if tag:
        end = tag["delete_after"] or "an event that has not come"
        yield f"  {tag['class']}, {tag['legal_basis']}, kept until {end}  (policy {record['policy']})"
    for entry in record["entries"]:
        mark = " "
        if entry["governs"]:
            mark = "*"
        end = entry["delete_after"] or entry["until"]
        yield f" {mark} {entry_name(entry):<17} {entry['basis']:<21} {end}"
        yield f"      {entry['reason']}."
    if record["store_copy"]["in_step"]:
        yield "  the store holds the same"
    else:
        yield "  the store holds something else; it is to be written"
    yield "  history"
    for change in record["history"]:
        end = change["delete_after"] or "-"
        yield f"    {change['at']}  {change['cause']}: {end}. {change['reason']}"


# --- event ---


@record_group.command("event", epilog=f"TYPE is one of: {', '.join(TYPES)}.")
@_record_arguments
@click.argument("event_type", metavar="TYPE", type=click.Choice(TYPES))
@click.option(
    "--at",
    help="The time of the event with its zone, such as 2026-11-22T10:00:00+01:00. Default: now.",
)
@click.option("--reason", type=click.Choice(REASONS), help="The reason for a hold.")
@click.option("--owner", help="The role or team that owns a hold. Never the name of a person.")
@click.option("--review-on", help="The day on which the owner must review a hold.")
@click.option(
    "--about", help="The id of the hold to lift, or of the event that was noted by mistake."
)
@click.option("--scope", type=click.Choice(SCOPES), help="The scope of an objection. Default: all.")
@click.option(
    "--id", "event_id", help="An id of your own. An event with the same id is noted once only."
)
def record_event_command(
    kind: RecordKind,
    external_id: int,
    slug: str | None,
    event_type: str,
    event_id: str | None,
    **fields: str | None,
) -> None:
    """Note a request or a decision about a record.

    A person makes a request, and an operator makes a decision. Prints what the event changed.
    """
    service = current_service()
    key = RecordKey(_single_store(service, slug), kind, external_id)
    fields |= {"type": event_type, "id": event_id}
    raw = {name: value for name, value in fields.items() if value is not None}
    try:
        with stop_without_ledger():
            outcome = _note(service, key, raw)
    except EventRefusedError as error:
        stop(str(error))
    click.echo("\n".join(_outcome_lines(key, outcome)))


def _single_store(service: Service, slug: str | None) -> str:
    names = required_stores(service, slug)
    if len(names) > 1:
        stop(f"Which store? Use --store with one of {', '.join(names)}.")
    return names[0]


def _note(service: Service, key: RecordKey, raw: dict[str, str]) -> NoteOutcome:
    now = service.runtime.clock()
    zone = service.policy.time_zone
    event = record_event(raw, key.kind, key.external_id, now=now, zone=zone, fresh_id=uuid4().hex)
    return note(service.runtime, key, event)


def _outcome_lines(key: RecordKey, outcome: NoteOutcome) -> Iterator[str]:
    event = outcome.event
    verb = "was noted before"
    if outcome.new:
        verb = "noted"
    record = f"{key.kind} {key.external_id} of {key.store}"
    yield f"{record}: {event.type} {verb}, event {event.id}"
    if outcome.after is None:
        yield "  The record is not known yet: the event counts as soon as it is."
        return
    yield from _change_lines(outcome.before, outcome.after)
    if key.kind == "customer":
        yield "  Orders, requests and consents of this customer follow, once a worker has re-tagged them."


def _change_lines(before: dict[str, Any] | None, after: dict[str, Any]) -> Iterator[str]:
    """Yield the end of each entry, before and after."""
    old_ends: dict[str, str] = {}
    if before:
        old_ends = {entry["rule"]: _end_text(entry) for entry in before["entries"]}
    for entry in after["entries"]:
        old_end = old_ends.pop(entry["rule"], "-")
        new_end = _end_text(entry)
        if old_end == new_end:
            yield f"  {entry_name(entry):<17} {new_end}, as before"
        else:
            yield f"  {entry_name(entry):<17} {old_end} → {new_end}"
        yield f"      {entry['reason']}."
    for rule, old_end in old_ends.items():
        yield f"  {rule:<17} {old_end} → no longer held"


def _end_text(entry: dict[str, Any]) -> str:
    if entry["delete_after"]:
        return str(entry["delete_after"])
    event = str(entry["until"]).replace("-", " ")
    return f"until {event}"
