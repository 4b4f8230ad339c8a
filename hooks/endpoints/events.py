"""`POST /events/<slug>`: what a help desk, a consent tool or a newsletter tool reports, signed as webhooks are."""

from __future__ import annotations

from collections.abc import Collection

import structlog
from flask import Blueprint, Response, jsonify, request

from hooks import telemetry
from hooks.endpoints import intake
from hooks.ingest import Result
from hooks.reporting import events_from_http
from hooks.service import service

RESULTS = (Result.RECORDED, Result.UNCHANGED, Result.DUPLICATE, Result.IGNORED)
"""What may become of an event; of several that came together, the first of these tells."""

blueprint = Blueprint("events", __name__)
intake.answer_refusals(blueprint)
log = structlog.get_logger(__name__)


@blueprint.post("/events/<slug>", provide_automatic_options=False)
def report(slug: str) -> Response:
    """Take what a tool reports about the store `slug`. 200 only once the ledger holds all of it durably; where it does
    not, the same once more takes what was left."""
    keys = intake.signing_keys(slug)
    if "Authorization" not in request.headers:
        intake.refuse_unsigned(slug, 0)
    with intake.whole_body() as body:
        here = service()
        key = here.settings.subject_key
        with intake.counted(slug), telemetry.INTAKE_SECONDS.time():
            found = events_from_http(intake.headers(), body, keys=keys, subject_key=key, now=here.ingest.clock())
            results = {here.ingest.receive(slug, event) for event in found}
        return _answer(slug, results)


def _answer(slug: str, results: Collection[Result]) -> Response:
    result = next(result for result in RESULTS if result in results)
    telemetry.EVENTS.labels(slug, str(result)).inc()
    log.info("event", store=slug, result=str(result))
    return jsonify(result=str(result))
