"""`/schedule`: the records and parts to delete, by day, as JSON, CSV or a calendar."""

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
    """Return a page of the schedule, in the order in which records fall due, in the format that `Accept` prefers."""
    best = request.accept_mimetypes.best_match(["application/json", "text/csv", "text/calendar"])
    if best == "text/csv":
        return schedule_csv()
    if best == "text/calendar":
        return schedule_calendar()
    query = _query()
    with current_service().database.read() as connection:
        total, rows = due_page(connection, query)
    pages = -(-total // PAGE_SIZE)
    return jsonify(
        total=total,
        page=query.page,
        pages=pages,
        records=[line_of(row, parts=query.parts) for row in rows],
    )


@blueprint.get("/schedule.csv")
def schedule_csv() -> Response:
    """Return a page of the schedule as CSV, with a header line."""
    query = _query()
    with current_service().database.read() as connection:
        _, rows = due_page(connection, query)
    sink = io.StringIO()
    writer = csv.DictWriter(sink, COLUMNS)
    writer.writeheader()
    for row in rows:
        line = line_of(row, parts=query.parts)
        writer.writerow(line | {"data": "; ".join(line["data"])})
    return Response(sink.getvalue(), content_type="text/csv; charset=utf-8")


@blueprint.get("/schedule.ics")
def schedule_calendar() -> Response:
    """Return the whole schedule as a calendar: an event for each day and class with records to delete."""
    query = _query()
    with current_service().database.read() as connection:
        rows = due_by_day(connection, query)
    return Response(_calendar(rows, parts=query.parts), content_type="text/calendar; charset=utf-8")


def _query() -> DueQuery:
    try:
        values = ScheduleQuerySchema().load(request.args.to_dict())
        return DueQuery(parts=values.pop("what") == "parts", **values)
    except ValidationError as error:
        abort(400, f"Wrong in the query: {', '.join(sorted(error.messages_dict))}.")


def line_of(row: Row[Any], *, parts: bool) -> dict[str, Any]:
    """Return a line of the schedule. `data` names the categories to delete, with the part where only a part goes.

    With `parts`, the line is about the entries of one day that go before the governing entry of the record.
    """
    entries = json.loads(row.entries)
    if not parts:
        return _record_line(row, entries)
    day = row.part_delete_after.isoformat()
    due_entries = [entry for entry in entries if entry["delete_after"] == day]
    reviews = [entry["review_after"] for entry in due_entries if entry["review_after"]]
    line = _record_line(row, due_entries)
    line["class"] = _distinct_values(due_entries, "class")
    line["legal_basis"] = _distinct_values(due_entries, "basis")
    line["review_after"] = min(reviews, default=None)
    line["delete_after"] = day
    return line


def _distinct_values(entries: Iterable[dict[str, Any]], field: str) -> str:
    """Return the values of a field, each once, in the order of the entries."""
    return " ".join(dict.fromkeys(entry[field] for entry in entries))


def _record_line(row: Row[Any], entries: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {
        "store": row.store,
        "kind": row.kind,
        "id": row.external_id,
        "class": row.retention_class,
        "legal_basis": row.legal_basis,
        "review_after": iso_or_none(row.review_after),
        "delete_after": iso_or_none(row.delete_after),
        "state": row.state,
        "data": [entry_name(entry) for entry in entries],
    }


def _calendar(rows: Iterable[Row[Any]], *, parts: bool) -> bytes:
    """Write a calendar. A record is due from the day after the last on which it is kept."""
    # Loading takes longer than most requests, so only the calendar loads it.
    from icalendar import Calendar, Event  # noqa: PLC0415

    prefix = ""
    if parts:
        prefix = "part-"
    calendar = Calendar()
    calendar.add("prodid", "-//Retention Hooks//schedule//EN")
    calendar.add("version", "2.0")
    for row in rows:
        event = Event()
        day = row.day + timedelta(days=1)
        event.add("uid", f"{day}-{prefix}{row.kind}-{row.retention_class}@retention-hooks")
        event.add("dtstamp", current_service().runtime.clock())
        event.add("dtstart", day)
        if parts:
            summary = f"Delete a part of {row.number} of {row.kind}"
        else:
            summary = f"Delete {row.number} of {row.kind}: {row.retention_class}"
        event.add("summary", summary)
        calendar.add_component(event)
    return bytes(calendar.to_ical())
