"""`POST /records/<slug>/<kind>/<id>/events`: what a person asked for, or an operator decided, about a record."""

from __future__ import annotations

from uuid import uuid4

import structlog
from flask import Blueprint, Response, abort, jsonify, request

from hooks import telemetry
from hooks.intake.ingest import Result
from hooks.intake.record_event import note
from hooks.intake.tool_event import event_object, record_event
from hooks.ledger.codec import event_dict
from hooks.ledger.records import RecordKey
from hooks.retention.facts import KINDS, MAX_ID, RecordKind
from hooks.service import current_service
from hooks.web import requests
from hooks.web.endpoints.records import shown

blueprint = Blueprint("record_events", __name__)
requests.answer_refusals(blueprint)
log = structlog.get_logger(__name__)


@blueprint.post("/records/<slug>/<kind>/<int:external_id>/events")
def add(slug: str, kind: str, external_id: int) -> tuple[Response, int]:
    """Note an event, also of a record that is not known yet. 201 only once the ledger holds it durably, 200 where it
    did before."""
    key = _key(slug, kind, external_id)
    if request.mimetype != "application/json":
        abort(
            415
        )  # a form, which a page of another site can have a browser send without asking, is none
    with requests.whole_body() as body, requests.refusals_counted(slug):
        here = current_service()
        now, zone = here.runtime.clock(), here.policy.time_zone
        raw = event_object(body)
        event = record_event(raw, key.kind, external_id, now=now, zone=zone, fresh_id=uuid4().hex)
        outcome = note(here.runtime, key, event)
    result = Result.RECORDED if outcome.new else Result.UNCHANGED
    telemetry.EVENTS.labels(slug, str(result)).inc()
    log.info(
        "record.event",
        store=slug,
        kind=key.kind,
        id=external_id,
        type=event.type,
        result=str(result),
    )
    answer = jsonify(
        result=str(result),
        event=event_dict(outcome.event),
        record=outcome.after and shown(outcome.after),
    )
    return answer, 201 if outcome.new else 200


def _key(slug: str, kind: str, external_id: int) -> RecordKey:
    known: dict[str, RecordKind] = {kind: kind for kind in KINDS}
    if (
        kind not in known
        or slug not in current_service().settings.stores
        or not 0 < external_id <= MAX_ID
    ):
        abort(404)
    return RecordKey(slug, known[kind], external_id)
