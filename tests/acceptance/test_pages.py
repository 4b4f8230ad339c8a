"""The pages that others build on: the schedule in its three formats, and the description of all routes."""

from __future__ import annotations

import csv
import io
import re

import pytest
from icalendar import Calendar

from hooks.app import create_app
from hooks.settings import Settings
from tests.support.processes import Stack
from tests.support.recordings import DELIVERIES


def test_schedule_in_its_formats(processes: Stack) -> None:
    web = processes.web()
    for recorded in DELIVERIES:
        assert web.post(recorded).status_code == 200

    listed = web.get("/schedule").json()
    days = [record["delete_after"] for record in listed["records"]]
    assert listed["total"] == len(days) == web.status()["records"]["total"]
    assert days == sorted(days)

    unpaid = web.get("/schedule?class=unpaid-orders&before=2027-11-23").json()["records"]
    assert {record["id"] for record in unpaid} == {131, 132, 133, 134}
    assert (
        web.get("/schedule?before=2027-11-22").json()["total"] == 0
    )  # kept until that day, due after it
    assert web.get("/schedule?kind=customer").json()["total"] == 2

    rows = list(
        csv.DictReader(io.StringIO(web.get("/schedule", headers={"Accept": "text/csv"}).text))
    )
    assert [row["delete_after"] for row in rows] == days

    by_address = web.get("/schedule.ics").text
    by_accept = web.get("/schedule", headers={"Accept": "text/calendar"})
    assert by_accept.headers["Content-Type"].startswith("text/calendar")
    calendar = Calendar.from_ical(by_address)
    assert len(calendar.walk("VEVENT")) == by_accept.text.count("BEGIN:VEVENT")
    summaries = {
        str(event["summary"]): str(event.decoded("dtstart")) for event in calendar.walk("VEVENT")
    }
    assert (
        summaries["Delete 4 of order: unpaid-orders"] == "2027-11-23"
    )  # the day after the last that it is kept


@pytest.mark.parametrize(
    "query",
    [
        "before=tomorrow",
        "kind=coupon",
        "page=0",
        "page=x",
        "class=technical&what=parts",
        "what=all",
    ],
)
def test_wrong_query_is_named(query: str) -> None:
    answer = create_app(Settings()).test_client().get(f"/schedule?{query}")
    assert answer.status_code == 400
    assert query.split("=", maxsplit=1)[0] in answer.get_json()["error"]["message"]


def test_every_route_is_described() -> None:
    app = create_app(Settings())
    routes = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()}
    described = app.test_client().get("/openapi.json").get_json()["paths"]
    assert {route.replace("{external_id}", "{id}") for route in routes} == set(described)
