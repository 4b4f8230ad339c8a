"""`POST /records/<slug>/<kind>/<id>/events`: add a record event, such as a request of a person or a hold."""

from __future__ import annotations

from uuid import uuid4

import structlog
from flask import Blueprint, Response, abort, jsonify

from hooks import telemetry
from hooks.intake.ingest import Result
from hooks.intake.record_event import note
from hooks.intake.tool_event import event_object, record_event
from hooks.ledger.codec import event_dict
from hooks.ledger.records import RecordKey
from hooks.retention.facts import KINDS, MAX_ID, RecordKind
from hooks.service import current_service
from hooks.web import requests
from hooks.web.endpoints.records import record_json

blueprint = Blueprint("record_events", __name__)
requests.answer_refusals(blueprint)
log = structlog.get_logger(__name__)


@blueprint.post("/records/<slug>/<kind>/<int:external_id>/events")
def add(slug: str, kind: str, external_id: int) -> tuple[Response, int]:
    """Add an event to a record, also to one that the ledger does not know yet.

    Answers 201 only after the ledger has it durably, and 200 where the ledger had it before.
    """
    key = _key(slug, kind, external_id)
    requests.require_json()
    with requests.whole_body() as body, requests.refusals_counted(slug):
        service = current_service()
        now = service.runtime.clock()
        zone = service.policy.time_zone
        raw = event_object(body)
        event = record_event(raw, key.kind, external_id, now=now, zone=zone, fresh_id=uuid4().hex)
        outcome = note(service.runtime, key, event)
    result, status = Result.UNCHANGED, 200
    if outcome.new:
        result, status = Result.RECORDED, 201
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
        record=outcome.after and record_json(outcome.after),
    )
    return answer, status


def _key(slug: str, kind: str, external_id: int) -> RecordKey:
    """Return the key of a record; 404 for a store, a kind or an id that cannot be."""
    kinds: dict[str, RecordKind] = {name: name for name in KINDS}
    if kind not in kinds or slug not in current_service().settings.stores:
        abort(404)
    if not 0 < external_id <= MAX_ID:
        abort(404)
    return RecordKey(slug, kinds[kind], external_id)
