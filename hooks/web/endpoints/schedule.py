"""`/schedule`: what is to be deleted when, as JSON, CSV or a calendar."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from marshmallow import ValidationError
from sqlalchemy import Row

from hooks.ledger.codec import entry_name
from hooks.ledger.due import PAGE_SIZE, DueQuery, due_by_day, due_page
from hooks.retention.iso import iso_or_none
from hooks.service import current_service
from schemas.schedule import ScheduleQuerySchema

COLUMNS = (
    "store",
    "kind",
    "id",
    "class",
    "legal_basis",
    "review_after",
    "delete_after",
    "state",
    "data",
)

blueprint = Blueprint("schedule", __name__)


@blueprint.get("/schedule")
def schedule() -> Response:
    """In the order in which records fall due; the format by `Accept`."""
    best = request.accept_mimetypes.best_match(["application/json", "text/csv", "text/calendar"])
    if best == "text/csv":
        return schedule_csv()
    if best == "text/calendar":
        return schedule_calendar()
    chosen = _chosen()
    with current_service().database.read() as connection:
        total, rows = due_page(connection, chosen)
    pages = -(-total // PAGE_SIZE)
    return jsonify(
        total=total,
        page=chosen.page,
        pages=pages,
        records=[line_of(row, parts=chosen.parts) for row in rows],
    )


@blueprint.get("/schedule.csv")
def schedule_csv() -> Response:
    """A page of the same as CSV, with a header line."""
    chosen = _chosen()
    with current_service().database.read() as connection:
        _, rows = due_page(connection, chosen)
    sink = io.StringIO()
    writer = csv.DictWriter(sink, COLUMNS)
    writer.writeheader()
    for row in rows:
        line = line_of(row, parts=chosen.parts)
        writer.writerow(line | {"data": "; ".join(line["data"])})
    return Response(sink.getvalue(), content_type="text/csv; charset=utf-8")


@blueprint.get("/schedule.ics")
def schedule_calendar() -> Response:
    """All of it as a calendar: an event on each day on which records of a class have to go."""
    chosen = _chosen()
    with current_service().database.read() as connection:
        rows = due_by_day(connection, chosen)
    return Response(
        _calendar(rows, parts=chosen.parts), content_type="text/calendar; charset=utf-8"
    )


def _chosen() -> DueQuery:
    try:
        query = ScheduleQuerySchema().load(request.args.to_dict())
        return DueQuery(parts=query.pop("what") == "parts", **query)
    except ValidationError as error:
        abort(400, f"Wrong in the query: {', '.join(sorted(error.messages_dict))}.")


def line_of(row: Row[Any], *, parts: bool) -> dict[str, Any]:
    """A line of the schedule; `data` names the categories that go on its day, with the part where only that goes.

    Of `parts`, all entries of the day are parts: the entry that governs the record goes later.
    """
    entries = json.loads(row.entries)
    if not parts:
        return _record(row) | {"data": [entry_name(entry) for entry in entries]}
    day = row.part_delete_after.isoformat()
    going = [entry for entry in entries if entry["delete_after"] == day]
    return _record(row) | {
        "class": " ".join(dict.fromkeys(entry["class"] for entry in going)),
        "legal_basis": " ".join(dict.fromkeys(entry["basis"] for entry in going)),
        "review_after": min(
            (entry["review_after"] for entry in going if entry["review_after"]), default=None
        ),
        "delete_after": day,
        "data": [entry_name(entry) for entry in going],
    }


def _record(row: Row[Any]) -> dict[str, Any]:
    return {
        "store": row.store,
        "kind": row.kind,
        "id": row.external_id,
        "class": row.retention_class,
        "legal_basis": row.legal_basis,
        "review_after": iso_or_none(row.review_after),
        "delete_after": iso_or_none(row.delete_after),
        "state": row.state,
    }


def _calendar(rows: Iterable[Row[Any]], *, parts: bool) -> bytes:
    """Records are due from the day after the last on which they are kept."""
    from icalendar import Calendar, Event  # noqa: PLC0415 - takes longer to load than most of what is asked for needs

    calendar = Calendar()
    calendar.add("prodid", "-//Retention Hooks//schedule//EN")
    calendar.add("version", "2.0")
    for row in rows:
        event = Event()
        day = row.day + timedelta(days=1)
        event.add(
            "uid",
            f"{day}-{'part-' if parts else ''}{row.kind}-{row.retention_class}@retention-hooks",
        )
        event.add("dtstamp", current_service().runtime.clock())
        event.add("dtstart", day)
        whole = f"Delete {row.number} of {row.kind}: {row.retention_class}"
        event.add("summary", f"Delete a part of {row.number} of {row.kind}" if parts else whole)
        calendar.add_component(event)
    return bytes(calendar.to_ical())
